/* The loss and its gradient: recorded cases, where it is undefined, finite differences. */
#include "ops/va_ccc_loss.h"

#include "base/va_rand.h"
#include "ref/va_ref_ops.h"
#include "test/unit/step.h"
#include "test/va_golden.h"

enum { FRAMES = 41 };

static double eps = 1e-8;

/* Loss of pred, label [n, 2], and its gradient unless NULL, by the reference backend. */
static double loss_of(int64_t n, const double *pred, const double *label, enum va_ccc_kind kind,
                      double *dpred, struct va_step_report *loss)
{
    struct va_backend *be = va_ref_backend_new();
    void *p = be->ops->alloc(be, 2 * n), *y = be->ops->alloc(be, 2 * n);
    void *v = be->ops->alloc(be, n), *g = be->ops->alloc(be, 2 * n);
    double *valid = va_new(n, sizeof(double));

    for (int64_t i = 0; i < n; i++)
        valid[i] = label[2 * i] != -5 && label[2 * i + 1] != -5;
    be->ops->put_f64(be, p, pred, 2 * n);
    be->ops->put_f64(be, y, label, 2 * n);
    be->ops->put_f64(be, v, valid, n);
    *loss = step_ccc(be, (struct va_ccc){ n, kind, eps, 1, p, y, v, NULL, g, NULL, false });
    if (dpred)
        be->ops->get_f64(be, dpred, g, 2 * n);
    be->ops->free(be, p);
    be->ops->free(be, y);
    be->ops->free(be, v);
    be->ops->free(be, g);
    va_backend_free(be);
    va_free(valid);
    return loss->loss;
}

static double *doubles(const struct va_tensor *t)
{
    double *d = va_new(t->count, sizeof(double));

    for (int64_t i = 0; i < t->count; i++)
        d[i] = va_golden_at(t, i);
    return d;
}

static void golden_case(const char *file)
{
    static const char *const kinds[] = { "population", "sample" };
    struct va_tensors *set = va_golden_load(file);
    double *pred, *label, *grad;
    int64_t n;

    VA_CHECK(set != NULL);
    if (!set)
        return;
    pred = doubles(va_tensors_find(set, "pred"));
    label = doubles(va_tensors_find(set, "label"));
    n = va_tensors_find(set, "pred")->count / 2;
    grad = va_new(2 * n, sizeof(double));
    for (int k = 0; k < 2; k++) {
        struct va_step_report loss;
        char name[64], what[256];

        loss_of(n, pred, label, (enum va_ccc_kind)k, grad, &loss);
        snprintf(name, sizeof(name), "loss.%s", kinds[k]);
        snprintf(what, sizeof(what), "%s: %s", file, name);
        va_golden_check(what, &loss.loss, 1, va_tensors_find(set, name), 1e-12);
        snprintf(name, sizeof(name), "grad.%s", kinds[k]);
        snprintf(what, sizeof(what), "%s: %s", file, name);
        va_golden_check(what, grad, 2 * n, va_tensors_find(set, name),
                        va_golden_atol(file, name));
        VA_CHECK_INT(loss.learned, va_golden_at(va_tensors_find(set, "labelled"), 0));
    }
    va_free(grad);
    va_free(label);
    va_free(pred);
    va_tensors_free(set);
}

static void golden(void)
{
    static const char *const cases[] = { "plain",     "masked",     "nothing",
                                         "single",    "flat_label", "half",
                                         "identical", "perfect",    "flat_prediction" };
    char file[128];

    for (size_t i = 0; i < VA_COUNT(cases); i++) {
        snprintf(file, sizeof(file), "blocks/ccc_%s.safetensors", cases[i]);
        golden_case(file);
    }
}

static void make(double *pred, double *label, uint64_t seed)
{
    for (uint64_t i = 0; i < 2 * FRAMES; i++) {
        label[i] = 2 * va_rand_uniform(seed, VA_RAND_TEST, 0, i) - 1;
        pred[i] = 0.5 * label[i] + 0.3 * va_rand_normal(seed, VA_RAND_TEST, 1, i);
    }
    for (int i = 6; i < 11; i++) /* not labelled; one dimension is enough */
        label[2 * i + i % 2] = -5;
}

static void compare_with_differences(void)
{
    double pred[2 * FRAMES], label[2 * FRAMES], grad[2 * FRAMES], h = 1e-5;

    for (int k = 0; k < 2; k++) {
        struct va_step_report loss;

        make(pred, label, 3);
        loss_of(FRAMES, pred, label, (enum va_ccc_kind)k, grad, &loss);
        VA_CHECK_INT(loss.learned, FRAMES - 5);
        VA_CHECK_NEAR(loss.loss, 2 - loss.ccc[0] - loss.ccc[1], 1e-15);
        for (int i = 0; i < 2 * FRAMES; i++) {
            double at = pred[i], up, down;

            pred[i] = at + h;
            up = loss_of(FRAMES, pred, label, (enum va_ccc_kind)k, NULL, &loss);
            pred[i] = at - h;
            down = loss_of(FRAMES, pred, label, (enum va_ccc_kind)k, NULL, &loss);
            pred[i] = at;
            VA_CHECK_NEAR(grad[i], (up - down) / (2 * h), 1e-9);
        }
    }
}

static void finite_differences(void)
{
    compare_with_differences();
    eps = 0.3; /* as large as this, its share of the gradient shows */
    compare_with_differences();
    eps = 1e-8;
}

/* The formula once more, in one pass over plain arrays. */
static void by_definition(void)
{
    double pred[2 * FRAMES], label[2 * FRAMES];
    struct va_step_report loss;

    make(pred, label, 9);
    loss_of(FRAMES, pred, label, VA_CCC_POPULATION, NULL, &loss);
    for (int d = 0; d < 2; d++) {
        double n = 0, p = 0, y = 0, pp = 0, yy = 0, py = 0;

        for (int i = 0; i < FRAMES; i++) {
            double a = pred[2 * i + d], b = label[2 * i + d];

            if (label[2 * i] == -5 || label[2 * i + 1] == -5)
                continue;
            n++, p += a, y += b, pp += a * a, yy += b * b, py += a * b;
        }
        p /= n, y /= n;
        VA_CHECK_NEAR(loss.ccc[d],
                      2 * (py / n - p * y) /
                          (pp / n - p * p + yy / n - y * y + (p - y) * (p - y)),
                      1e-12);
    }
}

static void not_a_number(void)
{
    double pred[2 * FRAMES], label[2 * FRAMES];
    struct va_step_report loss;

    make(pred, label, 4);
    pred[0] = NAN;
    VA_CHECK(isnan(loss_of(FRAMES, pred, label, VA_CCC_POPULATION, NULL, &loss)));
    VA_CHECK(isnan(loss_of(FRAMES, pred, label, VA_CCC_SAMPLE, NULL, &loss)));
}

/* Frames cut at two places: empty parts, parts without a label (frames 3 to 5), single frames. A
 * mean far from 0 would show sums that cancel. */
static void moments_of_parts(void)
{
    double pred[2 * FRAMES], label[2 * FRAMES], valid[FRAMES];
    struct va_backend *be = va_ref_backend_new(); /* whose buffers are arrays of double */
    struct va_ccc_moments whole;

    make(pred, label, 5);
    for (int i = 0; i < FRAMES; i++) {
        valid[i] = label[2 * i] != -5 && label[2 * i + 1] != -5;
        pred[2 * i] += 1000;
        label[2 * i] -= 300;
    }
    be->ops->ccc_moments(be, FRAMES, pred, label, valid, &whole);
    for (int a = 0; a <= FRAMES; a++)
        for (int b = a; b <= FRAMES; b++) {
            const int ends[] = { 0, a, b, FRAMES };
            struct va_ccc_moments sum = { 0 }, part;

            for (int k = 0; k < 3; k++) {
                be->ops->ccc_moments(be, ends[k + 1] - ends[k], pred + 2 * ends[k],
                                     label + 2 * ends[k], valid + ends[k], &part);
                va_ccc_merge(&sum, &part);
            }
            VA_CHECK(sum.count == whole.count);
            for (int d = 0; d < 2; d++) {
                VA_CHECK_NEAR(sum.mean_p[d], whole.mean_p[d], 1e-12);
                VA_CHECK_NEAR(sum.mean_y[d], whole.mean_y[d], 1e-12);
                VA_CHECK_NEAR(sum.spp[d], whole.spp[d], 1e-10);
                VA_CHECK_NEAR(sum.syy[d], whole.syy[d], 1e-10);
                VA_CHECK_NEAR(sum.spy[d], whole.spy[d], 1e-10);
            }
        }
    va_backend_free(be);
}

int main(void)
{
    VA_TEST(golden);
    VA_TEST(finite_differences);
    VA_TEST(by_definition);
    VA_TEST(not_a_number);
    VA_TEST(moments_of_parts);
    return va_test_finish();
}
