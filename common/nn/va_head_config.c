/*
 * Files are hostile: sizes are bounded, and all shapes compared with the configuration, before
 * anything is allocated from them.
 */
#include "nn/va_head_priv.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SIZE_MAX_ANY = 1 << 16, FIELD_MAX = 1 << 16 };
static const int64_t PARAMETERS_MAX = (int64_t)1 << 33;
static const char ARCH[] = "mamba-va";

/* Every size but the channels: key of the metadata, place, range. */
static const struct size {
    const char *key;
    size_t offset;
    int64_t low, high;
} sizes[] = {
    { "in-dim", offsetof(struct va_head_config, in_dim), 1, SIZE_MAX_ANY },
    { "kernel", offsetof(struct va_head_config, kernel), 1, SIZE_MAX_ANY },
    { "layers", offsetof(struct va_head_config, layers), 1, VA_HEAD_LAYERS_MAX },
    { "d-state", offsetof(struct va_head_config, d_state), 1, SIZE_MAX_ANY },
    { "d-conv", offsetof(struct va_head_config, d_conv), 1, SIZE_MAX_ANY },
    { "expand", offsetof(struct va_head_config, expand), 1, SIZE_MAX_ANY },
    { "dt-rank", offsetof(struct va_head_config, dt_rank), 0, SIZE_MAX_ANY },
    { "hidden", offsetof(struct va_head_config, hidden), 1, SIZE_MAX_ANY },
};

static int64_t size_of(const struct va_head_config *c, const struct size *s)
{
    int64_t value;

    memcpy(&value, (const char *)c + s->offset, sizeof(value));
    return value;
}

void va_head_config_default(struct va_head_config *c)
{
    *c = (struct va_head_config){ .in_dim = 1024,
                                  .blocks = 4,
                                  .channels = { 1024, 768, 512, 256 },
                                  .kernel = 15,
                                  .layers = 4,
                                  .d_state = 8,
                                  .d_conv = 4,
                                  .expand = 1,
                                  .hidden = 128 };
}

int64_t va_head_dim(const struct va_head_config *c)
{
    return c->channels[c->blocks - 1];
}

int64_t va_head_rank(const struct va_head_config *c)
{
    return c->dt_rank ? c->dt_rank : (va_head_dim(c) + 15) / 16;
}

int64_t va_head_receptive_field(const struct va_head_config *c)
{
    return 1 + (c->kernel - 1) * 2 * (((int64_t)1 << c->blocks) - 1);
}

/* ---- declaration ----------------------------------------------------------------------- */

static bool spared_from_decay(const char *name)
{
    static const char *const ends[] = { ".bias", ".A_log", ".D" };
    size_t n = strlen(name);

    for (size_t i = 0; i < VA_COUNT(ends); i++)
        if (n >= strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return strstr(name, ".norm.") != NULL;
}

/* A linear layer NAME.weight [N, K], NAME.bias [N], both uniform within 1/sqrt(K). */
static int declare_linear(struct va_params *list, const char *name, int64_t N, int64_t K,
                          int64_t *w, int64_t *b)
{
    struct va_param law = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)K) };

    law.rank = 2;
    law.shape[0] = N;
    law.shape[1] = K;
    *w = va_params_add(list, &law, "%s.weight", name);
    law.rank = 1;
    *b = va_params_add(list, &law, "%s.bias", name);
    return *w < 0 || *b < 0 ? -1 : 0;
}

int va_head_declare(struct va_head_layers *l, struct va_params *list,
                    const struct va_head_config *c, enum va_head_init init, bool decay_all)
{
    int64_t D = va_head_dim(c), width = c->in_dim;
    struct va_mamba_sizes s = {
        .D = D, .E = c->expand * D, .N = c->d_state, .R = va_head_rank(c), .taps = c->d_conv
    };
    bool paper = init == VA_HEAD_INIT_PAPER;

    for (int64_t b = 0; b < c->blocks; b++) {
        if (va_tcn_declare(&l->tcn[b], list, b, width, c->channels[b], c->kernel,
                           (int64_t)1 << b, paper) < 0)
            return -1;
        width = c->channels[b];
    }
    for (int64_t i = 0; i < c->layers; i++)
        if (va_mamba_declare(&l->mamba[i], list, i, &s,
                             paper ? VA_MAMBA_INIT_PAPER : VA_MAMBA_INIT_AUTHORS) < 0)
            return -1;
    if (declare_linear(list, "proj", D, D, &l->proj_w, &l->proj_b) < 0 ||
        declare_linear(list, "fc1", c->hidden, D, &l->fc1_w, &l->fc1_b) < 0 ||
        declare_linear(list, "fc2", 2, c->hidden, &l->fc2_w, &l->fc2_b) < 0)
        return -1;
    for (int64_t i = 0; i < list->count; i++)
        list->items[i].decay = decay_all || !spared_from_decay(list->items[i].name);
    return 0;
}

/* ---- check ----------------------------------------------------------------------------- */

static int check_range(const char *where, const char *what, int64_t value, int64_t low,
                       int64_t high)
{
    if (value >= low && value <= high)
        return 0;
    return va_error("%s: %s: found %" PRId64 ", expected %" PRId64 " to %" PRId64, where, what,
                    value, low, high);
}

int va_head_config_check(const struct va_head_config *c, const char *where)
{
    struct va_head_layers layers;
    struct va_params list;
    int64_t total;
    int rc;

    if (check_range(where, "blocks", c->blocks, 1, VA_HEAD_BLOCKS_MAX) < 0)
        return -1;
    for (int64_t b = 0; b < c->blocks; b++)
        if (check_range(where, "channels", c->channels[b], 1, SIZE_MAX_ANY) < 0)
            return -1;
    for (size_t i = 0; i < VA_COUNT(sizes); i++)
        if (check_range(where, sizes[i].key, size_of(c, &sizes[i]), sizes[i].low,
                        sizes[i].high) < 0)
            return -1;
    /* Bounds the history that streaming keeps, which the size of the weights does not. */
    if (check_range(where, "receptive field", va_head_receptive_field(c), 1, FIELD_MAX) < 0 ||
        check_range(where, "inner width", c->expand * va_head_dim(c), 1, SIZE_MAX_ANY) < 0)
        return -1;
    va_params_init(&list, NULL);
    rc = va_head_declare(&layers, &list, c, VA_HEAD_INIT_PAPER, false);
    total = va_params_total(&list);
    va_params_release(&list);
    return rc < 0 ? -1 : check_range(where, "parameters", total, 1, PARAMETERS_MAX);
}

/* ---- metadata -------------------------------------------------------------------------- */

static void channels_text(const struct va_head_config *c, char *buffer, size_t size)
{
    size_t used = 0;

    for (int64_t b = 0; b < c->blocks && used < size; b++)
        used += (size_t)snprintf(buffer + used, size - used, "%s%" PRId64, b ? "," : "",
                                 c->channels[b]);
}

int va_head_config_store(const struct va_head_config *c, struct va_tensors *set)
{
    struct va_head_config full = *c;
    char text[VA_HEAD_BLOCKS_MAX * 24];

    full.dt_rank = va_head_rank(c);
    channels_text(c, text, sizeof(text));
    if (va_tensors_set_meta(set, "arch", ARCH) < 0 ||
        va_tensors_set_meta(set, "channels", text) < 0 ||
        va_tensors_set_meta(set, "in-norm", c->in_norm ? "yes" : "no") < 0)
        return -1;
    for (size_t i = 0; i < VA_COUNT(sizes); i++) {
        snprintf(text, sizeof(text), "%" PRId64, size_of(&full, &sizes[i]));
        if (va_tensors_set_meta(set, sizes[i].key, text) < 0)
            return -1;
    }
    return 0;
}

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

static int tcn_sizes(struct va_head_config *c, const struct va_tensors *set, const char *path)
{
    c->blocks = count_of(set, "tcn", "conv1.weight_v", VA_HEAD_BLOCKS_MAX);
    if (c->blocks == 0)
        return va_error(
            "%s: tcn.0.conv1.weight_v: tensor is missing, expected a model of arch %s", path,
            ARCH);
    if (check_range(path, "blocks", c->blocks, 1, VA_HEAD_BLOCKS_MAX) < 0)
        return -1;
    for (int64_t b = 0; b < c->blocks; b++) {
        const struct va_tensor *t;
        char name[64];

        snprintf(name, sizeof(name), "tcn.%" PRId64 ".conv1.weight_v", b);
        t = need(set, path, 3, name);
        if (!t)
            return -1;
        c->channels[b] = t->shape[0];
        if (check_range(path, name, c->channels[b], 1, SIZE_MAX_ANY) < 0)
            return -1;
        if (b == 0) {
            c->in_dim = t->shape[1];
            c->kernel = t->shape[2];
        }
    }
    return 0;
}

static int mamba_sizes(struct va_head_config *c, const struct va_tensors *set, const char *path)
{
    const struct va_tensor *in, *conv, *dt, *A, *fc1;
    int64_t D = va_head_dim(c);

    c->layers = count_of(set, "mamba", "in_proj.weight", VA_HEAD_LAYERS_MAX);
    in = need(set, path, 2, "mamba.0.in_proj.weight");
    conv = in ? need(set, path, 3, "mamba.0.conv1d.weight") : NULL;
    dt = conv ? need(set, path, 2, "mamba.0.dt_proj.weight") : NULL;
    A = dt ? need(set, path, 2, "mamba.0.A_log") : NULL;
    fc1 = A ? need(set, path, 2, "fc1.weight") : NULL;
    if (!fc1)
        return -1;
    if (in->shape[0] < 2 * D || in->shape[0] % (2 * D) != 0)
        return va_error("%s: mamba.0.in_proj.weight: %" PRId64
                        " rows, expected a multiple of %" PRId64
                        ", twice the width of the last TCN block",
                        path, in->shape[0], 2 * D);
    c->expand = in->shape[0] / (2 * D);
    c->d_conv = conv->shape[2];
    c->dt_rank = dt->shape[1];
    c->d_state = A->shape[1];
    c->hidden = fc1->shape[0];
    return check_range(path, "dt-rank", c->dt_rank, 1, SIZE_MAX_ANY);
}

/* A value in the metadata, if there, says what the tensors say. */
static int agree(const struct va_tensors *set, const char *path, const char *key,
                 const char *expected)
{
    const char *found = va_tensors_meta(set, key);

    if (!found || strcmp(found, expected) == 0)
        return 0;
    return va_error("%s: %s: found %s, expected %s as in the shapes of the tensors", path, key,
                    found, expected);
}

static int check_metadata(const struct va_head_config *c, const struct va_tensors *set,
                          const char *path)
{
    char text[VA_HEAD_BLOCKS_MAX * 24];

    channels_text(c, text, sizeof(text));
    if (agree(set, path, "channels", text) < 0)
        return -1;
    for (size_t i = 0; i < VA_COUNT(sizes); i++) {
        snprintf(text, sizeof(text), "%" PRId64, size_of(c, &sizes[i]));
        if (agree(set, path, sizes[i].key, text) < 0)
            return -1;
    }
    return 0;
}

static int match(const struct va_head_config *c, const struct va_tensors *set, const char *path)
{
    struct va_head_layers layers;
    struct va_params list;
    int rc;

    va_params_init(&list, NULL);
    rc = va_head_declare(&layers, &list, c, VA_HEAD_INIT_PAPER, false);
    if (rc == 0)
        rc = va_params_match(&list, set, path);
    va_params_release(&list);
    return rc;
}

int va_head_config_load(struct va_head_config *c, const struct va_tensors *set,
                        const char *path)
{
    const char *arch = va_tensors_meta(set, "arch"), *norm = va_tensors_meta(set, "in-norm");

    *c = (struct va_head_config){ .in_norm = norm && strcmp(norm, "yes") == 0 };
    if (arch && strcmp(arch, ARCH) != 0)
        return va_error("%s: arch: found %s, expected %s", path, arch, ARCH);
    if (norm && !c->in_norm && strcmp(norm, "no") != 0)
        return va_error("%s: in-norm: found %s, expected yes or no", path, norm);
    if (tcn_sizes(c, set, path) < 0 || mamba_sizes(c, set, path) < 0 ||
        va_head_config_check(c, path) < 0 || check_metadata(c, set, path) < 0)
        return -1;
    return match(c, set, path);
}
