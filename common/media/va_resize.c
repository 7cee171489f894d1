/*
 * Rows are resized first, into a picture that is narrow already but still of full height; then
 * columns. The step to 8 bits between the two, the cut of taps at the edges and the 22-bit
 * weights are what makes the result equal Pillow's, to the bit: encoders were trained on it.
 */
#include "media/va_resize.h"

#include "base/va_cubic.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    BITS = 22,       /* of a weight below 1 */
    LONGEST = 65536, /* pixels along an axis */
};

/* How one axis of n samples becomes one of `size`; none: it has that length already. */
struct axis {
    int64_t n, size;
    int64_t taps;    /* room for weights of one output */
    int32_t *first;  /* [size] first sample that counts */
    int32_t *count;  /* [size] how many do */
    int32_t *weight; /* [size, taps] in units of 2^-22 */
};

struct va_resize {
    struct axis x, y;
    uint8_t *wide; /* [y.n, x.size, 3] between the passes */
    int32_t *sum;  /* [x.size, 3] */
};

/* Weights of output i; `w` has room for a->taps. */
static void weigh(struct axis *a, int64_t i, double *w)
{
    int64_t first, count = va_cubic_weights(a->n, a->size, i, w, &first);

    for (int64_t k = 0; k < count; k++)
        a->weight[i * a->taps + k] = (int32_t)(w[k] * (1 << BITS) +
                                               copysign(0.5, w[k])); /* half away from 0 */
    a->first[i] = (int32_t)first;
    a->count[i] = (int32_t)count;
}

static int axis_init(struct axis *a, int64_t n, int64_t size)
{
    double *w;

    *a = (struct axis){ .n = n, .size = size };
    if (n == size)
        return 0;
    a->taps = va_cubic_taps(n, size);
    a->first = va_new(size, sizeof(*a->first));
    a->count = va_new(size, sizeof(*a->count));
    a->weight = va_new(size * a->taps, sizeof(*a->weight));
    w = va_new(a->taps, sizeof(*w));
    for (int64_t i = 0; w && a->first && a->count && a->weight && i < size; i++)
        weigh(a, i, w);
    va_free(w);
    return w && a->first && a->count && a->weight ? 0 : -1;
}

static void axis_release(struct axis *a)
{
    va_free(a->first);
    va_free(a->count);
    va_free(a->weight);
}

struct va_resize *va_resize_new(int64_t width, int64_t height, int64_t out_width,
                                int64_t out_height)
{
    const int64_t sizes[] = { width, height, out_width, out_height };
    struct va_resize *r;

    for (size_t i = 0; i < VA_COUNT(sizes); i++)
        if (sizes[i] < 1 || sizes[i] > LONGEST)
            return va_error("cannot resize %" PRId64 "x%" PRId64 " to %" PRId64 "x%" PRId64
                            ": expected sizes from 1 to %d",
                            width, height, out_width, out_height, LONGEST),
                   NULL;
    r = va_new(1, sizeof(*r));
    if (!r)
        return NULL;
    if (axis_init(&r->x, width, out_width) < 0 || axis_init(&r->y, height, out_height) < 0 ||
        !(r->wide = va_new(height * out_width * 3, 1)) ||
        !(r->sum = va_new(out_width * 3, sizeof(*r->sum)))) {
        va_resize_free(r);
        return NULL;
    }
    return r;
}

/* Rounded and clamped. The absolute weights of an output sum to less than 2, so 255 times them
 * stays within 32 bits. */
static uint8_t to_byte(int32_t sum)
{
    int32_t v = sum >> BITS;

    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One row: src [n, 3] -> dst [size, 3]. */
static void resize_row(const struct axis *a, const uint8_t *src, uint8_t *dst)
{
    for (int64_t i = 0; i < a->size; i++) {
        const int32_t *w = a->weight + i * a->taps;
        const uint8_t *p = src + 3 * (int64_t)a->first[i];
        int32_t red = 1 << (BITS - 1), green = red, blue = red;

        for (int32_t k = 0; k < a->count[i]; k++) {
            red += w[k] * p[3 * k];
            green += w[k] * p[3 * k + 1];
            blue += w[k] * p[3 * k + 2];
        }
        dst[3 * i] = to_byte(red);
        dst[3 * i + 1] = to_byte(green);
        dst[3 * i + 2] = to_byte(blue);
    }
}

/* Rows `wide` [y.n, width] of bytes -> dst [y.size, width]; whole rows are added up, which
 * compilers turn into vector code. */
static void resize_columns(const struct axis *a, const uint8_t *wide, int64_t width,
                           int32_t *restrict sum, uint8_t *restrict dst)
{
    for (int64_t i = 0; i < a->size; i++) {
        for (int64_t x = 0; x < width; x++)
            sum[x] = 1 << (BITS - 1);
        for (int32_t k = 0; k < a->count[i]; k++) {
            const uint8_t *restrict row = wide + (a->first[i] + k) * width;
            int32_t w = a->weight[i * a->taps + k];

            for (int64_t x = 0; x < width; x++)
                sum[x] += w * row[x];
        }
        for (int64_t x = 0; x < width; x++)
            dst[i * width + x] = to_byte(sum[x]);
    }
}

void va_resize_run(struct va_resize *r, const uint8_t *src, uint8_t *dst)
{
    int64_t width = 3 * r->x.size;
    const uint8_t *wide = src;

    if (r->x.weight) {
        uint8_t *rows = r->y.weight ? r->wide : dst;

        for (int64_t y = 0; y < r->y.n; y++)
            resize_row(&r->x, src + 3 * r->x.n * y, rows + width * y);
        wide = rows;
    }
    if (r->y.weight)
        resize_columns(&r->y, wide, width, r->sum, dst);
    else if (wide == src)
        memcpy(dst, src, (size_t)(width * r->y.size));
}

void va_resize_free(struct va_resize *r)
{
    if (!r)
        return;
    axis_release(&r->x);
    axis_release(&r->y);
    va_free(r->wide);
    va_free(r->sum);
    va_free(r);
}
