/* Videos: containers, decoders, and the numbers and times that frames get. */
#include "test/fuzz/fuzz.h"

#include "media/va_source.h"

enum { FRAMES = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct va_source_options options = {
        .width = 16, .height = 16, .threads = 1, .tolerate = 1000
    };
    const char *path = fuzz_file(data, size);
    struct va_source *s;
    struct va_frame frame;
    int64_t last = 0;

    fuzz_begin();
    s = va_source_open(path, &options);
    for (int i = 0; s && i < FRAMES && va_source_next(s, &frame) == 1; i++) {
        if (frame.index <= last || frame.index > VA_NUMBER_MAX || frame.width != 16)
            fuzz_found("frames out of order, or of another size");
        last = frame.index;
    }
    if (s && va_source_frame_count(s) < last)
        fuzz_found("fewer frames than their numbers say");
    va_source_close(s);
    fuzz_end();
    return 0;
}
