/* va.frames/1: pictures, their numbers and times. */
#include "test/fuzz/fuzz.h"

#include "data/va_frames.h"

static void read_frames(const char *path)
{
    struct va_frames *f = va_frames_open(path);
    const uint8_t *pixels;
    int32_t index, last = 0;
    double pts;

    while (f && va_frames_next(f, &pixels, &index, &pts) == 1) {
        const struct va_frames_info *info = va_frames_info(f);

        if (index <= last || index > info->frame_count)
            fuzz_found("numbers that do not ascend");
        last = index;
        fuzz_use(pixels, (size_t)(info->height * info->width * 3));
    }
    va_frames_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_h5("va.frames/1", "frames", data, size, read_frames);
}
