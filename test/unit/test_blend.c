/*
 * Fitted weights against a grid over all weights, and moments against the scores of the combined
 * series themselves.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "data/va_blend.h"
#include "data/va_metrics.h"
#include "test/va_test.h"

enum { T = 400, K_MAX = 8 };

static double x[K_MAX][T], y[T]; /* predictions and labels of a case */

static double draw(int64_t seed, int64_t i)
{
    return va_rand_normal((uint64_t)seed, VA_RAND_TEST, 1, (uint64_t)i);
}

/* Models that see the label through noise, gain and bias; gain may be negative, noise tiny. */
static void make_case(int64_t seed, int64_t K)
{
    for (int64_t t = 0; t < T; t++)
        y[t] = .3 * sin((double)t / 17) + .1 * draw(seed, t) + .05;
    for (int64_t k = 0; k < K; k++) {
        double gain = .2 + .6 * draw(seed, 1000 + k), bias = .2 * draw(seed, 2000 + k),
               noise = .3 * fabs(draw(seed, 3000 + k)), common = draw(seed, 4000 + k) / 4;

        for (int64_t t = 0; t < T; t++)
            x[k][t] = gain * y[t] + bias + noise * draw(seed, 10000 + k * T + t) +
                      common * draw(seed, 5000 + t);
    }
}

static void moments_of(struct va_blend *b, int64_t K)
{
    double z[K_MAX + 1];

    VA_CHECK_INT(va_blend_init(b, K), 0);
    for (int64_t t = 0; t < T; t++) {
        for (int64_t k = 0; k < K; k++)
            z[k] = x[k][t];
        z[K] = y[t];
        va_blend_add(b, z);
    }
}

/* CCC of scale * (sum of w x) + shift by the definition. */
static double score(int64_t K, const double *w, double scale, double shift)
{
    static double p[T][2], label[T][2];
    struct va_score s;

    for (int64_t t = 0; t < T; t++) {
        p[t][0] = p[t][1] = 0;
        for (int64_t k = 0; k < K; k++)
            p[t][0] += w[k] * x[k][t];
        p[t][0] = scale * p[t][0] + shift;
        label[t][0] = y[t];
        label[t][1] = 0;
    }
    va_score_pairs(&s, T, &p[0][0], &label[0][0]);
    return s.value[VA_VALENCE][VA_CCC];
}

/* CCC with these weights, with the map if there is to be one. */
static double reached(const struct va_blend *b, bool affine, const double *w)
{
    double scale = 1, shift = 0, ccc;

    if (affine)
        va_blend_affine(b, w, &scale, &shift);
    ccc = va_blend_ccc(b, w, scale, shift);
    return isnan(ccc) ? 0 : ccc;
}

/* The best of all weights that are multiples of 1 / steps. */
static double best_of_grid(const struct va_blend *b, bool affine, int64_t k, int64_t left,
                           int64_t steps, double *w)
{
    double best = -INFINITY;

    w[k] = (double)left / (double)steps;
    if (k == b->K - 1)
        return reached(b, affine, w);
    for (int64_t i = 0; i <= left; i++) {
        w[k] = (double)i / (double)steps;
        best = fmax(best, best_of_grid(b, affine, k + 1, left - i, steps, w));
    }
    return best;
}

/* Fit, and demand that no point of the grid is better; the vertices and (if K divides the
 * steps) the mean are on it. Returns the CCC reached. */
static double fit_and_compare(const struct va_blend *b, bool affine, int64_t steps, double *w)
{
    double grid[K_MAX], total = 0, found, best;

    va_blend_fit(b, affine, w);
    for (int64_t k = 0; k < b->K; k++) {
        VA_CHECK(w[k] >= 0);
        total += w[k];
    }
    VA_CHECK_NEAR(total, 1, 1e-14);
    found = reached(b, affine, w);
    best = best_of_grid(b, affine, 0, steps, steps, grid);
    if (!(found >= best - 1e-14)) {
        printf("# K %lld, affine %d: found %.15g, the grid has %.15g\n", (long long)b->K,
               affine, found, best);
        va_test_bad = true;
    }
    VA_CHECK(found <= best + .02); /* a grid is not far from the optimum */
    return found;
}

static void moments_give_the_score_of_the_sum(void)
{
    struct va_blend b;

    for (int64_t seed = 0; seed < 20; seed++) {
        double w[K_MAX], total = 0, scale, shift;

        make_case(seed, 5);
        moments_of(&b, 5);
        for (int64_t k = 0; k < 5; k++)
            total += w[k] = va_rand_uniform(3, VA_RAND_TEST, (uint64_t)seed, (uint64_t)k);
        for (int64_t k = 0; k < 5; k++)
            w[k] /= total;
        VA_CHECK_NEAR(va_blend_ccc(&b, w, 1, 0), score(5, w, 1, 0), 1e-13);
        VA_CHECK_NEAR(va_blend_ccc(&b, w, 1.3, -.2), score(5, w, 1.3, -.2), 1e-13);
        va_blend_affine(&b, w, &scale, &shift);
        VA_CHECK_NEAR(va_blend_ccc(&b, w, scale, shift), score(5, w, scale, shift), 1e-13);
        VA_CHECK(scale > 0);
        VA_CHECK(fabs(va_blend_ccc(&b, w, scale, shift)) >= fabs(score(5, w, 1, 0)) - 1e-14);
        va_blend_release(&b);
    }
}

static void no_weights_of_a_grid_are_better(void)
{
    static const int64_t steps[] = { 0, 1, 300, 90, 28, 15 };
    int64_t inner = 0, all_negative = 0;

    for (int64_t seed = 0; seed < 60; seed++)
        for (int64_t K = 1; K <= 5; K++)
            for (int affine = 0; affine < 2; affine++) {
                struct va_blend b;
                double w[K_MAX], found;

                make_case(100 * K + seed, K);
                moments_of(&b, K);
                found = fit_and_compare(&b, affine, steps[K], w);
                for (int64_t k = 0; k < K; k++)
                    inner += w[k] > .01 && w[k] < .99;
                all_negative += found < 0;
                va_blend_release(&b);
            }
    VA_CHECK(inner > 300); /* the cases were not all of one kind */
    VA_CHECK(all_negative > 3);
}

/* Equal models, constants, models that only differ by 1e-7, labels that do not move. */
static void degenerate_cases(void)
{
    for (int kind = 0; kind < 6; kind++)
        for (int affine = 0; affine < 2; affine++) {
            struct va_blend b;
            double w[K_MAX];

            make_case(7, 3);
            for (int64_t t = 0; t < T; t++) {
                if (kind == 0 || kind == 1)
                    x[1][t] = x[0][t] + (kind == 1 ? 1e-7 * draw(1, t) : 0);
                if (kind == 2)
                    x[2][t] = .7;
                if (kind == 3 || kind == 4)
                    y[t] = .1;
                if (kind == 4 || kind == 5)
                    x[0][t] = x[1][t] = x[2][t] = .1;
            }
            moments_of(&b, 3);
            fit_and_compare(&b, affine, 90, w);
            if (kind >= 3) /* nothing is better than anything else */
                for (int64_t k = 0; k < 3; k++)
                    VA_CHECK_NEAR(w[k], 1. / 3, 1e-15);
            VA_CHECK((kind == 4) == isnan(va_blend_ccc(&b, w, 1, 0)));
            va_blend_release(&b);
        }
}

/* A model that is the label, hidden among others; two whose errors cancel. */
static void answers_that_are_known(void)
{
    struct va_blend b;
    double w[K_MAX], scale, shift;

    make_case(11, 4);
    memcpy(x[2], y, sizeof(y));
    moments_of(&b, 4);
    va_blend_fit(&b, false, w);
    VA_CHECK_NEAR(w[2], 1, 1e-7);
    VA_CHECK_NEAR(va_blend_ccc(&b, w, 1, 0), 1, 1e-14);
    va_blend_release(&b);

    for (int64_t t = 0; t < T; t++) {
        double error = .4 * draw(5, t) + .1;

        x[0][t] = y[t] + error;
        x[1][t] = y[t] - 3 * error;
    }
    moments_of(&b, 2);
    va_blend_fit(&b, false, w);
    VA_CHECK_NEAR(w[0], .75, 1e-7);
    va_blend_release(&b);

    for (int64_t t = 0; t < T; t++) /* the same behind a map */
        for (int k = 0; k < 2; k++)
            x[k][t] = .25 * x[k][t] - .6;
    moments_of(&b, 2);
    va_blend_fit(&b, true, w);
    va_blend_affine(&b, w, &scale, &shift);
    VA_CHECK_NEAR(w[0], .75, 1e-7);
    VA_CHECK_NEAR(scale, 4, 1e-6);
    VA_CHECK_NEAR(shift, 2.4, 1e-6);
    VA_CHECK_NEAR(score(2, w, scale, shift), 1, 1e-12);
    va_blend_release(&b);
}

/* Eight models, much alike: no shift of weight from any to any other helps. */
static void many_models_that_are_much_alike(void)
{
    struct va_blend b;

    for (int64_t seed = 0; seed < 20; seed++)
        for (int affine = 0; affine < 2; affine++) {
            double w[K_MAX], other[K_MAX], best;

            make_case(50 + seed, 8);
            for (int64_t k = 1; k < 8; k++)
                for (int64_t t = 0; t < T; t++)
                    x[k][t] = y[t] + .3 * draw(seed, t) + .03 * x[k][t];
            moments_of(&b, 8);
            va_blend_fit(&b, affine, w);
            best = reached(&b, affine, w);
            for (int64_t i = 0; i < 8; i++)
                for (int64_t j = 0; j < 8; j++)
                    for (double s = 1; s > 1e-5; s /= 3) {
                        memcpy(other, w, sizeof(w));
                        s = s < w[j] ? s : w[j];
                        other[i] += s;
                        other[j] -= s;
                        VA_CHECK(reached(&b, affine, other) <= best + 1e-14);
                    }
            va_blend_release(&b);
        }
}

int main(void)
{
    VA_TEST(moments_give_the_score_of_the_sum);
    VA_TEST(no_weights_of_a_grid_are_better);
    VA_TEST(degenerate_cases);
    VA_TEST(answers_that_are_known);
    VA_TEST(many_models_that_are_much_alike);
    return va_test_finish();
}
