/*
 * Everything that could vary between two runs is fixed: versions, times of objects, alignment,
 * layout. A file under its final name is whole: it was checked against its schema, marked,
 * closed, synced and renamed, in this order.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_option.h"
#include "base/va_tempfile.h"
#include "base/va_version.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_INPUT_LINES = 256, /* more inputs than this are recorded as their number and a hash */
    MAX_FIXED_BYTES = 1 << 15, /* of an attribute of strings */
    PATH_SIZE = 2048,
};

int va_h5_write_failed(struct va_h5_out *out, const char *place)
{
    int number = va_h5_errno();

    if (!out->failed) {
        if ((errno = number))
            va_error_write(out->target, "write");
        else
            va_error_machine("%s: %s: cannot write: the HDF5 library fails", out->target,
                             place);
    }
    out->failed = true;
    return -1;
}

/* ---- objects --------------------------------------------------------------------------- */

static hid_t quiet_list(hid_t kind)
{
    hid_t list = H5Pcreate(kind);

    H5Pset_obj_track_times(list, false);
    return list;
}

/* Make the groups above `name`. */
static int make_groups(struct va_h5_out *out, const char *name)
{
    char path[PATH_SIZE];

    for (const char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        hid_t list, group;

        snprintf(path, sizeof(path), "%.*s", (int)(slash - name), name);
        if (H5Lexists(out->file.id, path, H5P_DEFAULT) > 0)
            continue;
        list = quiet_list(H5P_GROUP_CREATE);
        group = H5Gcreate2(out->file.id, path, H5P_DEFAULT, list, H5P_DEFAULT);
        H5Pclose(list);
        if (group < 0 || H5Gclose(group) < 0)
            return va_h5_write_failed(out, path);
    }
    return 0;
}

hid_t va_h5_create_dataset(struct va_h5_out *out, const char *name, hid_t type, int rank,
                           const int64_t *shape)
{
    hsize_t dims[VA_RANK_MAX];
    hid_t list, space, dataset;

    if (out->failed || strlen(name) >= PATH_SIZE || make_groups(out, name) < 0)
        return va_h5_write_failed(out, name);
    for (int i = 0; i < rank; i++)
        dims[i] = (hsize_t)shape[i];
    list = quiet_list(H5P_DATASET_CREATE);
    H5Pset_layout(list, H5D_CONTIGUOUS);
    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    dataset = H5Dcreate2(out->file.id, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (dataset < 0)
        va_h5_write_failed(out, name);
    H5Sclose(space);
    H5Pclose(list);
    return dataset;
}

int va_h5_note_written(struct va_h5_out *out, const char *name, bool bfloat16,
                       struct va_hash *hash)
{
    struct va_h5_object o = { .dataset = true };

    if (bfloat16 && va_h5_put_string(out, name, "dtype", "bfloat16") < 0)
        return -1;
    if (va_grow(&out->written, &out->written_room, out->written_count + 1, sizeof(o)) < 0 ||
        !(o.path = va_strdup(name)))
        return -1;
    va_hash_finish(hash, o.digest);
    out->written[out->written_count++] = o;
    return 0;
}

static int write_dataset(struct va_h5_out *out, const char *name, hid_t type, int rank,
                         const int64_t *shape, const void *data)
{
    hid_t dataset = va_h5_create_dataset(out, name, type, rank, shape);
    int64_t count = 1;
    herr_t failed = 0;

    if (dataset < 0)
        return -1;
    for (int i = 0; i < rank; i++)
        count *= shape[i];
    if (count)
        failed = H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    if (failed < 0)
        va_h5_write_failed(out, name);
    if (H5Dclose(dataset) < 0)
        va_h5_write_failed(out, name);
    return out->failed ? -1 : 0;
}

int va_h5_write(struct va_h5_out *out, const char *name, enum va_dtype type, int rank,
                const int64_t *shape, const void *data)
{
    VA_H5_ALONE;
    hid_t stored = va_h5_stored_type(type);
    int64_t count = 1;
    struct va_hash hash;
    int result;

    for (int i = 0; i < rank; i++)
        count *= shape[i];
    result = write_dataset(out, name, stored, rank, shape, data);
    H5Tclose(stored);
    if (result < 0)
        return -1;
    va_hash_init(&hash);
    va_hash_add(&hash, data, (size_t)count * va_dtype_size(type));
    return va_h5_note_written(out, name, type == VA_BF16, &hash);
}

/* Strings side by side, each padded with zeros to the longest. */
static hid_t fixed_strings(int64_t count, const char *const *values, char **block)
{
    size_t longest = 1;
    hid_t type;

    for (int64_t i = 0; i < count; i++)
        if (strlen(values[i]) > longest)
            longest = strlen(values[i]);
    *block = va_new(count, longest);
    if (!*block)
        return H5I_INVALID_HID;
    for (int64_t i = 0; i < count; i++)
        memcpy(*block + (size_t)i * longest, values[i], strlen(values[i]));
    type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, longest);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

int va_h5_write_strings(struct va_h5_out *out, const char *name, int64_t count,
                        const char *const *values)
{
    VA_H5_ALONE;
    char *block;
    hid_t type = fixed_strings(count, values, &block);
    struct va_hash hash;
    int result;

    if (type < 0)
        return -1;
    result = write_dataset(out, name, type, 1, &count, block);
    H5Tclose(type);
    va_free(block);
    if (result < 0)
        return -1;
    va_hash_init(&hash);
    va_h5_hash_strings(&hash, (char *const *)values, count);
    return va_h5_note_written(out, name, false, &hash);
}

/* ---- attributes ------------------------------------------------------------------------ */

/* count -1: a single value. An attribute that is there already is replaced. */
static int put(struct va_h5_out *out, const char *object, const char *name, hid_t stored,
               hid_t memory, int64_t count, const void *data)
{
    VA_H5_ALONE;
    hsize_t dim = (hsize_t)count;
    hid_t list = H5Pcreate(H5P_ATTRIBUTE_CREATE), space, attribute = H5I_INVALID_HID;

    object = object ? object : "/";
    H5Pset_char_encoding(list, H5T_CSET_UTF8);
    space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    if (!out->failed && (H5Aexists_by_name(out->file.id, object, name, H5P_DEFAULT) <= 0 ||
                         H5Adelete_by_name(out->file.id, object, name, H5P_DEFAULT) >= 0))
        attribute = H5Acreate_by_name(out->file.id, object, name, stored, space, list,
                                      H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || (count && H5Awrite(attribute, memory, data) < 0))
        va_h5_write_failed(out, name);
    if (attribute >= 0 && H5Aclose(attribute) < 0)
        va_h5_write_failed(out, name);
    H5Sclose(space);
    H5Pclose(list);
    return out->failed ? -1 : 0;
}

int va_h5_put_string(struct va_h5_out *out, const char *object, const char *name,
                     const char *value)
{
    VA_H5_ALONE;
    char *block;
    hid_t type = fixed_strings(1, &value, &block);
    int result;

    if (type < 0)
        return -1;
    result = put(out, object, name, type, type, -1, block);
    H5Tclose(type);
    va_free(block);
    return result;
}

int va_h5_put_int(struct va_h5_out *out, const char *object, const char *name, int64_t value)
{
    VA_H5_ALONE;

    return put(out, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, -1, &value);
}

int va_h5_put_real(struct va_h5_out *out, const char *object, const char *name, double value)
{
    VA_H5_ALONE;

    return put(out, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, -1, &value);
}

int va_h5_put_reals(struct va_h5_out *out, const char *object, const char *name, int64_t count,
                    const double *values)
{
    VA_H5_ALONE;

    return put(out, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, count, values);
}

/* Side by side where they fit: an attribute has room for 64 KiB. Else of variable length, which the
 * library keeps in a heap that is more easily damaged. */
int va_h5_put_strings(struct va_h5_out *out, const char *object, const char *name,
                      int64_t count, const char *const *values)
{
    VA_H5_ALONE;
    char *block;
    hid_t type = fixed_strings(count, values, &block);
    int result;

    if (type < 0)
        return -1;
    if (count * (int64_t)H5Tget_size(type) <= MAX_FIXED_BYTES) {
        result = put(out, object, name, type, type, count, block);
    } else {
        H5Tset_size(type, H5T_VARIABLE);
        H5Tset_strpad(type, H5T_STR_NULLTERM);
        result = put(out, object, name, type, type, count, values);
    }
    H5Tclose(type);
    va_free(block);
    return result;
}

/* ---- a file from beginning to end ------------------------------------------------------ */

static int open_temporary(struct va_h5_out *out)
{
    hid_t access = va_h5_access_create(), create = quiet_list(H5P_FILE_CREATE);

    if (access >= 0)
        out->file.id = H5Fcreate(va_tempfile_path(out->temp), H5F_ACC_TRUNC, create, access);
    if (out->file.id < 0) /* asked at once: the next call forgets the reason */
        va_h5_write_failed(out, "file");
    H5Pclose(create);
    H5Pclose(access);
    return out->failed ? -1 : 0;
}

/* The first thing that we write into a file is the attribute `schema`. It is found by its bytes:
 * the library is not let near a file that may be anybody's. */
/* The schema in the first bytes of one of our files, up to the end of what was read; or NULL. */
static const char *find_schema(const char *head, size_t size)
{
    static const char name[] = "schema", begin[] = "\0va."; /* a value is preceded by zeros */
    const char *at = memmem(head, size, name, sizeof(name));

    if (!va_output_begins(head, size, "\x89HDF\r\n\x1a\n") || !at)
        return NULL;
    at = memmem(at, (size_t)(head + size - at), begin, sizeof(begin) - 1);
    return at ? at + 1 : NULL;
}

bool va_h5_ours(const char *head, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    const char *at = find_schema(head, size), *end = head + size;

    if (!at)
        return false;
    for (at += strlen("va."); at < end && *at && strchr(letters, *at);)
        at++;
    return end - at >= 2 && at[0] == '/' && at[1] >= '0' && at[1] <= '9';
}

bool va_h5_ours_state(const char *head, size_t size)
{
    const char *at = find_schema(head, size);

    return at && va_output_begins(at, (size_t)(head + size - at), "va.state/");
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
    out->temp = va_tempfile_new(path, va_h5_ours);
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
    const char *lines[4 + MAX_INPUT_LINES];
    char *record = va_options_record(), *made[4] = { 0 };
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
    if (made[0] && made[1] && made[2] && made[3]) {
        lines[n++] = made[0];
        lines[n++] = "version=" VA_VERSION;
        lines[n++] = made[1];
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
        put(out, NULL, "complete", H5T_STD_I32LE, H5T_NATIVE_INT32, -1, &one) == 0) {
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
