/*
 * A file being written, from beginning to end: nothing in it varies between two runs. A file under its final name is whole: it was checked against its schema, marked,
 * closed, synced and renamed, in this order.
 */
#include "base/va_computed.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_option.h"
#include "base/va_tempfile.h"
#include "base/va_version.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_INPUT_LINES = 256 }; /* more inputs are recorded as their number and a hash */

static int open_temporary(struct va_h5_out *out)
{
    hid_t access = va_h5_access_create(), create = va_h5_quiet_list(H5P_FILE_CREATE);

    if (access >= 0)
        out->file.id = H5Fcreate(va_tempfile_path(out->temp), H5F_ACC_TRUNC, create, access);
    if (out->file.id < 0) /* asked at once: the next call forgets the reason */
        va_h5_write_failed(out, "file");
    H5Pclose(create);
    H5Pclose(access);
    return out->failed ? -1 : 0;
}

/* The first thing that we write into a file is the attribute `schema`. */
const char *va_h5_find_schema(const char *head, size_t size)
{
    static const char name[] = "schema", begin[] = "\0va."; /* a value is preceded by zeros */
    const char *at = memmem(head, size, name, sizeof(name));

    if (!va_output_begins(head, size, "\x89HDF\r\n\x1a\n") || !at)
        return NULL;
    at = memmem(at, (size_t)(head + size - at), begin, sizeof(begin) - 1);
    return at ? at + 1 : NULL;
}

/* Whether these are the first bytes of a file of ours. */
static bool is_ours(const char *head, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    const char *at = va_h5_find_schema(head, size), *end = head + size;

    if (!at)
        return false;
    for (at += strlen("va."); at < end && *at && strchr(letters, *at);)
        at++;
    return end - at >= 2 && at[0] == '/' && at[1] >= '0' && at[1] <= '9';
}

int va_h5_may_create(const char *path, const char *schema)
{
    const size_t same = strcspn(schema, "/") + 1;
    char head[VA_OUTPUT_HEAD + 1];
    const char *found;
    int64_t n;
    size_t name;

    if (va_output_check(path, is_ours) < 0)
        return -1;
    n = va_output_forced() ? 0 : va_output_head(path, head);
    head[n > 0 ? n : 0] = '\0';
    found = n > 0 ? va_h5_find_schema(head, (size_t)n) : NULL;
    if (!found || strncmp(found, schema, same) == 0)
        return 0;
    name = strcspn(found, "/") +
           1; /* no zero need follow: a text of 16 bytes fills its place */
    name += strspn(found + name, "0123456789");
    return va_error(
        "%s: exists and holds %.*s, expected %s as of an earlier output: name another "
        "file, or replace it with --force",
        path, (int)name, found, schema);
}

struct va_h5_out *va_h5_create(const char *path, const char *schema)
{
    VA_H5_ALONE;
    struct va_h5_out *out = va_new(1, sizeof(*out));

    if (!out)
        return NULL;
    out->file.id = H5I_INVALID_HID;
    out->file.size = -1;
    out->target = va_strdup(path);
    out->schema = va_strdup(schema);
    out->file.path = out->target;
    if (!out->target || !out->schema || va_h5_init() < 0)
        goto failed;
    va_h5_errno_clear();
    if (!va_schema_find(schema)) {
        va_error_machine("%s: schema %s is not known", path, schema);
        goto failed;
    }
    out->temp = va_h5_may_create(path, schema) < 0 ? NULL : va_tempfile_new(path, NULL);
    if (!out->temp || open_temporary(out) < 0 ||
        va_h5_put_string(out, NULL, "schema", schema) < 0)
        goto failed;
    return out;
failed:
    va_h5_abort(out);
    return NULL;
}

int va_h5_add_input(struct va_h5_out *out, const char *path, const char *id)
{
    const char *slash = strrchr(path, '/');

    if (va_grow(&out->inputs, &out->input_room, out->input_count + 1, sizeof(*out->inputs)) < 0)
        return -1;
    out->inputs[out->input_count] = va_format("input=%s %s", slash ? slash + 1 : path, id);
    return out->inputs[out->input_count++] ? 0 : -1;
}

void va_h5_set_seed(struct va_h5_out *out, uint64_t seed)
{
    out->seeded = true;
    out->seed = seed;
}

static int put_provenance(struct va_h5_out *out)
{
    const char *lines[5 + MAX_INPUT_LINES];
    char *record = va_options_record(), *made[5] = { 0 };
    char digest[VA_HASH_TEXT];
    struct va_hash hash;
    int64_t n = 0;
    int result = -1;

    made[0] = va_format("tool=%s", va_error_tool());
    made[1] = record ? va_format("arguments=%s", record) : NULL;
    made[2] = va_format("seed=%llu", (unsigned long long)out->seed);
    va_hash_init(&hash);
    va_h5_hash_strings(&hash, out->inputs, out->input_count);
    va_hash_finish(&hash, digest);
    made[3] = va_format("inputs=%lld %s", (long long)out->input_count, digest);
    made[4] = va_format("device=%s", va_computed_by() ? va_computed_by() : "cpu");
    if (made[0] && made[1] && made[2] && made[3] && made[4]) {
        lines[n++] = made[0];
        lines[n++] = "version=" VA_VERSION;
        lines[n++] = made[1];
        if (va_computed_by())
            lines[n++] = made[4];
        if (out->seeded)
            lines[n++] = made[2];
        if (out->input_count > MAX_INPUT_LINES)
            lines[n++] = made[3];
        else
            for (int64_t i = 0; i < out->input_count; i++)
                lines[n++] = out->inputs[i];
        result = va_h5_put_strings(out, NULL, "provenance", n, lines);
    }
    for (size_t i = 0; i < VA_COUNT(made); i++)
        va_free(made[i]);
    va_free(record);
    return result;
}

/* Check what was written and give it its id. */
static int seal(struct va_h5_out *out)
{
    char id[VA_HASH_TEXT];
    const struct va_schema *schema = va_schema_find(out->schema);

    if (va_h5_tree_read(&out->file) < 0 || !schema ||
        va_h5_check_structure(&out->file, schema, false) < 0)
        return -1;
    for (int64_t i = 0; i < out->written_count; i++) {
        struct va_h5_object *o = va_h5_find(&out->file, out->written[i].path);

        if (o)
            memcpy(o->digest, out->written[i].digest, sizeof(o->digest));
    }
    if (va_h5_content_id(&out->file, out->schema, id) < 0)
        return -1;
    return va_h5_put_string(out, NULL, "id", id);
}

/* Close the HDF5 file; after a failure the library may keep it open until the program ends. */
static int close_file(struct va_h5_out *out)
{
    hid_t id = out->file.id;

    out->file.id = H5I_INVALID_HID;
    return id < 0 || H5Fclose(id) >= 0 ? 0 : -1;
}

int va_h5_commit(struct va_h5_out **handle)
{
    VA_H5_ALONE;
    static const int32_t one = 1;
    struct va_h5_out *out = *handle;
    int result = -1;

    *handle = NULL;
    if (out->rows) {
        if (!out->failed)
            va_error_machine("%s: rows are not finished", out->target);
        out->failed = true;
    }
    if (!out->failed && seal(out) == 0 && put_provenance(out) == 0 &&
        va_h5_put(out, NULL, "complete", H5T_STD_I32LE, H5T_NATIVE_INT32, -1, &one) == 0) {
        if (H5Fflush(out->file.id, H5F_SCOPE_GLOBAL) < 0 || close_file(out) < 0)
            va_h5_write_failed(out, "closing");
        else
            result = va_tempfile_commit(&out->temp);
    }
    va_h5_abort(out);
    return result;
}

void va_h5_abort(struct va_h5_out *out)
{
    VA_H5_ALONE;

    if (!out)
        return;
    va_h5_rows_drop(out);
    va_tempfile_abort(&out->temp); /* first: nothing of it is left if closing goes wrong */
    close_file(out);
    va_h5_tree_release(&out->file);
    for (int64_t i = 0; i < out->written_count; i++)
        va_free(out->written[i].path);
    va_free(out->written);
    va_h5_free_strings(out->inputs, out->input_count);
    va_free(out->target);
    va_free(out->schema);
    va_free(out);
}
