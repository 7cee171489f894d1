/*
 * Datasets and attributes of a file being written. Everything that could vary between two runs is
 * fixed: times of objects, layout, padding.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <string.h>

enum {
    MAX_FIXED_BYTES = 1 << 15, /* of an attribute of strings */
    PATH_SIZE = 2048,
    WORTH_A_THREAD = 1 << 18, /* bytes that take longer to hash than to wake a thread */
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

hid_t va_h5_quiet_list(hid_t kind)
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
        list = va_h5_quiet_list(H5P_GROUP_CREATE);
        group = H5Gcreate2(out->file.id, path, H5P_DEFAULT, list, H5P_DEFAULT);
        H5Pclose(list);
        if (group < 0 || H5Gclose(group) < 0)
            return va_h5_write_failed(out, path);
    }
    return 0;
}

hid_t va_h5_create_dataset(struct va_h5_out *out, const char *name, hid_t type, int rank,
                           const int64_t *shape, bool placed)
{
    hsize_t dims[VA_RANK_MAX];
    hid_t list, space, dataset;

    if (out->failed || strlen(name) >= PATH_SIZE || make_groups(out, name) < 0)
        return va_h5_write_failed(out, name);
    for (int i = 0; i < rank; i++)
        dims[i] = (hsize_t)shape[i];
    list = va_h5_quiet_list(H5P_DATASET_CREATE);
    H5Pset_layout(list, H5D_CONTIGUOUS);
    H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    if (placed)
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
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

/* The caller has the lock of the library, perhaps in another thread. */
static int write_dataset(struct va_h5_out *out, const char *name, hid_t type, int rank,
                         const int64_t *shape, const void *data)
{
    hid_t dataset = va_h5_create_dataset(out, name, type, rank, shape, false);
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

struct writing {
    struct va_h5_out *out;
    const char *name;
    hid_t type;
    int rank;
    const int64_t *shape;
    const void *data;
    size_t bytes;
    struct va_hash hash;
    int result;
};

/* Write the numbers, or add them up to their digest: one beside the other. */
static void write_or_hash(void *arg, int64_t task, int thread)
{
    struct writing *w = arg;

    (void)thread;
    if (task == 0)
        w->result = write_dataset(w->out, w->name, w->type, w->rank, w->shape, w->data);
    else
        va_hash_add(&w->hash, w->data, w->bytes);
}

int va_h5_write(struct va_h5_out *out, const char *name, enum va_dtype type, int rank,
                const int64_t *shape, const void *data)
{
    VA_H5_ALONE; /* for the thread that writes, whichever it is */
    struct writing w = { .out = out,
                         .name = name,
                         .type = va_h5_stored_type(type),
                         .rank = rank,
                         .shape = shape,
                         .data = data,
                         .bytes = va_dtype_size(type) };

    for (int i = 0; i < rank; i++)
        w.bytes *= (size_t)shape[i];
    va_hash_init(&w.hash);
    if (w.bytes >= WORTH_A_THREAD) {
        va_parallel(2, write_or_hash, &w);
    } else {
        write_or_hash(&w, 0, 0);
        write_or_hash(&w, 1, 0);
    }
    H5Tclose(w.type);
    return w.result < 0 ? -1 : va_h5_note_written(out, name, type == VA_BF16, &w.hash);
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
int va_h5_put(struct va_h5_out *out, const char *object, const char *name, hid_t stored,
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
    result = va_h5_put(out, object, name, type, type, -1, block);
    H5Tclose(type);
    va_free(block);
    return result;
}

int va_h5_put_int(struct va_h5_out *out, const char *object, const char *name, int64_t value)
{
    VA_H5_ALONE;

    return va_h5_put(out, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, -1, &value);
}

int va_h5_put_real(struct va_h5_out *out, const char *object, const char *name, double value)
{
    VA_H5_ALONE;

    return va_h5_put(out, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, -1, &value);
}

int va_h5_put_reals(struct va_h5_out *out, const char *object, const char *name, int64_t count,
                    const double *values)
{
    VA_H5_ALONE;

    return va_h5_put(out, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, count, values);
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
        result = va_h5_put(out, object, name, type, type, count, block);
    } else {
        H5Tset_size(type, H5T_VARIABLE);
        H5Tset_strpad(type, H5T_STR_NULLTERM);
        result = va_h5_put(out, object, name, type, type, count, values);
    }
    H5Tclose(type);
    va_free(block);
    return result;
}
