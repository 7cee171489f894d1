/*
 * Both lists of objects are sorted by path, so they are walked side by side like two decks of
 * cards. Values go by in blocks; of each dataset the worst element is kept.
 */
#include "io/va_h5_compare.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 1024 };

struct comparison {
    struct va_h5_in *x, *y;
    const struct va_h5_bound *bound;
    void (*say)(void *arg, const char *line);
    void *arg;
    int64_t count;
};

static void VA_PRINTF(2, 3) differ(struct comparison *c, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    c->count++;
    c->say(c->arg, line);
}

static bool is_ignored(const struct comparison *c, const char *place)
{
    for (const char *const *p = c->bound->ignore; p && *p; p++)
        if (!strcmp(*p, place))
            return true;
    return false;
}

/* ---- values ---------------------------------------------------------------------------- */

/* The elements of one dataset or attribute that do not agree. */
struct tally {
    int64_t bad, seen;
    int64_t worst; /* flat index */
    double x, y, distance;
};

/* Infinite where no bound can help: NaN, and infinities that differ. */
static double distance(const struct va_h5_bound *b, double x, double y)
{
    if (isnan(x) || isnan(y))
        return b->nan_equal && isnan(x) && isnan(y) ? 0 : INFINITY;
    return x == y ? 0 : fabs(x - y); /* infinite when one of them is */
}

static void count_value(struct tally *t, const struct va_h5_bound *b, double x, double y)
{
    double d = distance(b, x, y), most = fmax(fabs(x), fabs(y)), allowed = b->abs;

    if (b->rel > 0 && b->rel * most > allowed)
        allowed = b->rel * most;
    if (d > 0 && (isinf(d) || !(d <= allowed))) {
        if (!t->bad || d > t->distance) {
            t->worst = t->seen;
            t->x = x;
            t->y = y;
            t->distance = d;
        }
        t->bad++;
    }
    t->seen++;
}

/* 64-bit integers may be closer than a double can tell. */
static void count_integer(struct tally *t, const struct va_h5_bound *b, int64_t x, int64_t y)
{
    if (x != y && (double)x == (double)y)
        count_value(t, b, (double)x, nextafter((double)x, x < y ? INFINITY : -INFINITY));
    else
        count_value(t, b, (double)x, (double)y);
}

/* "[3, 1]" for a flat index. */
static const char *index_text(int rank, const int64_t *shape, int64_t flat, char *text,
                              size_t size)
{
    int64_t index[VA_RANK_MAX];
    size_t n = 0;

    for (int d = rank - 1; d >= 0; d--) {
        index[d] = flat % shape[d];
        flat /= shape[d];
    }
    text[0] = 0;
    for (int d = 0; d < rank && n < size; d++)
        n += (size_t)snprintf(text + n, size - n, "%s%lld%s", d ? ", " : "[",
                              (long long)index[d], d == rank - 1 ? "]" : "");
    return text;
}

static void tell(struct comparison *c, const struct tally *t, const char *place, int rank,
                 const int64_t *shape)
{
    char at[160];

    if (t->bad)
        differ(c, "%s%s: %.9g and %.9g differ by %.3g, the worst of %lld that do, of %lld",
               place, index_text(rank, shape, t->worst, at, sizeof(at)), t->x, t->y,
               t->distance, (long long)t->bad, (long long)t->seen);
}

struct blocks {
    struct comparison *c;
    const struct va_h5_object *o;
    struct tally tally;
};

static int compare_block(void *arg, const void *data, int64_t first, int64_t rows)
{
    struct blocks *b = arg;
    const struct va_h5_bound *bound = b->c->bound;
    enum va_dtype type = b->o->type;
    int64_t n = rows * va_h5_row_elements(b->o);
    bool integers = type == VA_U8 || type == VA_I32 || type == VA_I64;
    void *other = va_new(n, va_dtype_size(type));

    if (!other || va_h5_read_rows(b->c->y, b->o->path, type, first, rows, other) < 0) {
        va_free(other);
        return -1;
    }
    if ((integers || bound->nan_equal) && !memcmp(data, other, (size_t)n * va_dtype_size(type)))
        b->tally.seen += n;
    else if (type == VA_I64)
        for (int64_t i = 0; i < n; i++)
            count_integer(&b->tally, bound, ((const int64_t *)data)[i], ((int64_t *)other)[i]);
    else
        for (int64_t i = 0; i < n; i++)
            count_value(&b->tally, bound, va_dtype_at(type, data, i),
                        va_dtype_at(type, other, i));
    va_free(other);
    return 0;
}

static void compare_string_arrays(struct comparison *c, const char *place, char *const *x,
                                  char *const *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(x[i], y[i])) {
            differ(c, "%s[%lld]: \"%s\" and \"%s\" differ", place, (long long)i, x[i], y[i]);
            return;
        }
}

static int compare_strings(struct comparison *c, const struct va_h5_object *o)
{
    char **x = NULL, **y = NULL;
    int64_t count = 0, other = 0;
    int result = -1;

    if (va_h5_read_strings(c->x, o->path, &x, &count) == 0 &&
        va_h5_read_strings(c->y, o->path, &y, &other) == 0) {
        compare_string_arrays(c, o->path, x, y, count);
        result = 0;
    }
    va_h5_free_strings(x, count);
    va_h5_free_strings(y, other);
    return result;
}

/* ---- attributes ------------------------------------------------------------------------ */

static void compare_two_values(struct comparison *c, const char *place,
                               const struct va_h5_value *x, const struct va_h5_value *y)
{
    static const char *const kinds[] = { "integer", "real", "string", "other" };
    struct tally t = { 0 };

    if (x->kind != y->kind) {
        differ(c, "%s: types %s and %s differ", place, kinds[x->kind], kinds[y->kind]);
    } else if (x->count != y->count) {
        differ(c, "%s: %lld and %lld values", place, (long long)x->count, (long long)y->count);
    } else if (x->kind == VA_H5_STRING) {
        compare_string_arrays(c, place, x->strings, y->strings, x->count);
    } else {
        for (int64_t i = 0; x->reals && i < x->count; i++)
            count_value(&t, c->bound, x->reals[i], y->reals[i]);
        for (int64_t i = 0; x->ints && i < x->count; i++)
            count_integer(&t, c->bound, x->ints[i], y->ints[i]);
        tell(c, &t, place, 1, &x->count);
    }
}

static int compare_attribute(struct comparison *c, const char *object, const char *name,
                             const char *place)
{
    struct va_h5_value x, y;

    if (va_h5_value_read(&c->x->file, object, name, &x) < 0)
        return -1;
    if (va_h5_value_read(&c->y->file, object, name, &y) < 0) {
        va_h5_value_release(&x);
        return -1;
    }
    compare_two_values(c, place, &x, &y);
    va_h5_value_release(&x);
    va_h5_value_release(&y);
    return 0;
}

static void only_one(struct comparison *c, const char *place, bool first)
{
    differ(c, "%s: only in the %s file", place, first ? "first" : "second");
}

/* Attributes of `object` ("/" for the root), which both files have. */
static int compare_attributes(struct comparison *c, const char *object)
{
    char **x = NULL, **y = NULL, place[LINE_SIZE];
    int64_t nx = 0, ny = 0, i = 0, k = 0;
    int result = -1;

    if (va_h5_attribute_names(&c->x->file, object, &x, &nx) < 0 ||
        va_h5_attribute_names(&c->y->file, object, &y, &ny) < 0)
        goto done;
    while (i < nx || k < ny) {
        int order = i == nx ? 1 : k == ny ? -1 : strcmp(x[i], y[k]);
        const char *name = order <= 0 ? x[i] : y[k];
        bool root = !strcmp(object, "/");

        i += order <= 0;
        k += order >= 0;
        snprintf(place, sizeof(place), "%s@%s", root ? "" : object, name);
        if (is_ignored(c, place) ||
            (root && (!strcmp(name, "provenance") || !strcmp(name, "id") ||
                      !strcmp(name, "schema") || !strcmp(name, "complete"))))
            continue;
        if (order)
            only_one(c, place, order < 0);
        else if (compare_attribute(c, object, name, place) < 0)
            goto done;
    }
    result = 0;
done:
    va_h5_free_strings(x, nx);
    va_h5_free_strings(y, ny);
    return result;
}

/* ---- objects --------------------------------------------------------------------------- */

static const char *kind_of(const struct va_h5_object *o)
{
    return !o->dataset ? "group" : o->strings ? "string" : va_dtype_names[o->type];
}

static const char *shape_of(const struct va_h5_object *o, char *text, size_t size)
{
    return o->rank ? va_shape_text(o->rank, o->shape, text, size) : "of one value";
}

static int compare_data(struct comparison *c, const struct va_h5_object *o)
{
    struct blocks b = { .c = c, .o = o };

    if (o->strings)
        return compare_strings(c, o);
    if (va_h5_each_block(&c->x->file, o, compare_block, &b) < 0)
        return -1;
    tell(c, &b.tally, o->path, o->rank, o->shape);
    return 0;
}

static int compare_objects(struct comparison *c, const struct va_h5_object *x,
                           const struct va_h5_object *y)
{
    char sx[160], sy[160];

    if (strcmp(kind_of(x), kind_of(y)))
        differ(c, "%s: types %s and %s differ", x->path, kind_of(x), kind_of(y));
    else if (x->rank != y->rank ||
             memcmp(x->shape, y->shape, (size_t)x->rank * sizeof(x->shape[0])))
        differ(c, "%s: shapes %s and %s differ", x->path, shape_of(x, sx, sizeof(sx)),
               shape_of(y, sy, sizeof(sy)));
    else if (x->dataset && compare_data(c, x) < 0)
        return -1;
    return compare_attributes(c, x->path);
}

int64_t va_h5_compare(struct va_h5_in *x, struct va_h5_in *y, const struct va_h5_bound *bound,
                      void (*say)(void *arg, const char *line), void *arg)
{
    VA_H5_ALONE;
    struct comparison c = { x, y, bound, say, arg, 0 };
    const struct va_h5_object *a = x->file.objects, *b = y->file.objects;
    const struct va_h5_object *a_end = a + x->file.count, *b_end = b + y->file.count;

    if (strcmp(x->schema->id, y->schema->id))
        differ(&c, "schemas %s and %s differ", x->schema->id, y->schema->id);
    if (compare_attributes(&c, "/") < 0)
        return -1;
    while (a < a_end || b < b_end) {
        int order = a == a_end ? 1 : b == b_end ? -1 : strcmp(a->path, b->path);
        const char *path = order <= 0 ? a->path : b->path;

        if (!is_ignored(&c, path)) {
            if (order)
                only_one(&c, path, order < 0);
            else if (compare_objects(&c, a, b) < 0)
                return -1;
        }
        a += order <= 0;
        b += order >= 0;
    }
    return c.count;
}
