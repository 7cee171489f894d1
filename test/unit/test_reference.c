/*
 * Every temporal model against PyTorch: predictions, loss, gradients of all tensors, and twenty
 * steps of AdamW. The values come from test/reference/make.py: those of test/golden, or fresh
 * ones (other weights and sizes) in the folder that VA_GOLDEN names.
 */

#include "model/va_temporal.h"
#include "nn/va_optimiser.h"
#include "ops/va_ccc_loss.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/unit/step.h"
#include "test/va_golden.h"

static struct va_backend *be;

struct run {
    char file[128];
    struct va_tensors *expected;
    struct va_temporal *temporal;
    struct va_optimiser *optimiser;
    enum va_ccc_kind loss;
    int64_t B, T, steps;
    void *x, *label, *valid, *pred, *dpred;
};

static double number(const struct va_tensors *set, const char *key)
{
    const char *text = va_tensors_meta(set, key);

    VA_CHECK(text != NULL);
    return text ? strtod(text, NULL) : NAN;
}

static bool yes(const struct va_tensors *set, const char *key)
{
    const char *text = va_tensors_meta(set, key);

    return text && strcmp(text, "yes") == 0;
}

static void put_batch(struct run *r)
{
    const struct va_tensor *label = va_tensors_find(r->expected, "label");
    const float *va = label->data;

    r->B = label->shape[0];
    r->T = label->shape[1];
    r->x = va_golden_upload(be, r->expected, "x");
    r->label = va_golden_upload(be, r->expected, "label");
    r->valid = be->ops->alloc(be, r->B * r->T);
    r->pred = be->ops->alloc(be, 2 * r->B * r->T);
    r->dpred = be->ops->alloc(be, 2 * r->B * r->T);
    for (int64_t i = 0; i < r->B * r->T; i++) {
        float valid = va[2 * i] != -5 && va[2 * i + 1] != -5;

        be->ops->put_f32(be, va_at(be, r->valid, i), &valid, 1);
    }
}

/* false when the golden files are absent. */
static bool run_open(struct run *r, const char *model)
{
    struct va_optimiser_config adamw = { .beta1 = .9, .beta2 = .999 };
    struct va_tensors *weights;
    struct va_temporal_config c;
    char file[128];

    *r = (struct run){ 0 };
    snprintf(r->file, sizeof(r->file), "reference/%s.safetensors", model);
    snprintf(file, sizeof(file), "reference/%s.weights.safetensors", model);
    r->expected = va_golden_load(r->file);
    weights = r->expected ? va_golden_load(file) : NULL;
    if (!weights)
        return false;
    VA_CHECK(va_temporal_config_load(&c, weights, file) == 0);
    VA_CHECK(strcmp(c.fusion ? va_fusion_names[c.fusion] : va_temporal_names[c.temporal],
                    model) == 0);
    r->temporal = va_temporal_new(be, &c, VA_TEMPORAL_INIT_PAPER,
                                  yes(r->expected, "decay-all"));
    VA_CHECK(r->temporal &&
             va_params_load(va_temporal_params(r->temporal), weights, file) == 0);
    VA_CHECK(va_params_allocate_training(va_temporal_params(r->temporal)) == 0);
    va_params_changed(va_temporal_params(r->temporal));
    va_tensors_free(weights);
    put_batch(r);
    VA_CHECK(va_temporal_reserve(r->temporal, r->B, r->T, true) == 0);
    adamw.decay = number(r->expected, "decay");
    adamw.clip = number(r->expected, "clip");
    adamw.eps = number(r->expected, "eps");
    r->steps = (int64_t)number(r->expected, "steps");
    r->loss = strcmp(va_tensors_meta(r->expected, "loss"), "sample") == 0 ? VA_CCC_SAMPLE
                                                                          : VA_CCC_POPULATION;
    r->optimiser = va_optimiser_new(va_temporal_params(r->temporal), &adamw);
    VA_CHECK(r->optimiser != NULL);
    return true;
}

static void run_close(struct run *r)
{
    be->ops->free(be, r->x);
    be->ops->free(be, r->label);
    be->ops->free(be, r->valid);
    be->ops->free(be, r->pred);
    be->ops->free(be, r->dpred);
    va_optimiser_free(r->optimiser);
    va_temporal_free(r->temporal);
    va_tensors_free(r->expected);
}

static double both_ways(struct run *r)
{
    struct va_step_report loss;
    int64_t n = r->B * r->T;

    va_params_zero_grad(va_temporal_params(r->temporal));
    va_temporal_forward(r->temporal, r->B, r->T, r->x, r->pred, 0, NULL, 0);
    loss = step_ccc(be, (struct va_ccc){ .n = n,
                                         .kind = r->loss,
                                         .eps = 1e-8,
                                         .share = 1,
                                         .pred = r->pred,
                                         .label = r->label,
                                         .valid = r->valid,
                                         .dpred = r->dpred });
    va_temporal_backward(r->temporal, r->B, r->T, r->x, r->dpred);
    return loss.loss;
}

/* Expected values are rounded to float32 where ours are double: half of the slack does. */
static void check_list(const struct run *r, const char *prefix, bool gradients)
{
    const struct va_params *list = va_temporal_params(r->temporal);

    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];
        char name[128];

        snprintf(name, sizeof(name), "%s.%s", prefix, p->name);
        va_golden_check_buffer(be, r->file, r->expected, name,
                               gradients ? p->grad : p->value.data, p->count, 1);
    }
}

static void check_numbers(const struct run *r, const char *tensor, const double *found,
                          int64_t n)
{
    char what[256];

    snprintf(what, sizeof(what), "%s: %s: %s", be->ops->name, r->file, tensor);
    va_golden_check(what, found, n, va_tensors_find(r->expected, tensor),
                    va_golden_atol(r->file, tensor));
}

static void model_of(const char *model)
{
    double losses[64], norms[64];
    const char *bad;
    struct run r;

    if (!run_open(&r, model)) {
        va_tensors_free(r.expected);
        VA_SKIP("no values of this model");
    }
    VA_CHECK(r.steps <= 64);
    losses[0] = both_ways(&r);
    check_numbers(&r, "loss", losses, 1);
    va_golden_check_buffer(be, r.file, r.expected, "pred", r.pred, 2 * r.B * r.T, 1);
    va_params_derive_grad(va_temporal_params(r.temporal));
    check_list(&r, "grad", true);
    for (int64_t k = 0; k < r.steps && k < 64; k++) {
        losses[k] = both_ways(&r);
        VA_CHECK(step_update(r.optimiser, 2e-3, &norms[k], &bad) == 0);
    }
    if (r.steps) {
        check_numbers(&r, "step.loss", losses, r.steps);
        check_numbers(&r, "step.norm", norms, r.steps);
        check_list(&r, "after", false);
    }
    run_close(&r);
}

#define MODEL(function, name)  \
    static void function(void) \
    {                          \
        model_of(name);        \
    }

MODEL(tcn_mamba, "tcn-mamba")
MODEL(tcn, "tcn")
MODEL(mamba, "mamba")
MODEL(tcn_lstm, "tcn-lstm")
MODEL(lstm, "lstm")
MODEL(tcn_gru, "tcn-gru")
MODEL(gru, "gru")
MODEL(tcn_transformer, "tcn-transformer")
MODEL(transformer, "transformer")
MODEL(concat, "concat")
MODEL(cross, "cross")

static void all(struct va_backend *backend)
{
    be = backend;
    if (!be) {
        printf("not ok backend\n");
        va_test_failed++;
        return;
    }
    printf("# backend %s\n", be->ops->name);
    VA_TEST(tcn_mamba);
    VA_TEST(tcn);
    VA_TEST(mamba);
    VA_TEST(tcn_lstm);
    VA_TEST(lstm);
    VA_TEST(tcn_gru);
    VA_TEST(gru);
    VA_TEST(tcn_transformer);
    VA_TEST(transformer);
    VA_TEST(concat);
    VA_TEST(cross);
    VA_CHECK(va_backend_check(be) == 0);
    va_backend_free(be);
}

int main(void)
{
    all(va_ref_backend_new());
    all(va_test_device());
    return va_test_finish();
}
