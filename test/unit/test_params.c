/* The list of parameters: counts, laws of the initial values, files. */
#include "ops/va_params.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_temporal.h"
#include "model/va_temporal_priv.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"

static struct va_backend *be;

/* Large enough for statistics, small enough to be quick. */
static const struct va_temporal_config medium = {
    .in_dim = 60,
    .blocks = 3,
    .channels = { 60, 40, 32 },
    .kernel = 15,
    .layers = 2,
    .d_state = 8,
    .d_conv = 4,
    .expand = 2,
    .dt_rank = 6,
    .hidden = 24,
};

static void published_size(void)
{
    struct va_temporal_config c;
    struct va_temporal_layers layers;
    struct va_params list;
    int64_t tcn = 0, top = 0;

    va_temporal_config_default(&c);
    VA_CHECK_INT(va_temporal_receptive_field(&c), 421);
    VA_CHECK(va_temporal_config_check(&c, "default") == 0);
    va_params_init(&list, NULL);
    VA_CHECK(va_temporal_declare(&layers, &list, &c, VA_TEMPORAL_INIT_PAPER, false) == 0);
    VA_CHECK_INT(va_params_total(&list), 67155086);
    for (int64_t i = 0; i < list.count; i++)
        if (strncmp(list.items[i].name, "tcn.", 4) == 0)
            tcn += list.items[i].count;
        else if (strncmp(list.items[i].name, "fc", 2) == 0)
            top += list.items[i].count;
    VA_CHECK_INT(tcn, 66203148);
    VA_CHECK_INT(top, 33154);
    va_params_release(&list);
}

static struct va_param *find(struct va_params *list, const char *name)
{
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    printf("# no entry %s\n", name);
    va_test_bad = true;
    return &list->items[0];
}

struct moments {
    double n, mean, deviation, low, high;
};

static struct moments moments_of(const struct va_param *p)
{
    double *v = va_new(p->count, sizeof(double));
    struct moments m = { .n = (double)p->count, .low = INFINITY, .high = -INFINITY };
    double sum = 0, squares = 0;

    be->ops->get_f64(be, v, p->value.data, p->count);
    for (int64_t i = 0; i < p->count; i++) {
        sum += v[i];
        m.low = fmin(m.low, v[i]);
        m.high = fmax(m.high, v[i]);
    }
    m.mean = sum / m.n;
    for (int64_t i = 0; i < p->count; i++)
        squares += (v[i] - m.mean) * (v[i] - m.mean);
    m.deviation = sqrt(squares / m.n);
    va_free(v);
    return m;
}

/* Bounds are five standard errors: of a mean s / sqrt(n), of a normal's deviation s / sqrt(2n),
 * of a uniform's deviation s / sqrt(5n). */
static void is_normal(struct va_params *list, const char *name, double deviation)
{
    struct moments m = moments_of(find(list, name));

    VA_CHECK_NEAR(m.mean, 0, 5 * deviation / sqrt(m.n));
    VA_CHECK_NEAR(m.deviation, deviation, 5 * deviation / sqrt(2 * m.n));
    VA_CHECK(m.high > 1.9 * deviation && m.low < -1.9 * deviation);
    if (va_test_bad)
        printf("# in %s\n", name);
}

static void is_uniform(struct va_params *list, const char *name, double bound)
{
    struct moments m = moments_of(find(list, name));
    double deviation = bound / sqrt(3);

    VA_CHECK_NEAR(m.mean, 0, 5 * deviation / sqrt(m.n));
    VA_CHECK_NEAR(m.deviation, deviation, 5 * deviation / sqrt(5 * m.n));
    VA_CHECK(m.low >= -bound * (1 + 1e-6) && m.high <= bound * (1 + 1e-6));
    VA_CHECK(m.high > bound * (1 - 20 / m.n) && m.low < -bound * (1 - 20 / m.n));
    if (va_test_bad)
        printf("# in %s\n", name);
}

static void is_constant(struct va_params *list, const char *name, double value)
{
    struct moments m = moments_of(find(list, name));

    VA_CHECK_NEAR(m.low, value, 0);
    VA_CHECK_NEAR(m.high, value, 0);
}

/* weight_g is the length of each row of weight_v. */
static void gains_are_norms(struct va_params *list, const char *stem)
{
    char name[96];
    const struct va_param *v, *g;
    double *values, *gains;

    snprintf(name, sizeof(name), "%s.weight_v", stem);
    v = find(list, name);
    snprintf(name, sizeof(name), "%s.weight_g", stem);
    g = find(list, name);
    values = va_new(v->count, sizeof(double));
    gains = va_new(g->count, sizeof(double));
    be->ops->get_f64(be, values, v->value.data, v->count);
    be->ops->get_f64(be, gains, g->value.data, g->count);
    for (int64_t r = 0; r < g->count; r++) {
        int64_t cols = v->count / g->count;
        double sum = 0;

        for (int64_t c = 0; c < cols; c++)
            sum += values[r * cols + c] * values[r * cols + c];
        VA_CHECK_NEAR(gains[r], sqrt(sum), 1e-6 * sqrt(sum));
    }
    va_free(values);
    va_free(gains);
}

static void common_laws(struct va_params *list)
{
    is_uniform(list, "tcn.0.conv1.bias", 1 / sqrt(60.0 * 15));
    is_uniform(list, "tcn.1.conv2.bias", 1 / sqrt(40.0 * 15));
    is_constant(list, "tcn.0.prelu1.weight", 0.25);
    is_constant(list, "tcn.2.prelu3.weight", 0.25);
    is_normal(list, "tcn.1.shortcut.weight", 0.01);
    is_uniform(list, "tcn.1.shortcut.bias", 1 / sqrt(60.0));
    is_uniform(list, "mamba.0.in_proj.weight", 1 / sqrt(32.0));
    is_uniform(list, "mamba.1.x_proj.weight", 1 / sqrt(64.0));
    is_constant(list, "mamba.1.D", 1);
    is_constant(list, "mamba.0.norm.weight", 1);
    is_constant(list, "mamba.0.norm.bias", 0);
    is_uniform(list, "proj.weight", 1 / sqrt(32.0));
    is_uniform(list, "fc1.bias", 1 / sqrt(32.0));
    is_uniform(list, "fc2.weight", 1 / sqrt(24.0));
    gains_are_norms(list, "tcn.0.conv1");
    gains_are_norms(list, "tcn.2.conv2");
}

/* Uniform within 1 / sqrt(fan in), of an LSTM and GRU the width: as PyTorch begins. */
static void laws_of_other_layers(void)
{
    static const struct {
        const char *name;
        const char *uniform[3];
    } kinds[] = {
        { "lstm", { "lstm.0.weight_ih", "lstm.1.weight_hh", "lstm.1.bias_hh" } },
        { "gru", { "gru.0.weight_ih", "gru.1.weight_hh", "gru.0.bias_ih" } },
        { "transformer",
          { "transformer.0.attn.qkv.weight", "transformer.1.mlp.fc1.weight", "embed.bias" } },
    };

    for (size_t i = 0; i < VA_COUNT(kinds); i++) {
        struct va_temporal_config c = medium;
        struct va_temporal *model;

        while (strcmp(va_temporal_names[c.temporal], kinds[i].name) != 0)
            c.temporal++;
        c.width = 32;
        c.heads = 4;
        model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_PAPER, false);
        VA_CHECK(model && va_params_draw(va_temporal_params(model), 11) == 0);
        for (int k = 0; k < 3; k++)
            is_uniform(va_temporal_params(model), kinds[i].uniform[k],
                       k == 2 && i == 2 ? 1 / sqrt((double)c.in_dim) : 1 / sqrt(32.0));
        va_temporal_free(model);
    }
}

static void laws_of_the_paper(void)
{
    struct va_temporal *model = va_temporal_new(be, &medium, VA_TEMPORAL_INIT_PAPER, false);
    struct va_params *list = va_temporal_params(model);
    struct va_param *bias = find(list, "mamba.0.dt_proj.bias");
    double v[64], logs = 0, low = 0, high = -9;

    VA_CHECK(va_params_draw(list, 11) == 0);
    common_laws(list);
    is_normal(list, "tcn.0.conv1.weight_v", 0.01);
    is_normal(list, "tcn.2.conv2.weight_v", 0.01);
    is_uniform(list, "mamba.0.conv1d.weight", 0.5);
    is_uniform(list, "mamba.0.conv1d.bias", 0.5);
    is_uniform(list, "mamba.1.dt_proj.weight", 1 / sqrt(6.0));
    is_uniform(list, "mamba.1.out_proj.weight", 1 / sqrt(64.0));
    be->ops->get_f64(be, v, find(list, "mamba.1.A_log")->value.data, 64);
    for (int i = 0; i < 64; i++)
        VA_CHECK_NEAR(v[i], log(1 + i % 8), 1e-7);
    VA_CHECK_INT(bias->count, 64);
    be->ops->get_f64(be, v, bias->value.data, 64);
    for (int i = 0; i < 64; i++) { /* log10 of the step is uniform in [-3, -1] */
        double step = log10(log1p(exp(v[i])));

        VA_CHECK(step >= -3.00001 && step <= -0.99999);
        logs += step / 64;
        low = fmin(low, step);
        high = fmax(high, step);
    }
    VA_CHECK_NEAR(logs, -2, 5 * 2 / sqrt(12.0 * 64));
    VA_CHECK(low < -2.8 && high > -1.2);
    va_temporal_free(model);
}

static void laws_of_the_authors(void)
{
    struct va_temporal *model = va_temporal_new(be, &medium, VA_TEMPORAL_INIT_AUTHORS, true);
    struct va_params *list = va_temporal_params(model);

    VA_CHECK(va_params_draw(list, 12) == 0);
    common_laws(list);
    is_uniform(list, "tcn.0.conv1.weight_v", 1 / sqrt(60.0 * 15));
    is_uniform(list, "tcn.2.conv2.weight_v", 1 / sqrt(32.0 * 15));
    is_normal(list, "mamba.0.A_log", 0.01);
    is_normal(list, "mamba.0.dt_proj.weight", 0.02);
    is_normal(list, "mamba.1.dt_proj.bias", 0.02);
    is_uniform(list, "mamba.0.out_proj.weight", sqrt(6.0 / (32 + 64)));
    is_normal(list, "mamba.0.conv1d.weight", 1 / sqrt(64.0 * 4));
    is_constant(list, "mamba.0.conv1d.bias", 0);
    va_temporal_free(model);
}

static void fixed_positions(void)
{
    struct va_params list;
    double v[10 * 8];

    va_params_init(&list, be);
    VA_CHECK(va_params_add(
                 &list,
                 &(struct va_param){
                     .rank = 3, .shape = { 1, 10, 8 }, .init = VA_INIT_SINCOS, .frozen = true },
                 "pos_embed") == 0);
    VA_CHECK(va_params_allocate(&list) == 0 && va_params_allocate_training(&list) == 0);
    VA_CHECK(list.items[0].grad == NULL);
    VA_CHECK(va_params_draw(&list, 1) == 0);
    be->ops->get_f64(be, v, list.items[0].value.data, 80);
    for (int i = 0; i < 8; i++)
        VA_CHECK_NEAR(v[i], 0, 0);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 3; x++)
            for (int i = 0; i < 2; i++) {
                const double *row = v + 8 * (1 + 3 * y + x);
                double w = i ? 0.01 : 1;

                VA_CHECK_NEAR(row[i], sin(x * w), 1e-7);
                VA_CHECK_NEAR(row[2 + i], cos(x * w), 1e-7);
                VA_CHECK_NEAR(row[4 + i], sin(y * w), 1e-7);
                VA_CHECK_NEAR(row[6 + i], cos(y * w), 1e-7);
            }
    va_params_release(&list);
}

static void decay_groups(void)
{
    struct va_temporal *paper = va_temporal_new(be, &medium, VA_TEMPORAL_INIT_PAPER, false);
    struct va_temporal *authors = va_temporal_new(be, &medium, VA_TEMPORAL_INIT_AUTHORS, true);
    struct va_params *list = va_temporal_params(paper);
    static const char *const with[] = { "tcn.0.conv1.weight_v",
                                        "tcn.0.conv1.weight_g",
                                        "tcn.0.prelu1.weight",
                                        "tcn.1.shortcut.weight",
                                        "mamba.0.conv1d.weight",
                                        "mamba.0.dt_proj.weight",
                                        "fc2.weight" };
    static const char *const without[] = {
        "tcn.0.conv1.bias",     "mamba.0.A_log",     "mamba.1.D",
        "mamba.0.norm.weight",  "mamba.0.norm.bias", "mamba.0.conv1d.bias",
        "mamba.0.dt_proj.bias", "proj.bias"
    };

    for (size_t i = 0; i < VA_COUNT(with); i++)
        VA_CHECK(find(list, with[i])->decay);
    for (size_t i = 0; i < VA_COUNT(without); i++)
        VA_CHECK(!find(list, without[i])->decay);
    for (int64_t i = 0; i < va_temporal_params(authors)->count; i++)
        VA_CHECK(va_temporal_params(authors)->items[i].decay);
    va_temporal_free(paper);
    va_temporal_free(authors);
}

/* Everything a model holds, as one set. */
static struct va_tensors *drawn(const struct va_temporal_config *c, uint64_t seed)
{
    struct va_temporal *model = va_temporal_new(be, c, VA_TEMPORAL_INIT_PAPER, false);
    struct va_tensors *set = va_tensors_new();

    VA_CHECK(va_params_draw(va_temporal_params(model), seed) == 0);
    VA_CHECK(va_params_store(va_temporal_params(model), set) == 0);
    VA_CHECK(va_temporal_config_store(c, set) == 0);
    va_temporal_free(model);
    return set;
}

static bool equal(const struct va_tensors *a, const struct va_tensors *b)
{
    for (int64_t i = 0; i < a->count; i++)
        if (memcmp(a->items[i].data, b->items[i].data,
                   (size_t)a->items[i].count * sizeof(float)) != 0)
            return false;
    return a->count == b->count;
}

static void same_seed_same_values(void)
{
    struct va_tensors *a = drawn(&medium, 5), *b = drawn(&medium, 5), *c = drawn(&medium, 6);

    VA_CHECK(equal(a, b));
    VA_CHECK(!equal(a, c));
    va_tensors_free(a);
    va_tensors_free(b);
    va_tensors_free(c);
}

static void store_and_load(void)
{
    struct va_tensors *a = drawn(&medium, 5), *b = va_tensors_new();
    struct va_temporal_config c;
    struct va_temporal *model;

    VA_CHECK(va_temporal_config_load(&c, a, "a.h5") == 0);
    VA_CHECK_INT(c.in_dim, medium.in_dim);
    VA_CHECK_INT(c.blocks, 3);
    VA_CHECK_INT(c.channels[1], 40);
    VA_CHECK_INT(c.kernel, 15);
    VA_CHECK_INT(c.layers, 2);
    VA_CHECK_INT(c.d_state, 8);
    VA_CHECK_INT(c.d_conv, 4);
    VA_CHECK_INT(c.expand, 2);
    VA_CHECK_INT(c.dt_rank, 6);
    VA_CHECK_INT(c.hidden, 24);
    VA_CHECK(!c.in_norm);
    model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_AUTHORS, false);
    VA_CHECK(va_params_load(va_temporal_params(model), a, "a.h5") == 0);
    VA_CHECK(va_params_store(va_temporal_params(model), b) == 0);
    VA_CHECK(equal(a, b));
    va_temporal_free(model);
    va_tensors_free(a);
    va_tensors_free(b);
}

/* Every kind of model says what it is by its tensors alone, and again by its metadata. */
static void every_temporal_model(void)
{
    for (int t = 0; va_temporal_names[t]; t++) {
        struct va_temporal_config c = medium, found;
        struct va_tensors *set;
        int64_t meta;

        c.temporal = t;
        c.width = c.channels[c.blocks - 1];
        c.heads = 4;
        set = drawn(&c, 5);
        VA_CHECK(strcmp(va_tensors_meta(set, "temporal"), va_temporal_names[t]) == 0);
        VA_CHECK(va_temporal_config_load(&found, set, "a.h5") == 0);
        va_temporal_config_resolve(&c);
        VA_CHECK(memcmp(&c, &found, offsetof(struct va_temporal_config, channels)) == 0);
        VA_CHECK(c.layers == found.layers && c.dt_rank == found.dt_rank && c.mlp == found.mlp &&
                 c.heads == found.heads && c.hidden == found.hidden);
        meta = set->meta_count;
        set->meta_count = 0;
        VA_CHECK(va_temporal_config_load(&found, set, "a.h5") == 0);
        VA_CHECK_INT(found.temporal, t);
        set->meta_count = meta;
        va_tensors_free(set);
    }
}

/* ---- what is refused, with its line ------------------------------------------------------ */

static char line[512];

static int load(const struct va_tensors *set)
{
    struct va_temporal_config c;
    struct va_temporal *model = NULL;
    int rc;

    va_error_catch_begin(line, sizeof(line));
    rc = va_temporal_config_load(&c, set, "m.h5");
    if (rc == 0) {
        model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_PAPER, false);
        rc = model ? va_params_load(va_temporal_params(model), set, "m.h5") : -1;
    }
    va_error_catch_end();
    va_temporal_free(model);
    return rc;
}

static void refused(struct va_tensors *set, const char *expected)
{
    VA_CHECK_INT(load(set), -1);
    if (!strstr(line, expected)) {
        printf("# said \"%s\", expected \"%s\"\n", line, expected);
        va_test_bad = true;
    }
    va_tensors_free(set);
}

static void reshape(struct va_tensors *set, const char *name, int64_t d0, int64_t d1,
                    int64_t d2)
{
    struct va_tensor *t = va_tensors_find(set, name);

    t->shape[0] = d0;
    if (t->rank > 1)
        t->shape[1] = d1;
    if (t->rank > 2)
        t->shape[2] = d2;
}

static void refusals(void)
{
    struct va_tensors *set = drawn(&medium, 1);

    VA_CHECK(va_tensors_add(set, "extra", VA_F32, 1, &(int64_t){ 3 }) != NULL);
    refused(set, "m.h5: extra: unknown tensor");
    set = drawn(&medium, 1);
    strcpy(va_tensors_find(set, "proj.bias")->name, "proj.bia");
    refused(set, "m.h5: proj.bias: tensor is missing, expected shape 32");
    set = drawn(&medium, 1);
    ((float *)va_tensors_find(set, "mamba.0.D")->data)[7] = NAN;
    refused(set, "m.h5: mamba.0.D: element 7 is");
    set = drawn(&medium, 1);
    reshape(set, "mamba.1.D", 63, 0, 0);
    refused(set, "m.h5: mamba.1.D: shape 63, expected 64");
    set = drawn(&medium, 1); /* claims a width whose second convolution would need 256 GB */
    reshape(set, "tcn.0.conv1.weight_v", 65536, 60, 15);
    refused(set, "m.h5: parameters: found ");
    set = drawn(&medium, 1);
    reshape(set, "tcn.0.conv1.weight_v", INT64_MAX / 2, 60, 15);
    refused(set, "m.h5: tcn.0.conv1.weight_v: found ");
    set = drawn(&medium, 1);
    reshape(set, "mamba.0.in_proj.weight", 65, 32, 0);
    refused(set, "m.h5: mamba.0.in_proj.weight: 65 rows, expected a multiple of 64");
    set = drawn(&medium, 1);
    reshape(set, "mamba.0.A_log", 64, 0, 0);
    refused(set, "m.h5: d-state: found 0, expected 1 to");
    set = drawn(&medium, 1);
    VA_CHECK(va_tensors_set_meta(set, "d-state", "16") == 0);
    refused(set, "m.h5: d-state: found 16, expected 8");
    set = drawn(&medium, 1);
    VA_CHECK(va_tensors_set_meta(set, "arch", "vit") == 0);
    refused(set, "m.h5: arch: found vit, expected mamba-va");
    set = drawn(&medium, 1);
    VA_CHECK(va_tensors_set_meta(set, "in-norm", "maybe") == 0);
    refused(set, "m.h5: in-norm: found maybe, expected yes or no");
    refused(va_tensors_new(), "m.h5: tcn.0.conv1.weight_v: tensor is missing");
    set = drawn(&medium, 1);
    VA_CHECK(va_tensors_set_meta(set, "temporal", "lstm") == 0);
    refused(set, "m.h5: temporal: found lstm, expected tcn-mamba as in the shapes");
    set = drawn(&medium, 1);
    VA_CHECK(va_tensors_add(set, "gru.0.weight_ih", VA_F32, 2, (int64_t[]){ 3, 1 }) != NULL);
    refused(set, "m.h5: found layers of mamba and of gru, expected one kind of layer");
    set = drawn(&medium, 1);
    VA_CHECK(va_tensors_add(set, "embed.weight", VA_F32, 2, (int64_t[]){ 3, 1 }) != NULL);
    refused(set, "m.h5: embed.weight: ");
}

static void configurations(void)
{
    struct va_temporal_config c = medium;

    va_error_catch_begin(line, sizeof(line));
    c.kernel = 0;
    VA_CHECK(va_temporal_config_check(&c, "--kernel") < 0);
    c.kernel = 20000; /* a history of 280000 frames */
    VA_CHECK(va_temporal_config_check(&c, "--kernel") < 0);
    c = medium;
    c.blocks = VA_TEMPORAL_BLOCKS_MAX + 1;
    VA_CHECK(va_temporal_config_check(&c, "--channels") < 0);
    c = medium;
    c.expand = 65536;
    VA_CHECK(va_temporal_config_check(&c, "--expand") < 0);
    c = medium;
    c.dt_rank = 0;
    VA_CHECK(va_temporal_config_check(&c, "--dt-rank") == 0);
    va_error_catch_end();
}

int main(void)
{
    be = va_ref_backend_new();
    VA_TEST(published_size);
    VA_TEST(laws_of_the_paper);
    VA_TEST(laws_of_the_authors);
    VA_TEST(laws_of_other_layers);
    VA_TEST(fixed_positions);
    VA_TEST(decay_groups);
    VA_TEST(same_seed_same_values);
    VA_TEST(store_and_load);
    VA_TEST(every_temporal_model);
    VA_TEST(refusals);
    VA_TEST(configurations);
    va_backend_free(be);
    return va_test_finish();
}
