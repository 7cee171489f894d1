/*
 * A video of a shard as a va.features/1 file: attributes from the table of the shard, rows from its bytes. The
 * HDF5 library has no part in it, so a hundred thousand videos cost no more than their rows.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <string.h>

enum { ATTRIBUTES = 9, LINES = 4096 };

/* Those it has, in bytewise order; their number. */
static int list(const struct va_h5_member *m, const char *names[ATTRIBUTES])
{
    int n = 0;

    names[n++] = "complete";
    if (*m->encoder)
        names[n++] = "encoder";
    names[n++] = "fps";
    names[n++] = "frame_count";
    names[n++] = "id";
    if (*m->input)
        names[n++] = "input";
    if (m->provenance_bytes)
        names[n++] = "provenance";
    names[n++] = "schema";
    names[n++] = "video";
    return n;
}

static bool member_has(const struct va_h5_file *f, const char *object, const char *name)
{
    const char *names[ATTRIBUTES];
    int n = strcmp(object, "/") ? 0 : list(f->member, names);

    while (n-- > 0)
        if (!strcmp(names[n], name))
            return true;
    return false;
}

static int member_names(const struct va_h5_file *f, const char *object, char ***names,
                        int64_t *count)
{
    const char *has[ATTRIBUTES];
    int n = strcmp(object, "/") ? 0 : list(f->member, has);

    *count = 0;
    *names = va_new(n, sizeof(**names));
    for (; *names && *count < n; ++*count)
        if (!((*names)[*count] = va_strdup(has[*count]))) {
            va_h5_free_strings(*names, *count);
            *names = NULL;
            *count = 0;
        }
    return *names ? 0 : -1;
}

static int put_string(struct va_h5_value *value, const char *text)
{
    value->kind = VA_H5_STRING;
    value->count = 1;
    value->strings = va_new(1, sizeof(*value->strings));
    return value->strings && (value->strings[0] = va_strdup(text)) ? 0 : -1;
}

static int put_int(struct va_h5_value *value, int64_t x)
{
    value->kind = VA_H5_INT;
    value->count = 1;
    value->ints = va_new(1, sizeof(*value->ints));
    if (!value->ints)
        return -1;
    value->ints[0] = x;
    return 0;
}

static int put_real(struct va_h5_value *value, double x)
{
    value->kind = VA_H5_REAL;
    value->count = 1;
    value->reals = va_new(1, sizeof(*value->reals));
    if (!value->reals)
        return -1;
    value->reals[0] = x;
    return 0;
}

/* Text [bytes] and a zero behind it becomes its lines. */
static int put_lines(struct va_h5_value *value, char *text, int64_t bytes)
{
    int64_t room = 0;

    value->kind = VA_H5_STRING;
    for (char *line = text, *end; line < text + bytes; line = end + 1) {
        end = line + strcspn(line, "\n");
        *end = '\0';
        if (value->count == LINES ||
            va_grow(&value->strings, &room, value->count + 1, sizeof(*value->strings)) < 0 ||
            !(value->strings[value->count] = va_strdup(line)))
            return -1;
        value->count++;
    }
    return 0;
}

static int read_provenance(const struct va_h5_file *f, struct va_h5_value *value)
{
    const struct va_h5_member *m = f->member;
    char *text = va_new(m->provenance_bytes + 1, 1);
    int status = -1;

    if (text && va_stored_read(f->bytes, m->provenance, m->provenance_bytes, text) == 0)
        status = put_lines(value, text, m->provenance_bytes);
    else if (text)
        status = va_h5_damaged(f, "@provenance");
    va_free(text);
    return status;
}

static int member_value(const struct va_h5_file *f, const char *name, struct va_h5_value *value)
{
    const struct va_h5_member *m = f->member;
    const struct {
        const char *name, *text;
    } strings[] = { { "schema", "va.features/1" },
                    { "video", m->name },
                    { "id", m->id },
                    { "encoder", m->encoder },
                    { "input", m->input } };
    int status = -1;

    *value = (struct va_h5_value){ .kind = VA_H5_OTHER };
    for (size_t i = 0; status < 0 && i < VA_COUNT(strings); i++)
        if (!strcmp(strings[i].name, name) && (status = put_string(value, strings[i].text)) < 0)
            goto failed;
    if (status == 0)
        return 0;
    if (!strcmp(name, "provenance"))
        status = read_provenance(f, value);
    else if (!strcmp(name, "fps"))
        status = put_real(value, m->fps);
    else
        status = put_int(value, strcmp(name, "complete") ? m->frame_count : 1);
    if (status == 0)
        return 0;
failed:
    va_h5_value_release(value);
    return -1;
}

static int member_strings(const struct va_h5_file *f, const struct va_h5_object *o,
                          char ***values)
{
    *values = va_new(o->count, sizeof(**values));
    for (int64_t i = 0; *values && i < o->count; i++)
        if (!((*values)[i] = va_strdup(f->member->columns[i]))) {
            va_h5_free_strings(*values, i);
            *values = NULL;
        }
    return *values ? 0 : -1;
}

const struct va_h5_member_calls va_h5_member_calls = { member_has, member_value, member_names,
                                                       member_strings };
