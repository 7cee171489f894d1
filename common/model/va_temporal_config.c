/*
 * What a model consists of: sizes and their bounds, and the list of its parameters.
 */
#include "model/va_temporal_priv.h"
#include "model/va_temporal_read.h"

#include "base/va_error.h"
#include "nn/va_dense.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t PARAMETERS_MAX = (int64_t)1 << 33;
static const int64_t FIELD_MAX = 1 << 16;

/* ---- settings --------------------------------------------------------------------------- */

const char *const va_fusion_names[] = { "none", "concat", "cross", NULL };

#define AT(field) .offset = offsetof(struct va_temporal_config, field)
static const struct va_setting items[] = {
    { VA_OPT_CHOICE(0, "temporal", NULL, va_temporal_names,
                    "temporal model; all but the first exist for comparison"),
      AT(temporal) },
    { VA_OPT_INT(0, "lookahead", NULL, 0, VA_TEMPORAL_SIZE_MAX,
                 "number of future frames that a prediction may use"),
      AT(lookahead) },
    { VA_OPT_YESNO(0, "in-norm", NULL, "apply layer norm before the Mamba layers"),
      AT(in_norm) },
    { VA_OPT_INTS(
          0, "channels", NULL, 1, VA_TEMPORAL_SIZE_MAX,
          "output channels of each TCN block; the last is the width of the later layers"),
      AT(channels_list), .part = VA_PART_TCN },
    { VA_OPT_INT(0, "kernel", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "kernel size of the TCN convolutions"),
      AT(kernel), .part = VA_PART_TCN },
    { VA_OPT_INT(0, "layers", NULL, 1, VA_TEMPORAL_LAYERS_MAX,
                 "number of layers after the TCN"),
      AT(layers), .part = VA_PART_LAYERS },
    { VA_OPT_INT(0, "d-state", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "Mamba: states of the scan per channel"),
      AT(d_state), .part = VA_PART_KIND },
    { VA_OPT_INT(0, "d-conv", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "Mamba: kernel size of the convolution"),
      AT(d_conv), .part = VA_PART_KIND },
    { VA_OPT_INT(0, "expand", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "Mamba: inner width divided by outer width"),
      AT(expand), .part = VA_PART_KIND },
    { VA_OPT_INT(0, "heads", NULL, 1, VA_TEMPORAL_SIZE_MAX, "transformer: attention heads"),
      AT(heads), .part = VA_PART_KIND },
    { VA_OPT_INT(0, "mlp", NULL, 0, 4 * VA_TEMPORAL_SIZE_MAX,
                 "transformer: hidden width; 0: 4 times the width"),
      AT(mlp), .part = VA_PART_KIND },
    { VA_OPT_INT(0, "hidden", NULL, 1, VA_TEMPORAL_SIZE_MAX, "width of the last hidden layer"),
      AT(hidden) },
    { VA_OPT_CHOICE(
          0, "fusion", NULL, va_fusion_names,
          "named streams: side by side, after a norm and linear layer each, or with a "
          "TCN each and attention across them"),
      AT(fusion), .part = VA_PART_STREAMS },
    { VA_OPT_INT(0, "stream-width", NULL, 0, VA_TEMPORAL_SIZE_MAX,
                 "fusion: width of each stream's linear layer; 0: its number of features"),
      AT(stream_width), .part = VA_PART_STREAMS },
    { VA_OPT_REAL(0, "stream-dropout", NULL, 0, .999,
                  "named streams: probability that a window is trained without a stream"),
      AT(stream_dropout), .part = VA_PART_STREAMS },
    /* these follow from others, or from the data */
    { VA_OPT_INT(0, "in-dim", NULL, 1, VA_TEMPORAL_SIZE_MAX, NULL), AT(in_dim) },
    { VA_OPT_INT(0, "width", NULL, 1, VA_TEMPORAL_SIZE_MAX, NULL), AT(width) },
    { VA_OPT_INT(0, "dt-rank", NULL, 1, VA_TEMPORAL_SIZE_MAX, NULL), AT(dt_rank),
      .part = VA_PART_KIND },
};
#undef AT
_Static_assert(offsetof(struct va_temporal_config, blocks) ==
                   offsetof(struct va_temporal_config, channels_list.count),
               "blocks counts the list");
const struct va_settings va_temporal_settings = { items, VA_COUNT(items) };

static int64_t *whole(struct va_temporal_config *c, const struct va_setting *s)
{
    return (int64_t *)(void *)((char *)c + s->offset);
}

bool va_temporal_has(const struct va_temporal_config *c, const struct va_setting *s)
{
    const struct va_temporal_kind *kind = va_temporal_kind(c->temporal);

    switch ((enum va_temporal_part)s->part) {
    case VA_PART_ALWAYS: return true;
    case VA_PART_TCN: return va_temporal_has_tcn(c->temporal);
    case VA_PART_LAYERS: return kind;
    case VA_PART_STREAMS: return c->streams.count;
    case VA_PART_KIND:
        for (int64_t i = 0; kind && kind->settings && kind->settings[i]; i++)
            if (!strcmp(kind->settings[i], s->option.name))
                return true;
        return c->fusion == VA_FUSION_CROSS && !strcmp(s->option.name, "heads");
    }
    return false;
}

void va_temporal_config_default(struct va_temporal_config *c)
{
    *c = (struct va_temporal_config){ .in_dim = 1024,
                                      .blocks = 4,
                                      .channels = { 1024, 768, 512, 256 },
                                      .kernel = 15,
                                      .layers = 4,
                                      .d_state = 8,
                                      .d_conv = 4,
                                      .expand = 1,
                                      .heads = 4,
                                      .hidden = 128,
                                      .stream_dropout = .2 };
}

void va_temporal_config_resolve(struct va_temporal_config *c)
{
    const struct va_temporal_kind *kind = va_temporal_kind(c->temporal);

    if (!c->streams.count) {
        c->fusion = VA_FUSION_NONE;
        c->stream_width = 0;
        c->stream_dropout = 0;
    }
    for (size_t i = 0; i < VA_COUNT(items); i++)
        if (items[i].part != VA_PART_STREAMS && !va_temporal_has(c, &items[i]))
            *(items[i].option.kind == VA_OPTION_INTS ? &c->blocks : whole(c, &items[i])) = 0;
    if (c->blocks > 0 && c->blocks <= VA_TEMPORAL_BLOCKS_MAX)
        c->width = c->channels[c->blocks - 1];
    if (kind && kind->resolve)
        kind->resolve(c);
}

int64_t va_temporal_receptive_field(const struct va_temporal_config *c)
{
    return 1 + (c->blocks ? (c->kernel - 1) * 2 * (((int64_t)1 << c->blocks) - 1) : 0);
}

/* ---- declaration ----------------------------------------------------------------------- */

/* Biases, norms, A_log and D; of LSTM and GRU bias_ih and bias_hh. */
static bool spared_from_decay(const char *name)
{
    const char *last = strrchr(name, '.');

    return (last && strncmp(last, ".bias", 5) == 0) || strstr(name, ".norm") ||
           (last && (strcmp(last, ".A_log") == 0 || strcmp(last, ".D") == 0));
}

/* A linear layer NAME.weight [N, K], NAME.bias [N], both uniform within 1/sqrt(K). */
static int64_t declare_linear(struct va_params *list, const char *name, int64_t N, int64_t K)
{
    const struct va_param law = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)K) };

    return va_dense_declare(list, N, K, &law, &law, "%s", name);
}

void va_temporal_layers_release(struct va_temporal_layers *l)
{
    va_stack_release(&l->stack);
}

/* One for all, or one for each stream. */
static int declare_trunks(struct va_temporal_layers *l, struct va_params *list,
                          const struct va_temporal_config *c, enum va_temporal_init init)
{
    const struct va_fusion *f = &l->fusion;
    char prefix[VA_STREAM_NAME + 16] = "";

    l->trunks = f->apart ? f->count : 1;
    for (int64_t k = 0; k < l->trunks; k++) {
        int64_t in = f->apart ? f->parts[k].width + 1 : f->count ? f->out : c->in_dim;

        if (f->apart)
            snprintf(prefix, sizeof(prefix), "streams.%s.", c->streams.items[k].name);
        if (va_trunk_declare(&l->trunk[k], list, prefix, k, in, c, init) < 0)
            return -1;
    }
    return 0;
}

int va_temporal_declare(struct va_temporal_layers *l, struct va_params *list,
                        const struct va_temporal_config *config, enum va_temporal_init init,
                        bool decay_all)
{
    struct va_temporal_config c = *config;

    va_temporal_config_resolve(&c);
    *l = (struct va_temporal_layers){ .trunks = 0 };
    if (va_fusion_declare(&l->fusion, list, &c) < 0 || declare_trunks(l, list, &c, init) < 0 ||
        va_cross_declare(&l->cross, list, &c) < 0)
        return -1;
    if (va_stack_declare(&l->stack, list, &c, init) < 0 ||
        (l->proj = declare_linear(list, "proj", c.width, c.width)) < 0 ||
        (l->fc1 = declare_linear(list, "fc1", c.hidden, c.width)) < 0 ||
        (l->fc2 = declare_linear(list, "fc2", 2, c.hidden)) < 0)
        return -1;
    for (int64_t i = 0; i < list->count; i++)
        list->items[i].decay = decay_all || !spared_from_decay(list->items[i].name);
    return 0;
}

/* ---- check ----------------------------------------------------------------------------- */

static int check_ranges(const struct va_temporal_config *c, const char *where)
{
    for (int64_t i = 0; i < va_temporal_settings.count; i++) {
        const struct va_setting *s = &items[i];
        const int64_t *value = whole((struct va_temporal_config *)c, s);
        int64_t count = s->option.kind == VA_OPTION_INT    ? 1
                        : s->option.kind == VA_OPTION_INTS ? c->blocks
                                                           : 0;

        for (int64_t k = 0; k < count && va_temporal_has(c, s); k++)
            if (va_temporal_check_range(where, s->option.name, value[k], (int64_t)s->option.lo,
                                        (int64_t)s->option.hi) < 0)
                return -1;
    }
    return 0;
}

static int check_fusion(const struct va_temporal_config *c, const char *where)
{
    return c->streams.count || !c->fusion
               ? 0
               : va_error("%s: fusion: found %s, but the features are no named streams "
                          "(va-window --stream)",
                          where, va_fusion_names[c->fusion]);
}

static int check_streams(const struct va_temporal_config *c, const char *where)
{
    int64_t columns = va_streams_columns(&c->streams);

    if (c->fusion == VA_FUSION_CROSS && c->width % c->heads)
        return va_error("%s: heads: found %" PRId64 ", expected a divisor of the width %" PRId64
                        " (--fusion cross)",
                        where, c->heads, c->width);
    if (c->fusion == VA_FUSION_CROSS && 2 * c->blocks * c->streams.count > VA_MASK_STREAMS)
        return va_error("%s: fusion: found cross of %" PRId64 " streams with %" PRId64
                        " TCN blocks each, expected at most %d blocks in all",
                        where, c->streams.count, c->blocks, VA_MASK_STREAMS / 2);
    if (c->streams.count && c->in_dim != columns)
        return va_error("%s: in-dim: found %" PRId64 ", expected %" PRId64
                        " columns of the streams",
                        where, c->in_dim, columns);
    return 0;
}

int va_temporal_config_check(const struct va_temporal_config *config, const char *where)
{
    const struct va_temporal_kind *kind = va_temporal_kind(config->temporal);
    struct va_temporal_layers layers;
    struct va_temporal_config c = *config;
    struct va_params list;
    int64_t total;
    int rc;

    if (va_temporal_has_tcn(c.temporal) &&
        va_temporal_check_range(where, "blocks", c.blocks, 1, VA_TEMPORAL_BLOCKS_MAX) < 0)
        return -1;
    if (check_fusion(&c, where) < 0)
        return -1;
    va_temporal_config_resolve(&c);
    if (check_ranges(&c, where) < 0 || check_streams(&c, where) < 0)
        return -1;
    /* Bounds the history that streaming keeps, which the size of the weights does not. */
    if (va_temporal_check_range(where, "receptive field", va_temporal_receptive_field(&c), 1,
                                FIELD_MAX) < 0 ||
        (kind && kind->check && kind->check(&c, where) < 0))
        return -1;
    va_params_init(&list, NULL);
    rc = va_temporal_declare(&layers, &list, &c, VA_TEMPORAL_INIT_PAPER, false);
    total = va_params_total(&list);
    va_params_release(&list);
    va_temporal_layers_release(&layers);
    return rc < 0 ? -1 : va_temporal_check_range(where, "parameters", total, 1, PARAMETERS_MAX);
}
