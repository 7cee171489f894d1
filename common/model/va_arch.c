#include "model/va_arch.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_cnn.h"
#include "model/va_mae.h"
#include "model/va_rater.h"
#include "model/va_temporal_priv.h"
#include "model/va_vit_priv.h"
#include "model/va_xception.h"
#include "model/va_yunet.h"
#include "weights/va_positions.h"
#include <stdio.h>
#include <string.h>

const char *const va_arch_names[] = {
    "vit_tiny",
    "vit_base_patch16_224",
    "vit_large_patch16_224",
    "vit_huge_patch14_224",
    "mamba-va",
    "yunet_s",
    "yunet_n",
    NULL,
};

const char *const va_model_kind_names[] = {
    [VA_MODEL_ENCODER] = "a vision transformer",   [VA_MODEL_MAE] = "a masked autoencoder",
    [VA_MODEL_HEAD] = "a temporal model",          [VA_MODEL_YUNET] = "a detector of faces",
    [VA_MODEL_XCEPTION] = "a net for expressions", [VA_MODEL_CNN] = "a convolutional encoder",
};

/* image, patch, width, depth, heads, hidden width of the MLP */
static const int64_t encoders[][6] = {
    [VA_ARCH_VIT_TINY] = { 48, 16, 192, 2, 12, 768 },
    [VA_ARCH_VIT_BASE] = { 224, 16, 768, 12, 12, 3072 },
    [VA_ARCH_VIT_LARGE] = { 224, 16, 1024, 24, 16, 4096 },
    [VA_ARCH_VIT_HUGE] = { 224, 14, 1280, 32, 16, 5120 },
};

static const char *const settings[][12] = {
    [VA_MODEL_ENCODER] = { "image_size", "patch_size", "heads", "mean", "std", "pool", "eps",
                           "act", "input", NULL },
    [VA_MODEL_MAE] = { "image_size", "patch_size", "heads", "mean", "std", "eps", "act",
                       "decoder_heads", "input", NULL },
    [VA_MODEL_HEAD] = { "in-norm", "lookahead", "encoder", "fps-min", "fps-max", "input",
                        NULL },
    [VA_MODEL_YUNET] = { NULL },
    [VA_MODEL_XCEPTION] = { "input", NULL },
    [VA_MODEL_CNN] = { "image_size", "mean", "std", "eps", "padding", "input", NULL },
};

void va_arch_encoder(enum va_arch arch, struct va_vit_config *c)
{
    va_vit_config_default(c);
    c->image = encoders[arch][0];
    c->patch = encoders[arch][1];
    c->width = encoders[arch][2];
    c->depth = encoders[arch][3];
    c->heads = encoders[arch][4];
    c->mlp = encoders[arch][5];
}

struct va_tensors *va_arch_init_encoder(struct va_backend *be, enum va_arch arch, uint64_t seed)
{
    enum va_vit_init init = arch == VA_ARCH_VIT_TINY ? VA_VIT_INIT_FEATURES : VA_VIT_INIT_MAE;
    struct va_tensors *set = va_tensors_new();
    struct va_vit_config c;
    struct va_vit *vit;

    va_arch_encoder(arch, &c);
    vit = set ? va_vit_new(be, &c, init) : NULL;
    if (!vit || va_vit_draw(vit, seed) < 0 ||
        (init == VA_VIT_INIT_FEATURES && va_vit_wire_features(vit) < 0) ||
        va_params_store(va_vit_params(vit), set) < 0 || va_vit_config_store(&c, set) < 0) {
        va_tensors_free(set);
        set = NULL;
    }
    va_vit_free(vit);
    return set;
}

struct va_tensors *va_arch_init_temporal(struct va_backend *be,
                                         const struct va_temporal_config *c,
                                         enum va_temporal_init init, uint64_t seed)
{
    struct va_tensors *set = va_tensors_new();
    struct va_temporal *model = set ? va_temporal_new(be, c, init, false) : NULL;

    if (!model || va_params_draw(va_temporal_params(model), seed) < 0 ||
        va_params_store(va_temporal_params(model), set) < 0 ||
        va_temporal_config_store(c, set) < 0) {
        va_tensors_free(set);
        set = NULL;
    }
    va_temporal_free(model);
    return set;
}

struct va_tensors *va_arch_init_yunet(struct va_backend *be, enum va_arch arch, uint64_t seed)
{
    struct va_tensors *set = va_tensors_new();
    struct va_yunet_config c;
    struct va_params list;

    va_yunet_config_of(arch == VA_ARCH_YUNET_S ? VA_YUNET_S : VA_YUNET_N, &c);
    va_params_init(&list, be);
    if (set && (va_yunet_declare(&c, &list) < 0 || va_params_allocate(&list) < 0 ||
                va_params_draw(&list, seed) < 0 || va_params_store(&list, set) < 0 ||
                va_yunet_config_store(&c, set) < 0)) {
        va_tensors_free(set);
        set = NULL;
    }
    va_params_release(&list);
    return set;
}

/* Equal, where - and _ are the same. */
static bool same_key(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
            return false;
    return *a == *b;
}

const char *va_arch_setting(enum va_model_kind kind, const char *key)
{
    for (size_t i = 0; settings[kind][i]; i++)
        if (same_key(settings[kind][i], key))
            return settings[kind][i];
    return NULL;
}

int va_arch_resize(struct va_tensors *set, const char *path, enum va_model_kind kind,
                   int64_t image)
{
    struct va_tensor *positions = va_tensors_find(set, "pos_embed");
    struct va_tensor *decoder = va_tensors_find(set, "decoder_pos_embed");
    struct va_vit_config c;
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)image);
    if (kind == VA_MODEL_CNN) /* which takes pictures of any size */
        return va_tensors_set_meta(set, "image_size", text);
    if (kind != VA_MODEL_ENCODER && kind != VA_MODEL_MAE)
        return va_error("%s: found %s, expected an encoder for --image %lld", path,
                        va_model_kind_names[kind], (long long)image);
    if (va_vit_config_load(&c, set, path) < 0)
        return -1;
    c.image = image;
    if (va_vit_config_check(&c, path) < 0 || va_tensors_take(set, positions) < 0 ||
        (decoder && va_tensors_take(set, decoder) < 0) ||
        va_positions_resample(positions, va_vit_prefix(&c), image / c.patch, path) < 0 ||
        (decoder && va_positions_resample(decoder, 1, image / c.patch, path) < 0))
        return -1;
    return va_tensors_set_meta(set, "image_size", text);
}

/* Move the tensors into the order of the list, which holds the same names; as float32. */
static int arrange(struct va_tensors *set, const struct va_params *list, const char *path)
{
    for (int64_t i = 0; i < list->count; i++) {
        struct va_tensor *t = va_tensors_find(set, list->items[i].name), swap = *t;
        int64_t bad;

        *t = set->items[i];
        set->items[i] = swap;
        t = &set->items[i];
        if (t->dtype != VA_F32 && t->dtype != VA_F64 && t->dtype != VA_F16 &&
            t->dtype != VA_BF16)
            return va_error("%s: %s: type %s, expected floating point", path, t->name,
                            va_dtype_names[t->dtype]);
        if (!t->data) /* they become float32, and are looked at, on their way from file to file */
            continue;
        if (va_tensor_to_f32(t) < 0)
            return -1;
        bad = va_first_not_finite(t->data, t->count);
        if (bad >= 0)
            return va_error("%s: %s: element %lld is %g, expected a finite number", path,
                            t->name, (long long)bad, (double)((float *)t->data)[bad]);
    }
    return 0;
}

/* The tensors of `set` with other metadata: those of `config`. */
static void replace_metadata(struct va_tensors *set, struct va_tensors *config)
{
    struct va_tensors swap = *set;

    set->meta = config->meta;
    set->meta_count = config->meta_count;
    set->meta_room = config->meta_room;
    config->meta = swap.meta;
    config->meta_count = swap.meta_count;
    config->meta_room = swap.meta_room;
}

static bool is_param(const struct va_params *list, const char *name)
{
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}

/* Remove counters and indices: whole numbers that are no parameter of the model. */
static void drop_integers(struct va_tensors *set, const char *path,
                          const struct va_params *list)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < set->count; i++) {
        struct va_tensor t = set->items[i];

        if ((t.dtype == VA_U8 || t.dtype == VA_I32 || t.dtype == VA_I64) &&
            !is_param(list, t.name)) {
            va_free(t.name);
            va_free(t.data);
        } else {
            set->items[kept++] = t;
        }
    }
    if (kept < set->count)
        va_info("%s: left out %lld tensors that are not of floating point", path,
                (long long)(set->count - kept));
    set->count = kept;
}

static int complete_encoder(struct va_tensors *set, const char *path, struct va_params *list,
                            struct va_tensors *config)
{
    struct va_rater_config c;

    if (va_rater_config_load(&c, set, path) < 0 || va_rater_declare(&c, list) < 0)
        return -1;
    drop_integers(set, path, list);
    if (va_params_match(list, set, path) < 0)
        return -1;
    return va_vit_config_store(&c.encoder, config);
}

static int complete_mae(struct va_tensors *set, const char *path, struct va_params *list,
                        struct va_tensors *config)
{
    struct va_mae_config c;

    if (va_mae_config_load(&c, set, path) < 0 || va_mae_declare(&c, list) < 0)
        return -1;
    drop_integers(set, path, list);
    if (va_params_match(list, set, path) < 0)
        return -1;
    return va_mae_config_store(&c, config);
}

/* What is known of that on which it was trained (data/va_origin.h, io/va_pictured.h). */
static int keep_origin(const struct va_tensors *set, struct va_tensors *config)
{
    static const char *const keys[] = { "encoder", "fps-min", "fps-max", "input" };

    for (size_t i = 0; i < VA_COUNT(keys); i++) {
        const char *value = va_tensors_meta(set, keys[i]);

        if (value && va_tensors_set_meta(config, keys[i], value) < 0)
            return -1;
    }
    for (int64_t i = 0; i < set->meta_count; i++) /* of named streams */
        if (!strncmp(set->meta[i].key, "encoder.", 8) &&
            va_tensors_set_meta(config, set->meta[i].key, set->meta[i].value) < 0)
            return -1;
    return 0;
}

static int complete_head(struct va_tensors *set, const char *path, bool in_norm,
                         struct va_params *list, struct va_tensors *config)
{
    struct va_temporal_layers layers;
    struct va_temporal_config c;
    int status;

    if (!va_tensors_meta(set, "arch") && !va_tensors_meta(set, "in-norm") &&
        va_tensors_set_meta(set, "in-norm", in_norm ? "yes" : "no") < 0)
        return -1;
    if (va_temporal_config_load(&c, set, path) < 0)
        return -1;
    status = va_temporal_declare(&layers, list, &c, VA_TEMPORAL_INIT_PAPER, false);
    va_temporal_layers_release(&layers);
    return status < 0 ? -1 : va_temporal_config_store(&c, config);
}

static int complete_yunet(struct va_tensors *set, const char *path, struct va_params *list,
                          struct va_tensors *config)
{
    struct va_yunet_config c;

    if (va_yunet_config_load(&c, set, path) < 0 || va_yunet_declare(&c, list) < 0)
        return -1;
    drop_integers(set, path, list);
    return va_params_match(list, set, path) < 0 ? -1 : va_yunet_config_store(&c, config);
}

static int complete_xception(struct va_tensors *set, const char *path, struct va_params *list,
                             struct va_tensors *config)
{
    struct va_xception_config c;

    if (va_xception_config_load(&c, set, path) < 0 || va_xception_declare(&c, list) < 0 ||
        va_params_match(list, set, path) < 0)
        return -1;
    return va_xception_config_store(config);
}

static int complete_cnn(struct va_tensors *set, const char *path, struct va_params *list,
                        struct va_tensors *config)
{
    struct va_cnn_config c;

    if (va_cnn_config_load(&c, set, path) < 0 || va_cnn_declare(&c, list) < 0)
        return -1;
    drop_integers(set, path, list);
    return va_params_match(list, set, path) < 0 ? -1 : va_cnn_config_store(&c, config);
}

int va_arch_complete(struct va_tensors *set, const char *path, enum va_model_kind kind,
                     bool in_norm)
{
    struct va_tensors *config = va_tensors_new();
    struct va_params list;
    int result = -1;

    va_params_init(&list, NULL);
    if (!config)
        return -1;
    if (kind == VA_MODEL_ENCODER)
        result = complete_encoder(set, path, &list, config);
    else if (kind == VA_MODEL_MAE)
        result = complete_mae(set, path, &list, config);
    else if (kind == VA_MODEL_YUNET)
        result = complete_yunet(set, path, &list, config);
    else if (kind == VA_MODEL_CNN)
        result = complete_cnn(set, path, &list, config);
    else if (kind == VA_MODEL_XCEPTION)
        result = complete_xception(set, path, &list, config);
    else
        result = complete_head(set, path, in_norm, &list, config);
    if (result == 0)
        result = keep_origin(set, config);
    if (result == 0)
        result = arrange(set, &list, path);
    if (result == 0)
        replace_metadata(set, config);
    va_params_release(&list);
    va_tensors_free(config);
    return result;
}
