#include "data/va_preset.h"

#include <stddef.h>

const char *const va_preset_names[] = { "paper", "authors", "authors-fold0", NULL };

struct va_preset_windows va_preset_windows(enum va_preset preset)
{
    struct va_preset_windows w = { .window = 300,
                                   .stride = 200,
                                   .tail = VA_TAIL_PAD,
                                   .missing = VA_MISSING_NEAREST,
                                   .leading = VA_LEADING_KEEP,
                                   .test_overlap = true,
                                   .test_window = 300,
                                   .test_missing = VA_MISSING_NEAREST };

    if (preset == VA_PRESET_PAPER)
        return w;
    if (preset == VA_PRESET_AUTHORS_FOLD0) {
        w.window = 1000;
        w.stride = 800;
    }
    w.tail = VA_TAIL_DROP;
    w.missing = VA_MISSING_PREVIOUS;
    w.leading = VA_LEADING_CUT;
    w.test_overlap = false;
    w.test_window = 500;
    w.test_missing = VA_MISSING_ZERO;
    return w;
}
