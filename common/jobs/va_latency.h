/*
 * va_latency.h - times of many frames, kept as a histogram: their median and other quantiles in constant
 * memory.
 *
 * Bins are 2 % apart, so a quantile is right within 1 %; below 1 microsecond and above 1000 s a time
 * counts as that.
 */
#ifndef VA_LATENCY_H
#define VA_LATENCY_H

#include <stdint.h>

enum { VA_LATENCY_BINS = 1048 };

struct va_latency { /* zeroed: no time yet */
    int64_t bins[VA_LATENCY_BINS], count;
};

void va_latency_add(struct va_latency *l, double seconds);
/* The time that a share q, 0 to 1, of all is not above; 0 without any. */
double va_latency_at(const struct va_latency *l, double q);

#endif
