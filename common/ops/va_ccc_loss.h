/*
 * va_ccc_loss.h - value and gradient of the CCC loss from moments: the formulas that hosts and
 * devices share.
 *
 *   population: CCC = 2 cov / (var_p + var_y + (mean_p - mean_y)^2), moments over n
 *   sample:     moments over n - 1, the numerator times r / (r + eps), r = sqrt(Spp Syy):
 *               the authors' loss, Pearson's rho with eps in its denominator
 *
 * Fewer than two labelled frames or a denominator of 0: CCC 0 with zero gradient. No labelled
 * frame: loss 0. Where a side is constant, `sample` has zero gradient, `population` that of the
 * covariance.
 *
 * The gradient of CCC = top / bottom with respect to one prediction is, for centred p and y,
 *
 *     dtop = ky (y - mean_y) + kp (p - mean_p)     (kp only through q of `sample`)
 *     dbottom = 2 / m (p - mean_p) + 2 (mean_p - mean_y) / n
 *
 * with m = n or n - 1. It is linear in both, so three coefficients per dimension carry it; that of the
 * squared error has the same form.
 */
#ifndef VA_CCC_LOSS_H
#define VA_CCC_LOSS_H

#include "ops/va_op_train.h"
#include <string.h>

struct va_ccc_loss {
    double loss, ccc[2]; /* valence, arousal */
    double error;        /* mean squared error of both */
    int64_t labelled;    /* frames */
};

/* dpred = c0 + cp (pred - mean_p) + cy (label - mean_y) where there is a label, else 0 */
struct va_ccc_coefficients {
    double c0[2], cp[2], cy[2], mean_p[2], mean_y[2];
};

/* Moments in two passes, so that the centred sums do not cancel: of a labelled frame its prediction and
 * label, va_ccc_means between the passes. `m` begins as { 0 }. */
VA_SHARED void va_ccc_add(struct va_ccc_moments *m, int d, double pred, double label)
{
    m->mean_p[d] += pred;
    m->mean_y[d] += label;
}

VA_SHARED void va_ccc_means(struct va_ccc_moments *m)
{
    for (int d = 0; d < 2 && m->count > 0; d++) {
        m->mean_p[d] /= m->count;
        m->mean_y[d] /= m->count;
    }
}

VA_SHARED void va_ccc_spread(struct va_ccc_moments *m, int d, double pred, double label)
{
    double p = pred - m->mean_p[d], y = label - m->mean_y[d];

    m->spp[d] += p * p;
    m->syy[d] += y * y;
    m->spy[d] += p * y;
}

/*
 * Moments of two sets of frames together, in *into: what one rank has and what the next one has. The order of the sets
 * matters to the last bit only. Centred sums of n and k frames, whose means are d apart (Chan, Golub, LeVeque 1979):
 *
 *     S = S1 + S2 + d d' n k / (n + k)
 */
VA_SHARED void va_ccc_merge(struct va_ccc_moments *into, const struct va_ccc_moments *more)
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

/* One dimension: the CCC and the coefficients of -dCCC/dp. */
VA_SHARED double va_ccc_one(const struct va_ccc_moments *s, int d, enum va_ccc_kind kind,
                            double eps, struct va_ccc_coefficients *g)
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

/* Both with their shares in one, dimension d. */
VA_SHARED void va_ccc_mix(const struct va_ccc_moments *m, int d, double share,
                          struct va_ccc_coefficients *g, double *error)
{
    double gap = m->mean_p[d] - m->mean_y[d], c = (1 - share) / m->count;

    *error += ((m->spp[d] + m->syy[d] - 2 * m->spy[d]) / m->count + gap * gap) / 2;
    if (share == 1)
        return;
    g->c0[d] = share * g->c0[d] + c * gap;
    g->cp[d] = share * g->cp[d] + c;
    g->cy[d] = share * g->cy[d] - c;
}

/* The loss of `p`, of which it takes kind, eps and share, from moments; and its gradient. */
VA_SHARED void va_ccc_loss(const struct va_ccc_moments *m, const struct va_ccc *p,
                           struct va_ccc_loss *l, struct va_ccc_coefficients *gradient)
{
    memset(gradient, 0, sizeof(*gradient));
    memset(l, 0, sizeof(*l));
    l->labelled = (int64_t)m->count;
    for (int d = 0; d < 2 && m->count > 0; d++) {
        l->ccc[d] = va_ccc_one(m, d, p->kind, p->eps, gradient);
        l->loss += 1 - l->ccc[d];
        gradient->mean_p[d] = m->mean_p[d];
        gradient->mean_y[d] = m->mean_y[d];
        va_ccc_mix(m, d, p->share, gradient, &l->error);
    }
    if (p->share != 1)
        l->loss = p->share * l->loss + (1 - p->share) * l->error;
}

/* dpred of one number. */
VA_SHARED double va_ccc_slope(const struct va_ccc_coefficients *c, int d, double pred,
                              double label)
{
    return c->c0[d] + c->cp[d] * (pred - c->mean_p[d]) + c->cy[d] * (label - c->mean_y[d]);
}

/* What a step's record takes in. */
VA_SHARED void va_ccc_record(struct va_step *s, const struct va_ccc_loss *l)
{
    va_step_loss(s, l->loss, (double)l->labelled);
    s->report.error = l->error;
    s->report.ccc[0] = l->ccc[0];
    s->report.ccc[1] = l->ccc[1];
}

#endif
