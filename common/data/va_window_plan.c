#include "data/va_window_index.h"

#include <stddef.h>

const char *const va_tail_names[] = { "pad", "shift", "drop", NULL };

int va_window_plan(int64_t T, int64_t W, int64_t stride, enum va_tail tail,
                   int (*add)(void *arg, int64_t start, int64_t length), void *arg)
{
    int64_t start = 0, covered = 0;

    if (tail == VA_TAIL_PAD) {
        for (; start < T; start += stride)
            if (add(arg, start, T - start < W ? T - start : W) < 0)
                return -1;
        return 0;
    }
    for (; start + W <= T; start += stride) {
        if (add(arg, start, W) < 0)
            return -1;
        covered = start + W;
    }
    if (tail == VA_TAIL_SHIFT && covered < T)
        return T < W ? add(arg, 0, T) : add(arg, T - W, W);
    return 0;
}
