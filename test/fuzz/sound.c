/* Sound of videos: its decoder, the times of samples, features of them; and times of frames without decoding. */
#include "test/fuzz/fuzz.h"

#include "media/va_samples.h"
#include "media/va_source.h"
#include "sound/va_ear.h"
#include <math.h>

enum { BLOCKS = 60, FRAMES = 200 };

static void listen(struct va_samples *s)
{
    struct va_ear *e = va_ear_new(VA_EAR_PROSODY);
    float row[VA_EAR_COLUMNS_MAX];
    struct va_samples_block b;
    int64_t next = INT64_MIN;
    double from = NAN;

    for (int i = 0; e && i < BLOCKS && va_samples_next(s, &b) == 1; i++) {
        if (b.first < next || b.count < 1)
            fuzz_found("samples out of order");
        for (int64_t k = 0; k < b.count; k++)
            if (!(fabsf(b.samples[k]) <= 1))
                fuzz_found("a sample beyond 1");
        next = b.first + b.count;
        from = isnan(from) ? (double)b.first / VA_EAR_RATE : from;
        if (va_ear_hear(e, b.first, b.samples, b.count) < 0)
            break;
    }
    if (e && va_ear_end(e) == 0 && !isnan(from) && va_ear_row(e, from + .02, .04, row))
        for (int64_t k = 0; k < va_ear_columns(e); k++)
            if (!isfinite(row[k]))
                fuzz_found("a feature that is no number");
    va_ear_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct va_samples_options sound = { .rate = VA_EAR_RATE, .tolerate = 1000 };
    const struct va_source_options times = { .threads = 1, .tolerate = 1000, .times = true };
    const char *path = fuzz_file(data, size);
    struct va_samples *samples = NULL;
    struct va_source *s;
    struct va_frame frame;
    int64_t last = 0;

    fuzz_begin();
    if (va_samples_open(&samples, path, &sound) == 1)
        listen(samples);
    va_samples_close(samples);
    s = va_source_open(path, &times);
    for (int i = 0; s && i < FRAMES && va_source_next(s, &frame) == 1; i++) {
        if (frame.index <= last || frame.index > VA_NUMBER_MAX || frame.pixels)
            fuzz_found("frames out of order, or with pixels");
        last = frame.index;
    }
    va_source_close(s);
    fuzz_end();
    return 0;
}
