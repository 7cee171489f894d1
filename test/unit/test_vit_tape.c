/*
 * The encoder's backward pass in double against finite differences: all tokens and the CLS row
 * alone, some patches, blocks that are frozen, drop path; and its forward against the one for
 * prediction.
 */
#include "model/va_vit_tape.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"

static struct va_backend *be;
static struct va_vit_config tiny = { .image = 12,
                                     .eps = 1e-6,
                                     .patch = 4,
                                     .width = 8,
                                     .depth = 3,
                                     .heads = 2,
                                     .mlp = 11,
                                     .mean = { 0, 0, 0 },
                                     .std = { 1, 1, 1 } };
enum { B = 2, P = 9, D = 8, S = 48 };

struct model {
    struct va_vit *vit;
    struct va_vit_tape *tape;
    int64_t V, n; /* numbers of the result */
    double *patches, *weights, *dout;
    const int32_t *places;
    const double *keep;
};

static double *noise(int64_t n, uint64_t stream)
{
    double *p = be->ops->alloc(be, n);

    for (int64_t i = 0; i < n; i++)
        p[i] = va_rand_normal(17, VA_RAND_TEST, stream, (uint64_t)i);
    return p;
}

static struct model model_new(const struct va_vit_tape_shape *shape, const int32_t *places,
                              const double *keep)
{
    struct model m = { .V = shape->V, .places = places, .keep = keep };
    struct va_params *list;

    m.vit = va_vit_new(be, &tiny, VA_VIT_INIT_MAE);
    va_vit_freeze(m.vit, shape->first);
    list = va_vit_params(m.vit);
    VA_CHECK(va_vit_draw(m.vit, 3) == 0 && va_params_allocate_training(list) == 0);
    for (int64_t i = 0; i < list->count; i++) /* no zero or one hides a mistake */
        for (int64_t k = 0; k < list->items[i].count; k++)
            ((double *)list->items[i].value.data)[k] +=
                0.2 * va_rand_normal(5, VA_RAND_TEST, (uint64_t)i, (uint64_t)k);
    m.tape = va_vit_tape_new(m.vit, shape);
    VA_CHECK(m.tape != NULL);
    m.n = shape->pooled ? B * D : B * (va_vit_prefix(&tiny) + shape->V) * D;
    m.patches = noise(B * shape->V * S, 1);
    m.weights = noise(m.n, 2);
    m.dout = be->ops->alloc(be, m.n);
    return m;
}

static void model_free(struct model *m)
{
    be->ops->free(be, m->patches);
    be->ops->free(be, m->weights);
    be->ops->free(be, m->dout);
    va_vit_tape_free(m->tape);
    va_vit_free(m->vit);
}

static double loss(struct model *m)
{
    const double *y;
    double sum = 0;

    va_vit_tape_put(m->tape, B, m->places, m->keep);
    y = va_vit_tape_forward(m->tape, m->patches);

    for (int64_t i = 0; i < m->n; i++)
        sum += m->weights[i] * y[i];
    return sum;
}

/* Every seventh number of every tensor. */
static void check_gradients(struct model *m, int64_t trained)
{
    struct va_params *list = va_vit_params(m->vit);
    int64_t with = 0;

    loss(m);
    be->ops->copy(be, m->dout, m->weights, m->n);
    va_vit_tape_backward(m->tape, m->dout);
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];
        double *value = p->value.data;

        VA_CHECK((p->grad == NULL) == p->frozen);
        with += p->grad != NULL;
        for (int64_t k = 0; p->grad && k<p->count; k += p->count> 20 ? 7 : 1) {
            double at = value[k], up, found = ((double *)p->grad)[k];

            value[k] = at + 1e-5;
            up = loss(m);
            value[k] = at - 1e-5;
            up = (up - loss(m)) / 2e-5;
            value[k] = at;
            if (!(fabs(found - up) <= 1e-6 * (1 + fabs(up)))) {
                printf("# %s[%lld]: gradient %.9g, difference %.9g\n", p->name, (long long)k,
                       found, up);
                va_test_bad = true;
            }
        }
    }
    VA_CHECK_INT(with, trained);
}

static const int32_t some[B * 4] = { 3, 0, 8, 5, 2, 7, 1, 4 };
/* [depth, 2, B] */
static const double factors[] = { 1.25, 0, 0, 1.25, 1.5, 1.5, 0, 1.5, 2, 2, 2, 0 };

static void all_tokens(void)
{
    struct model m = model_new(&(struct va_vit_tape_shape){ .B = B, .V = P }, NULL, NULL);

    check_gradients(&m, 3 + 3 * 12 + 2); /* all but the positions */
    model_free(&m);
}

static void some_patches(void)
{
    struct model m = model_new(&(struct va_vit_tape_shape){ .B = B, .V = 4 }, some, NULL);

    check_gradients(&m, 41);
    model_free(&m);
}

static void cls_row_above_frozen_blocks(void)
{
    struct va_vit_tape_shape shape = { .B = B, .V = P, .first = 1, .pooled = true };
    struct model m = model_new(&shape, NULL, factors);

    check_gradients(&m, 2 * 12 + 2);
    model_free(&m);
    shape.first = 3; /* only the last norm */
    m = model_new(&shape, NULL, NULL);
    check_gradients(&m, 2);
    model_free(&m);
    shape.first = 0;
    m = model_new(&shape, NULL, factors);
    check_gradients(&m, 41);
    model_free(&m);
}

/* The same numbers as without a tape. */
static void forward_agrees(void)
{
    struct va_vit_tape_shape shape = { .B = B, .V = P, .first = 2, .pooled = true };
    struct model m = model_new(&shape, NULL, NULL);
    double *cls = be->ops->alloc(be, B * D);
    const double *y;

    VA_CHECK(va_vit_reserve(m.vit, B) == 0);
    va_vit_forward(m.vit, B, m.patches, cls);
    va_vit_tape_put(m.tape, B, NULL, NULL);
    y = va_vit_tape_forward(m.tape, m.patches);
    for (int i = 0; i < B * D; i++)
        VA_CHECK_NEAR(y[i], cls[i], 1e-12);
    be->ops->free(be, cls);
    model_free(&m);
}

/* The mean of the patches, then its norm. */
static void mean_of_patches(void)
{
    struct va_vit_tape_shape shape = { .B = B, .V = P, .pooled = true };
    struct model m;

    tiny.pool = VA_VIT_MEAN;
    m = model_new(&shape, NULL, factors);
    check_gradients(&m, tiny.registers ? 42 : 41);
    model_free(&m);
    shape.first = 3;
    m = model_new(&shape, NULL, NULL);
    check_gradients(&m, 2);
    model_free(&m);
    forward_agrees();
    tiny.pool = VA_VIT_CLS;
}

static void clip(void)
{
    struct va_vit_tape_shape shape = { .B = B, .V = P, .pooled = true };
    struct model m;

    tiny.pre_norm = true, tiny.act = VA_VIT_QUICK_GELU, tiny.eps = 1e-5;
    m = model_new(&shape, NULL, factors);
    check_gradients(&m, 42); /* two of the norm, no bias of the patches */
    model_free(&m);
    shape.first = 1;
    m = model_new(&shape, NULL, NULL);
    check_gradients(&m, 2 * 12 + 2);
    model_free(&m);
    forward_agrees();
    tiny.pre_norm = false, tiny.act = VA_VIT_GELU, tiny.eps = 1e-6;
}

static void registers(void)
{
    struct va_vit_tape_shape shape = { .B = B, .V = P, .pooled = true };
    struct model m;

    tiny.registers = 3;
    m = model_new(&shape, NULL, factors);
    check_gradients(&m, 42);
    model_free(&m);
    forward_agrees();
    shape.pooled = false, shape.V = 4;
    m = model_new(&shape, some, NULL);
    check_gradients(&m, 42);
    model_free(&m);
    mean_of_patches();
    tiny.registers = 0;
}

/* A branch that is dropped in all pictures is one that is not there. */
static void dropped_branches(void)
{
    struct va_vit_tape_shape shape = { .B = B, .V = P };
    struct model m = model_new(&shape, NULL, NULL);
    static const double none[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    double plain = loss(&m);

    m.keep = none;
    VA_CHECK_NEAR(loss(&m), plain, 1e-12);
    m.keep = factors;
    VA_CHECK(fabs(loss(&m) - plain) > 1e-3);
    model_free(&m);
}

int main(void)
{
    be = va_ref_backend_new();
    VA_TEST(all_tokens);
    VA_TEST(some_patches);
    VA_TEST(cls_row_above_frozen_blocks);
    VA_TEST(forward_agrees);
    VA_TEST(mean_of_patches);
    VA_TEST(clip);
    VA_TEST(registers);
    VA_TEST(dropped_branches);
    VA_CHECK_INT(be->held, 0);
    va_backend_free(be);
    return va_test_finish();
}
