#include "base/va_error.h"
#include "model/va_meta.h"
#include "model/va_vit_priv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Faces, as measured by the publishers of the encoder on aligned crops. */
static const double face_mean[3] = { .471, .363, .333 }, face_std[3] = { .220, .193, .180 };

static const double usual_eps = 1e-6; /* timm, MAE, DINOv2 */

const char *const va_vit_act_names[] = { "gelu", "quickgelu", NULL };
const char *const va_vit_pool_names[] = { "cls", "mean", NULL };

#define AT(field) .offset = offsetof(struct va_vit_config, field)
static const struct va_setting items[] = {
    { VA_OPT_INT(0, "image", NULL, 0, 4096, "height and width of pictures; 0: from --arch"),
      AT(image) },
    { VA_OPT_INT(0, "patch", NULL, 0, 256, "height and width of a patch; 0: from --arch"),
      AT(patch) },
    { VA_OPT_INT(0, "width", NULL, 0, 16384, "width of the tokens; 0: from --arch"),
      AT(width) },
    { VA_OPT_INT(0, "depth", NULL, 0, VA_VIT_DEPTH_MAX, "number of blocks; 0: from --arch"),
      AT(depth) },
    { VA_OPT_INT(0, "heads", NULL, 0, 1024,
                 "attention heads; 0: from --arch, or width / 64 if --width is given"),
      AT(heads) },
    { VA_OPT_INT(0, "mlp", NULL, 0, 1 << 17,
                 "hidden width of a block; 0: from --arch, or 4 times --width if given"),
      AT(mlp) },
};
#undef AT
const struct va_settings va_vit_settings = { items, VA_COUNT(items) };

int64_t *va_vit_size(struct va_vit_config *c, int64_t i)
{
    return (int64_t *)(void *)((char *)c + items[i].offset);
}

void va_vit_config_default(struct va_vit_config *c)
{
    *c = (struct va_vit_config){ .image = 224,
                                 .patch = 16,
                                 .width = 1024,
                                 .depth = 24,
                                 .heads = 16,
                                 .mlp = 4096,
                                 .eps = usual_eps };
    memcpy(c->mean, face_mean, sizeof(face_mean));
    memcpy(c->std, face_std, sizeof(face_std));
}

int va_vit_config_check(const struct va_vit_config *c, const char *where)
{
    if (va_settings_check_sizes(&va_vit_settings, c, where) < 0)
        return -1;
    if (c->image % c->patch)
        return va_error("%s: image_size %lld is not a multiple of patch_size %lld", where,
                        (long long)c->image, (long long)c->patch);
    if (c->width % c->heads)
        return va_error("%s: width %lld is not a multiple of heads %lld", where,
                        (long long)c->width, (long long)c->heads);
    if (!(c->eps >= 1e-12 && c->eps <= 0.1))
        return va_error("%s: eps is %g, expected 1e-12 to 0.1", where, c->eps);
    return va_meta_check_pixels(where, c->mean, c->std);
}

/* What the encoders of most files do not have; not said of those. */
static int store_extras(const struct va_vit_config *c, struct va_tensors *set)
{
    return (c->pool && va_tensors_set_meta(set, "pool", va_vit_pool_names[c->pool]) < 0) ||
                   (c->act && va_tensors_set_meta(set, "act", va_vit_act_names[c->act]) < 0) ||
                   (c->eps != usual_eps && va_meta_store_reals(set, "eps", 1, &c->eps) < 0)
               ? -1
               : 0;
}

int va_vit_config_store(const struct va_vit_config *c, struct va_tensors *set)
{
    return va_tensors_set_meta(set, "arch", "vit") < 0 ||
                   va_meta_store_int(set, "image_size", c->image) < 0 ||
                   va_meta_store_int(set, "patch_size", c->patch) < 0 ||
                   va_meta_store_int(set, "heads", c->heads) < 0 ||
                   va_meta_store_reals(set, "mean", 3, c->mean) < 0 ||
                   va_meta_store_reals(set, "std", 3, c->std) < 0 || store_extras(c, set) < 0
               ? -1
               : 0;
}

/* A tensor of the encoder with `rank` dimensions, or NULL after reporting. */
static const struct va_tensor *want(const struct va_tensors *set, const char *path,
                                    const char *name, int rank)
{
    const struct va_tensor *t = va_tensors_find(set, name);

    if (!t)
        return va_error("%s: %s: tensor is missing, expected a vision transformer", path, name),
               NULL;
    if (t->rank != rank)
        return va_error("%s: %s: %d dimensions, expected %d", path, name, t->rank, rank), NULL;
    return t;
}

int64_t va_vit_count_blocks(const struct va_tensors *set, const char *prefix)
{
    size_t length = strlen(prefix);
    int64_t count = 0;

    for (int64_t i = 0; i < set->count; i++) {
        const char *name = set->items[i].name;
        int64_t n = 0;

        if (strncmp(name, prefix, length) != 0)
            continue;
        for (name += length; *name >= '0' && *name <= '9' && n < VA_VIT_DEPTH_MAX; name++)
            n = 10 * n + *name - '0';
        if (n >= count)
            count = n < VA_VIT_DEPTH_MAX ? n + 1 : VA_VIT_DEPTH_MAX + 1;
    }
    return count;
}

/* 64 numbers a head, but in the families so wide. */
static int64_t usual_heads(int64_t width)
{
    static const int64_t sixteen[] = { 1152, 1280, 1408, 1664 }; /* so400m, H, g, G */

    for (size_t i = 0; i < VA_COUNT(sixteen); i++)
        if (width == sixteen[i])
            return 16;
    return width % 64 ? 0 : width / 64;
}

/* The side of the square of pictures' patches from the number of positions. */
static int load_image(struct va_vit_config *c, const struct va_tensors *set, const char *path,
                      int64_t tokens)
{
    int64_t prefix = va_vit_prefix(c), patches = tokens - prefix;
    int64_t grid = patches > 0 ? (int64_t)lround(sqrt((double)patches)) : 0;

    c->image = 0;
    if (grid >= 1 && grid * grid == patches && grid <= 4096 && c->patch <= 256)
        c->image = grid * c->patch;
    else
        return va_error("%s: pos_embed: %lld positions, expected %lld and a square of patches",
                        path, (long long)tokens, (long long)prefix);
    grid = c->image;
    if (va_meta_load_int(set, path, "image_size", &c->image) < 0)
        return -1;
    if (c->image != grid)
        return va_error("%s: image_size is %lld, expected %lld for the number of its positions",
                        path, (long long)c->image, (long long)grid);
    return 0;
}

static int load_registers(struct va_vit_config *c, const struct va_tensors *set,
                          const char *path)
{
    const struct va_tensor *t = va_tensors_find(set, "reg_token");

    if (!t)
        return 0;
    if (t->rank != 3 || t->shape[1] < 1 || t->shape[1] > VA_VIT_REGISTERS_MAX)
        return va_error(
            "%s: reg_token: found %d dimensions, %lld tokens, expected 3 and 1 to %d", path,
            t->rank, t->rank > 1 ? (long long)t->shape[1] : 0, VA_VIT_REGISTERS_MAX);
    c->registers = t->shape[1];
    return 0;
}

static int load_act(struct va_vit_config *c, const struct va_tensors *set, const char *path)
{
    int act = VA_VIT_GELU;

    if (va_meta_load_choice(set, path, "act", va_vit_act_names, &act) < 0)
        return -1;
    c->act = act == VA_VIT_GELU ? VA_VIT_GELU : VA_VIT_QUICK_GELU;
    return 0;
}

/* An encoder has one last norm; its name says what it normalises. */
static int load_pool(struct va_vit_config *c, const struct va_tensors *set, const char *path)
{
    bool mean = va_tensors_find(set, "fc_norm.weight") && !va_tensors_find(set, "norm.weight");
    int found = mean ? VA_VIT_MEAN : VA_VIT_CLS;

    c->pool = mean ? VA_VIT_MEAN : VA_VIT_CLS;
    if (va_meta_load_choice(set, path, "pool", va_vit_pool_names, &found) < 0)
        return -1;
    if (found != (int)c->pool)
        return va_error("%s: pool is %s, expected %s as its last norm is %s.weight", path,
                        va_vit_pool_names[found], va_vit_pool_names[c->pool],
                        mean ? "fc_norm" : "norm");
    return 0;
}

int va_vit_config_load(struct va_vit_config *c, const struct va_tensors *set, const char *path)
{
    static const char *const needed[] = { "image_size", "patch_size", "heads",
                                          "mean",       "std",        NULL };
    const struct va_tensor *patch, *pos, *fc1;
    const char *arch = va_tensors_meta(set, "arch");
    int64_t stored;

    if (arch && strcmp(arch, "vit") != 0)
        return va_error("%s: found %s (arch %s), expected an encoder (arch vit)", path,
                        strcmp(arch, "mamba-va") ? "another model" : "a temporal model", arch);
    patch = want(set, path, "patch_embed.proj.weight", 4);
    pos = patch ? want(set, path, "pos_embed", 3) : NULL;
    fc1 = pos ? want(set, path, "blocks.0.mlp.fc1.weight", 2) : NULL;
    if (!fc1)
        return -1;
    va_vit_config_default(c);
    c->width = patch->shape[0];
    c->patch = stored = patch->shape[2];
    c->depth = va_vit_count_blocks(set, "blocks.");
    c->mlp = fc1->shape[0];
    c->heads = usual_heads(c->width);
    if (va_meta_load_int(set, path, "patch_size", &stored) < 0 ||
        va_meta_load_int(set, path, "heads", &c->heads) < 0 ||
        va_meta_load_reals(set, path, "mean", 3, c->mean) < 0 ||
        va_meta_load_reals(set, path, "std", 3, c->std) < 0 ||
        va_meta_load_reals(set, path, "eps", 1, &c->eps) < 0 ||
        va_meta_need(set, path, needed) < 0)
        return -1;
    if (stored != c->patch)
        return va_error("%s: patch_size is %lld, expected %lld as in patch_embed.proj.weight",
                        path, (long long)stored, (long long)c->patch);
    if (c->heads == 0 && !va_tensors_meta(set, "heads"))
        return va_error("%s: width %lld is not a multiple of 64: give the number of heads, "
                        "--set heads=N",
                        path, (long long)c->width);
    c->pre_norm = va_tensors_find(set, "norm_pre.weight") != NULL;
    if (load_registers(c, set, path) < 0 || load_act(c, set, path) < 0 ||
        load_pool(c, set, path) < 0 || load_image(c, set, path, pos->shape[1]) < 0)
        return -1;
    return va_vit_config_check(c, path);
}

int va_vit_config_tell(struct va_tensors *set)
{
    const char *arch = va_tensors_meta(set, "arch");
    const struct va_tensor *registers = va_tensors_find(set, "reg_token");
    bool mean = va_tensors_find(set, "fc_norm.weight") && !va_tensors_find(set, "norm.weight");
    char tokens[32];

    if (!arch || strcmp(arch, "vit") != 0)
        return 0;
    snprintf(tokens, sizeof(tokens), "%lld",
             (long long)(1 + (registers && registers->rank == 3 ? registers->shape[1] : 0)));
    if ((!va_tensors_meta(set, "pool") &&
         va_tensors_set_meta(set, "pool", va_vit_pool_names[mean ? VA_VIT_MEAN : VA_VIT_CLS]) <
             0) ||
        (!va_tensors_meta(set, "eps") && va_meta_store_reals(set, "eps", 1, &usual_eps) < 0) ||
        (!va_tensors_meta(set, "act") &&
         va_tensors_set_meta(set, "act", va_vit_act_names[VA_VIT_GELU]) < 0))
        return -1;
    return va_tensors_set_meta(set, "prefix_tokens", tokens) < 0
               ? -1
               : va_tensors_set_meta(set, "norm_pre",
                                     va_tensors_find(set, "norm_pre.weight") ? "yes" : "no");
}
