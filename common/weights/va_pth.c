/*
 * From a checkpoint to a set of tensors: the file is opened, tensors are picked, and their numbers
 * read. Where a storage is one tensor's alone and lies in one piece, the numbers stay in the file, and its checksum is
 * looked at; else it is read once: straight into the tensor, or through a buffer, from which strided tensors are gathered.
 *
 * A tensor may be larger than its storage (a stride of 0), and many tensors may share one; so
 * all of them together may take only a few times what the storages do.
 */
#include "weights/va_pth.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROWTH_MAX = 4,        /* bytes of tensors to bytes of their storages */
    GROWTH_FREE = 1 << 20, /* that much is no matter */
};

bool va_pth_begins(const uint8_t *head)
{
    if (memcmp(head, "PK\3\4", 4) == 0)
        return true;
    /* A pickle of the magic number: a long of 10 bytes, with a frame around it since protocol
     * 4. As a length of a header of safetensors it would be beyond what that may have. */
    return head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 &&
           ((head[2] == 0x8a && head[3] == 10) || head[2] == 0x95);
}

/* ---- their numbers ---------------------------------------------------------------------- */

static const struct va_pth_tensor *tensor_of(const struct va_pth_file *f,
                                             const struct va_pth_pick *pick)
{
    return &f->pickle.tensors[pick->tensor];
}

/* Sizes and strides as numbers; -1 where there are more than tensors here can have. */
static int layout_of(const struct va_pth_pickle *p, const struct va_pth_tensor *t,
                     int64_t *shape, int64_t *stride, int64_t *count)
{
    uint32_t rank = p->values[t->sizes].list.count;

    *count = 1;
    if (rank > VA_RANK_MAX)
        return -1;
    for (uint32_t i = 0; i < rank; i++) {
        shape[i] = va_pth_count(p, va_pth_item(p, t->sizes, i));
        stride[i] = va_pth_count(p, va_pth_item(p, t->strides, i));
        if (va_mul(*count, shape[i], count) < 0)
            return -1;
    }
    return (int)rank;
}

/* Sizes are checked, all together against the storages, before any memory is taken. */
static int check_sizes(const struct va_pth_file *f, const struct va_pth_picks *picks)
{
    bool *seen = va_new(f->storage_count, sizeof(*seen));
    int64_t bytes = 0, storages = 0, shape[VA_RANK_MAX], stride[VA_RANK_MAX], count;
    int result = seen ? 0 : -1;

    for (int64_t i = 0; i < picks->count && result == 0; i++) {
        const struct va_pth_tensor *t = tensor_of(f, &picks->items[i]);
        int64_t id = f->pickle.uses[t->use].id;

        if (layout_of(&f->pickle, t, shape, stride, &count) < 0 ||
            va_mul(count, t->type->size, &count) < 0 ||
            __builtin_add_overflow(bytes, count, &bytes))
            result = va_error("%s: %s: impossible shape, expected at most %d dimensions",
                              f->path, picks->items[i].name, VA_RANK_MAX);
        storages += seen[id] ? 0 : f->storage_bytes[id];
        seen[id] = true;
    }
    if (result == 0 && (bytes - GROWTH_FREE) / GROWTH_MAX > storages)
        result = va_error("%s: found tensors of %lld bytes in storages of %lld, expected at "
                          "most %d times as much",
                          f->path, (long long)bytes, (long long)storages, GROWTH_MAX);
    va_free(seen);
    return result;
}

/* Copy the elements of a tensor, in order, from its storage. */
static void gather(const struct va_tensor *to, const int64_t *stride, int64_t offset, int size,
                   const uint8_t *storage)
{
    int64_t index[VA_RANK_MAX] = { 0 };
    uint8_t *out = to->data;

    for (int64_t n = 0; n < to->count; n++) {
        memcpy(out + n * size, storage + offset * size, (size_t)size);
        for (int d = to->rank - 1; d >= 0; d--) {
            offset += stride[d];
            if (++index[d] < to->shape[d])
                break;
            offset -= index[d] * stride[d];
            index[d] = 0;
        }
    }
}

static bool is_contiguous(const struct va_tensor *t, const int64_t *stride)
{
    int64_t expected = 1;

    for (int d = t->rank - 1; d >= 0 && t->count > 0; d--) { /* a 0 may hide enormous sizes */
        if (t->shape[d] != 1 && stride[d] != expected)
            return false;
        expected *= t->shape[d];
    }
    return true;
}

static int read_storage(const struct va_pth_file *f, int64_t id, void *buffer)
{
    return f->zip ? va_pth_zip_storage(f, id, buffer)
                  : va_pth_read_at(f, buffer, f->storage_bytes[id], f->begin[id]);
}

/* The values of a tensor stay in the file, if its checksum is right; `room` is for them. */
static int leave(const struct va_pth_file *f, int64_t id, struct va_tensor *t, void *room)
{
    if (f->zip && va_pth_zip_storage(f, id, room) < 0)
        return -1;
    va_free(t->data);
    t->data = NULL;
    t->at = f->begin[id];
    return 0;
}

/* Fill the tensors of picks [from, end), which are all in one storage. */
static int fill(const struct va_pth_file *f, const struct va_pth_pick *from,
                const struct va_pth_pick *end, struct va_tensors *set, void *room)
{
    int64_t id = from->storage, shape[VA_RANK_MAX], stride[VA_RANK_MAX] = { 0 }, count;
    const struct va_pth_tensor *t = tensor_of(f, from);
    struct va_tensor *to = &set->items[from->at];
    uint8_t *storage;
    int result;

    layout_of(&f->pickle, t, shape, stride, &count);
    if (end == from + 1 && t->offset == 0 && is_contiguous(to, stride) &&
        to->count * t->type->size == f->storage_bytes[id])
        return f->begin[id] >= 0 && !t->type->f8 ? leave(f, id, to, room)
                                                 : read_storage(f, id, to->data);
    storage = va_new(f->storage_bytes[id], 1);
    result = storage ? read_storage(f, id, storage) : -1;
    for (; from < end && result == 0; from++) {
        t = tensor_of(f, from);
        layout_of(&f->pickle, t, shape, stride, &count);
        gather(&set->items[from->at], stride, t->offset, t->type->size, storage);
    }
    va_free(storage);
    return result;
}

static int by_storage(const void *a, const void *b)
{
    const struct va_pth_pick *x = a, *y = b;

    if (x->storage != y->storage)
        return x->storage < y->storage ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int read_numbers(const struct va_pth_file *f, struct va_pth_picks *picks,
                        struct va_tensors *set)
{
    struct va_pth_pick *pick = picks->items, *last = pick + picks->count, *end;
    int64_t shape[VA_RANK_MAX], stride[VA_RANK_MAX], count, most = 0;
    void *room;
    int result = 0;

    if (check_sizes(f, picks) < 0)
        return -1;
    for (; pick < last; pick++) {
        const struct va_pth_tensor *t = tensor_of(f, pick);
        int rank = layout_of(&f->pickle, t, shape, stride, &count);

        pick->at = set->count;
        pick->storage = f->pickle.uses[t->use].id;
        if (va_tensors_find(set, pick->name))
            return va_error("%s: %s: found twice in the dict", f->path, pick->name);
        if (!va_tensors_add_unset(set, pick->name, (enum va_dtype)t->type->dtype, rank, shape))
            return -1;
        if (f->storage_bytes[pick->storage] > most)
            most = f->storage_bytes[pick->storage];
    }
    if (picks->count)
        qsort(picks->items, (size_t)picks->count, sizeof(*pick), by_storage);
    room = va_new_unset(most, 1);
    for (pick = picks->items; room && pick < last && result == 0; pick = end) {
        for (end = pick + 1; end < last && end->storage == pick->storage;)
            end++;
        result = fill(f, pick, end, set, room);
    }
    va_free(room);
    if (!room || result < 0)
        return -1;
    for (pick = picks->items; pick < last; pick++)
        if (tensor_of(f, pick)->type->f8 &&
            va_tensor_from_f8(&set->items[pick->at], tensor_of(f, pick)->type->f8_kind) < 0)
            return -1;
    return 0;
}

/* ---- all of it -------------------------------------------------------------------------- */

static int open_file(struct va_pth_file *f)
{
    uint8_t head[4];

    if (va_stored_open(&f->bytes, f->path, "a checkpoint of PyTorch") < 0)
        return -1;
    f->fd = f->bytes.fd;
    f->size = f->bytes.size;
    if (va_pth_read_at(f, head, sizeof(head), 0) < 0)
        return -1;
    return memcmp(head, "PK\3\4", 4) == 0 ? va_pth_zip_open(f) : va_pth_legacy_open(f);
}

struct va_tensors *va_pth_open(const char *path, const char *from)
{
    struct va_pth_file f = { .path = path, .bytes.fd = -1, .pickle.path = path };
    struct va_pth_picks picks = { 0 };
    struct va_tensors *set = NULL;

    if (open_file(&f) < 0)
        goto done;
    set = va_tensors_new();
    if (set && (va_tensors_attach(set, &f.bytes, path, "") < 0 ||
                va_pth_pick(&f, from, &picks, set) < 0 || read_numbers(&f, &picks, set) < 0)) {
        va_tensors_free(set);
        set = NULL;
    }
    if (set && picks.left_out)
        va_info("%s: left out %lld tensors that are not of floating point", path,
                (long long)picks.left_out);
done:
    for (int64_t i = 0; i < picks.count; i++)
        va_free(picks.items[i].name);
    va_free(picks.items);
    va_pth_release(&f.pickle);
    va_pth_zip_close(f.zip);
    va_free(f.begin);
    va_free(f.storage_bytes);
    va_stored_close(&f.bytes);
    return set;
}

struct va_tensors *va_pth_read(const char *path, const char *from)
{
    struct va_tensors *set = va_pth_open(path, from);

    if (set && va_tensors_read(set, path, true) < 0) {
        va_tensors_free(set);
        return NULL;
    }
    return set;
}
