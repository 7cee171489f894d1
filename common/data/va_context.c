#include "data/va_context.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_window_gather.h"
#include <string.h>

int va_context_init(struct va_context *c, const struct va_window_index *index, int64_t reach,
                    int64_t step, int64_t most)
{
    int64_t span = most + 2 * reach + step, numbers;

    *c = (struct va_context){ .index = index,
                              .reach = reach / step * step,
                              .step = step,
                              .L = 2 * (reach / step) + 1,
                              .most = most };
    if (va_mul(span + 1, index->dim, &numbers) < 0)
        return va_error("a context of %lld frames is too long", (long long)reach);
    c->rows = va_new(numbers, sizeof(*c->rows));
    c->sums = va_new(numbers, sizeof(*c->sums));
    return c->rows && c->sums ? 0 : -1;
}

void va_context_release(struct va_context *c)
{
    va_free(c->rows);
    va_free(c->sums);
    *c = (struct va_context){ 0 };
}

/* Frames [from, from + count) into c->rows, those at the ends repeated beyond them. */
static int gather_repeated(struct va_context *c, int64_t video, int64_t from, int64_t count)
{
    int64_t D = c->index->dim, T = c->index->videos[video].frames;
    int64_t first = from < 0 ? 0 : from, last = from + count < T ? from + count : T;
    size_t row = (size_t)D * sizeof(*c->rows);

    if (va_window_gather(c->index, video, first, last - first, c->rows + (first - from) * D,
                         NULL, NULL) < 0)
        return -1;
    for (int64_t i = first - from - 1; i >= 0; i--)
        memcpy(c->rows + i * D, c->rows + (i + 1) * D, row);
    for (int64_t i = last - from; i < count; i++)
        memcpy(c->rows + i * D, c->rows + (i - 1) * D, row);
    return 0;
}

static void add_up(struct va_context *c, int64_t count)
{
    int64_t D = c->index->dim;

    for (int64_t f = 0; f < D; f++)
        c->sums[f] = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t f = 0; f < D; f++)
            c->sums[(i + 1) * D + f] = c->sums[i * D + f] + (double)c->rows[i * D + f];
}

int va_context_gather(struct va_context *c, int64_t video, int64_t start, int64_t count,
                      float *x, float *label, float *valid)
{
    int64_t D = c->index->dim, L = c->L, before = c->reach + c->step / 2;
    int64_t span = count + 2 * c->reach + c->step;

    for (int64_t i = 0; i < count && label && valid; i++) {
        const struct va_timeline_entry e = va_window_index_entry(c->index, video, start + i);

        label[2 * i] = e.label[0];
        label[2 * i + 1] = e.label[1];
        valid[i] = e.valid;
    }
    if (L == 1 && c->step == 1)
        return va_window_gather(c->index, video, start, count, x, NULL, NULL);
    if (gather_repeated(c, video, start - before, span) < 0)
        return -1;
    add_up(c, span);
    for (int64_t i = 0; i < count; i++)
        for (int64_t l = 0; l < L; l++) {
            const double *from = c->sums + (i + l * c->step) * D, *to = from + c->step * D;

            for (int64_t f = 0; f < D; f++)
                x[(i * D + f) * L + l] = (float)((to[f] - from[f]) / (double)c->step);
        }
    return 0;
}
