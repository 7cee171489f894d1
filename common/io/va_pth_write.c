/*
 * The zip format, as torch.save has it: the pickle of an OrderedDict of tensors in protocol 2,
 * and an entry of numbers per storage.
 *
 * The opcodes are PyTorch's own in their order, but what is named often (functions, classes) goes
 * to the memo and nothing else does. Configuration is an attribute of the dict, where
 * load_state_dict does not look.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "io/va_pth.h"
#include "io/va_zip_write.h"
#include <string.h>

#define ARCHIVE "archive/"

/* Places in the memo; storage classes follow by type. */
enum memo { REBUILD, ORDERED_DICT, STORAGE_WORD, CPU_WORD, CLASSES };

static const char *const classes[] = {
    [VA_F32] = "FloatStorage",     [VA_F64] = "DoubleStorage", [VA_F16] = "HalfStorage",
    [VA_BF16] = "BFloat16Storage", [VA_U8] = "ByteStorage",    [VA_I32] = "IntStorage",
    [VA_I64] = "LongStorage",
};

struct pickle {
    uint8_t *bytes;
    int64_t size, room;
    bool in_memo[CLASSES + VA_COUNT(classes)];
    bool failed; /* out of memory, reported */
};

static void put(struct pickle *p, const void *bytes, size_t n)
{
    if (p->failed || va_grow(&p->bytes, &p->room, p->size + (int64_t)n, 1) < 0) {
        p->failed = true;
        return;
    }
    memcpy(p->bytes + p->size, bytes, n);
    p->size += (int64_t)n;
}

static void put_op(struct pickle *p, char op)
{
    put(p, &op, 1);
}

static void put_little(struct pickle *p, uint64_t number, int width)
{
    uint8_t bytes[8];

    for (int i = 0; i < width; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    put(p, bytes, (size_t)width);
}

/* A whole number from 0, in its shortest form. */
static void put_count(struct pickle *p, int64_t n)
{
    if (n < 256) {
        put_op(p, 'K');
        put_little(p, (uint64_t)n, 1);
    } else if (n < 65536) {
        put_op(p, 'M');
        put_little(p, (uint64_t)n, 2);
    } else if (n <= INT32_MAX) {
        put_op(p, 'J');
        put_little(p, (uint64_t)n, 4);
    } else {
        put(p, "\x8a\x08", 2);
        put_little(p, (uint64_t)n, 8);
    }
}

static void put_text(struct pickle *p, const char *text)
{
    size_t n = strlen(text);

    put_op(p, 'X');
    put_little(p, n, 4);
    put(p, text, n);
}

/* The memo's value; true when it is not there yet, and what is put next becomes it. */
static bool put_known(struct pickle *p, int place)
{
    if (!p->in_memo[place])
        return true;
    put_op(p, 'h');
    put_little(p, (uint64_t)place, 1);
    return false;
}

static void remember(struct pickle *p, int place)
{
    p->in_memo[place] = true;
    put_op(p, 'q');
    put_little(p, (uint64_t)place, 1);
}

static void put_global(struct pickle *p, int place, const char *module, const char *name)
{
    if (!put_known(p, place))
        return;
    put_op(p, 'c');
    put(p, module, strlen(module));
    put_op(p, '\n');
    put(p, name, strlen(name));
    put_op(p, '\n');
    remember(p, place);
}

static void put_word(struct pickle *p, int place, const char *word)
{
    if (!put_known(p, place))
        return;
    put_text(p, word);
    remember(p, place);
}

static void put_ordered_dict(struct pickle *p)
{
    put_global(p, ORDERED_DICT, "collections", "OrderedDict");
    put(p, ")R", 2);
}

/* A tensor over the whole of the storage `key`. */
static void put_tensor(struct pickle *p, const struct va_tensor *t, int64_t key)
{
    int64_t stride = 1;
    char text[24];

    put_global(p, REBUILD, "torch._utils", "_rebuild_tensor_v2");
    put(p, "((", 2);
    put_word(p, STORAGE_WORD, "storage");
    put_global(p, CLASSES + (int)t->dtype, "torch", classes[t->dtype]);
    snprintf(text, sizeof(text), "%lld", (long long)key);
    put_text(p, text);
    put_word(p, CPU_WORD, "cpu");
    put_count(p, t->count);
    put(p, "tQK\0(", 5); /* the storage; offset 0; sizes */
    for (int d = 0; d < t->rank; d++)
        put_count(p, t->shape[d]);
    put(p, "t(", 2);
    for (int d = 0; d < t->rank; d++) {
        stride = 1;
        for (int e = d + 1; e < t->rank; e++)
            stride *= t->shape[e] > 1 ? t->shape[e] : 1;
        put_count(p, stride);
    }
    put(p, "t\x89", 2); /* no gradient; no hooks */
    put_ordered_dict(p);
    put(p, "tR", 2);
}

static void put_set(struct pickle *p, const struct va_tensors *set,
                    const struct va_aliases *more)
{
    put(p, "\x80\x02", 2);
    put_ordered_dict(p);
    put_op(p, '(');
    for (int64_t i = 0; i < set->count; i++) {
        put_text(p, set->items[i].name);
        put_tensor(p, &set->items[i], i);
    }
    for (int64_t i = 0; more && i < more->count; i++) {
        put_text(p, more->items[i].name);
        put_tensor(p, &set->items[more->items[i].of], more->items[i].of);
    }
    put_op(p, 'u');
    if (set->meta_count) {
        put_op(p, '}');
        put_text(p, "mamba_va");
        put(p, "}(", 2);
        for (int64_t i = 0; i < set->meta_count; i++) {
            put_text(p, set->meta[i].key);
            put_text(p, set->meta[i].value);
        }
        put(p, "usb", 3);
    }
    put_op(p, '.');
}

static int write_archive(struct va_zip *z, const struct pickle *p, const struct va_tensors *set)
{
    int result = va_zip_add(z, ARCHIVE "data.pkl", p->bytes, (uint64_t)p->size);

    if (result == 0)
        result = va_zip_add(z, ARCHIVE "byteorder", "little", 6);
    for (int64_t i = 0; i < set->count && result == 0 && !ferror(z->stream); i++) {
        const struct va_tensor *t = &set->items[i];
        char name[64];

        snprintf(name, sizeof(name), ARCHIVE "data/%lld", (long long)i);
        result = va_zip_add(z, name, t->data, (uint64_t)t->count * va_dtype_size(t->dtype));
    }
    if (result == 0)
        result = va_zip_add(z, ARCHIVE "version", "3\n", 2);
    if (result == 0)
        va_zip_finish(z);
    return result;
}

static bool ours(const char *head, size_t size)
{
    return size >= 4 && va_pth_begins((const uint8_t *)head);
}

int va_pth_write(const char *path, const struct va_tensors *set, const struct va_aliases *more)
{
    struct va_textfile out = { 0 };
    struct pickle p = { 0 };
    struct va_zip zip = { 0 };
    int result = -1;

    put_set(&p, set, more);
    if (p.failed || va_textfile_create(&out, path, ours) < 0)
        goto done;
    va_zip_init(&zip, out.stream);
    /* A failed write leaves its mark in the stream; commit looks at it. */
    if (write_archive(&zip, &p, set) == 0)
        result = va_textfile_commit(&out);
done:
    va_textfile_abort(&out);
    va_zip_release(&zip);
    va_free(p.bytes);
    return result;
}
