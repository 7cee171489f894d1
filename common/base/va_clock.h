/*
 * va_clock.h - seconds on a clock that only goes forward, the same in all processes of a machine.
 */
#ifndef VA_CLOCK_H
#define VA_CLOCK_H

#include <time.h>

static inline double va_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
