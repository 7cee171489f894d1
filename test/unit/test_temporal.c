/*
 * The model in double: gradients of every tensor against finite differences, at sizes that are
 * no multiple of anything; streaming against the whole sequence; how far the TCN looks back.
 */
#include "model/va_temporal.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "nn/va_optimiser.h"
#include "ref/va_ref_ops.h"
#include "test/unit/step.h"
#include "test/va_test.h"

static struct va_backend *be;

/* Widths 5 -> 5 (identity shortcut) -> 7 -> 3; receptive field 1 + 2 * 2 * 7 = 29. */
static const struct va_temporal_config tiny = {
    .in_dim = 5,
    .blocks = 3,
    .channels = { 5, 7, 3 },
    .kernel = 3,
    .layers = 2,
    .d_state = 3,
    .d_conv = 4,
    .expand = 3,
    .dt_rank = 2,
    .hidden = 4,
};

struct model {
    struct va_temporal *temporal;
    int64_t B, T;
    void *x, *pred,
        *weights; /* [B, T, in_dim], [B, T, 2], [B, T, 2]: the loss is their product */
    double dropout;
    void *step; /* record (9, 4) */
};

/* A buffer of normal numbers, times scale. */
static void *noise(int64_t n, uint64_t stream, double scale)
{
    double *v = va_new(n, sizeof(double));
    void *buffer = be->ops->alloc(be, n);

    for (int64_t i = 0; i < n; i++)
        v[i] = scale * va_rand_normal(17, VA_RAND_TEST, stream, (uint64_t)i);
    be->ops->put_f64(be, buffer, v, n);
    va_free(v);
    return buffer;
}

/* Move every value a little, so that no zero or one hides a mistake. */
static void shake(struct va_params *list)
{
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];
        void *shift = noise(p->count, 100 + (uint64_t)i, 0.2);

        be->ops->add(
            be,
            &(struct va_add){
                .B = 1, .n = p->count, .a = p->value.data, .b = shift, .y = p->value.data });
        va_weight_changed(&p->value);
        be->ops->free(be, shift);
    }
}

static struct model model_new(const struct va_temporal_config *c, int64_t B, int64_t T,
                              double dropout)
{
    struct model m = { .B = B, .T = T, .dropout = dropout };

    m.temporal = va_temporal_new(be, c, VA_TEMPORAL_INIT_AUTHORS, false);
    VA_CHECK(va_params_draw(va_temporal_params(m.temporal), 3) == 0);
    shake(va_temporal_params(m.temporal));
    VA_CHECK(va_params_allocate_training(va_temporal_params(m.temporal)) == 0);
    va_params_changed(va_temporal_params(m.temporal));
    VA_CHECK(va_temporal_reserve(m.temporal, B, T, true) == 0);
    m.x = noise(B * T * c->in_dim, 1, 1);
    m.weights = noise(B * T * 2, 2, 1);
    m.pred = be->ops->alloc(be, B * T * 2);
    m.step = step_new(be, 9, 4);
    return m;
}

static void model_free(struct model *m)
{
    be->ops->free(be, m->x);
    be->ops->free(be, m->pred);
    be->ops->free(be, m->weights);
    be->ops->free(be, m->step);
    va_temporal_free(m->temporal);
}

static double loss(struct model *m)
{
    double sum = 0;
    const double *p = m->pred, *w = m->weights; /* the ref backend's numbers are doubles */

    va_params_changed(va_temporal_params(m->temporal));
    va_temporal_forward(m->temporal, m->B, m->T, m->x, m->pred, m->dropout, m->step, 0);
    for (int64_t i = 0; i < m->B * m->T * 2; i++)
        sum += p[i] * w[i];
    return sum;
}

/* Central difference of one number, with Richardson's step: error of order h^4. */
static double slope(struct model *m, double *value, double h)
{
    double at = *value, d[2];

    for (int i = 0; i < 2; i++) {
        double up, step = h / (1 + i);

        *value = at + step;
        up = loss(m);
        *value = at - step;
        d[i] = (up - loss(m)) / (2 * step);
        *value = at;
    }
    return d[1] + (d[1] - d[0]) / 3;
}

/* PReLU and ReLU have corners: where a step went over one, a smaller step does not. */
static void check_entry(struct model *m, struct va_param *p)
{
    static const double steps[] = { 1e-4, 3e-6, 1e-7 };
    double *value = p->value.data, found = NAN;
    const double *grad = p->grad;
    int64_t stride = p->count > 24 ? p->count / 24 : 1;

    for (int64_t i = 0; i < p->count; i += stride) {
        bool near = false;

        for (size_t k = 0; k < VA_COUNT(steps) && !near; k++) {
            found = slope(m, &value[i], steps[k]);
            near = fabs(found - grad[i]) <= (k == 2 ? 1e-5 : 1e-7) * (1 + fabs(grad[i]));
        }
        if (!near) {
            printf("# %s[%lld]: gradient %.9g, difference %.9g\n", p->name, (long long)i,
                   grad[i], found);
            va_test_bad = true;
        }
    }
}

static void gradients(const struct va_temporal_config *c, int64_t B, int64_t T, double dropout)
{
    struct model m = model_new(c, B, T, dropout);
    struct va_params *list = va_temporal_params(m.temporal);

    loss(&m);
    va_temporal_backward(m.temporal, B, T, m.x, m.weights);
    va_params_derive_grad(list);
    for (int64_t i = 0; i < list->count; i++)
        check_entry(&m, &list->items[i]);
    model_free(&m);
}

static void gradients_of_two_sequences(void)
{
    gradients(&tiny, 2, 33, 0);
}

static void gradients_with_dropout(void)
{
    gradients(&tiny, 2, 11, 0.3);
}

static void gradients_of_one_frame(void)
{
    gradients(&tiny, 1, 1, 0);
    gradients(&tiny, 3, 1, 0);
}

static void gradients_with_input_norm(void)
{
    struct va_temporal_config c = tiny;

    c.in_norm = true;
    gradients(&c, 2, 7, 0.2);
}

static void gradients_of_smallest_sizes(void)
{
    struct va_temporal_config c = { .in_dim = 1,
                                    .blocks = 1,
                                    .channels = { 2 },
                                    .kernel = 1,
                                    .layers = 1,
                                    .d_state = 1,
                                    .d_conv = 1,
                                    .expand = 1,
                                    .hidden = 1 };

    gradients(&c, 1, 5, 0);
}

/* The other layers in Mamba's place, with and without a TCN; the width is even for two heads. */
static struct va_temporal_config other(int temporal)
{
    struct va_temporal_config c = tiny;

    c.temporal = temporal;
    c.width = c.channels[c.blocks - 1] = 4;
    c.heads = 2;
    c.mlp = 7;
    return c;
}

static void gradients_of_other_layers(void)
{
    for (int t = 1; va_temporal_names[t]; t++) {
        struct va_temporal_config c = other(t);

        gradients(&c, 2, 13, 0.3);
        c.in_norm = true;
        gradients(&c, 1, 31, 0);
        gradients(&c, 3, 1, 0);
        if (va_test_bad) {
            printf("# %s\n", va_temporal_names[t]);
            break;
        }
    }
}

/* Two named streams of 3 and 1 features, the second with a wider linear layer than it has features. */
static struct va_temporal_config fused(int temporal, enum va_fusion_kind fusion)
{
    struct va_temporal_config c = other(temporal);

    c.fusion = fusion;
    c.stream_width = 2;
    c.in_dim = 6;
    VA_CHECK(va_streams_parse(&c.streams, "face=3,sound=1", 10, "test") == 0);
    return c;
}

static void gradients_of_streams(void)
{
    for (int f = 1; va_fusion_names[f]; f++)
        for (int t = 0; va_temporal_names[t]; t++) {
            struct va_temporal_config c = fused(t, (enum va_fusion_kind)f);

            gradients(&c, 2, 13, 0.3);
            c.stream_width = 0;
            gradients(&c, 1, 1, 0);
            if (va_test_bad) {
                printf("# %s, %s\n", va_fusion_names[f], va_temporal_names[t]);
                return;
            }
        }
}

/* A second backward adds the same once more. */
static void gradients_add(void)
{
    struct model m = model_new(&tiny, 2, 9, 0.1);
    struct va_params *list = va_temporal_params(m.temporal);
    double *once = va_new(va_params_total(list), sizeof(double));
    int64_t at = 0;

    loss(&m);
    va_temporal_backward(m.temporal, m.B, m.T, m.x, m.weights);
    va_params_derive_grad(list);
    for (int64_t i = 0; i < list->count; at += list->items[i++].count)
        be->ops->get_f64(be, once + at, list->items[i].grad, list->items[i].count);
    va_params_zero_grad(list);
    va_temporal_backward(m.temporal, m.B, m.T, m.x, m.weights);
    va_temporal_backward(m.temporal, m.B, m.T, m.x, m.weights);
    va_params_derive_grad(list);
    at = 0;
    for (int64_t i = 0; i < list->count; at += list->items[i++].count)
        for (int64_t k = 0; k < list->items[i].count; k++)
            VA_CHECK_NEAR(((double *)list->items[i].grad)[k], 2 * once[at + k],
                          1e-12 * (1 + fabs(once[at + k])));
    va_params_zero_grad(list);
    for (int64_t i = 0; i < list->count; i++)
        VA_CHECK(((double *)list->items[i].grad)[0] == 0);
    va_free(once);
    model_free(&m);
}

/* All temporal models, then those of streams on top of the first and the second. */
static struct va_temporal_config any_kind(int t)
{
    int models = 0;

    while (va_temporal_names[models])
        models++;
    return t < models ? other(t)
                      : fused((t - models) % 2, (enum va_fusion_kind)(1 + (t - models) / 2));
}

static int kinds(void)
{
    int count = 0;

    while (va_temporal_names[count])
        count++;
    for (int f = 1; va_fusion_names[f]; f++)
        count += 2;
    return count;
}

/* ---- forward ----------------------------------------------------------------------------- */

/* The layout for training, the one for prediction, and a room larger than needed agree. */
static void layouts_agree(void)
{
    for (int t = 0; t < kinds(); t++) {
        struct va_temporal_config c = any_kind(t);
        double first[2 * 13 * 2];
        struct model m;

        c.in_norm = true;
        m = model_new(&c, 2, 13, 0);
        loss(&m);
        be->ops->get_f64(be, first, m.pred, VA_COUNT(first));
        for (int i = 0; i < 3; i++) {
            VA_CHECK(
                va_temporal_reserve(m.temporal, i == 1 ? 5 : 2, i == 1 ? 30 : 13, i == 2) == 0);
            loss(&m);
            VA_CHECK(memcmp(first, m.pred, sizeof(first)) == 0);
        }
        model_free(&m);
    }
}

static void dropout_is_of_its_step(void)
{
    struct model m = model_new(&tiny, 1, 40, 0.5);
    void *first = step_new(be, 1, 1), *second = step_new(be, 1, 2);
    double a[80], b[80];

    va_temporal_forward(m.temporal, 1, 40, m.x, m.pred, 0.5, first, 0);
    be->ops->get_f64(be, a, m.pred, 80);
    va_temporal_forward(m.temporal, 1, 40, m.x, m.pred, 0.5, second, 0);
    be->ops->get_f64(be, b, m.pred, 80);
    VA_CHECK(memcmp(a, b, sizeof(a)) != 0);
    va_temporal_forward(m.temporal, 1, 40, m.x, m.pred, 0.5, first, 0);
    be->ops->get_f64(be, b, m.pred, 80);
    VA_CHECK(memcmp(a, b, sizeof(a)) == 0);
    be->ops->free(be, first);
    be->ops->free(be, second);
    model_free(&m);
}

/* Sequences of a batch may be run in several parts: the predictions are the same, and gradients
 * of the parts add up to that of the whole. Sizes are odd, so that parts begin anywhere. */
static void parts_of(const struct va_temporal_config *c)
{
    enum { B = 3, T = 7 };
    static const int64_t parts[] = { 0, 1, 3 };
    struct model m = model_new(c, B, T, 0.5);
    struct va_params *list = va_temporal_params(m.temporal);
    double whole[B * T * 2];
    double **grads = va_new(list->count, sizeof(*grads));

    loss(&m);
    va_temporal_backward(m.temporal, B, T, m.x, m.weights);
    va_params_derive_grad(list);
    be->ops->get_f64(be, whole, m.pred, B * T * 2);
    for (int64_t i = 0; i < list->count; i++) {
        grads[i] = va_new(list->items[i].count, sizeof(double));
        be->ops->get_f64(be, grads[i], list->items[i].grad, list->items[i].count);
    }
    va_params_zero_grad(list);
    for (size_t k = 0; k + 1 < VA_COUNT(parts); k++) {
        int64_t first = parts[k], n = parts[k + 1] - first;
        const double *x = va_at(be, m.x, first * T * c->in_dim);

        va_temporal_forward(m.temporal, n, T, x, m.pred, 0.5, m.step, first);
        VA_CHECK(!memcmp(m.pred, whole + first * T * 2, sizeof(double) * (size_t)(n * T * 2)));
        va_temporal_backward(m.temporal, n, T, x, va_at(be, m.weights, first * T * 2));
    }
    va_params_derive_grad(list);
    for (int64_t i = 0; i < list->count; i++) {
        const double *sum = list->items[i].grad;

        for (int64_t j = 0; j < list->items[i].count; j++)
            VA_CHECK_NEAR(sum[j], grads[i][j], 1e-12 * (1 + fabs(grads[i][j])));
        va_free(grads[i]);
    }
    va_free(grads);
    model_free(&m);
}

static void dropout_of_a_part(void)
{
    for (int t = 0; t < kinds(); t++) {
        struct va_temporal_config c = any_kind(t);

        parts_of(&c);
    }
}

/* Frames whose prediction a change of frame 20 moves, by a TCN alone; the last of them are moved
 * by a single product, which must not vanish: weights are all positive. */
static void receptive_field_of(const struct va_temporal_config *like, int64_t T,
                               int64_t expected)
{
    struct va_temporal_config c = *like;
    double *before = va_new(2 * T, sizeof(*before));
    int64_t first = -1, last = -1;
    struct va_params *list;
    struct model m;

    while (strcmp(va_temporal_names[c.temporal], "tcn") != 0)
        c.temporal++;
    m = model_new(&c, 1, T, 0);
    list = va_temporal_params(m.temporal);
    for (int64_t i = 0; i < list->count; i++)
        for (int64_t k = 0; k < list->items[i].count; k++)
            ((double *)list->items[i].value.data)[k] = 0.5;
    loss(&m);
    be->ops->get_f64(be, before, m.pred, 2 * T);
    for (int64_t i = 0; i < c.in_dim; i++)
        ((double *)m.x)[20 * c.in_dim + i] += 1;
    loss(&m);
    for (int64_t t = 0; t < T; t++)
        if (((double *)m.pred)[2 * t] != before[2 * t]) {
            first = first < 0 ? t : first;
            last = t;
        }
    VA_CHECK_INT(first, 20);
    VA_CHECK_INT(last - first + 1, expected);
    VA_CHECK_INT(va_temporal_receptive_field(&c), expected);
    va_free(before);
    model_free(&m);
}

static void receptive_field(void)
{
    struct va_temporal_config published;

    receptive_field_of(&tiny, 80, 29);
    va_temporal_config_default(&published);
    published.in_dim = 2; /* widths do not reach back */
    for (int64_t b = 0; b < published.blocks; b++)
        published.channels[b] = 2;
    receptive_field_of(&published, 600, 421);
}

/* Blocks of `block` frames, but for some that are shorter, twice over the same stream. */
static void stream(const struct model *m, int64_t block, const double *whole)
{
    struct va_temporal_stream *s = va_temporal_stream_new(m->temporal, block);
    const struct va_temporal_config *c = va_temporal_config(m->temporal);

    VA_CHECK(s != NULL);
    for (int round = 0; round < 2; round++) {
        va_temporal_stream_reset(s);
        for (int64_t t = 0, n; t < m->T; t += n) {
            n = t % 3 == 2 ? (block + 1) / 2 : block;
            n = n < m->T - t ? n : m->T - t;
            va_temporal_stream_forward(s, n, va_at(be, m->x, t * c->in_dim),
                                       va_at(be, m->pred, 2 * t));
        }
        for (int64_t i = 0; i < 2 * m->T; i++)
            if (((double *)m->pred)[i] != whole[i]) { /* same sums in the same order */
                printf("# block %lld: number %lld is %.17g, expected %.17g\n", (long long)block,
                       (long long)i, ((double *)m->pred)[i], whole[i]);
                va_test_bad = true;
                break;
            }
    }
    va_temporal_stream_free(s);
}

static void streaming(void)
{
    static const int64_t blocks[] = { 1, 7, 64, 200 };

    for (int t = 0; t < kinds(); t++) {
        struct va_temporal_config c = any_kind(t);
        double whole[2 * 150];
        struct model m;

        c.in_norm = true;
        m = model_new(&c, 1, 150, 0);
        loss(&m);
        be->ops->get_f64(be, whole, m.pred, VA_COUNT(whole));
        for (size_t i = 0; i < VA_COUNT(blocks); i++)
            stream(&m, blocks[i], whole);
        model_free(&m);
    }
}

/* ---- optimiser --------------------------------------------------------------------------- */

static struct va_param *named(struct va_params *list, const char *name)
{
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

static void bad_gradients_are_named(void)
{
    struct va_optimiser_config c = { .decay = 0.1, .beta1 = .9, .beta2 = .999, .eps = 1e-8 };
    struct model m = model_new(&tiny, 1, 5, 0);
    struct va_params *list = va_temporal_params(m.temporal);
    struct va_optimiser *o = va_optimiser_new(list, &c);
    double norm, value = ((double *)list->items[0].value.data)[0];
    struct va_param *plain[] = { named(list, "fc1.weight"), named(list, "fc2.bias") };
    const char *bad;

    ((double *)plain[0]->grad)[0] = NAN;
    VA_CHECK(step_update(o, 1e-3, &norm, &bad) < 0);
    VA_CHECK(bad && strcmp(bad, plain[0]->name) == 0);
    VA_CHECK_INT(va_optimiser_updates(o), 0);
    VA_CHECK(((double *)list->items[0].value.data)[0] == value);
    ((double *)plain[0]->grad)[0] = 3;
    ((double *)plain[1]->grad)[0] = -4;
    VA_CHECK(step_update(o, 1e-3, &norm, &bad) == 0 && norm == 5); /* but it is too late */
    VA_CHECK_INT(va_optimiser_updates(o), 0);
    VA_CHECK(((double *)list->items[0].value.data)[0] == value);
    va_optimiser_free(o);
    o = va_optimiser_new(list, &c);
    VA_CHECK(step_update(o, 1e-3, &norm, &bad) == 0);
    VA_CHECK_NEAR(norm, 5, 1e-12);
    VA_CHECK_INT(va_optimiser_updates(o), 1);
    VA_CHECK_NEAR(((double *)list->items[0].value.data)[0], value * (1 - 1e-4), 1e-12);
    va_optimiser_free(o);
    model_free(&m);
}

static void memory_comes_back(void)
{
    int64_t held = be->held;
    struct model m = model_new(&tiny, 2, 5, 0);

    VA_CHECK(be->held > held);
    model_free(&m);
    VA_CHECK_INT(be->held, held);
    VA_CHECK(va_backend_check(be) == 0);
}

int main(void)
{
    be = va_ref_backend_new();
    VA_TEST(gradients_of_two_sequences);
    VA_TEST(gradients_with_dropout);
    VA_TEST(gradients_of_one_frame);
    VA_TEST(gradients_with_input_norm);
    VA_TEST(gradients_of_smallest_sizes);
    VA_TEST(gradients_of_other_layers);
    VA_TEST(gradients_of_streams);
    VA_TEST(gradients_add);
    VA_TEST(layouts_agree);
    VA_TEST(dropout_is_of_its_step);
    VA_TEST(dropout_of_a_part);
    VA_TEST(receptive_field);
    VA_TEST(streaming);
    VA_TEST(bad_gradients_are_named);
    VA_TEST(memory_comes_back);
    va_backend_free(be);
    return va_test_finish();
}
