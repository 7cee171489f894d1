/* The features of a file or a shard, each video read as an index of windows reads it. */
#include "test/fuzz/fuzz.h"

#include "base/va_mem.h"
#include "data/va_window_gather.h"

enum { ROWS = 8 };

void fuzz_features(const char *path)
{
    struct va_window_index *index = va_window_index_new(ROWS, ROWS, VA_TAIL_PAD,
                                                        VA_MISSING_ZERO, VA_LEADING_KEEP);
    float *x = NULL, label[2 * ROWS], valid[ROWS];

    if (index && va_window_index_add(index, path, NULL) == 0 &&
        va_window_index_open_features(index) == 0 && index->dim > 0 && index->dim < 65536)
        x = va_new(ROWS * index->dim, sizeof(*x));
    for (int64_t v = 0; x && v < index->video_count; v++)
        if (va_window_gather(index, v, 0, ROWS, x, label, valid) == 0)
            for (int64_t i = 0; i < ROWS * index->dim; i++)
                if (!(x[i] - x[i] == 0))
                    fuzz_found("a feature that is not finite");
    va_free(x);
    va_window_index_free(index);
}
