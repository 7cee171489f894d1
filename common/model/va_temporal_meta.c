/*
 * The configuration in files. They are hostile: sizes are bounded, and all shapes compared with
 * the configuration, before anything is allocated from them. Which layers there are, and their
 * sizes, come from the names and shapes of the tensors; metadata may say the same, and what no
 * shape tells.
 */
#include "model/va_temporal_priv.h"
#include "model/va_temporal_read.h"

#include "base/va_error.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ARCH[] = "mamba-va";
enum { HEADS = 4 }; /* of --fusion cross, in a file that does not say */

/* ---- writing ----------------------------------------------------------------------------- */

int va_temporal_config_store(const struct va_temporal_config *config, struct va_tensors *set)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(&va_temporal_settings, list);
    struct va_temporal_config c = *config;
    char text[VA_TEMPORAL_BLOCKS_MAX * 24], streams[VA_STREAMS_TEXT];

    va_temporal_config_resolve(&c);
    if (va_tensors_set_meta(set, "arch", ARCH) < 0 ||
        (c.streams.count &&
         va_tensors_set_meta(set, "streams", va_streams_text(&c.streams, streams)) < 0))
        return -1;
    for (int64_t i = 0; i < count; i++)
        if (va_temporal_has(&c, &list[i]) &&
            va_tensors_set_meta(set, list[i].option.name,
                                va_setting_text(&list[i], &c, text, sizeof(text))) < 0)
            return -1;
    return 0;
}

/* ---- reading: streams ------------------------------------------------------------------------- */

/* What no shape tells of named streams. */
static int read_streams(struct va_temporal_config *c, const struct va_tensors *set,
                        const char *path)
{
    const char *streams = va_tensors_meta(set, "streams"),
               *fusion = va_tensors_meta(set, "fusion"),
               *dropout = va_tensors_meta(set, "stream-dropout");

    if (!streams)
        return 0;
    if (va_streams_parse(&c->streams, streams, VA_TEMPORAL_SIZE_MAX, path) < 0 ||
        va_temporal_number(set, path, "stream-width", &c->stream_width) < 0)
        return -1;
    while (fusion && strcmp(va_fusion_names[c->fusion], fusion))
        if (!va_fusion_names[++c->fusion])
            return va_error("%s: fusion: found %s, expected %s, %s or %s", path, fusion,
                            va_fusion_names[0], va_fusion_names[1], va_fusion_names[2]);
    c->stream_dropout = dropout ? strtod(dropout, NULL) : 0;
    if (!(c->stream_dropout >= 0 && c->stream_dropout < 1))
        return va_error("%s: stream-dropout: found %s, expected 0 to .999", path, dropout);
    if (c->fusion != VA_FUSION_CROSS)
        return 0;
    c->heads = HEADS;
    return va_temporal_number(set, path, "heads", &c->heads);
}

/* ---- reading: sizes from shapes ------------------------------------------------------------ */

/* How many of KIND.0.NAME, KIND.1.NAME, ... there are without a gap; at most `most` + 1. */
static int64_t count_of(const struct va_tensors *set, const char *kind, const char *name,
                        int64_t most)
{
    char full[128];

    for (int64_t i = 0; i <= most; i++) {
        snprintf(full, sizeof(full), "%s.%" PRId64 ".%s", kind, i, name);
        if (!va_tensors_find(set, full))
            return i;
    }
    return most + 1;
}

/* What names of the (first) trunk begin with. */
static const char *trunk_prefix(const struct va_temporal_config *c,
                                char prefix[VA_STREAM_NAME + 16])
{
    prefix[0] = 0;
    if (c->fusion == VA_FUSION_CROSS)
        snprintf(prefix, VA_STREAM_NAME + 16, "streams.%s.", c->streams.items[0].name);
    return prefix;
}

static int tcn_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                     const char *path)
{
    if (va_temporal_check_range(path, "blocks", c->blocks, 1, VA_TEMPORAL_BLOCKS_MAX) < 0)
        return -1;
    for (int64_t b = 0; b < c->blocks; b++) {
        const struct va_tensor *t;
        char prefix[VA_STREAM_NAME + 16], name[96];

        snprintf(name, sizeof(name), "%stcn.%" PRId64 ".conv1.weight_v",
                 trunk_prefix(c, prefix), b);
        t = va_temporal_tensor(set, path, 3, name);
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
    char prefix[VA_STREAM_NAME + 16], name[96];
    const struct va_tensor *embed;

    snprintf(name, sizeof(name), "%sembed.weight", trunk_prefix(c, prefix));
    embed = va_temporal_tensor(set, path, 2, name);
    if (!embed)
        return -1;
    c->width = embed->shape[0];
    c->in_dim = embed->shape[1];
    return va_temporal_check_range(path, name, c->width, 1, VA_TEMPORAL_SIZE_MAX);
}

/* Which layers there are, by a tensor that each has. */
static int find_layers(struct va_temporal_config *c, const struct va_tensors *set,
                       const char *path)
{
    const struct va_temporal_kind *kind;
    char prefix[VA_STREAM_NAME + 16], tcn[96], embed[96];
    int found = -1, t = 0;

    snprintf(tcn, sizeof(tcn), "%stcn", trunk_prefix(c, prefix));
    snprintf(embed, sizeof(embed), "%sembed.weight", prefix);
    c->blocks = count_of(set, tcn, "conv1.weight_v", VA_TEMPORAL_BLOCKS_MAX);
    for (; (kind = va_temporal_kind(t)); t += 2) {
        int64_t n = count_of(set, va_temporal_kind_name(t), kind->tensor,
                             VA_TEMPORAL_LAYERS_MAX);

        if (n && found >= 0)
            return va_error("%s: found layers of %s and of %s, expected one kind of layer",
                            path, va_temporal_kind_name(found), va_temporal_kind_name(t));
        if (n) {
            found = t;
            c->layers = n;
        }
    }
    if (!c->blocks && !va_tensors_find(set, embed))
        return va_error(
            "%s: %s.0.conv1.weight_v: tensor is missing, expected a model of arch %s", path,
            tcn, ARCH);
    if (!c->blocks && found < 0)
        return va_error("%s: %s.0.%s: tensor is missing, expected a model of arch %s", path,
                        va_temporal_kind_name(0), va_temporal_kind(0)->tensor, ARCH);
    c->temporal = found < 0 ? t : found + !c->blocks;
    return 0;
}

static int read_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                      const char *path)
{
    const struct va_temporal_kind *kind;
    const struct va_tensor *fc1;

    if (find_layers(c, set, path) < 0 ||
        (c->blocks ? tcn_sizes(c, set, path) : embed_sizes(c, set, path)) < 0)
        return -1;
    kind = va_temporal_kind(c->temporal);
    if (kind && kind->read && kind->read(c, set, path) < 0)
        return -1;
    fc1 = va_temporal_tensor(set, path, 2, "fc1.weight");
    if (!fc1)
        return -1;
    c->hidden = fc1->shape[0];
    if (c->fusion)
        c->in_dim = va_streams_columns(&c->streams);
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
    va_temporal_layers_release(&layers);
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
    if (read_streams(c, set, path) < 0 || read_sizes(c, set, path) < 0 ||
        va_temporal_number(set, path, "lookahead", &c->lookahead) < 0 ||
        va_temporal_config_check(c, path) < 0 || check_metadata(c, set, path) < 0)
        return -1;
    return match(c, set, path);
}
