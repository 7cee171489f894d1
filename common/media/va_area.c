/*
 * Rows of the source are added up to a row of the result, in float and by vectors; that row is then
 * made narrower. So most of the work is one multiplication per number of the source.
 */
#include "media/va_area.h"

#include "base/va_mem.h"
#include <string.h>

/* What element i of the result covers: source elements [first, first + count), each by its share. */
struct cover {
    int64_t first, count;
    float *share; /* in `shares` of the axis */
};

struct axis {
    int64_t size, out;
    struct cover *cover; /* [out] */
    float *shares;
};

struct va_area {
    struct axis x, y;
    float *row; /* [width, 3], rounded up */
};

enum { LANES = 4 };
typedef float vec __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(4)));

static int axis_init(struct axis *a, int64_t size, int64_t out)
{
    double step = (double)size / (double)out;
    int64_t used = 0;

    a->size = size;
    a->out = out;
    a->cover = va_new(out, sizeof(*a->cover));
    a->shares = va_new(size + 2 * out, sizeof(*a->shares));
    if (!a->cover || !a->shares)
        return -1;
    for (int64_t i = 0; i < out; i++) {
        double from = (double)i * step, to = from + step;
        struct cover *c = &a->cover[i];

        c->first = (int64_t)from;
        c->share = a->shares + used;
        for (int64_t k = c->first; k < size && (double)k < to; k++) {
            double low = (double)k > from ? (double)k : from;
            double high = (double)(k + 1) < to ? (double)(k + 1) : to;

            if (high - low < 1e-9 && c->count)
                break; /* a rounding beyond the last one */
            c->share[c->count++] = (float)((high - low) / step);
        }
        used += c->count;
    }
    return 0;
}

struct va_area *va_area_new(int64_t width, int64_t height, int64_t out_width,
                            int64_t out_height)
{
    struct va_area *a = va_new(1, sizeof(*a));

    if (!a)
        return NULL;
    a->row = va_new(width * 3 + LANES, sizeof(*a->row));
    if (!a->row || axis_init(&a->x, width, out_width) < 0 ||
        axis_init(&a->y, height, out_height) < 0) {
        va_area_free(a);
        return NULL;
    }
    return a;
}

/* row += share * src, or = for the first */
static void add_row(float *row, const uint8_t *src, float share, int64_t n, bool first)
{
    int64_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        bytes b;
        vec sum, x;

        memcpy(&b, src + i, sizeof(b));
        memcpy(&sum, row + i, sizeof(sum));
        x = __builtin_convertvector(b, vec) * share;
        sum = first ? x : sum + x;
        memcpy(row + i, &sum, sizeof(sum));
    }
    for (; i < n; i++)
        row[i] = (first ? 0 : row[i]) + share * (float)src[i];
}

void va_area_run(struct va_area *a, const uint8_t *src, uint8_t *dst)
{
    int64_t n = a->x.size * 3;

    for (int64_t y = 0; y < a->y.out; y++) {
        const struct cover *rows = &a->y.cover[y];

        for (int64_t k = 0; k < rows->count; k++)
            add_row(a->row, src + (rows->first + k) * n, rows->share[k], n, k == 0);
        for (int64_t x = 0; x < a->x.out; x++, dst += 3) {
            const struct cover *c = &a->x.cover[x];
            const float *from = a->row + c->first * 3;
            float sum[3] = { 0.5f, 0.5f, 0.5f };

            for (int64_t k = 0; k < c->count; k++, from += 3) {
                sum[0] += c->share[k] * from[0];
                sum[1] += c->share[k] * from[1];
                sum[2] += c->share[k] * from[2];
            }
            for (int i = 0; i < 3; i++)
                dst[i] = (uint8_t)(sum[i] < 255 ? sum[i] : 255);
        }
    }
}

void va_area_free(struct va_area *a)
{
    if (!a)
        return;
    va_free(a->x.cover);
    va_free(a->x.shares);
    va_free(a->y.cover);
    va_free(a->y.shares);
    va_free(a->row);
    va_free(a);
}
