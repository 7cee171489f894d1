/*
 * The rules on the values of datasets: finite, ascending, sorted, bounds. Each dataset is read
 * once, in blocks, and the first value that breaks a rule is named with its place.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct rule {
    const struct va_h5_in *in;
    const struct va_h5_object *object;
    const struct va_schema_row *row;
    double hi;    /* row->hi, or the attribute that bounds it */
    double last;  /* value before, for ascending and sorted */
    bool started; /* there was one */
};

/* Where element i of row `row` stands, as [3, 17]. */
static void place_text(const struct va_h5_object *o, int64_t row, int64_t i, char *text,
                       size_t size)
{
    int64_t index[VA_RANK_MAX] = { row }, rest = i;
    size_t n = 0;

    for (int d = o->rank - 1; d > 0; d--) {
        index[d] = rest % o->shape[d];
        rest /= o->shape[d];
    }
    text[0] = 0;
    for (int d = 0; d < o->rank && n < size; d++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld", d ? ", " : "[",
                              (long long)index[d]);
    if (o->rank && n < size)
        snprintf(text + n, size - n, "]");
}

static int broken(const struct rule *r, int64_t row, int64_t i, double x, const char *expected)
{
    char place[160];

    place_text(r->object, row, i, place, sizeof(place));
    return va_error("%s: %s%s: found %.9g, expected %s", r->in->path, r->object->path, place, x,
                    expected);
}

static int check_value(struct rule *r, int64_t row, int64_t i, double x)
{
    char text[80];

    if (r->row->finite && !isfinite(x))
        return broken(r, row, i, x, "a finite value");
    if (x < r->row->lo || x > r->hi) {
        snprintf(text, sizeof(text), "a value of at %s %.17g",
                 x < r->row->lo ? "least" : "most", x < r->row->lo ? r->row->lo : r->hi);
        return broken(r, row, i, x, text);
    }
    if (r->started && (r->row->ascending ? !(x > r->last) : r->row->sorted && x < r->last)) {
        snprintf(text, sizeof(text), "%s %.17g, the value before",
                 r->row->ascending ? "more than" : "at least", r->last);
        return broken(r, row, i, x, text);
    }
    r->last = x;
    r->started = true;
    return 0;
}

static int check_block(void *arg, const void *data, int64_t first, int64_t rows)
{
    struct rule *r = arg;
    int64_t n = va_h5_row_elements(r->object);

    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < n; i++)
            if (check_value(r, first + row, i,
                            va_dtype_at(r->object->type, data, row * n + i)) < 0)
                return -1;
    return 0;
}

/* Float data that only must be finite, the common and the large case. */
static int check_finite_block(void *arg, const void *data, int64_t first, int64_t rows)
{
    struct rule *r = arg;
    int64_t n = rows * va_h5_row_elements(r->object);
    const float *x = data;
    float sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i] * 0.0f; /* 0, or NaN once a value is not finite */
    return sum == 0.0f ? 0 : check_block(arg, data, first, rows);
}

static int check_object(struct va_h5_in *in, const struct va_schema_row *row,
                        const struct va_h5_object *o)
{
    struct rule r = { .in = in, .object = o, .row = row, .hi = row->hi };
    bool bounded = row->hi_under || isfinite(row->lo) || isfinite(row->hi);
    int64_t bound;

    if (o->strings || !(row->finite || row->ascending || row->sorted || bounded))
        return 0;
    if (row->hi_under) {
        if (va_h5_get_int(in, NULL, row->hi_under, &bound) < 0)
            return -1;
        r.hi = (double)bound;
    }
    if (o->type == VA_F32 && !bounded && !row->ascending && !row->sorted)
        return va_h5_each_block(&in->file, o, check_finite_block, &r);
    return va_h5_each_block(&in->file, o, check_block, &r);
}

int va_h5_check_values(struct va_h5_in *in)
{
    VA_H5_ALONE;

    for (int64_t i = 0; i < in->file.count; i++)
        for (int64_t r = 0; r < in->schema->count; r++) {
            const struct va_schema_row *row = &in->schema->rows[r];

            if (row->attribute || !in->file.objects[i].dataset ||
                !va_schema_match(row->object, in->file.objects[i].path, NULL, 0))
                continue;
            if (check_object(in, row, &in->file.objects[i]) < 0)
                return -1;
        }
    return 0;
}
