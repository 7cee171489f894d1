#include "nn/va_schedule.h"

#include <math.h>
#include <stddef.h>

const char *const va_schedule_names[] = { "paper", "authors", "ancestor", "constant", NULL };

static const double FLOOR = 1e-8; /* lowest rate of the warm restarts */
static const double PI = 3.14159265358979323846;

/* Half a cosine from `base` at 0 to `low` at 1. */
static double cosine(double base, double low, double part)
{
    return low + (base - low) * 0.5 * (1 + cos(PI * part));
}

/* Warm-up of the authors; update w is its last, so it reaches base + FLOOR one update late. */
static double late_warmup(int64_t k, int64_t w, double base)
{
    return FLOOR + base * (double)k / ((double)w + 1e-8);
}

double va_schedule_rate(enum va_schedule s, int64_t k, int64_t per_epoch, double base,
                        int64_t epochs, int64_t warmup_epochs)
{
    int64_t w = warmup_epochs * per_epoch, total = epochs * per_epoch;
    int64_t t = k - w, cycle = epochs - warmup_epochs + 1;

    switch (s) {
    case VA_SCHEDULE_PAPER:
        if (k < w)
            return base * (double)(k + 1) / (double)w;
        if (k >= total) /* past the plan: the end of the cosine */
            return 0;
        return cosine(base, 0, (double)t / (double)(total - w));
    case VA_SCHEDULE_AUTHORS:
        if (k <= w)
            return late_warmup(k, w, base);
        if (cycle < 1)
            cycle = 1;
        while (t >= cycle) {
            t -= cycle;
            cycle *= 2;
        }
        return cosine(base, FLOOR, (double)t / (double)cycle);
    case VA_SCHEDULE_ANCESTOR:
        if (k <= w)
            return late_warmup(k, w, base);
        return cosine(base, FLOOR,
                      (double)(t - 1) / (double)per_epoch / (double)(cycle < 1 ? 1 : cycle));
    case VA_SCHEDULE_CONSTANT: break;
    }
    return base;
}

double va_schedule_mae(int64_t k, int64_t per_epoch, double base, double low, int64_t epochs,
                       int64_t warmup_epochs)
{
    int64_t w = warmup_epochs * per_epoch, total = epochs * per_epoch;

    if (k < w)
        return base * (double)k / (double)w;
    return k < total ? cosine(base, low, (double)(k - w) / (double)(total - w)) : low;
}
