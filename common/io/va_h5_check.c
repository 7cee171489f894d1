/*
 * A file against its schema. The structure (names, types, shapes, the values of attributes) is
 * checked whenever a file is opened or committed; the values of datasets on request.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "io/va_h5_priv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 2048, LETTERS = 26 };

/* What the letters of shapes stand for. */
struct binding {
    int64_t size;   /* -1: not met yet */
    const char *by; /* the object that said so */
};

struct check {
    const struct va_h5_file *file;
    const struct va_schema *schema;
    struct binding *bound; /* [LETTERS] */
};

/* ---- one dataset or attribute ---------------------------------------------------------- */

static int wrong_shape(struct check *c, const struct va_schema_row *row, const char *place,
                       const char *found)
{
    char expected[256];
    size_t n = (size_t)snprintf(expected, sizeof(expected), "%s", row->shape);
    const char *with = " with";

    for (int d = 0; d < row->rank; d++) {
        const struct binding *b =
            &c->bound[row->dims[d].letter ? row->dims[d].letter - 'A' : 0];

        if (!row->dims[d].letter || b->size < 0 || n >= sizeof(expected))
            continue;
        n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s %c = %lld of %s", with,
                              row->dims[d].letter, (long long)b->size, b->by);
        with = ",";
    }
    return va_error("%s: %s: found shape %s, expected %s", c->file->path, place, found,
                    expected);
}

/* Hold a shape against a row; letters not met before get their value. */
static int check_shape(struct check *c, const struct va_schema_row *row, const char *place,
                       int rank, const int64_t *shape)
{
    char found[128];

    if (row->rank < 0)
        return 0;
    va_shape_text(rank, shape, found, sizeof(found));
    if (!rank)
        snprintf(found, sizeof(found), "of a single value");
    if (rank != row->rank)
        return wrong_shape(c, row, place, found);
    for (int d = 0; d < rank; d++) {
        const struct va_schema_dim *dim = &row->dims[d];
        struct binding *b = dim->letter ? &c->bound[dim->letter - 'A'] : NULL;

        if (b && b->size < 0 && shape[d] >= dim->size)
            *b = (struct binding){ shape[d] - dim->size, place };
        if (shape[d] != (b ? b->size : 0) + dim->size)
            return wrong_shape(c, row, place, found);
    }
    return 0;
}

static int check_dataset(struct check *c, const struct va_schema_row *row, const char *path)
{
    const struct va_h5_object *o = va_h5_find(c->file, path);
    unsigned type;

    if (!o && !row->required)
        return 0;
    if (!o)
        return va_error("%s: %s: not found, expected a dataset of %s", c->file->path, path,
                        c->schema->id);
    if (!o->dataset)
        return va_error("%s: %s: found a group, expected a dataset", c->file->path, path);
    type = o->strings ? (unsigned)VA_SCHEMA_STRING : 1u << o->type;
    if (!(type & row->type_mask))
        return va_error("%s: %s: found %s, expected %s", c->file->path, path,
                        o->strings ? "strings" : va_dtype_names[o->type], row->types);
    return check_shape(c, row, o->path, o->rank, o->shape);
}

static int check_attribute_numbers(struct check *c, const struct va_schema_row *row,
                                   const char *place, const struct va_h5_value *value)
{
    for (int64_t i = 0; i < value->count; i++) {
        double x = value->kind == VA_H5_INT ? (double)value->ints[i] : value->reals[i];

        if (row->finite && !isfinite(x))
            return va_error("%s: %s: found %g, expected a finite value", c->file->path, place,
                            x);
        if (x < row->lo || x > row->hi)
            return va_error("%s: %s: found %.17g, expected a value %s %.17g", c->file->path,
                            place, x, x < row->lo ? "of at least" : "of at most",
                            x < row->lo ? row->lo : row->hi);
    }
    return 0;
}

static int check_attribute(struct check *c, const struct va_schema_row *row, const char *owner)
{
    static const char *const kinds[] = { "an integer", "a float", "a string", "another type" };
    static const unsigned masks[] = { VA_SCHEMA_INT | VA_SCHEMA_REAL, VA_SCHEMA_REAL,
                                      VA_SCHEMA_STRING, 0 }; /* 25 frames per second are 25.0 */
    char place[PATH_SIZE], found[64];
    struct va_h5_value value;
    int result = -1, there = va_h5_attribute_exists(c->file, owner, row->attribute);

    snprintf(place, sizeof(place), "%s@%s", strcmp(owner, "/") ? owner : "", row->attribute);
    if (there < 0 || (!there && !row->required))
        return there;
    if (!there)
        return va_error("%s: %s: not found, expected an attribute of %s", c->file->path, place,
                        c->schema->id);
    if (va_h5_value_read(c->file, owner, row->attribute, &value) < 0)
        return -1;
    snprintf(found, sizeof(found), "%lld", (long long)value.count);
    if (!(row->type_mask & (masks[value.kind] | VA_SCHEMA_ANY)))
        va_error("%s: %s: found %s, expected %s", c->file->path, place, kinds[value.kind],
                 row->types);
    else if (row->rank == 0 && value.count != 1)
        va_error("%s: %s: found %s values, expected one", c->file->path, place, found);
    else if (row->name && value.kind == VA_H5_STRING && !va_video_name_valid(value.strings[0]))
        va_error("%s: %s: found '%.80s', expected the name of a video", c->file->path, place,
                 value.strings[0]);
    else if (row->rank <= 0 || check_shape(c, row, row->object, 1, &value.count) == 0)
        result = value.kind == VA_H5_INT || value.kind == VA_H5_REAL
                     ? check_attribute_numbers(c, row, place, &value)
                     : 0;
    va_h5_value_release(&value);
    return result;
}

/* ---- all rows -------------------------------------------------------------------------- */

static int check_row(struct check *c, const struct va_schema_row *row, const char *path)
{
    if (!row->attribute)
        return check_dataset(c, row, path);
    if (!strcmp(row->attribute, "*") || (strcmp(path, "/") && !va_h5_find(c->file, path)))
        return 0;
    return check_attribute(c, row, path);
}

/* The part of an object up to its star, star included; 0 where there is none. */
static size_t stem(const struct va_schema_row *row)
{
    const char *star = strchr(row->object, '*');

    return star ? (size_t)(star - row->object) + 1 : 0;
}

static bool same_stem(const struct va_schema_row *a, const struct va_schema_row *b)
{
    return stem(a) && stem(a) == stem(b) && !strncmp(a->object, b->object, stem(a));
}

/* Check all rows that begin like rows[first], for each name that stands for their star. */
static int check_names(struct check *c, int64_t first)
{
    const struct va_schema_row *row = &c->schema->rows[first];
    struct binding outer[LETTERS], *kept = c->bound;
    char pattern[PATH_SIZE], path[PATH_SIZE];
    int64_t names = 0;

    snprintf(pattern, sizeof(pattern), "%.*s", (int)stem(row), row->object);
    for (int64_t i = 0; i < c->file->count; i++) {
        if (!va_schema_match(pattern, c->file->objects[i].path, NULL, 0))
            continue;
        names++;
        memcpy(outer, kept, sizeof(outer));
        c->bound = outer;
        for (int64_t r = first; r < c->schema->count; r++) {
            const struct va_schema_row *other = &c->schema->rows[r];

            if (!same_stem(row, other))
                continue;
            snprintf(path, sizeof(path), "%s%s", c->file->objects[i].path,
                     other->object + stem(other));
            if (check_row(c, other, path) < 0)
                return c->bound = kept, -1;
        }
        c->bound = kept;
    }
    if (row->required && !names)
        return va_error("%s: %s: found none, expected at least one", c->file->path,
                        row->object);
    return 0;
}

/* The type of a row that holds all numbers of type `found`, or nearly so: -1 without one. Integers may become
 * floats, and float64 float32, but no float an integer. */
static int wider(unsigned mask, enum va_dtype found)
{
    static const enum va_dtype floats[] = { VA_F64, VA_F32 }, integers[] = { VA_I64, VA_I32 };
    bool is_float = found == VA_F32 || found == VA_F64 || found == VA_F16;

    for (size_t i = 0; i < VA_COUNT(integers); i++)
        if (!is_float && mask & 1u << integers[i])
            return (int)integers[i];
    for (size_t i = 0; i < VA_COUNT(floats); i++)
        if (found != VA_BF16 && mask & 1u << floats[i])
            return (int)floats[i];
    return -1;
}

void va_h5_adapt(struct va_h5_file *f, const struct va_schema *schema)
{
    for (int64_t i = 0; i < f->count; i++)
        for (int64_t r = 0; r < schema->count; r++) {
            const struct va_schema_row *row = &schema->rows[r];
            struct va_h5_object *o = &f->objects[i];
            int type;

            if (row->attribute || !o->dataset || o->strings || row->type_mask & 1u << o->type ||
                !va_schema_match(row->object, o->path, NULL, 0) ||
                (type = wider(row->type_mask, o->type)) < 0)
                continue;
            o->type = (enum va_dtype)type;
            o->foreign = true;
            o->offset = -1; /* not as the bytes are in the file */
        }
}

int va_h5_check_structure(const struct va_h5_file *f, const struct va_schema *schema,
                          bool complete)
{
    struct binding bound[LETTERS];
    struct check c = { .file = f, .schema = schema, .bound = bound };

    for (int i = 0; i < LETTERS; i++)
        bound[i] = (struct binding){ .size = -1 };
    for (int64_t i = 0; i < schema->count; i++) {
        const struct va_schema_row *row = &schema->rows[i];

        if (!complete && row->attribute && !strcmp(row->attribute, "complete"))
            continue;
        if (!stem(row) && check_row(&c, row, row->object) < 0)
            return -1;
    }
    for (int64_t i = 0; i < schema->count; i++) {
        bool seen = !stem(&schema->rows[i]);

        for (int64_t k = 0; k < i && !seen; k++)
            seen = same_stem(&schema->rows[k], &schema->rows[i]);
        if (!seen && check_names(&c, i) < 0)
            return -1;
    }
    return 0;
}

/* ---- tables of videos ------------------------------------------------------------------ */

int va_h5_check_parts(const char *path, const char *name, const int64_t *parts, int64_t count,
                      int64_t rows)
{
    int64_t before = 0;

    for (int64_t v = 0; v <= count; v++) {
        if (parts[v] < before || parts[v] > rows || (v == 0 && parts[v] != 0))
            return va_error(
                "%s: %s: %lld: found %lld, expected ascending numbers from 0 to %lld", path,
                name, (long long)v, (long long)parts[v], (long long)rows);
        before = parts[v];
    }
    if (before != rows)
        return va_error("%s: %s: ends at %lld, expected %lld", path, name, (long long)before,
                        (long long)rows);
    return 0;
}

static int by_text(const void *a, const void *b, void *arg)
{
    char *const *name = arg;

    return strcmp(name[*(const int32_t *)a], name[*(const int32_t *)b]);
}

static int check_names_of(const char *path, const char *name, char *const *names,
                          const int32_t *order, int64_t count)
{
    for (int64_t v = 0; v < count; v++)
        if (!va_video_name_valid(names[v]))
            return va_error("%s: %s: %lld: found '%.80s', expected the name of a video", path,
                            name, (long long)v, names[v]);
    for (int64_t i = 1; i < count; i++)
        if (!strcmp(names[order[i - 1]], names[order[i]]))
            return va_error("%s: %s: found video '%s' twice", path, name, names[order[i]]);
    return 0;
}

int32_t *va_h5_order_names(const char *path, const char *name, char *const *names,
                           int64_t count)
{
    int32_t *order = NULL;

    if (count > INT32_MAX)
        va_error("%s: %s: found %lld videos, expected at most %d", path, name, (long long)count,
                 INT32_MAX);
    else
        order = va_new(count, sizeof(*order));
    for (int64_t v = 0; order && v < count; v++)
        order[v] = (int32_t)v;
    if (order && count)
        qsort_r(order, (size_t)count, sizeof(*order), by_text, (void *)names);
    if (order && check_names_of(path, name, names, order, count) < 0) {
        va_free(order);
        order = NULL;
    }
    return order;
}

/* ---- which schema ---------------------------------------------------------------------- */

/* Whether an id with a version is `expected`, which may be without. */
static bool is_of(const char *id, const char *expected)
{
    const size_t n = strlen(expected);

    return !strncmp(id, expected, n) && (!id[n] || id[n] == '/');
}

static const struct va_schema *accept_schema(const struct va_h5_file *f, const char *found,
                                             const char *expected)
{
    const struct va_schema *schema = va_schema_find(found);
    const char *other = schema ? NULL : va_schema_other_version(found);

    if (schema && (!expected || is_of(found, expected)))
        return schema;
    if (other && (!expected || is_of(other, expected)))
        va_error("%s: found another version, %s, expected %s", f->path, found, other);
    else if (expected)
        va_error("%s: found %s, expected %s%s", f->path, found, expected,
                 strcmp(expected, "va.features/1") ? ""
                 : !strcmp(found, "va.frames/1")   ? ": make features of it with va-embed"
                 : !strcmp(found, "va.corpus/1")   ? ": name one of its videos, as FILE.h5/NAME"
                                                   : "");
    else
        va_error("%s: found schema %s, expected one that is known", f->path, found);
    return NULL;
}

const struct va_schema *va_h5_check_schema(const struct va_h5_file *f, const char *expected)
{
    const struct va_schema *schema = NULL;
    const char *wanted = expected ? expected : "a file of a known schema";
    struct va_h5_value value;
    int there = va_h5_attribute_exists(f, "/", "schema");

    if (there == 0)
        va_error("%s: @schema: not found, expected %s", f->path, wanted);
    if (there <= 0 || va_h5_value_read(f, "/", "schema", &value) < 0)
        return NULL;
    if (value.kind == VA_H5_STRING && value.count == 1)
        schema = accept_schema(f, value.strings[0], expected);
    else
        va_error("%s: @schema: found no string, expected %s", f->path, wanted);
    va_h5_value_release(&value);
    if (schema && va_h5_attribute_exists(f, "/", "complete") == 0)
        return va_error("%s: incomplete: its writer did not finish", f->path), NULL;
    return schema;
}
