#include "base/va_error.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t signature[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };

/* ---- opening --------------------------------------------------------------------------- */

static uint64_t little_endian(const uint8_t *p, int n)
{
    uint64_t x = 0;

    while (n--)
        x = x << 8 | p[n];
    return x;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What to do with a picture or video where features are expected, or with weights of another program. */
static const char *made_by(const char *found, const char *expected)
{
    if (!strcmp(expected, "va.model/1") && (!found || strstr(found, "zip archive") ||
                                            strstr(found, "pickle") || strstr(found, "ONNX")))
        return ": convert weights of other programs with va-weights import";
    if (!found || strcmp(expected, "va.features/1") ||
        (!strstr(found, "video") && !strstr(found, "picture")))
        return "";
    return ": make features of it with va-decode and va-embed";
}

/*
 * What can be said of a file without the library. The signature stands at 0, or after a user
 * block of 512, 1024, ... bytes. The superblock holds the end of the file: versions 0 and 1
 * keep sizes of offsets at 13 and the end at 40, versions 2 and 3 at 9 and 28.
 */
static int check_head(const struct va_h5_file *f, const char *expected)
{
    const char *path = f->path;
    uint8_t head[64] = { 0 }, first[VA_MAGIC_BYTES] = { 0 };
    int64_t at = 0, size = f->size;
    int offset_size;
    uint64_t end;

    if (size == 0)
        return va_error("%s: empty, expected %s", path, expected);
    for (; at < size; at = at ? at * 2 : 512) {
        if (va_stored_read(f->bytes, at, least(size - at, sizeof(head)), head) < 0)
            return va_h5_damaged(f, NULL);
        if (!memcmp(head, signature, sizeof(signature)))
            break;
    }
    if (at >= size) {
        const char *name;

        if (va_stored_read(f->bytes, 0, least(size, sizeof(first)), first) < 0)
            return va_h5_damaged(f, NULL);
        name = va_magic_name(first, (size_t)least(size, sizeof(first)));
        return va_error("%s: found %s, expected %s%s", path, name ? name : "no HDF5 file",
                        expected, made_by(name, expected));
    }
    offset_size = head[head[8] < 2 ? 13 : 9];
    end = little_endian(head + (head[8] < 2 ? (head[8] ? 44 : 40) : 28), 8);
    if (head[8] <= 3 && offset_size == 8 && end > (uint64_t)size)
        return va_error("%s: file ends early, expected %s", path, expected);
    return 0;
}

static void close_file(struct va_h5_in *in)
{
    if (in->dataset > 0) /* 0: was read past the library */
        H5Dclose(in->dataset);
    in->dataset = H5I_INVALID_HID;
    in->dataset_of = NULL;
    if (in->file.id >= 0)
        H5Fclose(in->file.id);
    in->file.id = H5I_INVALID_HID;
}

static int open_file(struct va_h5_file *f)
{
    hid_t access = va_h5_access_read(f->bytes);

    if (access < 0)
        return -1;
    f->id = H5Fopen(f->path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return f->id < 0 ? va_h5_damaged(f, NULL) : 0;
}

static int open_and_check(struct va_h5_in *in, const char *expected)
{
    struct va_h5_file *f = &in->file;

    if (open_file(f) < 0)
        return -1;
    if (expected && !strcmp(expected, VA_H5_FOREIGN))
        return va_h5_tree_read(f);
    in->schema = va_h5_check_schema(f, expected);
    if (!in->schema || va_h5_tree_read(f) < 0)
        return -1;
    va_h5_adapt(f, in->schema);
    return va_h5_check_structure(f, in->schema, true);
}

static int touch_block(void *arg, const void *data, int64_t first, int64_t rows)
{
    (void)arg, (void)data, (void)first, (void)rows;
    return 0;
}

/* Read what the library must interpret to find: strings, chunks; of plain data the two ends. */
static int touch(const struct va_h5_file *f, const struct va_h5_object *o)
{
    char **strings;

    if (!o->dataset || o->count == 0)
        return 0;
    if (o->strings) {
        if (va_h5_dataset_strings(f, o, &strings) < 0)
            return -1;
        va_h5_free_strings(strings, o->count);
        return 0;
    }
    if (o->offset >= 0)
        return 0; /* its bytes were found to be in the file */
    return va_h5_each_block(f, o, touch_block, NULL);
}

static void init_in(struct va_h5_in *in, char *path)
{
    *in = (struct va_h5_in){ .path = path };
    in->bytes.fd = -1;
    in->file.path = path;
    in->file.bytes = &in->bytes;
    in->file.id = in->dataset = H5I_INVALID_HID;
}

static int touch_all(const struct va_h5_file *f)
{
    struct va_hash unused;
    int64_t bytes = 0, most = 0;

    va_hash_init(&unused);
    for (int64_t i = 0; i < f->count; i++)
        if (f->objects[i].offset < 0) {
            bytes += f->objects[i].bytes;
            if (f->objects[i].band_bytes > most)
                most = f->objects[i].band_bytes;
        }
    va_h5_probe_allow(bytes, most);
    if (va_h5_hash_attributes(f, &unused, "/") < 0)
        return -1;
    for (int64_t i = 0; i < f->count; i++)
        if (va_h5_hash_attributes(f, &unused, f->objects[i].path) < 0 ||
            touch(f, &f->objects[i]) < 0)
            return -1;
    return 0;
}

static int try_all(const char *path, struct va_stored *bytes, const char *schema)
{
    struct va_h5_in in;
    int status;

    init_in(&in, (char *)path);
    in.bytes = *bytes;
    in.file.size = bytes->size;
    va_h5_errno_clear();
    status = open_and_check(&in, schema);
    if (status == 0)
        status = touch_all(&in.file);
    close_file(&in);
    va_h5_tree_release(&in.file);
    bytes->error = in.bytes.error;
    return status;
}

struct va_h5_in *va_h5_file_open(const char *path, const char *schema)
{
    struct va_h5_in *in = va_new(1, sizeof(*in));
    const char *expected = schema && strcmp(schema, VA_H5_FOREIGN) ? schema : "HDF5";

    if (!in)
        return NULL;
    init_in(in, va_strdup(path));
    if (!in->path || va_h5_init() < 0)
        goto failed;
    va_h5_errno_clear();
    if (va_stored_open(&in->bytes, path, expected) < 0)
        goto failed;
    in->file.size = in->bytes.size;
    if (check_head(&in->file, expected) < 0 || va_h5_probe(&in->file, schema, try_all) < 0)
        goto failed;
    in->file.checked = true;
    if (open_and_check(in, schema) == 0)
        return in;
failed:
    va_h5_file_close(in);
    return NULL;
}

int va_h5_require(struct va_h5_in *in, const char *schema)
{
    VA_H5_ALONE;

    in->schema = va_h5_check_schema(&in->file, schema);
    if (!in->schema)
        return -1;
    va_h5_adapt(&in->file, in->schema);
    return va_h5_check_structure(&in->file, in->schema, true);
}

void va_h5_file_rest(struct va_h5_in *in)
{
    VA_H5_ALONE;

    close_file(in);
    va_h5_tree_release(&in->file);
    va_stored_close(&in->bytes);
}

/* What was checked needs no second check: it is the same file, unchanged. */
int va_h5_file_wake(struct va_h5_in *in)
{
    VA_H5_ALONE;

    if (in->file.id >= 0)
        return 0;
    if (va_stored_reopen(&in->bytes, in->path) == 0 && open_file(&in->file) == 0 &&
        va_h5_tree_read(&in->file) == 0) {
        if (in->schema)
            va_h5_adapt(&in->file, in->schema);
        return 0;
    }
    va_h5_file_rest(in);
    return -1;
}

void va_h5_file_close(struct va_h5_in *in)
{
    if (!in)
        return;
    if (in->map.begin) {
        void *map = (void *)in->map.begin;

        va_mapped_drop(&in->map);
        munmap(map, in->map.size);
    }
    va_h5_file_rest(in);
    va_h5_free_in(in);
}

void va_h5_free_in(struct va_h5_in *in)
{
    va_free(in->id);
    va_free(in->computed);
    va_free(in->path);
    va_free(in);
}

/* ---- what it is ------------------------------------------------------------------------ */

const char *va_h5_path(const struct va_h5_in *in)
{
    return in->path;
}

const char *va_h5_id(struct va_h5_in *in)
{
    VA_H5_ALONE;

    if (in->id)
        return in->id;
    if (va_h5_has_attribute(in, NULL, "id"))
        return in->id = va_h5_get_string(in, NULL, "id");
    return va_h5_compute_id(in);
}

const char *va_h5_compute_id(struct va_h5_in *in)
{
    VA_H5_ALONE;
    char id[VA_HASH_TEXT];

    if (!in->computed &&
        va_h5_content_id(&in->file, in->schema ? in->schema->id : VA_H5_FOREIGN, id) == 0)
        in->computed = va_strdup(id);
    return in->computed;
}

bool va_h5_has(struct va_h5_in *in, const char *name)
{
    return !strcmp(name, "/") || va_h5_find(&in->file, name);
}

int va_h5_list(struct va_h5_in *in, const char *group, char ***names, int64_t *count)
{
    const struct va_h5_file *f = &in->file;
    int64_t room = 0;
    char pattern[2048];

    *names = NULL;
    *count = 0;
    snprintf(pattern, sizeof(pattern), "%s/*", strcmp(group, "/") ? group : "");
    for (int64_t i = 0; i < f->count; i++) { /* by path: the names of one group are in order */
        if (!va_schema_match(pattern, f->objects[i].path, NULL, 0))
            continue;
        if (va_grow(names, &room, *count + 1, sizeof(**names)) < 0 ||
            !((*names)[*count] = va_strdup(strrchr(f->objects[i].path, '/') + 1))) {
            va_h5_free_strings(*names, *count);
            *names = NULL;
            *count = 0;
            return -1;
        }
        ++*count;
    }
    return 0;
}

/* ---- datasets -------------------------------------------------------------------------- */

/* The dataset `name` of numbers (or strings), or NULL after reporting. */
static const struct va_h5_object *dataset_of(struct va_h5_in *in, const char *name,
                                             bool strings)
{
    const struct va_h5_object *o = va_h5_find(&in->file, name);

    if (o && o->dataset && o->strings == strings)
        return o;
    va_error("%s: %s: %s, expected a dataset of %s", in->path, name,
             !o            ? "not found"
             : !o->dataset ? "found a group"
                           : "found one of another type",
             strings ? "strings" : "numbers");
    return NULL;
}

int va_h5_shape(struct va_h5_in *in, const char *name, enum va_dtype *type, int *rank,
                int64_t *shape)
{
    const struct va_h5_object *o = dataset_of(in, name, false);

    if (!o)
        return -1;
    *type = o->type;
    *rank = o->rank;
    memcpy(shape, o->shape, sizeof(o->shape));
    return 0;
}

/* Halves at the end of `data` become floats from its beginning: n of them in 4n bytes. */
static void widen(enum va_dtype stored, void *data, int64_t n)
{
    const uint16_t *half = (const uint16_t *)data + n;
    float *x = data;

    for (int64_t i = 0; i < n; i++) {
        uint16_t h; /* at byte 2n + 2i, which x[i] at 4i does not pass before it is read */

        memcpy(&h, half + i, sizeof(h));
        x[i] = stored == VA_F16 ? va_from_f16(h) : va_from_bf16(h);
    }
}

/* The dataset read last stays open: it keeps the chunks that the next rows are in. */
static int open_for_rows(struct va_h5_in *in, const struct va_h5_object *o)
{
    if (in->dataset_of == o)
        return 0;
    if (in->dataset > 0)
        H5Dclose(in->dataset);
    in->dataset_of = NULL;
    in->dataset = va_h5_open_dataset(&in->file, o);
    if (in->dataset < 0)
        return -1;
    in->dataset_of = o;
    return 0;
}

int va_h5_read_rows(struct va_h5_in *in, const char *name, enum va_dtype type, int64_t first,
                    int64_t count, void *data)
{
    VA_H5_ALONE;
    const struct va_h5_object *o = dataset_of(in, name, false);
    bool wide;
    int64_t n;
    int result;

    if (!o)
        return -1;
    wide = type == VA_F32 && (o->type == VA_F16 || o->type == VA_BF16);
    if (o->type != type && !wide)
        return va_error("%s: %s: found %s, expected %s", in->path, name,
                        va_dtype_names[o->type], va_dtype_names[type]);
    if (first < 0 || count < 0 || first > va_h5_row_count(o) - count)
        return va_error("%s: %s: expected rows %lld to %lld, found %lld rows", in->path, name,
                        (long long)first, (long long)(first + count),
                        (long long)va_h5_row_count(o));
    n = count * va_h5_row_elements(o);
    if (n == 0)
        return 0;
    if (open_for_rows(in, o) < 0)
        return -1;
    result = va_h5_read_block(&in->file, o, in->dataset, first, count,
                              wide ? (uint16_t *)data + n : data);
    if (result == 0 && wide)
        widen(o->type, data, n);
    return result;
}

void *va_h5_read(struct va_h5_in *in, const char *name, enum va_dtype type)
{
    const struct va_h5_object *o = dataset_of(in, name, false);
    void *data = o ? va_new(o->count, va_dtype_size(type)) : NULL;

    if (!data || va_h5_read_rows(in, name, type, 0, va_h5_row_count(o), data) < 0) {
        va_free(data);
        return NULL;
    }
    return data;
}

int va_h5_read_strings(struct va_h5_in *in, const char *name, char ***values, int64_t *count)
{
    VA_H5_ALONE;
    const struct va_h5_object *o = dataset_of(in, name, true);

    *values = NULL;
    *count = 0;
    if (!o || va_h5_dataset_strings(&in->file, o, values) < 0)
        return -1;
    *count = o->count;
    return 0;
}

/* The file is mapped whole at the first question; it stays mapped while the file rests. */
void va_h5_file_map(struct va_h5_in *in)
{
    void *map = MAP_FAILED;

    if (in->map.begin)
        return;
    if (va_stored_check(&in->bytes) == 0)
        map = mmap(NULL, (size_t)in->file.size, PROT_READ, MAP_SHARED, in->bytes.fd, 0);
    if (map == MAP_FAILED)
        return;
    in->map =
        (struct va_mapped){ .begin = map, .size = (size_t)in->file.size, .path = in->path };
    va_mapped_add(&in->map);
}
