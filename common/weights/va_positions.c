/*
 * Along rows, then down, in double: what PyTorch does in float32.
 */
#include "weights/va_positions.h"

#include "base/va_cubic.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>
#include <string.h>

/* y [outer, size, inner] from x [outer, n, inner]; w has room for the weights. */
static void resample_axis(int64_t outer, int64_t n, int64_t size, int64_t inner,
                          const double *x, double *w, double *y)
{
    for (int64_t i = 0; i < size; i++) {
        int64_t first, count = va_cubic_weights(n, size, i, w, &first);

        for (int64_t o = 0; o < outer; o++)
            for (int64_t k = 0; k < count; k++) {
                const double *from = x + (o * n + first + k) * inner;
                double *to = y + (o * size + i) * inner;

                for (int64_t c = 0; c < inner; c++)
                    to[c] += w[k] * from[c];
            }
    }
}

/* The square of patches: old [g, g, D] -> new [grid, grid, D]. */
static int resample_square(int64_t g, int64_t grid, int64_t D, const float *old, float *new)
{
    double *x = va_new(g * g * D, sizeof(*x)), *wide = va_new(g * grid * D, sizeof(*wide));
    double *y = va_new(grid * grid * D, sizeof(*y));
    double *w = va_new(va_cubic_taps(g, grid), sizeof(*w));
    int result = x && wide && y && w ? 0 : -1;

    for (int64_t i = 0; result == 0 && i < g * g * D; i++)
        x[i] = (double)old[i];
    if (result == 0) {
        resample_axis(g, g, grid, D, x, w, wide);
        resample_axis(1, g, grid, grid * D, wide, w, y);
    }
    for (int64_t i = 0; result == 0 && i < grid * grid * D; i++)
        new[i] = (float)y[i];
    va_free(x);
    va_free(wide);
    va_free(y);
    va_free(w);
    return result;
}

int va_positions_resample(struct va_tensor *table, int64_t prefix, int64_t grid,
                          const char *path)
{
    int64_t rows = table->rank == 3 && table->shape[0] == 1 ? table->shape[1] - prefix : 0,
            count;
    int64_t g = rows > 0 ? (int64_t)lround(sqrt((double)rows)) : 0;
    int64_t D = table->shape[2];
    float *data;

    if (g < 1 || g * g != rows || D < 1)
        return va_error("%s: %s: not a table of positions of the CLS token and a square of "
                        "patches",
                        path, table->name);
    if (g == grid)
        return 0;
    if (va_mul(prefix + grid * grid, D, &count) < 0)
        return va_error("%s: %s: too large for %lld patches a side", path, table->name,
                        (long long)grid);
    data = va_new(count, sizeof(*data));
    if (!data || va_tensor_to_f32(table) < 0 ||
        resample_square(g, grid, D, (float *)table->data + prefix * D, data + prefix * D) < 0) {
        va_free(data);
        return -1;
    }
    memcpy(data, table->data, (size_t)(prefix * D) * sizeof(*data));
    va_free(table->data);
    table->data = data;
    table->shape[1] = prefix + grid * grid;
    table->count = count;
    return 0;
}
