/*
 * What a model consists of: sizes and their bounds, and the list of its parameters.
 */
#include "model/va_temporal_priv.h"

#include "base/va_error.h"
#include "nn/va_dense.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const int64_t PARAMETERS_MAX = (int64_t)1 << 33;
static const int64_t FIELD_MAX = 1 << 16;

const char *const va_temporal_names[] = {
    "tcn-mamba", "tcn", "mamba",           "tcn-lstm",    "lstm",
    "tcn-gru",   "gru", "tcn-transformer", "transformer", NULL,
};

static const struct {
    bool tcn;
    enum va_stack_kind stack;
} temporals[] = {
    [VA_TEMPORAL_TCN_MAMBA] = { true, VA_STACK_MAMBA },
    [VA_TEMPORAL_TCN] = { true, VA_STACK_NONE },
    [VA_TEMPORAL_MAMBA] = { false, VA_STACK_MAMBA },
    [VA_TEMPORAL_TCN_LSTM] = { true, VA_STACK_LSTM },
    [VA_TEMPORAL_LSTM] = { false, VA_STACK_LSTM },
    [VA_TEMPORAL_TCN_GRU] = { true, VA_STACK_GRU },
    [VA_TEMPORAL_GRU] = { false, VA_STACK_GRU },
    [VA_TEMPORAL_TCN_TRANSFORMER] = { true, VA_STACK_TRANSFORMER },
    [VA_TEMPORAL_TRANSFORMER] = { false, VA_STACK_TRANSFORMER },
};

bool va_temporal_has_tcn(int temporal)
{
    return temporals[temporal].tcn;
}

int va_temporal_of(bool tcn, enum va_stack_kind stack)
{
    int t = 0;

    while (temporals[t].tcn != tcn || temporals[t].stack != stack)
        t++; /* every pair is there, but for nothing at all */
    return t;
}

enum va_stack_kind va_temporal_stack(const struct va_temporal_config *c)
{
    return temporals[c->temporal].stack;
}

/* ---- settings --------------------------------------------------------------------------- */

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
      AT(layers), .part = VA_PART_STACK },
    { VA_OPT_INT(0, "d-state", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "Mamba: states of the scan per channel"),
      AT(d_state), .part = VA_PART_MAMBA },
    { VA_OPT_INT(0, "d-conv", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "Mamba: kernel size of the convolution"),
      AT(d_conv), .part = VA_PART_MAMBA },
    { VA_OPT_INT(0, "expand", NULL, 1, VA_TEMPORAL_SIZE_MAX,
                 "Mamba: inner width divided by outer width"),
      AT(expand), .part = VA_PART_MAMBA },
    { VA_OPT_INT(0, "heads", NULL, 1, VA_TEMPORAL_SIZE_MAX, "transformer: attention heads"),
      AT(heads), .part = VA_PART_TRANSFORMER },
    { VA_OPT_INT(0, "mlp", NULL, 0, 4 * VA_TEMPORAL_SIZE_MAX,
                 "transformer: hidden width; 0: 4 times the width"),
      AT(mlp), .part = VA_PART_TRANSFORMER },
    { VA_OPT_INT(0, "hidden", NULL, 1, VA_TEMPORAL_SIZE_MAX, "width of the last hidden layer"),
      AT(hidden) },
    /* these follow from others, or from the data */
    { VA_OPT_INT(0, "in-dim", NULL, 1, VA_TEMPORAL_SIZE_MAX, NULL), AT(in_dim) },
    { VA_OPT_INT(0, "width", NULL, 1, VA_TEMPORAL_SIZE_MAX, NULL), AT(width) },
    { VA_OPT_INT(0, "dt-rank", NULL, 1, VA_TEMPORAL_SIZE_MAX, NULL), AT(dt_rank),
      .part = VA_PART_MAMBA },
};
#undef AT
_Static_assert(offsetof(struct va_temporal_config, blocks) ==
                   offsetof(struct va_temporal_config, channels_list.count),
               "blocks counts the list");
const struct va_settings va_temporal_settings = { items, VA_COUNT(items) };

bool va_temporal_has(const struct va_temporal_config *c, const struct va_setting *s)
{
    switch ((enum va_temporal_part)s->part) {
    case VA_PART_ALWAYS: return true;
    case VA_PART_TCN: return va_temporal_has_tcn(c->temporal);
    case VA_PART_STACK: return va_temporal_stack(c) != VA_STACK_NONE;
    case VA_PART_MAMBA: return va_temporal_stack(c) == VA_STACK_MAMBA;
    case VA_PART_TRANSFORMER: return va_temporal_stack(c) == VA_STACK_TRANSFORMER;
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
                                      .hidden = 128 };
}

void va_temporal_config_resolve(struct va_temporal_config *c)
{
    bool mamba = va_temporal_stack(c) == VA_STACK_MAMBA;
    bool transformer = va_temporal_stack(c) == VA_STACK_TRANSFORMER;

    if (va_temporal_has_tcn(c->temporal) && c->blocks > 0 &&
        c->blocks <= VA_TEMPORAL_BLOCKS_MAX)
        c->width = c->channels[c->blocks - 1];
    if (!va_temporal_has_tcn(c->temporal))
        c->blocks = c->kernel = 0;
    if (va_temporal_stack(c) == VA_STACK_NONE)
        c->layers = 0;
    if (!mamba)
        c->d_state = c->d_conv = c->expand = c->dt_rank = 0;
    else if (!c->dt_rank)
        c->dt_rank = (c->width + 15) / 16;
    if (!transformer)
        c->heads = c->mlp = 0;
    else if (!c->mlp)
        c->mlp = 4 * c->width;
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

static struct va_stack_config stack_of(const struct va_temporal_config *c,
                                       enum va_temporal_init init)
{
    int64_t D = c->width;

    return (struct va_stack_config){
        .kind = va_temporal_stack(c),
        .layers = c->layers,
        .D = D,
        .mamba = { .D = D,
                   .E = c->expand * D,
                   .N = c->d_state,
                   .R = c->dt_rank,
                   .taps = c->d_conv },
        .init = init == VA_TEMPORAL_INIT_PAPER ? VA_MAMBA_INIT_PAPER : VA_MAMBA_INIT_AUTHORS,
        .heads = c->heads,
        .mlp = c->mlp,
    };
}

int va_temporal_declare(struct va_temporal_layers *l, struct va_params *list,
                        const struct va_temporal_config *config, enum va_temporal_init init,
                        bool decay_all)
{
    struct va_temporal_config c = *config;
    struct va_stack_config stack;
    int64_t width = c.in_dim;
    va_temporal_config_resolve(&c);
    for (int64_t b = 0; b < c.blocks; b++) {
        if (va_tcn_declare(&l->tcn[b], list, b, width, c.channels[b], c.kernel, (int64_t)1 << b,
                           init == VA_TEMPORAL_INIT_PAPER) < 0)
            return -1;
        width = c.channels[b];
    }
    l->embed = -1;
    if (!c.blocks && (l->embed = declare_linear(list, "embed", c.width, width)) < 0)
        return -1;
    stack = stack_of(&c, init);
    if (va_stack_declare(&l->stack, list, &stack) < 0 ||
        (l->proj = declare_linear(list, "proj", c.width, c.width)) < 0 ||
        (l->fc1 = declare_linear(list, "fc1", c.hidden, c.width)) < 0 ||
        (l->fc2 = declare_linear(list, "fc2", 2, c.hidden)) < 0)
        return -1;
    for (int64_t i = 0; i < list->count; i++)
        list->items[i].decay = decay_all || !spared_from_decay(list->items[i].name);
    return 0;
}

/* ---- check ----------------------------------------------------------------------------- */

int va_temporal_check_range(const char *where, const char *what, int64_t value, int64_t low,
                            int64_t high)
{
    if (value >= low && value <= high)
        return 0;
    return va_error("%s: %s: found %" PRId64 ", expected %" PRId64 " to %" PRId64, where, what,
                    value, low, high);
}

static int check_ranges(const struct va_temporal_config *c, const char *where)
{
    for (int64_t i = 0; i < va_temporal_settings.count; i++) {
        const struct va_setting *s = &items[i];
        const int64_t *value = (const int64_t *)(const void *)((const char *)c + s->offset);
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

int va_temporal_config_check(const struct va_temporal_config *config, const char *where)
{
    struct va_temporal_layers layers;
    struct va_temporal_config c = *config;
    struct va_params list;
    int64_t total;
    int rc;

    if (va_temporal_has_tcn(c.temporal) &&
        va_temporal_check_range(where, "blocks", c.blocks, 1, VA_TEMPORAL_BLOCKS_MAX) < 0)
        return -1;
    va_temporal_config_resolve(&c);
    if (check_ranges(&c, where) < 0)
        return -1;
    if (c.heads && c.width % c.heads)
        return va_error("%s: heads: found %" PRId64
                        ", expected a divisor of the width %" PRId64,
                        where, c.heads, c.width);
    /* Bounds the history that streaming keeps, which the size of the weights does not. */
    if (va_temporal_check_range(where, "receptive field", va_temporal_receptive_field(&c), 1,
                                FIELD_MAX) < 0 ||
        va_temporal_check_range(where, "inner width", c.expand * c.width, 0,
                                VA_TEMPORAL_SIZE_MAX) < 0)
        return -1;
    va_params_init(&list, NULL);
    rc = va_temporal_declare(&layers, &list, &c, VA_TEMPORAL_INIT_PAPER, false);
    total = va_params_total(&list);
    va_params_release(&list);
    return rc < 0 ? -1 : va_temporal_check_range(where, "parameters", total, 1, PARAMETERS_MAX);
}
