/*
 * Centred sums of two sets with n and k frames, whose means are d apart (Chan, Golub, LeVeque 1979):
 *
 *     S = S1 + S2 + d d' n k / (n + k)
 */
#include "nn/va_ccc.h"

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
