/*
 * Intervals of members whose noise is known: the share that lies inside, and the narrowest form.
 */
#include "base/va_rand.h"
#include "data/va_interval.h"
#include "test/va_test.h"

enum { N = 20000, K = 5 };

static double error[2][N], spread[2][N]; /* of what is calibrated on, and of what is held out */

static double draw(int64_t what, int64_t i)
{
    return va_rand_normal(7, VA_RAND_TEST, (uint64_t)what, (uint64_t)i);
}

/* K members err by the noise of their frame each, and by `shared` together. */
static void make(int side, double least, double most, double shared)
{
    for (int64_t t = 0; t < N; t++) {
        double noise = least + (most - least) * (.5 + .5 * sin((double)t / 50)), mean = 0,
               sum = 0, x[K];

        for (int k = 0; k < K; k++) {
            x[k] = noise * draw(10 * side + k, t);
            mean += x[k] / K;
        }
        for (int k = 0; k < K; k++)
            sum += (x[k] - mean) * (x[k] - mean) / K;
        error[side][t] = fabs(mean + shared * draw(10 * side + 9, t));
        spread[side][t] = sqrt(sum);
    }
}

/* The share of the held-out frames inside, of an interval calibrated on the others. */
static double coverage(struct va_interval *v, int64_t level)
{
    int64_t inside = 0;

    v->level = level;
    VA_CHECK_INT(va_interval_fit(v, 0, N, error[0], spread[0], "labels"), 0);
    for (int64_t t = 0; t < N; t++)
        inside += error[1][t] <= v->scale[0] * spread[1][t] + v->floor[0];
    return (double)inside / N;
}

static void share_of_known_noise(void)
{
    static const int64_t levels[] = { 50, 80, 90, 95, 99 };

    for (int form = 0; form < 3;
         form++) { /* noise that varies, that does not, and a common error */
        make(0, form == 1 ? .2 : .02, form == 1 ? .2 : .4, form == 2 ? .1 : 0);
        make(1, form == 1 ? .2 : .02, form == 1 ? .2 : .4, form == 2 ? .1 : 0);
        for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
            struct va_interval v = { 0 };

            VA_CHECK_NEAR(coverage(&v, levels[i]), (double)levels[i] / 100, .012);
        }
    }
}

/* Noise of one deviation: the quantile of the normal distribution. */
static void width_of_known_noise(void)
{
    struct va_interval v = { 0 };

    make(0, .2, .2, 0);
    make(1, .2, .2, 0);
    coverage(&v, 90);
    VA_CHECK_NEAR(v.width[0], 2 * 1.6449 * .2 / sqrt(K), .01);
    VA_CHECK_INT(v.frames, N);
    /* and where it varies, intervals that follow it are narrower than those of one width */
    make(0, .02, .6, 0);
    make(1, .02, .6, 0);
    coverage(&v, 90);
    VA_CHECK(v.scale[0] > 0);
    for (int64_t t = 0; t < N; t++)
        spread[0][t] = 0;
    {
        struct va_interval one = { 0 };

        coverage(&one, 90);
        VA_CHECK_NEAR(one.scale[0], 0, 0); /* no spread: one width */
        VA_CHECK(v.width[0] < .95 * one.width[0]);
    }
}

static void rank_of_few(void)
{
    static const double e[] = { .5, .1, .4, .2, .3, .6, .7, .9, .8 }, s[9] = { 0 };
    struct va_interval v = { .level = 90 };

    VA_CHECK_INT(va_interval_fit(&v, 1, 9, e, s, "labels"), 0); /* ceil(.9 * 10) = 9 */
    VA_CHECK_NEAR(v.floor[1], .9, 0);
    v.level = 50;
    VA_CHECK_INT(va_interval_fit(&v, 1, 9, e, s, "labels"), 0);
    VA_CHECK_NEAR(v.floor[1], .5, 0);
    v.level = 91;
    VA_CHECK_INT(va_interval_fit(&v, 1, 9, e, s, "labels"), -1);
    v.level = 90;
    VA_CHECK_INT(va_interval_fit(&v, 1, 8, e, s, "labels"), -1);
}

int main(void)
{
    VA_TEST(share_of_known_noise);
    VA_TEST(width_of_known_noise);
    VA_TEST(rank_of_few);
    return va_test_finish();
}
