/*
 * The objects of a file, listed once when it is opened. A hostile file may hold loops, links
 * into other files and sizes of any magnitude: links are refused, depth and number bounded,
 * and datasets may claim no more data than the file has room for.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "io/va_h5_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 6,
    MAX_OBJECTS = 1 << 20,
    BLOCK_BYTES = 1 << 20,
    MAX_DEFLATE = 1032,    /* the best a deflate filter can do */
    MAX_BAND = 1 << 30,    /* bytes of chunks that must be unpacked at once */
    CACHE_BYTES = 1 << 20, /* for chunks, at least */
    MAX_SLOTS = 1 << 20,
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct va_h5_object *)a)->path,
                  ((const struct va_h5_object *)b)->path);
}

struct va_h5_object *va_h5_find(const struct va_h5_file *f, const char *path)
{
    struct va_h5_object key = { .path = (char *)path };

    if (!f->count)
        return NULL;
    return bsearch(&key, f->objects, (size_t)f->count, sizeof(key), by_path);
}

void va_h5_tree_release(struct va_h5_file *f)
{
    for (int64_t i = 0; i < f->count; i++)
        va_free(f->objects[i].path);
    va_free(f->objects);
    f->objects = NULL;
    f->count = f->room = f->claimed = 0;
}

/* ---- one dataset ----------------------------------------------------------------------- */

/* uint16 stands for bfloat16 where it says so: 1, 0, or -1 after reporting. */
static int is_bfloat16(const struct va_h5_file *f, const char *path)
{
    struct va_h5_value value;
    int yes = va_h5_attribute_exists(f, path, "dtype");

    if (yes <= 0)
        return yes;
    if (va_h5_value_read(f, path, "dtype", &value) < 0)
        return -1;
    yes = value.kind == VA_H5_STRING && value.count == 1 &&
          !strcmp(value.strings[0], "bfloat16");
    va_h5_value_release(&value);
    return yes;
}

/*
 * Numbers of others: of the other byte order, and integers of any size. They are read as the least type
 * of ours that holds them; of unsigned ones of 8 bytes, what is beyond int64 becomes its end. The bool of
 * Python is an enumeration of integers.
 */
static bool set_foreign(struct va_h5_object *o, hid_t type)
{
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);
    hid_t base = class == H5T_ENUM ? H5Tget_super(type) : H5I_INVALID_HID;
    bool is_signed = H5Tget_sign(base >= 0 ? base : type) == H5T_SGN_2;

    if (base >= 0)
        H5Tclose(base);
    o->foreign = true;
    if (class == H5T_FLOAT && H5Tget_ebias(type) <= 15 && size <= 2)
        o->type = VA_F16;
    else if (class == H5T_FLOAT)
        o->type = H5Tget_ebias(type) <= 127 && size <= 4 ? VA_F32 : VA_F64;
    else
        o->type = size == 1 && !is_signed ? VA_U8 : size + !is_signed <= 4 ? VA_I32 : VA_I64;
    return class == H5T_FLOAT ? size <= 8
                              : (class == H5T_INTEGER || class == H5T_ENUM) && size <= 8;
}

static int set_type(const struct va_h5_file *f, struct va_h5_object *o, hid_t type)
{
    int brain = 1;

    if (H5Tget_class(type) == H5T_STRING) {
        o->strings = true;
        return 0;
    }
    for (int t = 0; va_dtype_names[t]; t++) {
        hid_t known = va_h5_stored_type((enum va_dtype)t);
        htri_t equal = H5Tequal(type, known);

        H5Tclose(known);
        if (equal > 0) {
            o->type = (enum va_dtype)t;
            if (o->type == VA_BF16 && f->size >= 0)
                brain = is_bfloat16(f, o->path);
            if (!brain)
                break;
            return brain < 0 ? -1 : 0;
        }
    }
    if (f->size >= 0 && set_foreign(o, type))
        return 0;
    return va_error("%s: %s: found a type that no schema has (class %d, %zu bytes), expected "
                    "numbers or strings",
                    f->path, o->path, (int)H5Tget_class(type), H5Tget_size(type));
}

static int set_shape(const struct va_h5_file *f, struct va_h5_object *o, hid_t space)
{
    hsize_t dims[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_ndims(space);

    if (H5Sget_simple_extent_type(space) == H5S_NULL)
        return va_error("%s: %s: found no data space, expected a shape", f->path, o->path);
    if (rank > VA_RANK_MAX)
        return va_error("%s: %s: found %d dimensions, expected at most %d", f->path, o->path,
                        rank, VA_RANK_MAX);
    if (rank < 0 || H5Sget_simple_extent_dims(space, dims, NULL) < 0)
        return va_h5_damaged(f, o->path);
    o->rank = rank;
    o->count = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] > INT64_MAX || va_mul(o->count, (int64_t)dims[i], &o->count) < 0)
            return va_error("%s: %s: found an impossible shape", f->path, o->path);
        o->shape[i] = (int64_t)dims[i];
    }
    for (int i = 0; i < rank; i++) /* one size may be 0 and hide what others multiply to */
        if (o->count == 0 && o->shape[i] > INT32_MAX)
            return va_error("%s: %s: found an impossible shape", f->path, o->path);
    return 0;
}

/* Every filter must be built into the library: code is not loaded to read a file. */
static int check_filters(const struct va_h5_file *f, const struct va_h5_object *o, hid_t plist)
{
    static const struct {
        int id;
        const char *name;
    } known[] = {
        { H5Z_FILTER_DEFLATE, "gzip" },
        { H5Z_FILTER_SZIP, "szip" },
        { 307, "bzip2" },
        { 32000, "lzf" },
        { 32001, "blosc" },
        { 32004, "lz4" },
        { 32008, "bitshuffle" },
        { 32013, "zfp" },
        { 32015, "zstd" },
        { 32017, "sz" },
        { 32019, "fcidecomp" },
        { 32026, "blosc2" },
    };
    int count = H5Pget_nfilters(plist);

    for (int i = 0; i < count; i++) {
        char name[64] = "";
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t id = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL,
                                         sizeof(name), name, &config);

        if (id < 0)
            return va_h5_damaged(f, o->path);
        if (H5Zfilter_avail(id) > 0)
            continue;
        for (size_t k = 0; k < VA_COUNT(known); k++)
            if (known[k].id == id)
                snprintf(name, sizeof(name), "%s", known[k].name);
        return va_error("%s: %s: filter %d (%s) is not available; rewrite with gzip or none "
                        "(h5repack)",
                        f->path, o->path, (int)id, name[0] ? name : "unknown");
    }
    return 0;
}

/* How much must be unpacked to get at one row. */
static int set_band(const struct va_h5_file *f, struct va_h5_object *o, hid_t plist,
                    int64_t size)
{
    hsize_t chunk[H5S_MAX_RANK];
    int64_t bytes = size, chunks = 1;
    int rank = H5Pget_chunk(plist, H5S_MAX_RANK, chunk);

    if (rank != o->rank)
        return va_h5_damaged(f, o->path);
    for (int i = 0; i < rank; i++) {
        int64_t n = i && chunk[i] ? (o->shape[i] - 1) / (int64_t)chunk[i] + 1 : 1;

        if (chunk[i] > UINT32_MAX || va_mul(chunks, n, &chunks) < 0 ||
            va_mul(bytes, n * (int64_t)chunk[i], &bytes) < 0)
            return va_error("%s: %s: found an impossible size of chunks", f->path, o->path);
    }
    if (bytes > MAX_BAND)
        return va_error("%s: %s: found chunks that unpack to %lld bytes for one row, expected "
                        "at most %d; rewrite with smaller chunks (h5repack)",
                        f->path, o->path, (long long)bytes, MAX_BAND);
    o->band_bytes = bytes;
    o->band_chunks = chunks;
    return 0;
}

/* The data must be in this file, all of them, and no more than it can hold. */
static int check_storage(struct va_h5_file *f, struct va_h5_object *o, hid_t dataset,
                         hid_t plist, hid_t type)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    int64_t size = o->strings && H5Tis_variable_str(type) > 0 ? 16 : (int64_t)H5Tget_size(type);
    int64_t bytes, stored = (int64_t)H5Dget_storage_size(dataset), least;
    int filters = H5Pget_nfilters(plist);
    haddr_t at;

    o->offset = -1;
    if (o->count == 0)
        return 0;
    if (va_mul(o->count, size, &bytes) < 0)
        return va_error("%s: %s: found an impossible size", f->path, o->path);
    o->bytes = bytes;
    if (H5Pget_external_count(plist) != 0 ||
        (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED && layout != H5D_COMPACT))
        return va_error("%s: %s: found data kept outside the file", f->path, o->path);
    if (check_filters(f, o, plist) < 0 ||
        (layout == H5D_CHUNKED && set_band(f, o, plist, size) < 0))
        return -1;
    least = (bytes > o->band_bytes ? bytes : o->band_bytes) / (filters ? MAX_DEFLATE : 1);
    if (stored > f->size || least > f->size - f->claimed)
        return va_error("%s: %s: found a size of %lld bytes, but the file has %lld", f->path,
                        o->path, (long long)bytes, (long long)f->size);
    f->claimed += least;
    if (!filters && stored < bytes)
        return va_error("%s: %s: found %lld bytes of data, expected %lld", f->path, o->path,
                        (long long)stored, (long long)bytes);
    if (layout == H5D_CONTIGUOUS) {
        at = H5Dget_offset(dataset);
        if (at == HADDR_UNDEF || (int64_t)at < 0 || (int64_t)at > f->size - bytes)
            return va_error("%s: %s: data lie beyond the end of the file", f->path, o->path);
        if (!o->strings && !o->foreign)
            o->offset = (int64_t)at;
    }
    return 0;
}

static int inspect(struct va_h5_file *f, struct va_h5_object *o, hid_t dataset)
{
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    hid_t plist = H5Dget_create_plist(dataset);
    int result = -1;

    if (type < 0 || space < 0 || plist < 0)
        va_h5_damaged(f, o->path);
    else if (set_type(f, o, type) == 0 && set_shape(f, o, space) == 0 &&
             (f->size < 0 || check_storage(f, o, dataset, plist, type) == 0))
        result = 0;
    H5Pclose(plist);
    H5Sclose(space);
    H5Tclose(type);
    return result;
}

/* ---- all of them ----------------------------------------------------------------------- */

struct links {
    const struct va_h5_file *file;
    const char *group;
    char **names;
    int64_t count, room;
    bool reported;
};

static herr_t add_link(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
    struct links *l = arg;

    (void)group;
    if (!va_text_prints(name)) { /* of a video or a person, it would go into tables and pages */
        va_error("%s: %s/%s: found a name that is not text, expected UTF-8 without control "
                 "characters",
                 l->file->path, l->group, name);
        l->reported = true;
        return -1;
    }
    if (info->type != H5L_TYPE_HARD || !*name || !strcmp(name, ".")) {
        va_error("%s: %s/%s: found a link, expected a dataset or group", l->file->path,
                 l->group, name);
        l->reported = true;
        return -1;
    }
    if (l->file->count + l->count >= MAX_OBJECTS ||
        va_grow(&l->names, &l->room, l->count + 1, sizeof(*l->names)) < 0 ||
        !(l->names[l->count] = va_strdup(name)))
        return -1;
    l->count++;
    return 0;
}

static int walk(struct va_h5_file *f, const char *group, int depth);

static int add_object(struct va_h5_file *f, const char *group, const char *name, int depth)
{
    struct va_h5_object o = { .offset = -1 };
    hid_t id;
    int result = -1;

    o.path = va_format("%s/%s", group, name);
    if (!o.path)
        return -1;
    id = H5Oopen(f->id, o.path, H5P_DEFAULT);
    switch (H5Iget_type(id)) {
    case H5I_DATASET:
        o.dataset = true;
        result = inspect(f, &o, id);
        break;
    case H5I_GROUP: result = 0; break;
    case H5I_DATATYPE:
        va_error("%s: %s: found a named type, expected a dataset or group", f->path, o.path);
        break;
    default: va_h5_damaged(f, o.path);
    }
    H5Oclose(id);
    if (result == 0)
        result = va_grow(&f->objects, &f->room, f->count + 1, sizeof(o));
    if (result < 0) {
        va_free(o.path);
        return -1;
    }
    f->objects[f->count++] = o;
    return o.dataset ? 0 : walk(f, o.path, depth + 1);
}

static int walk(struct va_h5_file *f, const char *group, int depth)
{
    struct links l = { .file = f, .group = group };
    hsize_t at = 0;
    int result = -1;

    if (depth > MAX_DEPTH)
        return va_error("%s: %s: found groups nested deeper than %d", f->path, group,
                        MAX_DEPTH);
    if (H5Literate_by_name(f->id, *group ? group : "/", H5_INDEX_NAME, H5_ITER_NATIVE, &at,
                           add_link, &l, H5P_DEFAULT) < 0) {
        if (!l.reported)
            va_h5_damaged(f, *group ? group : "/");
        goto done;
    }
    result = 0;
    for (int64_t i = 0; i < l.count && result == 0; i++)
        result = add_object(f, group, l.names[i], depth);
done:
    va_h5_free_strings(l.names, l.count);
    return result;
}

int va_h5_tree_read(struct va_h5_file *f)
{
    va_h5_tree_release(f);
    if (walk(f, "", 0) < 0)
        return -1;
    if (f->count)
        qsort(f->objects, (size_t)f->count, sizeof(*f->objects), by_path);
    for (int64_t i = 1; i < f->count; i++)
        if (!strcmp(f->objects[i].path, f->objects[i - 1].path))
            return va_error("%s: %s: found twice", f->path, f->objects[i].path);
    return 0;
}

/* ---- data ------------------------------------------------------------------------------ */

int64_t va_h5_row_count(const struct va_h5_object *o)
{
    return o->rank ? o->shape[0] : 1;
}

int64_t va_h5_row_elements(const struct va_h5_object *o)
{
    int64_t n = 1;

    for (int i = 1; i < o->rank; i++)
        n *= o->shape[i];
    return n;
}

static hid_t open_dataset(const struct va_h5_file *f, const struct va_h5_object *o)
{
    int64_t slots = 8 * o->band_chunks + 521; /* enough that its chunks rarely share one */
    hid_t list = o->band_bytes ? H5Pcreate(H5P_DATASET_ACCESS) : H5P_DEFAULT, dataset;

    if (o->band_bytes)
        H5Pset_chunk_cache(list, (size_t)(slots < MAX_SLOTS ? slots : MAX_SLOTS),
                           (size_t)(o->band_bytes > CACHE_BYTES ? o->band_bytes : CACHE_BYTES),
                           1);
    dataset = H5Dopen2(f->id, o->path, list);
    if (o->band_bytes)
        H5Pclose(list);
    return dataset < 0 ? va_h5_damaged(f, o->path) : dataset;
}

/* Data of a file at rest that lie there as they are used. */
static bool is_plain(const struct va_h5_file *f, const struct va_h5_object *o)
{
    return f->bytes && o->offset >= 0;
}

hid_t va_h5_open_dataset(const struct va_h5_file *f, const struct va_h5_object *o)
{
    if (is_plain(f, o))
        return 0; /* there is nothing to open */
    return open_dataset(f, o);
}

/* Past the library, which takes some 10 us for each call. */
static int read_plain(const struct va_h5_file *f, const struct va_h5_object *o, int64_t first,
                      int64_t count, void *data)
{
    const int64_t row = va_h5_row_elements(o) * (int64_t)va_dtype_size(o->type);

    if (va_stored_read(f->bytes, o->offset + first * row, count * row, data) == 0)
        return 0;
    return va_h5_damaged(f, o->path);
}

static int read_block(const struct va_h5_file *f, const struct va_h5_object *o, hid_t dataset,
                      int64_t first, int64_t count, void *data)
{
    hid_t type = va_h5_stored_type(o->type), space = H5Dget_space(dataset), memory = H5S_ALL;
    hsize_t start[VA_RANK_MAX] = { (hsize_t)first }, size[VA_RANK_MAX];
    herr_t failed = space < 0 ? -1 : 0;

    if (o->rank && !failed) {
        for (int i = 0; i < o->rank; i++)
            size[i] = (hsize_t)(i ? o->shape[i] : count);
        failed = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
        memory = H5Screate_simple(o->rank, size, NULL);
    }
    if (failed >= 0)
        failed = H5Dread(dataset, type, memory, space, H5P_DEFAULT, data);
    if (memory != H5S_ALL)
        H5Sclose(memory);
    H5Sclose(space);
    H5Tclose(type);
    return failed < 0 ? va_h5_damaged(f, o->path) : 0;
}

int va_h5_read_block(const struct va_h5_file *f, const struct va_h5_object *o, hid_t dataset,
                     int64_t first, int64_t count, void *data)
{
    return is_plain(f, o) ? read_plain(f, o, first, count, data)
                          : read_block(f, o, dataset, first, count, data);
}

int va_h5_each_block(const struct va_h5_file *f, const struct va_h5_object *o,
                     va_h5_block_fn *fn, void *arg)
{
    int64_t rows = va_h5_row_count(o), n = va_h5_row_elements(o), step;
    int64_t row_bytes = n * (int64_t)va_dtype_size(o->type);
    hid_t dataset;
    void *data;
    int result = 0;

    if (o->count == 0)
        return 0;
    step = row_bytes < BLOCK_BYTES ? BLOCK_BYTES / row_bytes : 1;
    if (step > rows)
        step = rows;
    dataset = va_h5_open_dataset(f, o);
    if (dataset < 0)
        return -1;
    data = va_new(step, (size_t)row_bytes);
    if (!data)
        result = -1;
    for (int64_t first = 0; result == 0 && first < rows; first += step) {
        int64_t count = rows - first < step ? rows - first : step;

        result = va_h5_read_block(f, o, dataset, first, count, data);
        if (result == 0)
            result = fn(arg, data, first, count);
    }
    va_free(data);
    if (dataset)
        H5Dclose(dataset);
    return result;
}
