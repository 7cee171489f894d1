/*
 * Training of encoders: an update of the upper eight blocks of ViT-L/16 with a head, in float32 and with
 * products of bfloat16, and one of a masked autoencoder around ViT-B/16. The gradients are compared with
 * double by test_rater and test_mae; here an update has to do what it is for: lower the loss of its batch.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "model/va_arch.h"
#include "model/va_mae.h"
#include "model/va_rater.h"
#include "nn/va_optimiser.h"
#include "test/bench/bench.h"
#include "test/unit/device.h"
#include <math.h>

enum { TRAINED = 8, P = 196, S = 768 };

struct training {
    struct va_backend *be;
    struct va_params *params;
    struct va_optimiser *optimiser;
    struct va_rater *rater;
    void *label, *valid, *dpred;
    struct va_mae *mae;
    struct va_mae_batch batch;
    float *patches;
    uint64_t steps;
    double first, last; /* losses */
};

static float *noise(int64_t n, uint64_t stream)
{
    float *x = va_new(n, sizeof(*x));

    for (int64_t i = 0; x && i < n; i++)
        x[i] = (float)(2 * va_rand_uniform(3, VA_RAND_TEST, stream, (uint64_t)i) - 1);
    return x;
}

static struct training *begin(struct bench *b, enum va_precision precision)
{
    struct training *t = va_new(1, sizeof(*t));

    b->state = t;
    t->be = va_test_device();
    t->be->precision = precision;
    t->patches = noise(b->batch * P * S, 1);
    return t;
}

static bool ready(struct training *t)
{
    static const struct va_optimiser_config adamw = { .05, 1, .9, .95, 1e-8 };

    if (va_params_draw(t->params, 1) < 0 || va_params_allocate_training(t->params) < 0)
        return false;
    va_params_changed(t->params);
    t->optimiser = va_optimiser_new(t->params, &adamw);
    return t->optimiser;
}

static bool start_rater(struct bench *b, enum va_precision precision)
{
    struct training *t = begin(b, precision);
    struct va_rater_config c = { .va = true };
    float *label = noise(b->batch * 2, 2), *ones = va_new(b->batch, sizeof(*ones));

    for (int64_t i = 0; i < b->batch; i++)
        ones[i] = 1;
    va_arch_encoder(VA_ARCH_VIT_LARGE, &c.encoder);
    t->rater = va_rater_new(t->be, &c, c.encoder.depth - TRAINED);
    if (!t->rater || va_rater_reserve(t->rater, b->batch) < 0)
        return false;
    t->params = va_rater_params(t->rater);
    t->label = t->be->ops->alloc(t->be, b->batch * 2);
    t->valid = t->be->ops->alloc(t->be, b->batch);
    t->dpred = t->be->ops->alloc(t->be, b->batch * 2);
    t->be->ops->put_f32(t->be, t->label, label, b->batch * 2);
    t->be->ops->put_f32(t->be, t->valid, ones, b->batch);
    va_free(label), va_free(ones);
    b->work = 203.7e9 * (double)b->batch;
    return ready(t);
}

static bool start_f32(struct bench *b)
{
    return start_rater(b, VA_F32_PRODUCTS);
}

static bool start_bf16(struct bench *b)
{
    return start_rater(b, VA_BF16_PRODUCTS);
}

static bool start_autoencoder(struct bench *b, enum va_precision precision)
{
    struct training *t = begin(b, precision);
    int64_t V = va_mae_visible(P, .75), B = b->batch;
    int32_t *visible = va_new(B * V, sizeof(*visible)), *rank = va_new(B * P, sizeof(*rank));
    float *order = noise(B * P, 4);
    struct va_mae_config c;

    va_mae_config_default(&c);
    va_arch_encoder(VA_ARCH_VIT_BASE, &c.encoder);
    t->mae = va_mae_new(t->be, &c);
    if (!t->mae || va_mae_reserve(t->mae, B, .75) < 0)
        return false;
    t->params = va_mae_params(t->mae);
    for (int64_t i = 0; i < B; i++)
        if (va_mae_mask(P, V, order + i * P, visible + i * V, rank + i * P) < 0)
            return false;
    va_free(order);
    t->batch = (struct va_mae_batch){ B, visible, rank, noise(B * V * S, 5), t->patches };
    b->work = 3 * 2 * (double)B * (85.6e6 * (double)(1 + V) + 25.7e6 * (double)(1 + P));
    return ready(t);
}

static bool start_mae(struct bench *b)
{
    return start_autoencoder(b, VA_F32_PRODUCTS);
}

static bool start_mae_bf16(struct bench *b)
{
    return start_autoencoder(b, VA_BF16_PRODUCTS);
}

static void forward_rater(const struct training *t, int64_t B, void *step)
{
    va_rater_put(t->rater, B, t->patches, NULL);
    va_rater_forward(t->rater);
    t->be->ops->ccc_loss(t->be, &(struct va_ccc){ .n = B,
                                                  .pred = va_rater_pred(t->rater),
                                                  .label = t->label,
                                                  .valid = t->valid,
                                                  .dpred = t->dpred,
                                                  .step = step });
    va_params_zero_grad(t->params);
    va_rater_backward(t->rater, t->dpred, NULL);
}

static void forward_mae(struct training *t, void *step)
{
    va_mae_put(t->mae, &t->batch);
    va_mae_forward(t->mae, 1, step);
    va_params_zero_grad(t->params);
    va_mae_backward(t->mae);
}

static void run(struct bench *b)
{
    struct training *t = b->state;
    void *step = va_optimiser_begin(t->optimiser, 1, t->steps, 1e-5);
    struct va_step_report report;
    const char *bad;

    if (t->rater)
        forward_rater(t, b->batch, step);
    else
        forward_mae(t, step);
    va_optimiser_update(t->optimiser);
    if (va_optimiser_report(t->optimiser, &report, &bad) < 0 || bad)
        exit(1);
    t->last = t->rater ? report.error : report.loss;
    if (t->steps++ == 0)
        t->first = t->last;
}

/* The loss after an update as a part of that before: below 1. */
static double error(struct bench *b)
{
    const struct training *t = b->state;

    run(b);
    return t->last / t->first;
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
        { "finetune", start_f32, run, error, 1 - 1e-6, 0, "flop", 4, 1, NULL },
        { "finetune-bf16", start_bf16, run, error, 1 - 1e-6, 0, "flop", 4, 1, NULL },
        { "pretrain", start_mae, run, error, 1 - 1e-6, 0, "flop", 8, 1, NULL },
        { "pretrain-bf16", start_mae_bf16, run, error, 1 - 1e-6, 0, "flop", 8, 1, NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
