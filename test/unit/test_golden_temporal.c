/*
 * Blocks and the tiny heads of both presets against recorded PyTorch results in float64:
 * outputs, gradients, and twenty steps of training; by every backend of this machine.
 */
#include "base/va_error.h"
#include "data/va_labels.h"
#include "io/va_h5.h"
#include "model/va_temporal.h"
#include "nn/va_mamba.h"
#include "nn/va_optimiser.h"
#include "nn/va_schedule.h"
#include "nn/va_tcn.h"
#include "ops/va_ccc_loss.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/unit/step.h"
#include "test/va_golden.h"

static struct va_backend *be;

/* The tolerance has room for sums in float32 (ten times the reference's own error) and eight units
 * of rounding. Doubles need only the half unit to which the expected value was rounded. */
static double slack(void)
{
    return strcmp(be->ops->name, "ref") == 0 ? 0.13 : 1;
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* Values of a block's entries, whose names have `prefix` more than the file's. */
static void put_values(struct va_params *list, const struct va_tensors *set, size_t prefix)
{
    VA_CHECK(va_params_allocate(list) == 0 && va_params_allocate_training(list) == 0);
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];
        const struct va_tensor *t = va_tensors_find(set, p->name + prefix);

        VA_CHECK(t && t->count == p->count);
        if (t)
            be->ops->put_f32(be, p->value.data, t->data, p->count);
        va_weight_changed(&p->value);
    }
}

static void check_gradients(const struct va_params *list, const char *file,
                            const struct va_tensors *set, size_t prefix)
{
    char name[128];

    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];

        snprintf(name, sizeof(name), "grad.%s", p->name + prefix);
        va_golden_check_buffer(be, file, set, name, p->grad, p->count, slack());
    }
}

static void tcn_case(const char *file)
{
    struct va_tensors *set = va_golden_load(file);
    const struct va_tensor *x = va_tensors_find(set, "x"), *y = va_tensors_find(set, "y"),
                           *v = va_tensors_find(set, "conv1.weight_v");
    int64_t B = x->shape[0], T = x->shape[1], Cin = x->shape[2], Cout = y->shape[2];
    int64_t dilation = strtol(va_tensors_meta(set, "dilation"), NULL, 10), n = B * T * Cout;
    int64_t wide = B * T * (Cin > Cout ? Cin : Cout);
    static const struct va_mask none;
    struct va_tcn_acts acts;
    struct va_tcn_scratch s;
    struct va_params list;
    struct va_tcn block;
    void **buffers[] = { &acts.c1,  &acts.y1,   &acts.c2,   &acts.sum,
                         &acts.out, &s.grad[0], &s.grad[1], &s.grad[2] };
    void *in = va_golden_upload(be, set, "x"), *dy = va_golden_upload(be, set, "dy");

    va_params_init(&list, be);
    VA_CHECK(va_tcn_declare(&block, &list, "tcn", 0, Cin, Cout, v->shape[2], dilation, true) ==
             0);
    put_values(&list, set, strlen("tcn.0."));
    va_params_changed(&list);
    for (size_t i = 0; i < VA_COUNT(buffers); i++)
        *buffers[i] = be->ops->alloc(be, wide);
    va_tcn_forward(&block, B, T, 0, in, &acts, &none);
    va_golden_check_buffer(be, file, set, "y", acts.out, n, slack());
    be->ops->copy(be, s.grad[0], dy, n);
    va_tcn_backward(&block, B, T, in, &acts, &none, true, &s);
    va_params_derive_grad(&list);
    va_golden_check_buffer(be, file, set, "grad.x", s.grad[1], x->count, slack());
    check_gradients(&list, file, set, strlen("tcn.0."));

    for (size_t i = 0; i < VA_COUNT(buffers); i++)
        be->ops->free(be, *buffers[i]);
    be->ops->free(be, in);
    be->ops->free(be, dy);
    va_params_release(&list);
    va_tensors_free(set);
}

static void mamba_case(const char *file)
{
    struct va_tensors *set = va_golden_load(file);
    const struct va_tensor *x = va_tensors_find(set, "x"), *A = va_tensors_find(set, "A_log"),
                           *dt = va_tensors_find(set, "dt_proj.weight");
    struct va_mamba_sizes sizes = { .D = x->shape[2],
                                    .E = A->shape[0],
                                    .N = A->shape[1],
                                    .R = dt->shape[1],
                                    .taps = va_tensors_find(set, "conv1d.weight")->shape[2] };
    static const struct va_mamba_state fresh;
    void *in = va_golden_upload(be, set, "x"), *dy = va_golden_upload(be, set, "dy");
    void *dx = be->ops->alloc(be, x->count);
    struct va_mamba_scratch s;
    struct va_mamba_acts acts;
    struct va_params list;
    struct va_arena arena;
    struct va_mamba layer;

    va_params_init(&list, be);
    va_arena_init(&arena, be);
    VA_CHECK(va_mamba_declare(&layer, &list, "mamba.0", &sizes, VA_MAMBA_INIT_PAPER) == 0);
    put_values(&list, set, strlen("mamba.0."));
    va_params_changed(&list);
    va_arena_begin(&arena);
    for (int pass = 0; pass < 2; pass++) {
        va_mamba_plan(&layer, x->shape[0], x->shape[1], true, &arena, &acts);
        va_mamba_plan_backward(&layer, x->shape[0] * x->shape[1], &arena, &s);
        VA_CHECK(pass || va_arena_commit(&arena) == 0);
    }
    va_mamba_forward(&layer, x->shape[0], x->shape[1], in, &acts, &fresh);
    va_golden_check_buffer(be, file, set, "y", acts.out, x->count, slack());
    va_mamba_backward(&layer, x->shape[0], x->shape[1], in, &acts, dy, dx, &s);
    va_params_derive_grad(&list);
    va_golden_check_buffer(be, file, set, "grad.x", dx, x->count, slack());
    check_gradients(&list, file, set, strlen("mamba.0."));

    be->ops->free(be, in);
    be->ops->free(be, dy);
    be->ops->free(be, dx);
    va_arena_release(&arena);
    va_params_release(&list);
    va_tensors_free(set);
}

static void tcn_blocks(void)
{
    tcn_case("blocks/tcn_0.safetensors");
    tcn_case("blocks/tcn_1.safetensors");
    tcn_case("blocks/tcn_2.safetensors");
    tcn_case("blocks/tcn_3.safetensors");
}

static void mamba_layers(void)
{
    mamba_case("blocks/mamba_0.safetensors");
    mamba_case("blocks/mamba_1.safetensors");
    mamba_case("blocks/mamba_2.safetensors");
    mamba_case("blocks/mamba_3.safetensors");
}

/* ---- the tiny heads ---------------------------------------------------------------------- */

/* A preset as far as the temporal model and its training know it. */
struct preset {
    const char *name;
    bool in_norm, decay_all;
    enum va_ccc_kind ccc;
    enum va_schedule schedule;
    struct va_optimiser_config adamw;
};

static const struct preset presets[] = {
    { "paper",
      false,
      false,
      VA_CCC_POPULATION,
      VA_SCHEDULE_PAPER,
      { .decay = 1e-3, .clip = 0, .beta1 = .9, .beta2 = .999, .eps = 1e-8 } },
    { "authors",
      true,
      true,
      VA_CCC_SAMPLE,
      VA_SCHEDULE_AUTHORS,
      { .decay = 1e-2, .clip = 1, .beta1 = .9, .beta2 = .999, .eps = 1e-7 } },
};

enum { CLIPS = 4, STEPS = 20 };

/* The temporal model with its recorded weights, and the four training clips as one batch. */
struct tiny {
    const struct preset *preset;
    char file[128]; /* of what is expected */
    struct va_tensors *expected;
    struct va_temporal *model;
    int64_t T;
    void *x, *label, *valid, *pred, *dpred; /* B = CLIPS */
};

static float *read_features(const char *clip, int64_t *T)
{
    char file[128], path[512];
    int64_t shape[VA_RANK_MAX] = { 0 };
    struct va_h5_in *in;
    float *values = NULL;
    enum va_dtype type;
    int rank;

    snprintf(file, sizeof(file), "head_tiny/features/%s.h5", clip);
    in = va_golden_path(file, path) ? va_h5_open(path, "va.features/1") : NULL;
    if (in && va_h5_shape(in, "/features", &type, &rank, shape) == 0)
        values = va_h5_read(in, "/features", VA_F32);
    va_h5_close(in);
    *T = shape[0];
    return values;
}

static void read_batch(struct tiny *t)
{
    int64_t D = va_temporal_config(t->model)->in_dim;

    for (int i = 0; i < CLIPS; i++) {
        struct va_labels labels = { 0 };
        char clip[32], file[128], path[512];
        float *features;

        snprintf(clip, sizeof(clip), "train_%d", i);
        snprintf(file, sizeof(file), "head_tiny/labels/%s.txt", clip);
        features = read_features(clip, &t->T);
        VA_CHECK(features && va_labels_read(&labels, va_golden_path(file, path),
                                            VA_LABELS_ANNOTATION) == 0);
        if (i == 0) {
            t->x = be->ops->alloc(be, CLIPS * t->T * D);
            t->label = be->ops->alloc(be, CLIPS * t->T * 2);
            t->valid = be->ops->alloc(be, CLIPS * t->T);
            t->pred = be->ops->alloc(be, CLIPS * t->T * 2);
            t->dpred = be->ops->alloc(be, CLIPS * t->T * 2);
        }
        VA_CHECK_INT(labels.count, t->T);
        be->ops->put_f32(be, va_at(be, t->x, i * t->T * D), features, t->T * D);
        for (int64_t k = 0; k < t->T; k++) {
            float va[2] = { (float)labels.va[2 * k], (float)labels.va[2 * k + 1] };
            float valid = va_is_labelled(&labels.va[2 * k]) ? 1 : 0;

            be->ops->put_f32(be, va_at(be, t->label, 2 * (i * t->T + k)), va, 2);
            be->ops->put_f32(be, va_at(be, t->valid, i * t->T + k), &valid, 1);
        }
        va_labels_release(&labels);
        va_free(features);
    }
}

static struct tiny tiny_new(const struct preset *p, const char *expected)
{
    struct tiny t = { .preset = p };
    struct va_tensors *weights;
    struct va_temporal_config c;
    char file[128];

    snprintf(file, sizeof(file), "head_tiny/%s.weights.safetensors", p->name);
    snprintf(t.file, sizeof(t.file), "head_tiny/%s.%s.safetensors", p->name, expected);
    weights = va_golden_load(file);
    t.expected = va_golden_load(t.file);
    VA_CHECK(weights && t.expected && va_temporal_config_load(&c, weights, file) == 0);
    c.in_norm = p->in_norm; /* the shapes do not say */
    t.model = va_temporal_new(be, &c, VA_TEMPORAL_INIT_PAPER, p->decay_all);
    VA_CHECK(t.model && va_params_load(va_temporal_params(t.model), weights, file) == 0);
    VA_CHECK(va_params_allocate_training(va_temporal_params(t.model)) == 0);
    va_params_changed(va_temporal_params(t.model));
    read_batch(&t);
    VA_CHECK(va_temporal_reserve(t.model, CLIPS, t.T, true) == 0);
    va_tensors_free(weights);
    return t;
}

static void tiny_free(struct tiny *t)
{
    be->ops->free(be, t->x);
    be->ops->free(be, t->label);
    be->ops->free(be, t->valid);
    be->ops->free(be, t->pred);
    be->ops->free(be, t->dpred);
    va_temporal_free(t->model);
    va_tensors_free(t->expected);
}

/* Forward and backward over the batch; gradients start at zero. Returns the loss. */
static double both_ways(struct tiny *t)
{
    struct va_step_report loss;
    int64_t n = CLIPS * t->T;

    va_params_zero_grad(va_temporal_params(t->model));
    va_temporal_forward(t->model, CLIPS, t->T, t->x, t->pred, 0, NULL, 0);
    loss = step_ccc(be, (struct va_ccc){ .n = n,
                                         .kind = t->preset->ccc,
                                         .eps = 1e-8,
                                         .share = 1,
                                         .pred = t->pred,
                                         .label = t->label,
                                         .valid = t->valid,
                                         .dpred = t->dpred });
    va_temporal_backward(t->model, CLIPS, t->T, t->x, t->dpred);
    VA_CHECK_INT(loss.learned, n - 13);
    return loss.loss;
}

static void check_number(const struct tiny *t, const char *tensor, const double *found,
                         int64_t n)
{
    char what[256];

    snprintf(what, sizeof(what), "%s: %s: %s", be->ops->name, t->file, tensor);
    va_golden_check(what, found, n, va_tensors_find(t->expected, tensor),
                    slack() * va_golden_atol(t->file, tensor));
}

static void gradients_of(const struct preset *p)
{
    struct tiny t = tiny_new(p, "expected");
    double loss = both_ways(&t);

    check_number(&t, "loss", &loss, 1);
    va_params_derive_grad(va_temporal_params(t.model));
    check_gradients(va_temporal_params(t.model), t.file, t.expected, 0);
    tiny_free(&t);
}

/* Each clip alone, whole and in blocks of seven frames. */
static void predictions_of(const struct preset *p)
{
    static const char *const clips[] = { "train_0",   "train_1",      "train_2", "train_3",
                                         "one_frame", "seven_frames", "long" };
    struct tiny t = tiny_new(p, "expected");
    int64_t D = va_temporal_config(t.model)->in_dim, T, n;
    struct va_temporal_stream *s = va_temporal_stream_new(t.model, 7);

    for (size_t i = 0; i < VA_COUNT(clips); i++) {
        float *features = read_features(clips[i], &T);
        void *x = be->ops->alloc(be, T * D), *pred = be->ops->alloc(be, 2 * T);
        char name[64];

        VA_CHECK(features && va_temporal_reserve(t.model, 1, T, false) == 0);
        be->ops->put_f32(be, x, features, T * D);
        snprintf(name, sizeof(name), "pred.%s", clips[i]);
        va_temporal_forward(t.model, 1, T, x, pred, 0, NULL, 0);
        va_golden_check_buffer(be, t.file, t.expected, name, pred, 2 * T, slack());
        be->ops->zero(be, pred, 2 * T);
        va_temporal_stream_reset(s);
        for (int64_t k = 0; k < T; k += n) {
            n = T - k < 7 ? T - k : 7;
            va_temporal_stream_forward(s, n, va_at(be, x, k * D), va_at(be, pred, 2 * k));
        }
        va_golden_check_buffer(be, t.file, t.expected, name, pred, 2 * T, slack());
        be->ops->free(be, x);
        be->ops->free(be, pred);
        va_free(features);
    }
    va_temporal_stream_free(s);
    tiny_free(&t);
}

static void training_of(const struct preset *p)
{
    struct tiny t = tiny_new(p, "trained");
    struct va_params *list = va_temporal_params(t.model);
    struct va_optimiser *o = va_optimiser_new(list, &p->adamw);
    double rate[STEPS], loss[STEPS], norm[STEPS];
    const char *bad;

    for (int k = 0; k < STEPS; k++) {
        rate[k] = va_schedule_rate(p->schedule, k, 1, 2e-3, 50, 5);
        loss[k] = both_ways(&t);
        VA_CHECK(step_update(o, rate[k], &norm[k], &bad) == 0);
    }
    check_number(&t, "step.lr", rate, STEPS);
    check_number(&t, "step.loss", loss, STEPS);
    check_number(&t, "step.norm", norm, STEPS);
    for (int64_t i = 0; i < list->count; i++)
        va_golden_check_buffer(be, t.file, t.expected, list->items[i].name,
                               list->items[i].value.data, list->items[i].count, slack());
    va_optimiser_free(o);
    tiny_free(&t);
}

/* The same steps when products round: losses are off those of float64, which float32 is by 1e-6, and by no more
 * than `most`. */
static void rounded_training_of(const struct preset *p, double most)
{
    const enum va_precision own = be->precision;
    struct va_optimiser *o;
    struct tiny t;
    double norm, worst = 0;
    const char *bad;

    be->precision = VA_BF16_PRODUCTS;
    t = tiny_new(p, "trained");
    o = va_optimiser_new(va_temporal_params(t.model), &p->adamw);
    for (int k = 0; k < STEPS; k++) {
        double off = both_ways(&t) - va_golden_at(va_tensors_find(t.expected, "step.loss"), k);

        worst = fmax(worst, fabs(off));
        VA_CHECK(
            step_update(o, va_schedule_rate(p->schedule, k, 1, 2e-3, 50, 5), &norm, &bad) == 0);
    }
    printf("# %s: %s in bf16: losses off by %.2g\n", be->ops->name, p->name, worst);
    VA_CHECK(worst > 1e-5 && worst <= most);
    va_optimiser_free(o);
    tiny_free(&t);
    be->precision = own;
}

static void gradients(void)
{
    gradients_of(&presets[0]);
    gradients_of(&presets[1]);
}

static void predictions(void)
{
    predictions_of(&presets[0]);
    predictions_of(&presets[1]);
}

static void training(void)
{
    training_of(&presets[0]);
    training_of(&presets[1]);
}

static void rounded_training(void)
{
    /* twice what they were off when the judge rounded the operands of all products, forward and backward */
    rounded_training_of(&presets[0], .006);
    rounded_training_of(&presets[1], .03);
}

/* A backend may keep room to work in, but not more with every model. */
static void nothing_is_left(void)
{
    int64_t held = be->held;

    training();
    rounded_training();
    VA_CHECK(va_backend_check(be) == 0);
    VA_CHECK_INT(be->held, held);
}

static void all(struct va_backend *backend)
{
    be = backend;
    if (!be) {
        printf("not ok backend\n");
        va_test_failed++;
        return;
    }
    printf("# backend %s\n", be->ops->name);
    VA_TEST(tcn_blocks);
    VA_TEST(mamba_layers);
    VA_TEST(gradients);
    VA_TEST(predictions);
    VA_TEST(training);
    VA_TEST(rounded_training);
    VA_TEST(nothing_is_left);
    va_backend_free(be);
}

int main(void)
{
    all(va_ref_backend_new());
    all(va_test_device());
    return va_test_finish();
}
