/* va.windows/1: offsets, rows and windows against each other. */
#include "test/fuzz/fuzz.h"

#include "base/va_mem.h"
#include "data/va_window_index.h"

static void read_windows(const char *path)
{
    char *id = NULL;
    struct va_window_index *index = va_window_index_read(path, &id);

    for (int64_t i = 0; index && i < index->window_count; i++)
        if (index->windows[i].video < 0 || index->windows[i].video >= index->video_count)
            fuzz_found("a window of no video");
    va_window_index_free(index);
    va_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_h5("va.windows/1", "windows", data, size, read_windows);
}
