/*
 * va_numbers.h - numbers that somebody has, asked for piece by piece and by any thread.
 */
#ifndef VA_NUMBERS_H
#define VA_NUMBERS_H

#include <stdint.h>

/* `get` writes those from `first` on to `to`. Whether it could do so is known to who made it. */
struct va_numbers {
    void (*get)(void *arg, int64_t first, int64_t count, float *to);
    void *arg;
};

#endif
