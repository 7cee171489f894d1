#include "jobs/va_latency.h"

#include <math.h>

static const double LEAST = 1e-6, STEP = 1.02; /* 1.02^1047 is 1e9 */

void va_latency_add(struct va_latency *l, double seconds)
{
    double bin = seconds > LEAST ? floor(log(seconds / LEAST) / log(STEP)) : 0;

    l->bins[bin < VA_LATENCY_BINS ? (int)bin : VA_LATENCY_BINS - 1]++;
    l->count++;
}

double va_latency_at(const struct va_latency *l, double q)
{
    int64_t below = 0;

    for (int i = 0; i < VA_LATENCY_BINS && l->count; i++) {
        below += l->bins[i];
        if (l->bins[i] && (double)below >= q * (double)l->count)
            return LEAST * pow(STEP, i + .5);
    }
    return 0;
}
