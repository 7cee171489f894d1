/* The sample of a submission, for which there are predictions of two videos. */
#include "test/fuzz/fuzz.h"

#include "data/va_submission.h"
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static double va[2 * 300];
    static char a[] = "a", b[] = "b_left", file[] = "a.txt";
    struct va_prediction videos[] = { { .name = a, .path = file, .frames = 300, .va = va },
                                      { .name = b, .path = file, .frames = 5, .va = va } };
    struct va_predictions set = { .items = videos, .count = 2, .room = 2 };
    const char *path = fuzz_file(data, size);
    char output[PATH_MAX];
    int64_t rows = 0;

    snprintf(output, sizeof(output), "%s.out", path);
    fuzz_begin();
    if (va_submission_write(output, path, &set, &rows) == 0 && rows > 305)
        fuzz_found("more rows than there are frames");
    fuzz_end();
    unlink(output);
    return 0;
}
