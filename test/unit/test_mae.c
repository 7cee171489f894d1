/*
 * The masked autoencoder against recorded PyTorch results: loss, predicted pixels, gradients of
 * every tensor, ten steps; with and without normalised pixels; by both backends.
 */
#include "base/va_error.h"
#include "nn/va_optimiser.h"
#include "ref/va_ref_ops.h"
#include "test/unit/device.h"
#include "test/unit/mae_fixture.h"
#include "test/unit/step.h"

static double loss_of(struct fixture *f)
{
    void *step = step_new(be, 0, 0);
    double loss;

    va_mae_put(f->mae, &f->batch);
    va_mae_forward(f->mae, 1, step);
    loss = step_report(be, step).loss;
    be->ops->free(be, step);
    return loss;
}

static void check_forward(struct fixture *f)
{
    double loss = loss_of(f);
    float *pred = va_new(B * P * S, sizeof(*pred));
    double *values = va_new(B * P * S, sizeof(*values));

    check_number(f, "loss", &loss, 1);
    va_mae_pred(f->mae, pred);
    for (int64_t i = 0; i < B * P * S; i++)
        values[i] = pred[i];
    check_number(f, "pred", values, B * P * S);
    for (int64_t i = 0; i < B * P; i++)
        values[i] = f->rank[i] >= va_mae_visible(P, .75);
    check_number(f, "mask", values, B * P);
    va_free(pred);
    va_free(values);
}

static void check_gradients(struct fixture *f)
{
    const struct va_params *list = va_mae_params(f->mae);
    int64_t trained = 0;

    va_params_zero_grad(va_mae_params(f->mae));
    va_mae_backward(f->mae);
    for (int64_t i = 0; i < list->count; i++) {
        char name[128];

        if (list->items[i].frozen)
            continue;
        trained++;
        snprintf(name, sizeof(name), "grad.%s", list->items[i].name);
        va_golden_check_buffer(be, f->file, f->expected, name, list->items[i].grad,
                               list->items[i].count, 1);
    }
    VA_CHECK_INT(trained, list->count - 2); /* all but the two tables of positions */
}

static void check_steps(struct fixture *f)
{
    struct va_optimiser_config c = { .decay = .05, .beta1 = .9, .beta2 = .95, .eps = 1e-8 };
    struct va_params *list = va_mae_params(f->mae);
    struct va_optimiser *o = va_optimiser_new(list, &c);
    double losses[STEPS], norm;
    const char *bad;

    for (int k = 0; k < STEPS; k++) {
        losses[k] = loss_of(f);
        va_params_zero_grad(list);
        va_mae_backward(f->mae);
        VA_CHECK(step_update(o, 1e-3, &norm, &bad) == 0);
    }
    check_number(f, "step.loss", losses, STEPS);
    va_optimiser_free(o);
}

static void case_of(const char *which)
{
    static struct fixture f;

    if (!fixture_open(&f, which)) {
        va_tensors_free(f.expected);
        VA_SKIP("no golden values");
    }
    check_forward(&f);
    check_gradients(&f);
    check_steps(&f);
    VA_CHECK(va_backend_check(be) == 0);
    fixture_close(&f);
}

static void plain(void)
{
    case_of("plain");
}

static void normalised_pixels(void)
{
    case_of("normpix");
}

/* Gradients add, and take their factor: two halves make a whole. */
static void accumulated(void)
{
    static struct fixture f;
    struct va_params *list;
    double *once;

    if (!fixture_open(&f, "plain")) {
        va_tensors_free(f.expected);
        VA_SKIP("no golden values");
    }
    list = va_mae_params(f.mae);
    once = va_new(list->items[2].count, sizeof(*once));
    va_mae_put(f.mae, &f.batch);
    va_mae_forward(f.mae, 1, NULL);
    va_params_zero_grad(list);
    va_mae_backward(f.mae);
    be->ops->get_f64(be, once, list->items[2].grad, list->items[2].count);
    va_params_zero_grad(list);
    for (int i = 0; i < 2; i++) {
        va_mae_forward(f.mae, .5, NULL);
        va_mae_backward(f.mae);
    }
    for (int64_t i = 0; i < list->items[2].count; i++) {
        double twice;

        be->ops->get_f64(be, &twice, va_at(be, list->items[2].grad, i), 1);
        VA_CHECK_NEAR(twice, once[i], 1e-6 * (1e-3 + fabs(once[i])));
    }
    va_free(once);
    fixture_close(&f);
}

static void all(struct va_backend *backend)
{
    be = backend;
    if (!be)
        exit(4);
    printf("# backend %s\n", be->ops->name);
    VA_TEST(plain);
    VA_TEST(normalised_pixels);
    VA_TEST(accumulated);
    VA_CHECK_INT(be->held > 0 ? 1 : 0, strcmp(be->ops->name, "ref") != 0);
    va_backend_free(be);
}

/* Ties keep the order of the patches; too many hidden, or none, is refused. */
static void masks(void)
{
    const float noise[] = { .5f, .1f, .5f, .1f, .9f };
    struct va_mae_config c;
    int32_t visible[3], rank[5];
    char line[256];

    VA_CHECK(va_mae_mask(5, 3, noise, visible, rank) == 0);
    VA_CHECK(visible[0] == 1 && visible[1] == 3 && visible[2] == 0);
    VA_CHECK(rank[0] == 2 && rank[1] == 0 && rank[2] == 3 && rank[3] == 1 && rank[4] == 4);
    VA_CHECK_INT(va_mae_visible(196, .75), 49);
    va_mae_config_default(&c);
    c.encoder.width = 64, c.encoder.depth = 1, c.encoder.heads = 4, c.encoder.mlp = 64;
    c.encoder.image = 32, c.width = 32, c.depth = 1, c.heads = 4;
    be = va_ref_backend_new();
    {
        struct va_mae *m = va_mae_new(be, &c);

        va_error_catch_begin(line, sizeof(line));
        VA_CHECK(va_mae_reserve(m, 1, .99) < 0);
        VA_CHECK(strstr(line, "hides 4 of 4 patches") != NULL);
        VA_CHECK(va_mae_reserve(m, 1, .1) == 0);
        va_error_catch_end();
        va_mae_free(m);
    }
    va_backend_free(be);
}

int main(void)
{
    all(va_ref_backend_new());
    all(va_test_device());
    VA_TEST(masks);
    return va_test_finish();
}
