/* Text files with a line a frame: annotations, predictions, expressions. And annotation files of ELAN. */
#include "test/fuzz/fuzz.h"

#include "data/va_elan.h"
#include "data/va_expressions.h"
#include "data/va_labels.h"
#include <string.h>

static void read_elan(const char *path)
{
    struct va_elan *e = va_elan_open(path);
    const struct va_elan_segment *s;
    int64_t n = e ? va_elan_tier(e, "valence", "--valence", &s) : 0;

    for (int64_t i = 0; i < n; i++)
        if (!(s[i].begin < s[i].end) || strlen(s[i].text) > 255 ||
            (i && s[i].begin < s[i - 1].end))
            fuzz_found("a segment that is none");
    va_elan_close(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct va_labels annotation = { 0 }, prediction = { 0 };
    struct va_expressions expressions = { 0 };

    fuzz_begin();
    if (va_labels_read(&annotation, path, VA_LABELS_ANNOTATION) == 0)
        for (int64_t i = 0; i < annotation.count; i++)
            if (va_is_labelled(&annotation.va[2 * i]) &&
                !(annotation.va[2 * i] >= -1 && annotation.va[2 * i + 1] <= 1))
                fuzz_found("a label outside of [-1, 1]");
    if (va_labels_read(&prediction, path, VA_LABELS_PREDICTION) == 0 &&
        prediction.count > VA_FRAMES_MAX)
        fuzz_found("more frames than a video has");
    read_elan(path);
    if (va_expressions_read(&expressions, path, 8) == 0)
        for (int64_t i = 0; i < expressions.count; i++)
            if (expressions.class[i] < -1 || expressions.class[i] > 7)
                fuzz_found("a class that there is not");
    va_labels_release(&annotation);
    va_labels_release(&prediction);
    va_expressions_release(&expressions);
    fuzz_end();
    return 0;
}
