/*
 * CCC centring against its definition, step by step, and where the definition has no answer.
 */
#include "base/va_rand.h"
#include "data/va_ensemble.h"
#include "test/va_test.h"

enum { T = 150, K_MAX = 6 };

static double series[K_MAX][T][2];

static double draw(int64_t seed, int64_t i)
{
    return va_rand_normal((uint64_t)seed, VA_RAND_TEST, 2, (uint64_t)i);
}

/* Series that share a curve, one of them (of arousal: all but two) turned upside down. */
static void make_series(int64_t seed, int64_t K)
{
    for (int64_t k = 0; k < K; k++)
        for (int64_t t = 0; t < T; t++)
            for (int d = 0; d < 2; d++) {
                double sign = (d ? k < 2 : k != 2) ? 1 : -1;

                series[k][t][d] = sign * .4 * sin((double)t / (9 + d)) +
                                  .2 * draw(seed, 1000 * k + 2 * t + d) +
                                  .2 * draw(seed, -k - 1);
            }
}

static double mean_of(int64_t k, int d)
{
    double s = 0;

    for (int64_t t = 0; t < T; t++)
        s += series[k][t][d];
    return s / T;
}

static double ccc_of(int64_t k, int64_t l, int d)
{
    double mk = mean_of(k, d), ml = mean_of(l, d), vk = 0, vl = 0, cov = 0;

    for (int64_t t = 0; t < T; t++) {
        double a = series[k][t][d] - mk, b = series[l][t][d] - ml;

        vk += a * a / T;
        vl += b * b / T;
        cov += a * b / T;
    }
    return 2 * cov / (vk + vl + (mk - ml) * (mk - ml));
}

/* Agreement of series k: the mean of its CCCs with the others, not below 0. */
static double agreement_of(int64_t K, int64_t k, int d, int64_t *negative)
{
    double a = 0;

    for (int64_t l = 0; l < K; l++)
        a += l == k ? 0 : ccc_of(k, l, d) / (double)(K - 1);
    *negative += a < 0;
    return a < 0 ? 0 : a;
}

static void shift_of(int64_t K, double shift[2])
{
    double *va[K_MAX];

    for (int64_t k = 0; k < K; k++)
        va[k] = &series[k][0][0];
    va_ensemble_centre(K, T, va, shift);
}

static void centring_is_what_it_says(void)
{
    int64_t negative = 0;

    for (int64_t seed = 0; seed < 10; seed++)
        for (int64_t K = 2; K <= K_MAX; K++) {
            double shift[2], worst = 0;

            make_series(seed, K);
            shift_of(K, shift);
            for (int d = 0; d < 2; d++) {
                double top = 0, bottom = 0, target;

                for (int64_t k = 0; k < K; k++) {
                    double a = agreement_of(K, k, d, &negative);

                    top += a * mean_of(k, d);
                    bottom += a;
                }
                target = top / bottom;
                for (int64_t t = 0; t < T && bottom > 0; t++) {
                    double centred = 0, plain = 0;

                    for (int64_t k = 0; k < K; k++) {
                        centred += (series[k][t][d] - mean_of(k, d) + target) / (double)K;
                        plain += series[k][t][d] / (double)K;
                    }
                    worst = va_worse(worst, fabs(plain + shift[d] - centred));
                }
                VA_CHECK(bottom > 0 || shift[d] == 0);
            }
            VA_CHECK_NEAR(worst, 0, 1e-13);
        }
    VA_CHECK(negative > 10);
}

static void the_mean_follows_those_who_agree(void)
{
    double shift[2];

    for (int64_t t = 0; t < T; t++)
        for (int d = 0; d < 2; d++) {
            series[0][t][d] = sin((double)t) + .2;
            series[1][t][d] = sin((double)t) + .2;
            series[2][t][d] = sin(3.1 * (double)t + d) - .7;
        }
    shift_of(3, shift);
    for (int d = 0; d < 2; d++) {
        double target = shift[d] + (mean_of(0, d) + mean_of(1, d) + mean_of(2, d)) / 3;

        VA_CHECK_NEAR(target, mean_of(0, d), .03);
    }
}

static void where_there_is_no_agreement_the_plain_mean_stays(void)
{
    double shift[2];

    make_series(1, 3);
    shift_of(1, shift); /* one series */
    VA_CHECK(shift[0] == 0 && shift[1] == 0);
    for (int64_t t = 0; t < T; t++) /* opposites */
        for (int d = 0; d < 2; d++) {
            series[0][t][d] = .5 + sin((double)t);
            series[1][t][d] = -sin((double)t);
        }
    shift_of(2, shift);
    VA_CHECK(shift[0] == 0 && shift[1] == 0);
    for (int64_t t = 0; t < T; t++) /* constants: equal in valence, different in arousal */
        for (int64_t k = 0; k < 3; k++) {
            series[k][t][0] = .3;
            series[k][t][1] = .1 * (double)k;
        }
    shift_of(3, shift);
    VA_CHECK(shift[0] == 0 && shift[1] == 0);
}

/* Two models that no longer move do not outvote two that agree. */
static void dead_models_have_no_vote(void)
{
    double shift[2];

    make_series(4, 2);
    for (int64_t t = 0; t < T; t++)
        for (int d = 0; d < 2; d++) {
            series[1][t][d] = series[0][t][d];
            series[2][t][d] = series[3][t][d] = -.9;
        }
    shift_of(4, shift);
    for (int d = 0; d < 2; d++)
        VA_CHECK_NEAR(shift[d], mean_of(0, d) - (mean_of(0, d) - .9) / 2, 1e-14);
}

int main(void)
{
    VA_TEST(centring_is_what_it_says);
    VA_TEST(the_mean_follows_those_who_agree);
    VA_TEST(where_there_is_no_agreement_the_plain_mean_stays);
    VA_TEST(dead_models_have_no_vote);
    return va_test_finish();
}
