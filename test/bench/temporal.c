/*
 * The temporal model of the paper: a training step and its parts. Sizes as published; --batch and
 * --frames change them.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "model/va_temporal.h"
#include "nn/va_optimiser.h"
#include "ops/va_replay.h"
#include "ref/va_ref_ops.h"
#include "test/bench/bench.h"
#include "test/unit/device.h"
#include <math.h>

/* ---- the whole model -------------------------------------------------------------------------- */

struct model {
    struct va_backend *be;
    struct va_temporal *temporal;
    struct va_optimiser *optimiser;
    float *x, *label, *valid; /* of the host */
    void *dx, *dlabel, *dvalid, *pred, *dpred;
    uint64_t steps;
    void *step;              /* record of the step */
    struct va_replay replay; /* as tools do */
};

static enum va_precision precision; /* of the row, */
static bool tcn_only;               /* and whether it has one layer after the TCN */

static struct va_backend *device(void)
{
    struct va_backend *be = va_test_device();

    be->precision = precision;
    return be;
}

static const struct va_optimiser_config adamw = { 1e-2, 1, .9, .999, 1e-8 };

static float *noise(int64_t n, uint64_t stream, double scale)
{
    float *x = va_new(n, sizeof(*x));

    for (int64_t i = 0; x && i < n; i++)
        x[i] = (float)(scale * (2 * va_rand_uniform(7, VA_RAND_TEST, stream, (uint64_t)i) - 1));
    return x;
}

static void *put(struct va_backend *be, const float *x, int64_t n)
{
    void *buffer = be->ops->alloc(be, n);

    if (buffer)
        be->ops->put_f32(be, buffer, x, n);
    return buffer;
}

static struct va_temporal *new_temporal(struct va_backend *be, int64_t B, int64_t T,
                                        bool training)
{
    struct va_temporal_config c;
    struct va_temporal *t;

    va_temporal_config_default(&c);
    va_temporal_config_resolve(&c);
    c.layers = tcn_only ? 1 : c.layers; /* which is 1 % of it */
    t = va_temporal_new(be, &c, VA_TEMPORAL_INIT_AUTHORS, true);
    if (t && va_params_draw(va_temporal_params(t), 1) == 0 &&
        (!training || va_params_allocate_training(va_temporal_params(t)) == 0) &&
        va_temporal_reserve(t, B, T, training) == 0)
        return t;
    return NULL;
}

static bool start_model(struct bench *b, bool training)
{
    int64_t n = b->batch * b->frames;
    struct model *m = va_new(1, sizeof(*m));

    b->state = m;
    m->be = device();
    m->x = noise(n * 1024, 1, 1), m->label = noise(n * 2, 2, 1), m->valid = va_new(n, 4);
    for (int64_t i = 0; i < n; i++)
        m->valid[i] = 1;
    m->dx = put(m->be, m->x, n * 1024), m->dlabel = put(m->be, m->label, n * 2);
    m->dvalid = put(m->be, m->valid, n);
    m->pred = m->be->ops->alloc(m->be, n * 2), m->dpred = m->be->ops->alloc(m->be, n * 2);
    m->temporal = new_temporal(m->be, b->batch, b->frames, training);
    if (!m->temporal)
        return false;
    if (training)
        m->optimiser = va_optimiser_new(va_temporal_params(m->temporal), &adamw);
    b->work = (training ? 3.0 : 1.0) * 66.2e6 * 2 * (double)n; /* of the direct convolutions */
    return true;
}

static bool start_forward(struct bench *b)
{
    return start_model(b, false);
}

static bool start_step(struct bench *b)
{
    return start_model(b, true);
}

static bool start_forward_bf16(struct bench *b)
{
    precision = VA_BF16_PRODUCTS;
    return start_model(b, false);
}

static bool start_step_bf16(struct bench *b)
{
    precision = VA_BF16_PRODUCTS;
    return start_model(b, true);
}

static bool start_tcn_bf16(struct bench *b)
{
    precision = VA_BF16_PRODUCTS;
    tcn_only = true;
    return start_model(b, true);
}

static void run_forward(struct bench *b)
{
    struct model *m = b->state;

    va_temporal_forward(m->temporal, b->batch, b->frames, m->dx, m->pred, 0, NULL, 0);
    va_test_wait(m->be);
}

static void whole_step(void *arg)
{
    const struct bench *b = arg;
    struct model *m = b->state;

    va_params_zero_grad(va_temporal_params(m->temporal));
    va_temporal_forward(m->temporal, b->batch, b->frames, m->dx, m->pred, 0.3, m->step, 0);
    m->be->ops->ccc_loss(m->be, &(struct va_ccc){ .n = b->batch * b->frames,
                                                  .pred = m->pred,
                                                  .label = m->dlabel,
                                                  .valid = m->dvalid,
                                                  .share = 1,
                                                  .dpred = m->dpred,
                                                  .step = m->step });
    va_temporal_backward(m->temporal, b->batch, b->frames, m->dx, m->dpred);
    va_optimiser_update(m->optimiser);
}

static void run_step(struct bench *b)
{
    struct model *m = b->state;
    struct va_step_report report;
    const char *bad = NULL;

    m->step = va_optimiser_begin(m->optimiser, 1, m->steps++, 1e-6);
    va_replay_make(&m->replay, m->be, b->batch, whole_step, b);
    if (va_optimiser_report(m->optimiser, &report, &bad) < 0 || bad)
        exit(1);
}

/* Forward and backward; gradients add up. */
static void both_ways(void *arg)
{
    const struct bench *b = arg;
    struct model *m = b->state;

    va_temporal_forward(m->temporal, b->batch, b->frames, m->dx, m->pred, 0.3, m->step, 0);
    va_temporal_backward(m->temporal, b->batch, b->frames, m->dx, m->dlabel);
}

static void run_both_ways(struct bench *b)
{
    struct model *m = b->state;

    if (m->steps == 0)
        m->step = va_optimiser_begin(m->optimiser, 1, m->steps++, 1e-6);
    va_replay_make(&m->replay, m->be, b->batch, both_ways, b);
    va_test_wait(m->be);
}

static void run_update(struct bench *b)
{
    struct model *m = b->state;
    struct va_step_report report;
    const char *bad = NULL;

    va_optimiser_begin(m->optimiser, 1, m->steps++, 1e-6);
    va_optimiser_update(m->optimiser);
    if (va_optimiser_report(m->optimiser, &report, &bad) < 0)
        exit(1);
}

/* Predictions of 48 frames against double; of the weights as they were drawn. */
static double error_forward(struct bench *b)
{
    enum { T = 48 };
    struct model *m = b->state;
    struct va_backend *on[2] = { va_ref_backend_new(), device() };
    double y[2][2 * T], worst = 0, largest = 0;

    for (int i = 0; i < 2; i++) {
        struct va_temporal *t = new_temporal(on[i], 1, T, false);
        void *x = put(on[i], m->x, T * 1024), *pred = on[i]->ops->alloc(on[i], 2 * T);

        if (!t)
            return INFINITY;
        va_temporal_forward(t, 1, T, x, pred, 0, NULL, 0);
        on[i]->ops->get_f64(on[i], y[i], pred, 2 * T);
        va_temporal_free(t);
        on[i]->ops->free(on[i], x), on[i]->ops->free(on[i], pred);
    }
    for (int i = 0; i < 2 * T; i++) {
        worst = fmax(worst, fabs(y[0][i] - y[1][i]));
        largest = fmax(largest, fabs(y[0][i]));
    }
    return worst / largest;
}

/* ---- a convolution ------------------------------------------------------------------------------ */

enum { C = 1024, K = 15 };

struct conv {
    struct va_backend *be;
    float *x, *w, *y, *dx, *dw; /* as the cpu has them */
    struct va_weight weight;
};

static bool start_conv(struct bench *b)
{
    struct conv *c = va_new(1, sizeof(*c));
    int64_t n = b->batch * b->frames * C, kernel = (int64_t)C * C * K;
    float *x = noise(n, 3, 1), *w = noise(kernel, 4, 0.01);

    b->state = c;
    c->be = device();
    c->x = put(c->be, x, n), c->y = put(c->be, x, n), c->dx = put(c->be, x, n);
    c->w = put(c->be, w, kernel), c->dw = put(c->be, w, kernel);
    c->weight = (struct va_weight){
        .data = c->w, .stale = true, .use = VA_USE_CONV, .N = C, .K = C, .taps = K
    };
    va_free(x), va_free(w);
    b->work = 2.0 * (double)b->batch * (double)b->frames * C * C * K;
    return c->dw;
}

static bool start_conv_bf16(struct bench *b)
{
    precision = VA_BF16_PRODUCTS;
    return start_conv(b);
}

static void run_conv(struct bench *b)
{
    struct conv *c = b->state;

    c->be->ops->conv(c->be, &(struct va_conv){ b->batch, b->frames, C, C, K, 1, 0, c->x,
                                               &c->weight, NULL, c->y });
    va_test_wait(c->be);
}

static void run_conv_dx(struct bench *b)
{
    struct conv *c = b->state;

    c->be->ops->conv_grad(c->be, &(struct va_conv_grad){ b->batch, b->frames, C, C, K, 1, c->x,
                                                         c->x, &c->weight, c->dx, NULL, NULL });
    va_test_wait(c->be);
}

static void run_conv_dw(struct bench *b)
{
    struct conv *c = b->state;

    c->be->ops->zero(c->be, c->dw, (int64_t)C * C * K);
    c->be->ops->conv_grad(c->be, &(struct va_conv_grad){ b->batch, b->frames, C, C, K, 1, c->x,
                                                         c->x, &c->weight, NULL, c->dw, NULL });
    va_test_wait(c->be);
}

/* Some results anew, in double: index i is drawn, want(i) computed, got[i] compared. */
static double compare(const struct bench *b, const float *got, int64_t n,
                      double (*want)(const struct bench *, int64_t))
{
    double worst = 0, largest = 0;

    for (uint64_t k = 0; k < 200; k++) {
        int64_t i = (int64_t)(va_rand_uniform(9, VA_RAND_TEST, 5, k) * (double)n);
        double expected = want(b, i);

        worst = fmax(worst, fabs(expected - got[i]));
        largest = fmax(largest, fabs(expected));
    }
    return worst / largest;
}

static double want_conv(const struct bench *b, int64_t i)
{
    const struct conv *c = b->state;
    int64_t t = i / C % b->frames, o = i % C;
    double sum = 0;

    for (int64_t k = 0; k < K; k++)
        for (int64_t in = 0; t - (K - 1 - k) >= 0 && in < C; in++)
            sum += (double)c->w[(o * C + in) * K + k] * c->x[i - o - (K - 1 - k) * C + in];
    return sum;
}

static double want_dx(const struct bench *b, int64_t i)
{
    const struct conv *c = b->state;
    int64_t t = i / C % b->frames, in = i % C;
    double sum = 0;

    for (int64_t k = 0; k < K; k++)
        for (int64_t o = 0; t + K - 1 - k < b->frames && o < C; o++)
            sum += (double)c->w[(o * C + in) * K + k] * c->x[i - in + (K - 1 - k) * C + o];
    return sum;
}

static double want_dw(const struct bench *b, int64_t i)
{
    const struct conv *c = b->state;
    int64_t back = K - 1 - i % K, in = i / K % C, o = i / K / C;
    double sum = 0;

    for (int64_t s = 0; s < b->batch; s++)
        for (int64_t t = back; t < b->frames; t++)
            sum += (double)c->x[(s * b->frames + t) * C + o] *
                   c->x[(s * b->frames + t - back) * C + in];
    return sum;
}

static double error_conv(struct bench *b)
{
    return compare(b, ((struct conv *)b->state)->y, b->batch * b->frames * C, want_conv);
}

static double error_dx(struct bench *b)
{
    return compare(b, ((struct conv *)b->state)->dx, b->batch * b->frames * C, want_dx);
}

static double error_dw(struct bench *b)
{
    return compare(b, ((struct conv *)b->state)->dw, (int64_t)C * C * K, want_dw);
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
        { "step", start_step, run_step, error_forward, 2e-5, 0, "flop", 16, 300, NULL },
        { "forward", start_forward, run_forward, error_forward, 2e-5, 0, "flop", 16, 300,
          NULL },
        { "adamw", start_step, run_update, NULL, 0, 0, "flop", 1, 1, NULL },
        { "conv-fwd", start_conv, run_conv, error_conv, 2e-6, 0, "flop", 16, 300, NULL },
        { "conv-dx", start_conv, run_conv_dx, error_dx, 2e-6, 0, "flop", 16, 300, NULL },
        { "conv-dw", start_conv, run_conv_dw, error_dw, 2e-6, 0, "flop", 16, 300, NULL },
        { "step-bf16", start_step_bf16, run_step, error_forward, 2e-2, 0, "flop", 16, 300,
          NULL },
        { "tcn-bf16", start_tcn_bf16, run_both_ways, error_forward, 2e-2, 0, "flop", 16, 300,
          NULL },
        { "forward-bf16", start_forward_bf16, run_forward, error_forward, 2e-2, 0, "flop", 16,
          300, NULL },
        { "conv-fwd-bf16", start_conv_bf16, run_conv, error_conv, 2e-2, 0, "flop", 16, 300,
          NULL },
        { "conv-dx-bf16", start_conv_bf16, run_conv_dx, error_dx, 2e-2, 0, "flop", 16, 300,
          NULL },
        { "conv-dw-bf16", start_conv_bf16, run_conv_dw, error_dw, 2e-2, 0, "flop", 16, 300,
          NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
