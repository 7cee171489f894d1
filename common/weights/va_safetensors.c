/*
 * safetensors: a little-endian uint64 with the length of a JSON header, the header, the bytes.
 *
 *     {"__metadata__": {"arch": "..."}, "fc2.bias": {"dtype": "F32", "shape": [2],
 *      "data_offsets": [0, 8]}, ...}
 *
 * Nothing in the header is believed: every offset is checked against the length of the file,
 * and all of them against each other, before memory is taken for a tensor. The bytes must be
 * used without gap or overlap, as the format demands: no data can hide between tensors.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_stored.h"
#include "base/va_tempfile.h"
#include "weights/va_model_file.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are stored little-endian");

enum {
    HEADER_MAX = 100 * 1000 * 1000, /* bytes; the cap of the format's own reader */
    TENSORS_MAX = 1 << 14,          /* the largest vision model has some 1300 */
};

static const char *const type_names[] = { "F32", "F64", "F16", "BF16", "U8", "I32", "I64" };

/* All types of the format: what elements become here, and the bits that each takes. */
static const struct type {
    const char *name;
    int bits;
    int dtype; /* enum va_dtype, or -1: of no use here, so such a tensor is left out */
    bool f8;   /* bytes that become float32 */
    enum va_f8 f8_kind;
} types[] = {
    { "F32", 32, VA_F32, false, 0 },
    { "F16", 16, VA_F16, false, 0 },
    { "BF16", 16, VA_BF16, false, 0 },
    { "F64", 64, VA_F64, false, 0 },
    { "F8_E4M3", 8, VA_U8, true, VA_E4M3 },
    { "F8_E5M2", 8, VA_U8, true, VA_E5M2 },
    { "U8", 8, VA_U8, false, 0 },
    { "I32", 32, VA_I32, false, 0 },
    { "I64", 64, VA_I64, false, 0 },
    { "BOOL", 8, -1, false, 0 },
    { "I8", 8, -1, false, 0 },
    { "I16", 16, -1, false, 0 },
    { "U16", 16, -1, false, 0 },
    { "U32", 32, -1, false, 0 },
    { "U64", 64, -1, false, 0 },
    { "C64", 64, -1, false, 0 },
    { "F8_E8M0", 8, -1, false, 0 },
    { "F8_E4M3FNUZ", 8, -1, false, 0 },
    { "F8_E5M2FNUZ", 8, -1, false, 0 },
    { "F6_E2M3", 6, -1, false, 0 },
    { "F6_E3M2", 6, -1, false, 0 },
    { "F4", 4, -1, false, 0 },
};

/* A tensor as the header announces it. */
struct entry {
    const char *name; /* owned by the JSON object */
    const struct type *type;
    int rank;
    int64_t shape[VA_RANK_MAX];
    int64_t begin, end; /* bytes, from the end of the header */
};

struct file {
    const char *path;
    struct va_stored bytes;
    int64_t header, data; /* bytes of the header, and of what follows it */
    json_t *root;
    struct entry *entries; /* [count], in the order of the header */
    int64_t count;
};

static int read_at(struct file *f, void *data, int64_t size, int64_t at)
{
    if (va_stored_read(&f->bytes, at, size, data) == 0)
        return 0;
    return va_stored_report(&f->bytes, f->path) < 0
               ? -1
               : va_error("%s: file ends early, expected safetensors", f->path);
}

static int open_file(struct file *f)
{
    uint8_t length[8];
    uint64_t header = 0;
    int64_t size;

    if (va_stored_open(&f->bytes, f->path, "a safetensors file") < 0)
        return -1;
    size = f->bytes.size;
    if (size < 10)
        return va_error("%s: file ends early, expected safetensors", f->path);
    if (read_at(f, length, 8, 0) < 0)
        return -1;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | length[i];
    if (header > HEADER_MAX) /* other contents read as a length */
        return va_error("%s: found data of an unknown kind, expected weights: safetensors, a "
                        "checkpoint of PyTorch, an ONNX model or a va.model/1 file",
                        f->path);
    if (header > (uint64_t)size - 8)
        return va_error("%s: header of %" PRIu64 " bytes in a file of %lld, not safetensors "
                        "or cut short",
                        f->path, header, (long long)size);
    f->header = (int64_t)header;
    f->data = size - 8 - f->header;
    return 0;
}

static int parse_header(struct file *f)
{
    char *text = va_new(f->header + 1, 1);
    json_error_t fault;

    if (!text || read_at(f, text, f->header, 8) < 0) {
        va_free(text);
        return -1;
    }
    f->root = json_loadb(text, (size_t)f->header, JSON_REJECT_DUPLICATES, &fault);
    va_free(text);
    if (!f->root && (!*fault.text || va_mem_short())) /* a mistake in the text has a name */
        return va_error_memory("%s: out of memory", f->path);
    if (!f->root)
        return va_error("%s: header: byte %d: %s", f->path, fault.position, fault.text);
    if (!json_is_object(f->root))
        return va_error("%s: header: found a list, expected an object", f->path);
    if (json_object_size(f->root) > TENSORS_MAX)
        return va_error("%s: header: %zu tensors, expected at most %d", f->path,
                        json_object_size(f->root), TENSORS_MAX);
    return 0;
}

static int parse_type(const struct file *f, const json_t *object, struct entry *e)
{
    const char *name = json_string_value(json_object_get(object, "dtype"));

    for (size_t i = 0; name && i < VA_COUNT(types); i++)
        if (!strcmp(name, types[i].name)) {
            e->type = &types[i];
            return 0;
        }
    return va_error("%s: %s: dtype %s, expected one of safetensors (F32, F16, BF16, ...)",
                    f->path, e->name, name ? name : "missing");
}

/* The shape, and through *bytes what it takes. */
static int parse_shape(const struct file *f, const json_t *object, struct entry *e,
                       int64_t *bytes)
{
    const json_t *shape = json_object_get(object, "shape"), *size;
    size_t i;

    if (!json_is_array(shape))
        return va_error("%s: %s: no shape", f->path, e->name);
    if (json_array_size(shape) > VA_RANK_MAX)
        return va_error("%s: %s: %zu dimensions, expected at most %d", f->path, e->name,
                        json_array_size(shape), VA_RANK_MAX);
    *bytes = e->type->bits;
    e->rank = (int)json_array_size(shape);
    json_array_foreach(shape, i, size)
    {
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return va_error("%s: %s: shape: size %zu is not a whole number from 0", f->path,
                            e->name, i);
        e->shape[i] = json_integer_value(size);
        if (va_mul(*bytes, e->shape[i], bytes) < 0)
            return va_error("%s: %s: impossible shape", f->path, e->name);
    }
    if (*bytes % 8)
        return va_error("%s: %s: impossible shape, expected whole bytes of %s", f->path,
                        e->name, e->type->name);
    *bytes /= 8;
    return 0;
}

static int parse_entry(const struct file *f, const json_t *object, struct entry *e)
{
    const json_t *offsets = json_object_get(object, "data_offsets"), *begin, *end;
    int64_t bytes;
    char shape[128];

    if (!json_is_object(object))
        return va_error("%s: %s: found no object, expected dtype, shape and data_offsets",
                        f->path, e->name);
    if (parse_type(f, object, e) < 0 || parse_shape(f, object, e, &bytes) < 0)
        return -1;
    begin = json_array_get(offsets, 0);
    end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return va_error("%s: %s: data_offsets: expected two whole numbers", f->path, e->name);
    e->begin = json_integer_value(begin);
    e->end = json_integer_value(end);
    if (e->begin < 0 || e->begin > e->end)
        return va_error("%s: %s: data_offsets: found %" PRId64 " to %" PRId64
                        ", expected 0 or more, in order",
                        f->path, e->name, e->begin, e->end);
    if (e->end > f->data)
        return va_error("%s: %s: ends at byte %" PRId64
                        " of the data, but the file has %" PRId64
                        ": it is cut short; copy or download it again",
                        f->path, e->name, e->end, f->data);
    if (e->end - e->begin != bytes)
        return va_error("%s: %s: %" PRId64 " bytes, expected %" PRId64 " for %s %s", f->path,
                        e->name, e->end - e->begin, bytes, e->type->name,
                        va_shape_text(e->rank, e->shape, shape, sizeof(shape)));
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct entry *x = *(const struct entry *const *)a;
    const struct entry *y = *(const struct entry *const *)b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end); /* an empty tensor before its neighbour */
}

/* The tensors fill the data: each begins where the one before it ended. */
static int check_layout(const struct file *f)
{
    const struct entry **order = va_new(f->count, sizeof(*order));
    int64_t at = 0;
    int result = 0;

    if (!order)
        return -1;
    for (int64_t i = 0; i < f->count; i++)
        order[i] = &f->entries[i];
    qsort(order, (size_t)f->count, sizeof(*order), by_begin);
    for (int64_t i = 0; i < f->count && result == 0; i++) {
        if (order[i]->begin != at)
            result = va_error("%s: %s: begins at byte %" PRId64 ", %s %" PRId64, f->path,
                              order[i]->name, order[i]->begin,
                              order[i]->begin < at ? "inside the tensor that ends at"
                                                   : "after a gap from",
                              at);
        at = order[i]->end;
    }
    if (result == 0 && at != f->data)
        result = va_error("%s: %" PRId64 " bytes after the header, expected %" PRId64, f->path,
                          f->data, at);
    va_free(order);
    return result;
}

static int parse_entries(struct file *f)
{
    const char *name;
    json_t *object;

    f->entries = va_new((int64_t)json_object_size(f->root), sizeof(*f->entries));
    if (!f->entries)
        return -1;
    json_object_foreach(f->root, name, object)
    {
        struct entry *e = &f->entries[f->count];

        if (!strcmp(name, "__metadata__"))
            continue;
        if (!*name)
            return va_error("%s: header: a tensor without a name", f->path);
        e->name = name;
        if (parse_entry(f, object, e) < 0)
            return -1;
        f->count++;
    }
    return check_layout(f);
}

static int read_metadata(const struct file *f, struct va_tensors *set)
{
    json_t *meta = json_object_get(f->root, "__metadata__"), *value;
    const char *key;

    if (meta && !json_is_object(meta))
        return va_error("%s: __metadata__: expected an object", f->path);
    if (json_object_size(meta) > TENSORS_MAX)
        return va_error("%s: __metadata__: %zu entries, expected at most %d", f->path,
                        json_object_size(meta), TENSORS_MAX);
    json_object_foreach(meta, key, value)
    {
        if (!json_is_string(value))
            return va_error("%s: __metadata__: %s: expected a string", f->path, key);
        if (va_tensors_set_meta(set, key, json_string_value(value)) < 0)
            return -1;
    }
    return 0;
}

static int add_tensors(const struct file *f, struct va_tensors *set)
{
    int64_t left_out = 0;

    for (int64_t i = 0; i < f->count; i++) {
        const struct entry *e = &f->entries[i];

        if (e->type->dtype < 0)
            left_out++;
        else if (!va_tensors_add_stored(set, e->name, (enum va_dtype)e->type->dtype, e->rank,
                                        e->shape, 8 + f->header + e->begin))
            return -1;
    }
    if (left_out)
        va_info("%s: left out %" PRId64 " tensors of other types than floating point, U8, I32 "
                "and I64",
                f->path, left_out);
    return 0;
}

static int widen_bytes(const struct file *f, struct va_tensors *set)
{
    for (int64_t i = 0; i < f->count; i++) {
        const struct entry *e = &f->entries[i];
        struct va_tensor *t = e->type->f8 ? va_tensors_find(set, e->name) : NULL;

        if (t && (va_tensors_take(set, t) < 0 || va_tensor_from_f8(t, e->type->f8_kind) < 0))
            return -1;
    }
    return 0;
}

struct va_tensors *va_safetensors_open(const char *path)
{
    struct file f = { .path = path, .bytes = { .fd = -1 } };
    struct va_tensors *set = NULL;

    if (open_file(&f) < 0 || parse_header(&f) < 0 || parse_entries(&f) < 0)
        goto done;
    set = va_tensors_new();
    if (set && (va_tensors_attach(set, &f.bytes, path, "") < 0 || read_metadata(&f, set) < 0 ||
                add_tensors(&f, set) < 0 || widen_bytes(&f, set) < 0)) {
        va_tensors_free(set);
        set = NULL;
    }
done:
    va_free(f.entries);
    json_decref(f.root);
    va_stored_close(&f.bytes);
    return set;
}

struct va_tensors *va_safetensors_read(const char *path)
{
    struct va_tensors *set = va_safetensors_open(path);

    if (set && va_tensors_read(set, path, true) < 0) {
        va_tensors_free(set);
        return NULL;
    }
    return set;
}

/* ---- writing --------------------------------------------------------------------------- */

static json_t *entry_json(const struct va_tensor *t, int64_t begin)
{
    int64_t end = begin + t->count * (int64_t)va_dtype_size(t->dtype);
    json_t *shape = json_array();

    for (int i = 0; shape && i < t->rank; i++)
        json_array_append_new(shape, json_integer(t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_names[t->dtype], "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

/* The header as text, padded with blanks so that the data begin at a multiple of 8; freed with
 * free(). Metadata and tensors stand in the order of the set, so equal sets give equal bytes. */
static char *header_text(const char *path, const struct va_tensors *set, size_t *size)
{
    json_t *root = json_object(), *meta = json_object();
    char *text = NULL, *padded;
    int64_t at = 0;

    for (int64_t i = 0; i < set->meta_count; i++)
        if (json_object_set_new(meta, set->meta[i].key, json_string(set->meta[i].value)) < 0) {
            va_error("%s: metadata %s: not UTF-8", path, set->meta[i].key);
            goto done;
        }
    if (set->meta_count)
        json_object_set(root, "__metadata__", meta);
    for (int64_t i = 0; i < set->count; i++) {
        const struct va_tensor *t = &set->items[i];

        if (!strcmp(t->name, "__metadata__") ||
            json_object_set_new(root, t->name, entry_json(t, at)) < 0) {
            va_error("%s: %s: not a name that safetensors can hold", path, t->name);
            goto done;
        }
        at += t->count * (int64_t)va_dtype_size(t->dtype);
    }
    text = json_dumps(root, JSON_COMPACT);
    padded = text ? realloc(text, strlen(text) + 8) : NULL;
    if (!padded) {
        va_error_memory("%s: out of memory", path);
        free(text);
        text = NULL;
        goto done;
    }
    text = padded;
    for (*size = strlen(text); *size % 8; ++*size)
        text[*size] = ' ';
done:
    json_decref(root);
    json_decref(meta);
    return text;
}

/* The length of a header that begins at once, as all writers of the format do. */
static bool ours(const char *head, size_t size)
{
    return size > 8 && head[8] == '{' && !head[6] && !head[7];
}

int va_safetensors_write(const char *path, const struct va_tensors *set)
{
    struct va_textfile out = { 0 };
    uint8_t length[8];
    size_t size;
    char *header = header_text(path, set, &size);
    int result = -1;

    if (!header || va_textfile_create(&out, path, ours) < 0)
        goto done;
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)size >> 8 * i);
    /* A failed write leaves its mark in the stream; commit looks at it. */
    fwrite(length, 1, 8, out.stream);
    fwrite(header, 1, size, out.stream);
    for (int64_t i = 0; i < set->count && !ferror(out.stream); i++)
        fwrite(set->items[i].data, va_dtype_size(set->items[i].dtype),
               (size_t)set->items[i].count, out.stream);
    result = va_textfile_commit(&out);
done:
    va_textfile_abort(&out);
    free(header);
    return result;
}
