/*
 * Attributes are small and are read whole; strings may be of fixed or variable length, padded
 * with zeros or blanks, ASCII or UTF-8, and come out as C strings. What a file claims is held
 * against its length before memory is taken.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 1 << 22 }; /* in one attribute */

void va_h5_free_strings(char **values, int64_t count)
{
    for (int64_t i = 0; values && i < count; i++)
        va_free(values[i]);
    va_free(values);
}

void va_h5_value_release(struct va_h5_value *value)
{
    va_free(value->ints);
    va_free(value->reals);
    va_h5_free_strings(value->strings, value->count);
    *value = (struct va_h5_value){ .kind = VA_H5_OTHER };
}

/* Attribute or dataset: the library reads them with different calls. */
static herr_t read_any(hid_t from, hid_t type, void *data)
{
    return H5Iget_type(from) == H5I_ATTR
               ? H5Aread(from, type, data)
               : H5Dread(from, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
}

static int read_variable(hid_t from, hid_t type, hid_t space, char **values, int64_t count)
{
    hid_t memory = H5Tcopy(H5T_C_S1);
    char **raw = va_new(count, sizeof(*raw));
    int result = -1;

    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    if (!raw || read_any(from, memory, raw) < 0)
        goto done;
    result = 0;
    for (int64_t i = 0; i < count; i++)
        if (!(values[i] = va_strdup(raw[i] ? raw[i] : "")))
            result = -1;
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, raw);
done:
    va_free(raw);
    H5Tclose(memory);
    return result;
}

static int read_fixed(hid_t from, hid_t type, char **values, int64_t count)
{
    size_t size = H5Tget_size(type);
    bool blanks = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    char *raw = va_new(count, size);
    int result = -1;

    if (!raw || read_any(from, type, raw) < 0)
        goto done;
    result = 0;
    for (int64_t i = 0; i < count; i++) {
        const char *s = raw + (size_t)i * size;
        size_t n = strnlen(s, size);

        while (blanks && n && s[n - 1] == ' ')
            n--;
        if (!(values[i] = va_strndup(s, n)))
            result = -1;
    }
done:
    va_free(raw);
    return result;
}

/* *values [count] of an attribute or dataset of strings; -1 without reporting. */
static int read_strings(const struct va_h5_file *f, hid_t from, hid_t type, hid_t space,
                        int64_t count, char ***values)
{
    int64_t bytes;
    int failed;

    if (!H5Tis_variable_str(type) && f->size >= 0 &&
        (va_mul(count, (int64_t)H5Tget_size(type), &bytes) < 0 || bytes > f->size))
        return -1;
    *values = va_new(count, sizeof(**values));
    if (!*values)
        return -1;
    failed = H5Tis_variable_str(type) > 0 ? read_variable(from, type, space, *values, count)
                                          : read_fixed(from, type, *values, count);
    if (failed) {
        va_h5_free_strings(*values, count);
        *values = NULL;
    }
    return failed;
}

static int read_numbers(hid_t from, struct va_h5_value *value)
{
    if (value->kind == VA_H5_INT) {
        value->ints = va_new(value->count, sizeof(*value->ints));
        return value->ints && H5Aread(from, H5T_NATIVE_INT64, value->ints) >= 0 ? 0 : -1;
    }
    value->reals = va_new(value->count, sizeof(*value->reals));
    return value->reals && H5Aread(from, H5T_NATIVE_DOUBLE, value->reals) >= 0 ? 0 : -1;
}

static int read_value(const struct va_h5_file *f, hid_t attribute, hid_t type, hid_t space,
                      struct va_h5_value *value)
{
    hssize_t points = H5Sget_simple_extent_npoints(space);

    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
    case H5T_ENUM: value->kind = VA_H5_INT; break; /* an enumeration: bool of Python */
    case H5T_FLOAT: value->kind = VA_H5_REAL; break;
    case H5T_STRING: value->kind = VA_H5_STRING; break;
    default: return 0; /* of a kind that no schema knows: ignored */
    }
    if (H5Sget_simple_extent_type(space) == H5S_NULL) {
        value->kind = VA_H5_OTHER;
        return 0;
    }
    if (points < 0 || points > MAX_VALUES || (f->size >= 0 && points > f->size))
        return -1;
    value->count = points;
    if (value->kind == VA_H5_STRING)
        return read_strings(f, attribute, type, space, points, &value->strings);
    return read_numbers(attribute, value);
}

static int read_attribute(const struct va_h5_file *f, const char *object, const char *name,
                          struct va_h5_value *value)
{
    hid_t attribute = H5Aopen_by_name(f->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    char place[2048];
    int result = -1;

    *value = (struct va_h5_value){ .kind = VA_H5_OTHER };
    if (attribute >= 0 && type >= 0 && space >= 0)
        result = read_value(f, attribute, type, space, value);
    if (result < 0) {
        va_h5_value_release(value);
        snprintf(place, sizeof(place), "%s@%s", strcmp(object, "/") ? object : "", name);
        va_h5_damaged(f, place);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return result;
}

int va_h5_value_read(const struct va_h5_file *f, const char *object, const char *name,
                     struct va_h5_value *value)
{
    return f->member ? f->member->calls->value(f, name, value)
                     : read_attribute(f, object, name, value);
}

int va_h5_attribute_exists(const struct va_h5_file *f, const char *object, const char *name)
{
    htri_t there;

    if (f->member)
        return f->member->calls->has(f, object, name);
    there = H5Aexists_by_name(f->id, object, name, H5P_DEFAULT);
    return there < 0 ? va_h5_damaged(f, object) : there > 0;
}

struct names {
    char **items;
    int64_t count, room;
};

static herr_t add_name(hid_t at, const char *name, const H5A_info_t *info, void *arg)
{
    struct names *n = arg;

    (void)at, (void)info;
    if (va_grow(&n->items, &n->room, n->count + 1, sizeof(*n->items)) < 0 ||
        !(n->items[n->count] = va_strdup(name)))
        return -1;
    n->count++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int va_h5_attribute_names(const struct va_h5_file *f, const char *object, char ***names,
                          int64_t *count)
{
    struct names n = { 0 };
    hsize_t at = 0;

    *names = NULL;
    *count = 0;
    if (f->member)
        return f->member->calls->names(f, object, names, count);
    if (H5Aiterate_by_name(f->id, object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, add_name, &n,
                           H5P_DEFAULT) < 0) {
        va_h5_free_strings(n.items, n.count);
        return va_h5_damaged(f, object);
    }
    if (n.count)
        qsort(n.items, (size_t)n.count, sizeof(*n.items), by_bytes);
    *names = n.items;
    *count = n.count;
    return 0;
}

static int read_dataset(const struct va_h5_file *f, const struct va_h5_object *o,
                        char ***values)
{
    hid_t dataset = H5Dopen2(f->id, o->path, H5P_DEFAULT);
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    int result = -1;

    *values = NULL;
    if (dataset >= 0 && type >= 0 && space >= 0)
        result = read_strings(f, dataset, type, space, o->count, values);
    if (result < 0)
        va_h5_damaged(f, o->path);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(dataset);
    return result;
}

int va_h5_dataset_strings(const struct va_h5_file *f, const struct va_h5_object *o,
                          char ***values)
{
    return f->member ? f->member->calls->strings(f, o, values) : read_dataset(f, o, values);
}

void va_h5_hash_strings(struct va_hash *h, char *const *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        va_hash_add(h, values[i], strlen(values[i]) + 1);
}

void va_h5_value_hash(struct va_hash *h, const struct va_h5_value *value)
{
    static const char letters[] = "irs";

    if (value->kind == VA_H5_OTHER)
        return;
    va_hash_add(h, &letters[value->kind], 1);
    va_hash_add(h, &value->count, sizeof(value->count));
    if (value->ints)
        va_hash_add(h, value->ints, (size_t)value->count * sizeof(*value->ints));
    if (value->reals)
        va_hash_add(h, value->reals, (size_t)value->count * sizeof(*value->reals));
    if (value->strings)
        va_h5_hash_strings(h, value->strings, value->count);
}
