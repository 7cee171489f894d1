/*
 * One frame at a time: the published model at full size, and the others, against the whole
 * sequence at once. Prints what a frame takes.
 */
#include "model/va_live.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "cpu/va_cpu_ops.h"
#include "test/va_test.h"
#include <time.h>

static struct va_backend *be;

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* T frames of a drawn model, twice: the second time after a reset. Returns seconds of a frame. */
static double compare(const struct va_temporal_config *c, int64_t T)
{
    struct va_temporal *model = va_temporal_new(be, c, VA_TEMPORAL_INIT_AUTHORS, false);
    struct va_live *live = model ? va_live_new(model) : NULL;
    float *x = va_new(T * c->in_dim, sizeof(*x)), *whole = va_new(2 * T, sizeof(*whole));
    void *dx = be->ops->alloc(be, T * c->in_dim), *pred = be->ops->alloc(be, 2 * T);
    double took = 0, worst = 0;

    VA_CHECK(live && x && whole && dx && pred &&
             va_params_draw(va_temporal_params(model), 3) == 0);
    if (va_test_bad)
        return 0;
    va_params_changed(va_temporal_params(model));
    for (int64_t i = 0; i < T * c->in_dim; i++)
        x[i] = (float)va_rand_normal(5, VA_RAND_TEST, 0, (uint64_t)i);
    be->ops->put_f32(be, dx, x, T * c->in_dim);
    VA_CHECK(va_temporal_reserve(model, 1, T, false) == 0);
    va_temporal_forward(model, 1, T, dx, pred, 0, NULL, 0);
    be->ops->get_f32(be, whole, pred, 2 * T);
    for (int round = 0; round < 2; round++) {
        va_live_reset(live);
        took = seconds();
        for (int64_t t = 0; t < T; t++) {
            float va[2] = { NAN, NAN };

            VA_CHECK(va_live_frame(live, x + t * c->in_dim, va) == 0);
            worst = va_worse(
                worst, va_worse(fabs(va[0] - whole[2 * t]), fabs(va[1] - whole[2 * t + 1])));
            VA_CHECK(isfinite(va[0]) && isfinite(va[1]));
        }
        took = (seconds() - took) / (double)T;
    }
    VA_CHECK_NEAR(worst, 0, 1e-5);
    va_live_free(live);
    va_temporal_free(model);
    be->ops->free(be, dx);
    be->ops->free(be, pred);
    va_free(x);
    va_free(whole);
    return took;
}

static void published_model(void)
{
    struct va_temporal_config c;

    va_temporal_config_default(&c);
    printf("# published model: %.2f ms a frame\n", 1e3 * compare(&c, 40));
}

/* Two sequences by turns through one model, each as it is alone. */
static void turns(void)
{
    enum { T = 30 };
    struct va_temporal_config c;
    struct va_temporal *model;
    struct va_live *live[2];
    float alone[2][T][2], va[2];

    va_temporal_config_default(&c);
    c.in_dim = 8;
    for (int b = 0; b < 4; b++)
        c.channels[b] = c.width = 16;
    model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_AUTHORS, false);
    VA_CHECK(model && va_params_draw(va_temporal_params(model), 3) == 0);
    va_params_changed(va_temporal_params(model));
    for (int s = 0; s < 2; s++)
        live[s] = va_live_new(model);
    VA_CHECK(live[0] && live[1]);
    for (int i = 0; i < 4 * T && !va_test_bad; i++) { /* one after the other, then by turns */
        int s = i < 2 * T ? i / T : i % 2, t = i < 2 * T ? i % T : i / 2 - T;
        float x[8];

        if (i == 2 * T)
            va_live_reset(live[0]), va_live_reset(live[1]);
        for (int k = 0; k < 8; k++)
            x[k] = (float)va_rand_normal(5, VA_RAND_TEST, (uint64_t)s, (uint64_t)(8 * t + k));
        VA_CHECK(va_live_frame(live[s], x, va) == 0);
        for (int d = 0; d < 2; d++) {
            if (i < 2 * T)
                alone[s][t][d] = va[d];
            VA_CHECK(va[d] == alone[s][t][d]);
        }
    }
    va_live_free(live[0]);
    va_live_free(live[1]);
    va_temporal_free(model);
}

static void other_models(void)
{
    for (int t = 0; va_temporal_names[t]; t++) {
        struct va_temporal_config c;

        va_temporal_config_default(&c);
        c.temporal = t;
        c.in_dim = 64;
        for (int b = 0; b < 4; b++)
            c.channels[b] = c.width = 64;
        printf("# %s, 64 wide: %.3f ms a frame\n", va_temporal_names[t],
               1e3 * compare(&c, 200));
    }
}

int main(void)
{
    be = va_cpu_backend_new();
    if (!be)
        return 4;
    VA_TEST(published_model);
    VA_TEST(other_models);
    VA_TEST(turns);
    va_backend_free(be);
    return va_test_finish();
}
