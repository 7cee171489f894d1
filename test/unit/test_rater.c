/*
 * An encoder with heads: the gradient of the whole loss in double against finite differences, for
 * every tensor that is trained; what is frozen, rates by layer, dropped paths; and the error that is
 * mixed into the CCC loss.
 */
#include "model/va_rater.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "nn/va_optimiser.h"
#include "ops/va_ccc_loss.h"
#include "ref/va_ref_ops.h"
#include "test/unit/step.h"
#include "test/va_test.h"
#include <stdlib.h>

static struct va_backend *be;
static const struct va_rater_config tiny = { .encoder = { .image = 12,
                                                          .eps = 1e-6,
                                                          .patch = 4,
                                                          .width = 8,
                                                          .depth = 3,
                                                          .heads = 2,
                                                          .mlp = 11,
                                                          .mean = { 0, 0, 0 },
                                                          .std = { 1, 1, 1 } },
                                             .va = true,
                                             .classes = 3 };
enum { B = 5, P = 9, S = 48, C = 3 };

static const float label[B][2] = {
    { .5f, -.2f }, { 0, 0 }, { -.4f, .9f }, { .1f, .3f }, { 1, -1 }
};
static const float ok[B] = { 1, 0, 1, 1, 1 };
static const int32_t expression[B] = { 2, 0, -1, 1, 0 };
static const double weight[C] = { .7, 2, 1.3 };

struct model {
    struct va_rater *rater;
    float *patches;
    double *keep;
    void *va, *valid, *dpred, *dlogits;
    double share;
};

static void fill(struct va_params *list)
{
    for (int64_t i = 0; i < list->count; i++) /* no zero or one hides a mistake */
        for (int64_t k = 0; k < list->items[i].count; k++)
            ((double *)list->items[i].value.data)[k] =
                0.4 * va_rand_normal(5, VA_RAND_TEST, (uint64_t)i, (uint64_t)k);
}

static struct model model_new(const struct va_rater_config *c, int64_t first, double drop)
{
    struct model m = { .share = .3 };
    struct va_params *list;

    m.rater = va_rater_new(be, c, first);
    list = va_rater_params(m.rater);
    VA_CHECK(va_params_allocate_training(list) == 0);
    fill(list);
    VA_CHECK(va_rater_reserve(m.rater, B) == 0);
    m.patches = va_new(B * P * S, sizeof(float));
    for (int64_t i = 0; i < B * P * S; i++)
        m.patches[i] = (float)va_rand_normal(9, VA_RAND_TEST, 0, (uint64_t)i);
    if (drop > 0) {
        m.keep = va_new(c->encoder.depth * 2 * B, sizeof(double));
        va_rater_drop_paths(&c->encoder, drop, 3, 1, 0, B, m.keep);
    }
    m.va = be->ops->alloc(be, B * 2);
    m.valid = be->ops->alloc(be, B);
    m.dpred = be->ops->alloc(be, B * 2);
    m.dlogits = be->ops->alloc(be, B * C);
    be->ops->put_f32(be, m.va, &label[0][0], B * 2);
    be->ops->put_f32(be, m.valid, ok, B);
    return m;
}

static void model_free(struct model *m)
{
    void *buffers[] = { m->va, m->valid, m->dpred, m->dlogits };

    for (size_t i = 0; i < VA_COUNT(buffers); i++)
        be->ops->free(be, buffers[i]);
    va_free(m->patches);
    va_free(m->keep);
    va_rater_free(m->rater);
}

/* The loss as fine-tuning has it; with its gradients if asked for. */
static double loss_of(struct model *m, bool gradients)
{
    bool classes = va_rater_config(m->rater)->classes > 0;
    void *step = step_new(be, 0, 0);
    double loss;

    va_rater_put(m->rater, B, m->patches, m->keep);
    va_rater_forward(m->rater);
    be->ops->ccc_loss(be, &(struct va_ccc){ .n = B,
                                            .share = m->share,
                                            .pred = va_rater_pred(m->rater),
                                            .label = m->va,
                                            .valid = m->valid,
                                            .dpred = m->dpred,
                                            .step = step });
    if (classes)
        be->ops->cross_entropy(be,
                               &(struct va_cross_entropy){ .n = B,
                                                           .C = C,
                                                           .scale = .6,
                                                           .logits = va_rater_logits(m->rater),
                                                           .label = expression,
                                                           .weight = weight,
                                                           .dlogits = m->dlogits,
                                                           .step = step });
    if (gradients)
        va_rater_backward(m->rater, m->dpred, classes ? m->dlogits : NULL);
    loss = step_report(be, step).loss;
    be->ops->free(be, step);
    return loss;
}

/* Every fifth number of every tensor; how many tensors have a gradient. */
static int64_t check_gradients(struct model *m)
{
    struct va_params *list = va_rater_params(m->rater);
    int64_t with = 0;

    loss_of(m, true);
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];
        double *value = p->value.data, most = 0;

        VA_CHECK((p->grad == NULL) == p->frozen);
        with += p->grad != NULL;
        for (int64_t k = 0; p->grad && k<p->count; k += p->count> 20 ? 5 : 1) {
            double at = value[k], up, found = ((double *)p->grad)[k];

            value[k] = at + 1e-5;
            up = loss_of(m, false);
            value[k] = at - 1e-5;
            up = (up - loss_of(m, false)) / 2e-5;
            value[k] = at;
            most = fmax(most, fabs(found));
            if (!(fabs(found - up) <= 1e-6 * (1 + fabs(up)))) {
                printf("# %s[%lld]: gradient %.9g, difference %.9g\n", p->name, (long long)k,
                       found, up);
                va_test_bad = true;
            }
        }
        VA_CHECK(!p->grad || most > 1e-6 ||
                 strstr(p->name, "qkv.bias")); /* something is tested */
    }
    return with;
}

static void gradients_of_all(void)
{
    struct model m = model_new(&tiny, 0, 0);

    VA_CHECK_INT(check_gradients(&m), 3 + 3 * 12 + 2 + 4); /* all but the positions */
    model_free(&m);
}

static void gradients_above_frozen_blocks(void)
{
    struct va_rater_config c = tiny;
    struct model m = model_new(&c, 2, .5);

    VA_CHECK_INT(check_gradients(&m), 12 + 2 + 4);
    model_free(&m);
    c.classes = 0; /* and without expressions; CCC alone, error alone */
    m = model_new(&c, 3, 0);
    m.share = 1;
    VA_CHECK_INT(check_gradients(&m), 2 + 2);
    model_free(&m);
    m = model_new(&c, 1, 0);
    m.share = 0;
    VA_CHECK_INT(check_gradients(&m), 2 * 12 + 2 + 2);
    model_free(&m);
}

/* Steps move what is trained, by its rate, and nothing else. */
static void frozen_stays_and_rates_fall(void)
{
    struct model m = model_new(&tiny, 1, 0);
    struct va_params *list = va_rater_params(m.rater);
    struct va_optimiser_config adam = { .beta1 = .9, .beta2 = .999, .eps = 1e-12 };
    struct va_optimiser *o;
    double **before = va_new(list->count, sizeof(*before)), norm;
    const char *bad;

    va_rater_set_rates(m.rater, .5);
    o = va_optimiser_new(list, &adam);
    for (int64_t i = 0; i < list->count; i++) {
        before[i] = va_new(list->items[i].count, sizeof(double));
        memcpy(before[i], list->items[i].value.data,
               sizeof(double) * (size_t)list->items[i].count);
    }
    loss_of(&m, true);
    VA_CHECK(step_update(o, 1e-3, &norm, &bad) == 0);
    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];
        double most = 0, rate = 1e-3;

        for (int64_t k = 0; k < p->count; k++)
            most = va_worse(most, fabs(((double *)p->value.data)[k] - before[i][k]));
        va_free(before[i]);
        if (strncmp(p->name, "blocks.2.", 9) == 0)
            rate = 5e-4;
        if (strncmp(p->name, "blocks.1.", 9) == 0)
            rate = 2.5e-4;
        /* the first step of Adam is the rate, where the gradient is no rounding */
        VA_CHECK_NEAR(most, p->frozen ? 0 : rate, p->frozen ? 0 : 1e-9);
        VA_CHECK(p->frozen == (strncmp(p->name, "blocks.0.", 9) == 0 || i < 4));
    }
    va_free(before);
    va_optimiser_free(o);
    model_free(&m);
}

static void rates_and_decay(void)
{
    struct va_rater *r = va_rater_new(be, &tiny, 0);
    struct va_params *list = va_rater_params(r);
    static const struct {
        const char *name;
        double rate;
        bool decay;
    } expected[] = {
        { "cls_token", .0625, false },
        { "patch_embed.proj.weight", .0625, true },
        { "patch_embed.proj.bias", .0625, false },
        { "blocks.0.norm1.weight", .125, false },
        { "blocks.0.mlp.fc2.bias", .125, false },
        { "blocks.1.attn.qkv.weight", .25, true },
        { "blocks.2.norm1.weight", .5, false },
        { "norm.weight", 1, false },
        { "va_head.weight", 1, true },
        { "va_head.bias", 1, false },
        { "expr_head.weight", 1, true },
    };

    va_rater_set_rates(r, .5);
    for (size_t e = 0; e < VA_COUNT(expected); e++) {
        int64_t i = 0;

        while (i < list->count && strcmp(list->items[i].name, expected[e].name))
            i++;
        VA_CHECK(i < list->count);
        if (i == list->count)
            continue;
        VA_CHECK_NEAR(list->items[i].rate, expected[e].rate, 0);
        VA_CHECK_INT(list->items[i].decay, expected[e].decay);
    }
    va_rater_free(r);
}

/* The first block keeps all, the last drops p; parts of a batch have their part of the choice. */
static void dropped_paths(void)
{
    enum { MANY = 4000 };
    const struct va_vit_config *c = &tiny.encoder;
    double *all = va_new(3 * 2 * MANY, sizeof(*all)), *part = va_new(3 * 2 * 7, sizeof(*part));
    double share[3] = { 0 };

    va_rater_drop_paths(c, .4, 7, 5, 0, MANY, all);
    va_rater_drop_paths(c, .4, 7, 5, 30, 7, part);
    for (int i = 0; i < 3; i++)
        for (int which = 0; which < 2; which++) {
            for (int b = 0; b < MANY; b++) {
                double x = all[(2 * i + which) * MANY + b];

                share[i] += x == 0;
                VA_CHECK(x == 0 || x == 1 / (1 - .2 * i));
            }
            for (int b = 0; b < 7; b++)
                VA_CHECK(part[(2 * i + which) * 7 + b] == all[(2 * i + which) * MANY + 30 + b]);
        }
    for (int i = 0; i < 3; i++) /* three deviations of 8000 draws */
        VA_CHECK_NEAR(share[i] / (2 * MANY), .2 * i, i ? .017 : 0);
    va_free(all);
    va_free(part);
}

static void mixed_error(void)
{
    static const double p[4][2] = { { .5, 0 }, { -.25, 1 }, { 0, .5 }, { 1, -1 } };
    static const double y[4][2] = { { 0, 0 }, { -.5, .5 }, { .25, .5 }, { .5, 1 } };
    static const double valid[4] = { 1, 1, 1, 0 }, none[4];
    double error = 0, g[8];
    struct va_step_report l = step_ccc(
        be, (struct va_ccc){ 4, VA_CCC_POPULATION, 0, .25, p, y, valid, NULL, g, NULL, false });

    for (int i = 0; i < 3; i++)
        for (int d = 0; d < 2; d++)
            error += (p[i][d] - y[i][d]) * (p[i][d] - y[i][d]) / 6;
    VA_CHECK_NEAR(l.error, error, 1e-15);
    VA_CHECK_NEAR(l.loss, .25 * (2 - l.ccc[0] - l.ccc[1]) + .75 * error, 1e-15);
    l = step_ccc(
        be, (struct va_ccc){ 4, VA_CCC_POPULATION, 0, .25, p, y, none, NULL, g, NULL, false });
    VA_CHECK(l.loss == 0 && l.error == 0 && g[0] == 0);
}

int main(void)
{
    be = va_ref_backend_new();
    VA_TEST(gradients_of_all);
    VA_TEST(gradients_above_frozen_blocks);
    VA_TEST(frozen_stays_and_rates_fall);
    VA_TEST(rates_and_decay);
    VA_TEST(dropped_paths);
    VA_TEST(mixed_error);
    VA_CHECK_INT(be->held, 0);
    va_backend_free(be);
    return va_test_finish();
}
