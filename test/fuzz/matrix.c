/* Arrays of NumPy and tables of text with features. */
#include "test/fuzz/fuzz.h"

#include "base/va_mem.h"
#include "data/va_matrix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct va_matrix_how plain;
    const char *path = fuzz_file(data, size);
    struct va_matrix m;
    int64_t rows = 0, n;
    double *x = NULL;

    fuzz_begin();
    if (va_matrix_open(&m, path, &plain) == 0)
        x = va_new(7 * m.columns, sizeof(*x));
    while (x && (n = va_matrix_next(&m, 7, x, NULL, NULL)) > 0) {
        fuzz_use(x, (size_t)(n * m.columns) * sizeof(*x));
        if ((rows += n) > (int64_t)size)
            fuzz_found("more rows than bytes");
    }
    va_free(x);
    va_matrix_close(&m);
    fuzz_end();
    return 0;
}
