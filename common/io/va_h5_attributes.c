/* Attributes of an open file as strings, integers and reals. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *owner_of(const char *object)
{
    return object ? object : "/";
}

bool va_h5_has_attribute(struct va_h5_in *in, const char *object, const char *name)
{
    VA_H5_ALONE;

    object = owner_of(object);
    if (strcmp(object, "/") && !va_h5_find(&in->file, object))
        return false;
    if (in->file.member)
        return in->file.member->calls->has(&in->file, object, name);
    /* where this cannot be told, the call that reads it says why */
    return H5Aexists_by_name(in->file.id, object, name, H5P_DEFAULT) != 0;
}

/* Read an attribute of `count` values (-1: any number) of one of two kinds. */
static int get(struct va_h5_in *in, const char *object, const char *name, enum va_h5_kind kind,
               enum va_h5_kind or_kind, int64_t count, struct va_h5_value *value)
{
    VA_H5_ALONE;
    static const char *const kinds[] = { "integer", "real number", "string" };
    const char *root = object ? object : "";

    if (!va_h5_has_attribute(in, object, name))
        return va_error("%s: %s@%s: not found", in->path, root, name);
    if (va_h5_value_read(&in->file, owner_of(object), name, value) < 0)
        return -1;
    if ((value->kind == kind || value->kind == or_kind) && (count < 0 || value->count == count))
        return 0;
    if (count >= 0 && value->count != count)
        va_error("%s: %s@%s: found %lld values, expected %lld", in->path, root, name,
                 (long long)value->count, (long long)count);
    else
        va_error("%s: %s@%s: found another type, expected %s", in->path, root, name,
                 kinds[kind]);
    va_h5_value_release(value);
    return -1;
}

char *va_h5_get_string(struct va_h5_in *in, const char *object, const char *name)
{
    struct va_h5_value value;
    char *text;

    if (get(in, object, name, VA_H5_STRING, VA_H5_STRING, 1, &value) < 0)
        return NULL;
    text = value.strings[0];
    value.strings[0] = NULL;
    va_h5_value_release(&value);
    return text;
}

int va_h5_get_int(struct va_h5_in *in, const char *object, const char *name, int64_t *number)
{
    struct va_h5_value value;

    if (get(in, object, name, VA_H5_INT, VA_H5_INT, 1, &value) < 0)
        return -1;
    *number = value.ints[0];
    va_h5_value_release(&value);
    return 0;
}

int va_h5_get_reals(struct va_h5_in *in, const char *object, const char *name, int64_t count,
                    double *values)
{
    struct va_h5_value value;

    if (get(in, object, name, VA_H5_REAL, VA_H5_INT, count, &value) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        values[i] = value.reals ? value.reals[i] : (double)value.ints[i];
    va_h5_value_release(&value);
    return 0;
}

int va_h5_get_real(struct va_h5_in *in, const char *object, const char *name, double *number)
{
    return va_h5_get_reals(in, object, name, 1, number);
}

int va_h5_get_strings(struct va_h5_in *in, const char *object, const char *name, char ***values,
                      int64_t *count)
{
    struct va_h5_value value;

    *values = NULL;
    *count = 0;
    if (get(in, object, name, VA_H5_STRING, VA_H5_STRING, -1, &value) < 0)
        return -1;
    *values = value.strings;
    *count = value.count;
    return 0;
}
