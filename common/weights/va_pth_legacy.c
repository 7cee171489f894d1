/*
 * The older format: five pickles (a magic number, the version of the protocol, facts about the
 * machine, the object, the list of the storages' keys), then the storages in the order of that
 * list, each after the number of its elements as a little-endian int64, up to the end of file.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "weights/va_pth_priv.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t magic[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
enum { PROTOCOL = 1001 };

/* A use of a storage under its key, to be sorted. */
struct entry {
    const uint8_t *key;
    uint32_t length;
    struct va_pth_use *use;
};

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    uint32_t shorter = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->key, y->key, shorter);

    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int read_pickles(struct va_pth_file *f)
{
    struct va_pth_pickle *p = &f->pickle;

    p->size = f->size < VA_PTH_PICKLE_MAX ? f->size : VA_PTH_PICKLE_MAX;
    p->part = "";
    p->bytes = va_new(p->size, 1);
    return p->bytes ? va_pth_read_at(f, p->bytes, p->size, 0) : -1;
}

static int check_head(struct va_pth_file *f)
{
    struct va_pth_pickle *p = &f->pickle;
    uint32_t v = va_pth_unpickle(p);

    if (!v)
        return -1;
    if (p->values[v].kind != VA_PTH_INERT || p->values[v].text.length != sizeof(magic) ||
        memcmp(p->bytes + p->values[v].text.at, magic, sizeof(magic)) != 0)
        return va_error("%s: found a pickle without PyTorch's magic number, expected a "
                        "checkpoint of torch.save",
                        f->path);
    v = va_pth_unpickle(p);
    if (!v)
        return -1;
    if (va_pth_count(p, v) != PROTOCOL)
        return va_pth_bad(p, "found another version of the format, expected %d", PROTOCOL);
    v = va_pth_unpickle(p);
    if (!v)
        return -1;
    if (p->values[v].kind != VA_PTH_DICT ||
        va_pth_count(p, va_pth_get(p, v, "little_endian")) != 1)
        return va_pth_bad(p, "found numbers that are big-endian, expected little_endian");
    return 0;
}

/* The uses in the order of their keys. NULL after reporting. */
static struct entry *sorted_uses(const struct va_pth_pickle *p)
{
    struct entry *entries = va_new(p->use_count, sizeof(*entries));

    for (int64_t i = 0; entries && i < p->use_count; i++)
        entries[i] = (struct entry){ p->bytes + p->uses[i].key_at, p->uses[i].key_length,
                                     &p->uses[i] };
    if (entries)
        qsort(entries, (size_t)p->use_count, sizeof(*entries), by_key);
    return entries;
}

/* Give all uses of a key their storage; one of them, or NULL after reporting. */
static const struct va_pth_use *claim(struct va_pth_file *f, struct entry *entries,
                                      uint32_t key, int64_t id)
{
    struct va_pth_pickle *p = &f->pickle;
    const struct va_pth_value *v = &p->values[key];
    struct entry wanted = { p->bytes + v->text.at, v->text.length, NULL }, *first, *end, *e;

    if (v->kind != VA_PTH_TEXT)
        return va_pth_bad(p, "found %s in the list of storages, expected a string",
                          va_pth_kind_text(p, key)),
               NULL;
    end = entries + p->use_count;
    first = p->use_count
                ? bsearch(&wanted, entries, (size_t)p->use_count, sizeof(*entries), by_key)
                : NULL;
    if (!first)
        return va_pth_bad(p, "found storage %.*s in the list, but in no tensor",
                          (int)(v->text.length < 80 ? v->text.length : 80), wanted.key),
               NULL;
    while (first > entries && by_key(first - 1, &wanted) == 0)
        first--;
    for (e = first; e < end && by_key(e, &wanted) == 0; e++) {
        if (e->use->id >= 0)
            return va_pth_bad(p, "found storage %.*s twice in the list", (int)wanted.length,
                              wanted.key),
                   NULL;
        if (e->use->type->size != first->use->type->size || e->use->count != first->use->count)
            return va_pth_bad(p, "found storage %.*s in two sizes", (int)wanted.length,
                              wanted.key),
                   NULL;
        e->use->id = id;
    }
    return first->use;
}

/* Where the numbers of a storage are: at *at, which moves behind them. */
static int locate(struct va_pth_file *f, int64_t id, const struct va_pth_use *use, int64_t *at)
{
    uint8_t raw[8];
    uint64_t count = 0;

    if (*at > f->size - 8)
        return va_error("%s: file ends early, expected storage %lld of %lld", f->path,
                        (long long)id + 1, (long long)f->storage_count);
    if (va_pth_read_at(f, raw, 8, *at) < 0)
        return -1;
    for (int i = 7; i >= 0; i--)
        count = count << 8 | raw[i];
    if (count != (uint64_t)use->count)
        return va_error("%s: byte %lld: found a storage of %llu elements, expected %lld",
                        f->path, (long long)*at, (unsigned long long)count,
                        (long long)use->count);
    f->begin[id] = *at + 8;
    f->storage_bytes[id] = use->count * use->type->size;
    if (f->storage_bytes[id] > f->size - f->begin[id])
        return va_error("%s: file ends early, expected %lld bytes of storage %lld of %lld",
                        f->path, (long long)f->storage_bytes[id], (long long)id + 1,
                        (long long)f->storage_count);
    *at = f->begin[id] + f->storage_bytes[id];
    return 0;
}

static int find_storages(struct va_pth_file *f, uint32_t list)
{
    struct va_pth_pickle *p = &f->pickle;
    struct entry *entries = sorted_uses(p);
    int64_t at = p->at, id = 0;
    int result = entries ? 0 : -1;

    f->storage_count = p->values[list].list.count;
    f->begin = va_new(f->storage_count, sizeof(*f->begin));
    f->storage_bytes = va_new(f->storage_count, sizeof(*f->storage_bytes));
    if (!f->begin || !f->storage_bytes)
        result = -1;
    for (uint32_t i = p->values[list].list.first; i && result == 0;
         i = p->items[i].next, id++) {
        const struct va_pth_use *use = claim(f, entries, p->items[i].value, id);

        result = use ? locate(f, id, use, &at) : -1;
    }
    for (int64_t u = 0; u < p->use_count && result == 0; u++)
        if (p->uses[u].id < 0)
            result = va_error("%s: storage %.*s is missing, expected it in the list", f->path,
                              (int)p->uses[u].key_length, p->bytes + p->uses[u].key_at);
    if (result == 0 && at != f->size)
        result = va_error("%s: found %lld bytes after the last storage, expected the end",
                          f->path, (long long)(f->size - at));
    va_free(entries);
    return result;
}

int va_pth_legacy_open(struct va_pth_file *f)
{
    struct va_pth_pickle *p = &f->pickle;
    uint32_t list;

    if (read_pickles(f) < 0 || check_head(f) < 0)
        return -1;
    f->top = va_pth_unpickle(p);
    list = f->top ? va_pth_unpickle(p) : 0;
    if (!list)
        return -1;
    if (p->values[list].kind != VA_PTH_LIST || p->values[list].list.count > VA_PTH_TENSORS_MAX)
        return va_pth_bad(p, "found no list of storages, expected one of at most %d",
                          VA_PTH_TENSORS_MAX);
    return find_storages(f, list);
}
