/*
 * The gradient of CCC = top / bottom with respect to one prediction is, for centred p and y,
 *
 *     dtop = ky (y - mean_y) + kp (p - mean_p)     (kp only through q of `sample`)
 *     dbottom = 2 / m (p - mean_p) + 2 (mean_p - mean_y) / n
 *
 * with m = n or n - 1. It is linear in both, so three coefficients per dimension carry it.
 *
 * Centred sums of two sets with n and k frames, whose means are d apart (Chan, Golub, LeVeque 1979):
 *
 *     S = S1 + S2 + d d' n k / (n + k)
 */
#include "nn/va_ccc.h"

#include <math.h>

/* One dimension: the CCC and the coefficients of -dCCC/dp. */
static double one(const struct va_ccc_moments *s, int d, enum va_ccc_kind kind, double eps,
                  struct va_ccc_coefficients *g)
{
    double n = s->count, m = kind == VA_CCC_SAMPLE ? n - 1 : n;
    double gap = s->mean_p[d] - s->mean_y[d], q = 1, dq = 0, top, bottom;

    if (n < 2)
        return 0;
    if (kind == VA_CCC_SAMPLE) {
        double r = sqrt(s->spp[d] * s->syy[d]);

        /* dq / d(p - mean_p) = eps / (r + eps)^2 * Syy / r; both vanish with r */
        q = r == 0 ? 0 : r / (r + eps);
        dq = r == 0 ? 0 : eps / ((r + eps) * (r + eps)) * s->syy[d] / r;
    }
    top = 2 / m * s->spy[d] * q;
    bottom = (s->spp[d] + s->syy[d]) / m + gap * gap;
    if (bottom == 0)
        return 0;
    g->cy[d] = -2 / m * q / bottom;
    g->cp[d] = -2 / m * s->spy[d] * dq / bottom + top / (bottom * bottom) * 2 / m;
    g->c0[d] = top / (bottom * bottom) * 2 * gap / n;
    return top / bottom;
}

void va_ccc_merge(struct va_ccc_moments *into, const struct va_ccc_moments *more)
{
    double count = into->count + more->count, share;

    if (more->count == 0)
        return;
    if (into->count == 0) {
        *into = *more;
        return;
    }
    share = more->count / count;
    for (int d = 0; d < 2; d++) {
        double dp = more->mean_p[d] - into->mean_p[d], dy = more->mean_y[d] - into->mean_y[d];

        into->spp[d] += more->spp[d] + dp * dp * into->count * share;
        into->syy[d] += more->syy[d] + dy * dy * into->count * share;
        into->spy[d] += more->spy[d] + dp * dy * into->count * share;
        into->mean_p[d] += dp * share;
        into->mean_y[d] += dy * share;
    }
    into->count = count;
}

void va_ccc_loss(const struct va_ccc_moments *m, enum va_ccc_kind kind, double eps,
                 struct va_ccc_loss *loss, struct va_ccc_coefficients *gradient)
{
    struct va_ccc_coefficients g = { .c0 = { 0 } };

    *loss = (struct va_ccc_loss){ .labelled = (int64_t)m->count };
    for (int d = 0; d < 2; d++) {
        loss->ccc[d] = one(m, d, kind, eps, &g);
        loss->loss += m->count > 0 ? 1 - loss->ccc[d] : 0;
        g.mean_p[d] = m->mean_p[d];
        g.mean_y[d] = m->mean_y[d];
    }
    if (gradient)
        *gradient = g;
}

double va_ccc_mix_error(const struct va_ccc_moments *m, double share, struct va_ccc_loss *loss,
                        struct va_ccc_coefficients *gradient)
{
    struct va_ccc_coefficients *g = gradient;
    double error = 0, n = m->count;

    if (n == 0)
        return 0;
    for (int d = 0; d < 2; d++) {
        double gap = m->mean_p[d] - m->mean_y[d], c = (1 - share) / n;

        error += ((m->spp[d] + m->syy[d] - 2 * m->spy[d]) / n + gap * gap) / 2;
        g->c0[d] = share * g->c0[d] + c * gap;
        g->cp[d] = share * g->cp[d] + c;
        g->cy[d] = share * g->cy[d] - c;
    }
    loss->loss = share * loss->loss + (1 - share) * error;
    return error;
}
