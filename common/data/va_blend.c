#include "data/va_blend.h"

#include "base/va_mem.h"
#include <math.h>
#include <string.h>

/* ---- moments --------------------------------------------------------------------------- */

int va_blend_init(struct va_blend *b, int64_t K)
{
    *b = (struct va_blend){ .K = K };
    b->origin = va_new(K + 1, sizeof(*b->origin));
    b->mean = va_new(K + 1, sizeof(*b->mean));
    b->co = va_new((K + 1) * (K + 1), sizeof(*b->co));
    return b->origin && b->mean && b->co ? 0 : -1;
}

void va_blend_release(struct va_blend *b)
{
    va_free(b->origin);
    va_free(b->mean);
    va_free(b->co);
    *b = (struct va_blend){ 0 };
}

/* Welford's update: co += (z - mean before) (z - mean after)'. */
void va_blend_add(struct va_blend *b, const double *z)
{
    const int64_t n = b->K + 1;
    double before[VA_BLEND_MAX + 1], after[VA_BLEND_MAX + 1];

    if (b->frames++ == 0)
        memcpy(b->origin, z, (size_t)n * sizeof(*z));
    for (int64_t i = 0; i < n; i++) {
        double x = z[i] - b->origin[i];

        before[i] = x - b->mean[i];
        b->mean[i] += before[i] / (double)b->frames;
        after[i] = x - b->mean[i];
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            b->co[i * n + j] += before[i] * after[j];
}

static double covariance(const struct va_blend *b, int64_t i, int64_t j)
{
    const int64_t n = b->K + 1;

    return (b->co[i * n + j] + b->co[j * n + i]) / 2 / (double)b->frames;
}

/* Mean of prediction k above that of the label. */
static double excess(const struct va_blend *b, int64_t k)
{
    return (b->origin[k] - b->origin[b->K]) + (b->mean[k] - b->mean[b->K]);
}

/* Variance of the weighted sum, its covariance with the label, its mean above the label's. */
static void summarise(const struct va_blend *b, const double *w, double *var, double *cov,
                      double *above)
{
    *var = *cov = *above = 0;
    for (int64_t i = 0; i < b->K; i++) {
        *cov += w[i] * covariance(b, i, b->K);
        *above += w[i] * excess(b, i);
        for (int64_t j = 0; j < b->K; j++)
            *var += w[i] * w[j] * covariance(b, i, j);
    }
    *var = fmax(*var, 0);
}

double va_blend_ccc(const struct va_blend *b, const double *w, double scale, double shift)
{
    double var, cov, above, bottom, label_mean = b->origin[b->K] + b->mean[b->K];

    if (b->frames == 0)
        return (double)NAN;
    summarise(b, w, &var, &cov, &above);
    if (scale != 1 || shift != 0)
        above = scale * (above + label_mean) + shift - label_mean;
    bottom = scale * scale * var + covariance(b, b->K, b->K) + above * above;
    return bottom > 0 ? 2 * scale * cov / bottom : (double)NAN;
}

void va_blend_affine(const struct va_blend *b, const double *w, double *scale, double *shift)
{
    double var, cov, above, label_var = b->frames ? covariance(b, b->K, b->K) : 0,
                            label_mean = b->origin[b->K] + b->mean[b->K];

    *scale = 1;
    *shift = 0;
    if (b->frames == 0)
        return;
    summarise(b, w, &var, &cov, &above);
    if (!(var > 0 && label_var > 0))
        return;
    *scale = sqrt(label_var / var);
    *shift = label_mean - *scale * (label_mean + above);
}

/* ---- the best weights ------------------------------------------------------------------ */

/* What is made as large as possible: w'g / (w'Q w)^(power / 2), power 2 for CCC (half of it), 1
 * for r (times the label's deviation). */
struct objective {
    int64_t K;
    int power;
    double g[VA_BLEND_MAX], Q[VA_BLEND_MAX][VA_BLEND_MAX];
};

static void make_objective(const struct va_blend *b, bool affine, struct objective *o)
{
    o->K = b->K;
    o->power = affine ? 1 : 2;
    for (int64_t i = 0; i < b->K; i++) {
        o->g[i] = covariance(b, i, b->K);
        for (int64_t j = 0; j < b->K; j++) {
            o->Q[i][j] = covariance(b, i, j);
            if (!affine)
                o->Q[i][j] += excess(b, i) * excess(b, j) + covariance(b, b->K, b->K);
        }
    }
}

/* w'g, w'Q w and Q w. */
static void multiply(const struct objective *o, const double *w, double *top, double *bottom,
                     double *Qw)
{
    *top = *bottom = 0;
    for (int64_t i = 0; i < o->K; i++) {
        Qw[i] = 0;
        for (int64_t j = 0; j < o->K; j++)
            Qw[i] += o->Q[i][j] * w[j];
        *top += w[i] * o->g[i];
        *bottom += w[i] * Qw[i];
    }
}

static double value(const struct objective *o, const double *w)
{
    double top, bottom, Qw[VA_BLEND_MAX];

    multiply(o, w, &top, &bottom, Qw);
    if (!(bottom > 0))
        return 0; /* undefined: nothing moves */
    return top / (o->power == 2 ? bottom : sqrt(bottom));
}

/*
 * How much weight to move along a direction in which the objective grows at first: to its first
 * stationary point, INFINITY where there is none. On the way top = n0 + n1 s, bottom = a + 2 b s +
 * c s^2; the derivative is 0 where
 *     power 2   n1 c s^2 + 2 n0 c s = n1 a - 2 n0 b = slope
 *     power 1   (n0 c - n1 b) s = n1 a - n0 b = slope
 */
static double step_length(const struct objective *o, double n0, double n1, double b, double c,
                          double slope)
{
    double divisor;

    if (o->power == 2) {
        double root = n0 * c * (n0 * c) + n1 * c * slope;

        divisor = root >= 0 ? n0 * c + sqrt(root) : 0;
    } else {
        divisor = n0 * c - n1 * b;
    }
    return divisor > 0 ? slope / divisor : (double)INFINITY;
}

/* One move between the pair that gains most; false when nothing is gained. top > 0. */
static bool move(const struct objective *o, double *w)
{
    double top, bottom, Qw[VA_BLEND_MAX], best = -INFINITY, worst = INFINITY, slope, s, old;
    int64_t to = -1, from = -1;

    multiply(o, w, &top, &bottom, Qw);
    for (int64_t i = 0; i < o->K; i++) {
        double gain = o->g[i] * bottom - o->power * top * Qw[i];

        if (gain > best) {
            best = gain;
            to = i;
        }
        if (w[i] > 0 && gain < worst) {
            worst = gain;
            from = i;
        }
    }
    slope = best - worst;
    if (!(slope > 1e-13 * top * bottom) || to == from)
        return false;
    s = step_length(o, top, o->g[to] - o->g[from], Qw[to] - Qw[from],
                    o->Q[to][to] - 2 * o->Q[to][from] + o->Q[from][from], slope);
    old = value(o, w);
    s = s < w[from] ? s : w[from];
    w[to] += s;
    w[from] = s < w[from] ? w[from] - s : 0;
    if (value(o, w) > old)
        return true;
    w[to] -= s; /* rounding is all that is left */
    w[from] += s;
    return false;
}

static void climb(const struct objective *o, double *w)
{
    enum { MOVES_MAX = 100000 };
    double total = 0;

    if (value(o, w) > 0)
        for (int i = 0; i < MOVES_MAX && move(o, w); i++)
            continue;
    for (int64_t i = 0; i < o->K; i++)
        total += w[i];
    for (int64_t i = 0; i < o->K; i++)
        w[i] /= total;
}

void va_blend_fit(const struct va_blend *b, bool affine, double *w)
{
    double single[VA_BLEND_MAX], best = -INFINITY;
    struct objective o;
    int64_t at = 0;

    make_objective(b, affine, &o);
    for (int64_t i = 0; i < b->K; i++) {
        double v;

        memset(single, 0, sizeof(single));
        single[i] = 1;
        v = value(&o, single);
        if (v > best) {
            best = v;
            at = i;
        }
        w[i] = 1 / (double)b->K;
    }
    memset(single, 0, sizeof(single));
    single[at] = 1;
    climb(&o, single);
    climb(&o, w);
    if (value(&o, single) > value(&o, w))
        memcpy(w, single, (size_t)b->K * sizeof(*w));
}
