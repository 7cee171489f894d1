/*
 * The configuration in files. They are hostile: sizes are bounded, and all shapes compared with
 * the configuration, before anything is allocated from them. Which layers there are, and their
 * sizes, come from the names and shapes of the tensors; metadata may say the same, and what no
 * shape tells.
 */
#include "model/va_temporal_priv.h"

#include "base/va_error.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ARCH[] = "mamba-va";

/* ---- writing ----------------------------------------------------------------------------- */

int va_temporal_config_store(const struct va_temporal_config *config, struct va_tensors *set)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(&va_temporal_settings, list);
    struct va_temporal_config c = *config;
    char text[VA_TEMPORAL_BLOCKS_MAX * 24];

    va_temporal_config_resolve(&c);
    if (va_tensors_set_meta(set, "arch", ARCH) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        if (va_temporal_has(&c, &list[i]) &&
            va_tensors_set_meta(set, list[i].option.name,
                                va_setting_text(&list[i], &c, text, sizeof(text))) < 0)
            return -1;
    return 0;
}

/* ---- reading: sizes from shapes ------------------------------------------------------------ */

/* The tensor of this name and rank, or NULL after reporting. */
static const struct va_tensor *need(const struct va_tensors *set, const char *path, int rank,
                                    const char *name)
{
    const struct va_tensor *t = va_tensors_find(set, name);
    char shape[128];

    if (!t)
        va_error("%s: %s: tensor is missing, expected one of rank %d", path, name, rank);
    else if (t->rank != rank) {
        va_error("%s: %s: shape %s, expected %d dimensions", path, name,
                 va_shape_text(t->rank, t->shape, shape, sizeof(shape)), rank);
        t = NULL;
    }
    return t;
}

/* How many of KIND.0.NAME, KIND.1.NAME, ... there are without a gap; at most `most` + 1. */
static int64_t count_of(const struct va_tensors *set, const char *kind, const char *name,
                        int64_t most)
{
    char full[96];

    for (int64_t i = 0; i <= most; i++) {
        snprintf(full, sizeof(full), "%s.%" PRId64 ".%s", kind, i, name);
        if (!va_tensors_find(set, full))
            return i;
    }
    return most + 1;
}

static int tcn_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                     const char *path)
{
    if (va_temporal_check_range(path, "blocks", c->blocks, 1, VA_TEMPORAL_BLOCKS_MAX) < 0)
        return -1;
    for (int64_t b = 0; b < c->blocks; b++) {
        const struct va_tensor *t;
        char name[64];

        snprintf(name, sizeof(name), "tcn.%" PRId64 ".conv1.weight_v", b);
        t = need(set, path, 3, name);
        if (!t)
            return -1;
        c->channels[b] = c->width = t->shape[0];
        if (va_temporal_check_range(path, name, c->channels[b], 1, VA_TEMPORAL_SIZE_MAX) < 0)
            return -1;
        if (b == 0) {
            c->in_dim = t->shape[1];
            c->kernel = t->shape[2];
        }
    }
    return 0;
}

static int embed_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                       const char *path)
{
    const struct va_tensor *embed = need(set, path, 2, "embed.weight");

    if (!embed)
        return -1;
    c->width = embed->shape[0];
    c->in_dim = embed->shape[1];
    return va_temporal_check_range(path, "embed.weight", c->width, 1, VA_TEMPORAL_SIZE_MAX);
}

static int mamba_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                       const char *path)
{
    const struct va_tensor *in = need(set, path, 2, "mamba.0.in_proj.weight");
    const struct va_tensor *conv = in ? need(set, path, 3, "mamba.0.conv1d.weight") : NULL;
    const struct va_tensor *dt = conv ? need(set, path, 2, "mamba.0.dt_proj.weight") : NULL;
    const struct va_tensor *A = dt ? need(set, path, 2, "mamba.0.A_log") : NULL;
    int64_t D = c->width;

    if (!A)
        return -1;
    if (in->shape[0] < 2 * D || in->shape[0] % (2 * D) != 0)
        return va_error("%s: mamba.0.in_proj.weight: %" PRId64
                        " rows, expected a multiple of %" PRId64
                        ", twice the width of the layer before",
                        path, in->shape[0], 2 * D);
    c->expand = in->shape[0] / (2 * D);
    c->d_conv = conv->shape[2];
    c->dt_rank = dt->shape[1];
    c->d_state = A->shape[1];
    return va_temporal_check_range(path, "dt-rank", c->dt_rank, 1, VA_TEMPORAL_SIZE_MAX);
}

/* A whole number of the metadata; `value` keeps what it is when there is none. */
static int meta_int(const struct va_tensors *set, const char *path, const char *key,
                    int64_t *value)
{
    const char *text = va_tensors_meta(set, key);
    char *end;

    if (!text)
        return 0;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (end == text || *end || errno)
        return va_error("%s: %s: found %s, expected a whole number", path, key, text);
    return 0;
}

static int transformer_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                             const char *path)
{
    const struct va_tensor *fc1 = need(set, path, 2, "transformer.0.mlp.fc1.weight");

    if (!fc1)
        return -1;
    c->mlp = fc1->shape[0];
    c->heads = 4;
    return meta_int(set, path, "heads", &c->heads);
}

/* The kinds of layers there are, by a tensor that each has. */
static int find_parts(struct va_temporal_config *c, const struct va_tensors *set,
                      const char *path)
{
    static const char *const first[] = {
        [VA_STACK_MAMBA] = "in_proj.weight",
        [VA_STACK_LSTM] = "weight_ih",
        [VA_STACK_GRU] = "weight_ih",
        [VA_STACK_TRANSFORMER] = "attn.qkv.weight",
    };
    int stack = VA_STACK_NONE;

    c->blocks = count_of(set, "tcn", "conv1.weight_v", VA_TEMPORAL_BLOCKS_MAX);
    for (int k = VA_STACK_MAMBA; k <= VA_STACK_TRANSFORMER; k++) {
        int64_t n = count_of(set, va_stack_names[k], first[k], VA_TEMPORAL_LAYERS_MAX);

        if (n && stack)
            return va_error("%s: found layers of %s and of %s, expected one kind of layer",
                            path, va_stack_names[stack], va_stack_names[k]);
        if (n) {
            stack = k;
            c->layers = n;
        }
    }
    if (!c->blocks && !va_tensors_find(set, "embed.weight"))
        return va_error(
            "%s: tcn.0.conv1.weight_v: tensor is missing, expected a model of arch %s", path,
            ARCH);
    if (!c->blocks && !stack)
        return va_error("%s: mamba.0.in_proj.weight: tensor is missing, expected a model of "
                        "arch %s",
                        path, ARCH);
    c->temporal = va_temporal_of(c->blocks > 0, stack);
    return 0;
}

static int read_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                      const char *path)
{
    const struct va_tensor *fc1;

    if (find_parts(c, set, path) < 0 ||
        (c->blocks ? tcn_sizes(c, set, path) : embed_sizes(c, set, path)) < 0)
        return -1;
    if (va_temporal_stack(c) == VA_STACK_MAMBA && mamba_sizes(c, set, path) < 0)
        return -1;
    if (va_temporal_stack(c) == VA_STACK_TRANSFORMER && transformer_sizes(c, set, path) < 0)
        return -1;
    fc1 = need(set, path, 2, "fc1.weight");
    if (!fc1)
        return -1;
    c->hidden = fc1->shape[0];
    return 0;
}

/* ---- reading: metadata ----------------------------------------------------------------------- */

/* A value in the metadata says what the tensors say. A file of others may lack it. */
static int agree(const struct va_tensors *set, const char *path, const char *key,
                 const char *expected)
{
    const char *found = va_tensors_meta(set, key);

    if (!found)
        return va_tensors_need_meta(set, path, key);
    if (strcmp(found, expected) == 0)
        return 0;
    return va_error("%s: %s: found %s, expected %s as in the shapes of the tensors", path, key,
                    found, expected);
}

static int check_metadata(const struct va_temporal_config *c, const struct va_tensors *set,
                          const char *path)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(&va_temporal_settings, list);
    char text[VA_TEMPORAL_BLOCKS_MAX * 24];

    for (int64_t i = 0; i < count; i++)
        if (va_temporal_has(c, &list[i]) &&
            agree(set, path, list[i].option.name,
                  va_setting_text(&list[i], c, text, sizeof(text))) < 0)
            return -1;
    return 0;
}

static int match(const struct va_temporal_config *c, const struct va_tensors *set,
                 const char *path)
{
    struct va_temporal_layers layers;
    struct va_params list;
    int rc;

    va_params_init(&list, NULL);
    rc = va_temporal_declare(&layers, &list, c, VA_TEMPORAL_INIT_PAPER, false);
    if (rc == 0)
        rc = va_params_match(&list, set, path);
    va_params_release(&list);
    return rc;
}

int va_temporal_config_load(struct va_temporal_config *c, const struct va_tensors *set,
                            const char *path)
{
    const char *arch = va_tensors_meta(set, "arch"), *norm = va_tensors_meta(set, "in-norm");

    *c = (struct va_temporal_config){ .in_norm = norm && strcmp(norm, "yes") == 0 };
    if (arch && strcmp(arch, ARCH) != 0)
        return va_error("%s: arch: found %s, expected %s", path, arch, ARCH);
    if (norm && !c->in_norm && strcmp(norm, "no") != 0)
        return va_error("%s: in-norm: found %s, expected yes or no", path, norm);
    if (read_sizes(c, set, path) < 0 || meta_int(set, path, "lookahead", &c->lookahead) < 0 ||
        va_temporal_config_check(c, path) < 0 || check_metadata(c, set, path) < 0)
        return -1;
    return match(c, set, path);
}
