/*
 * Rows are resized first, into a picture that is narrow already but still of full height; then
 * columns. The step to 8 bits between the two, the cut of taps at the edges and the 22-bit
 * weights are what makes the result equal Pillow's, to the bit: encoders were trained on it.
 */
#include "media/va_resize.h"

#include "base/va_cpu.h"
#include "base/va_cubic.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_resize_priv.h"
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST = 65536 }; /* pixels along an axis */

struct va_resize {
    const struct va_resize_loops *loops;
    struct va_resize_axis x, y;
    uint8_t *wide;     /* [y.n, x.size, 3] between the passes */
    uint8_t *in, *out; /* a row each, with what the loops need beyond its end */
};

static const struct va_resize_loops *loops_of(enum va_isa isa)
{
#if defined(__x86_64__)
    if (isa >= VA_ISA_AVX512)
        return &va_resize_loops_avx512;
    if (isa >= VA_ISA_AVX2)
        return &va_resize_loops_avx2;
#else
    (void)isa;
#endif
    return &va_resize_loops_plain;
}

/* ---- weights ----------------------------------------------------------------------------- */

static int64_t groups(const struct va_resize_axis *a)
{
    return (a->size + VA_RESIZE_GROUP - 1) / VA_RESIZE_GROUP;
}

/* Weights of output i; `w` has room for a->taps. */
static void weigh(struct va_resize_axis *a, int64_t i, double *w)
{
    int64_t first, count = va_cubic_weights(a->n, a->size, i, w, &first);

    for (int64_t k = 0; k < count; k++)
        a->weight[i * a->taps + k] = (int32_t)(w[k] * (1 << VA_RESIZE_BITS) +
                                               copysign(0.5, w[k])); /* half away from 0 */
    a->first[i] = (int32_t)first;
    a->count[i] = (int32_t)count;
    if (count > a->most)
        a->most = count;
}

/* The weights again, as the loop over a row takes them. */
static int spread(struct va_resize_axis *a)
{
    const int64_t outputs = groups(a) * VA_RESIZE_GROUP;

    a->lanes = va_new(4 * outputs * a->most, sizeof(*a->lanes));
    a->order = va_new(4 * outputs, 1);
    if (!a->lanes || !a->order)
        return -1;
    for (int64_t i = 0; i < outputs; i++) {
        const int64_t group = i / VA_RESIZE_GROUP, lane = i % VA_RESIZE_GROUP * 4;
        const int64_t begin = a->first[group * VA_RESIZE_GROUP];

        if (i >= a->size)
            a->first[i] = a->first[a->size - 1]; /* of no weight */
        for (int64_t c = 0; c < 4; c++) {
            const int64_t at = 3 * (a->first[i] - begin) + c;

            a->order[group * VA_RESIZE_LANES + lane + c] =
                (uint8_t)(at < VA_RESIZE_LANES ? at : 255);
            for (int64_t k = 0; k < a->most && i < a->size; k++)
                a->lanes[(group * a->most + k) * VA_RESIZE_LANES + lane + c] =
                    k < a->count[i] ? a->weight[i * a->taps + k] : 0;
        }
    }
    return 0;
}

static int axis_init(struct va_resize_axis *a, int64_t n, int64_t size)
{
    double *w;

    *a = (struct va_resize_axis){ .n = n, .size = size };
    if (n == size)
        return 0;
    a->taps = va_cubic_taps(n, size);
    a->first = va_new(groups(a) * VA_RESIZE_GROUP, sizeof(*a->first));
    a->count = va_new(size, sizeof(*a->count));
    a->weight = va_new(size * a->taps, sizeof(*a->weight));
    w = va_new(a->taps, sizeof(*w));
    for (int64_t i = 0; w && a->first && a->count && a->weight && i < size; i++)
        weigh(a, i, w);
    va_free(w);
    return w && a->first && a->count && a->weight ? 0 : -1;
}

static void axis_release(struct va_resize_axis *a)
{
    va_free(a->first);
    va_free(a->count);
    va_free(a->weight);
    va_free(a->lanes);
    va_free(a->order);
}

void va_resize_use(struct va_resize *r, enum va_isa isa)
{
    r->loops = loops_of(isa);
}

/* ---- life -------------------------------------------------------------------------------- */

static int init(struct va_resize *r, int64_t width, int64_t height, int64_t out_width,
                int64_t out_height)
{
    va_resize_use(r, va_cpu_isa());
    if (axis_init(&r->x, width, out_width) < 0 || axis_init(&r->y, height, out_height) < 0 ||
        (r->x.weight && spread(&r->x) < 0))
        return -1;
    r->wide = va_new(height * out_width, 3);
    r->in = va_new(3 * (width + r->x.most) + VA_RESIZE_LANES, 1);
    r->out = va_new(3 * VA_RESIZE_GROUP * groups(&r->x) + 1, 1);
    return r->wide && r->in && r->out ? 0 : -1;
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
    if (r && init(r, width, height, out_width, out_height) < 0) {
        va_resize_free(r);
        r = NULL;
    }
    return r;
}

void va_resize_free(struct va_resize *r)
{
    if (!r)
        return;
    axis_release(&r->x);
    axis_release(&r->y);
    va_free(r->wide);
    va_free(r->in);
    va_free(r->out);
    va_free(r);
}

/* ---- pixels ------------------------------------------------------------------------------ */

/* src [y.n, x.n, 3] -> dst [y.n, x.size, 3]. */
static void resize_rows(struct va_resize *r, const uint8_t *src, uint8_t *dst)
{
    const size_t in = (size_t)r->x.n * 3, out = (size_t)r->x.size * 3;

    for (int64_t y = 0; y < r->y.n; y++, src += in, dst += out) {
        memcpy(r->in, src, in);
        r->loops->row(&r->x, r->in, r->out);
        memcpy(dst, r->out, out);
    }
}

void va_resize_run(struct va_resize *r, const uint8_t *src, uint8_t *dst)
{
    const struct va_resize_axis *y = &r->y;
    const int64_t width = 3 * r->x.size;
    const uint8_t *wide = src;

    if (r->x.weight) {
        resize_rows(r, src, y->weight ? r->wide : dst);
        wide = y->weight ? r->wide : dst;
    }
    for (int64_t i = 0; y->weight && i < y->size; i++)
        r->loops->column(y->weight + i * y->taps, y->count[i], wide + y->first[i] * width,
                         width, dst + i * width);
    if (!y->weight && wide == src)
        memcpy(dst, src, (size_t)(width * y->size));
}
