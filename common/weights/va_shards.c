#include "weights/va_shards.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_stored.h"
#include "weights/va_model_file.h"
#include <jansson.h>
#include <string.h>

enum {
    INDEX_MAX = 4 << 20, /* bytes; 1300 tensors take some 100 KB */
    TENSORS_MAX = 1 << 14,
    SHARDS_MAX = 256,
};

struct index {
    const char *path;
    json_t *root, *map;             /* map: name of a tensor -> name of its file */
    const char *shards[SHARDS_MAX]; /* [count] each once, owned by the JSON object */
    int64_t count;
};

static int read_json(struct index *x)
{
    struct va_stored bytes = { .fd = -1 };
    json_error_t fault;
    char *text = NULL;

    if (va_stored_open(&bytes, x->path, "an index of safetensors files") < 0)
        return -1;
    if (bytes.size > INDEX_MAX)
        va_error("%s: found %lld bytes, expected an index of at most %d", x->path,
                 (long long)bytes.size, INDEX_MAX);
    else if ((text = va_new(bytes.size + 1, 1)) &&
             va_stored_read(&bytes, 0, bytes.size, text) == 0) {
        x->root = json_loadb(text, (size_t)bytes.size, JSON_REJECT_DUPLICATES, &fault);
        if (!x->root)
            va_error("%s: byte %d: %s", x->path, fault.position, fault.text);
    } else if (text && va_stored_report(&bytes, x->path) == 0)
        va_error("%s: file ends early, expected an index", x->path);
    va_free(text);
    va_stored_close(&bytes);
    return x->root ? 0 : -1;
}

/* A file beside the index, and nothing else: no folder, no way out of it. */
static bool is_beside(const char *name)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(name), m = strlen(end);

    return n > m && !strchr(name, '/') && *name != '.' && !strcmp(name + n - m, end);
}

static int add_shard(struct index *x, const char *tensor, const char *name)
{
    if (!name)
        return va_error("%s: %s: found no name of a file, expected a string", x->path, tensor);
    for (int64_t i = x->count - 1; i >= 0; i--)
        if (!strcmp(x->shards[i], name))
            return 0;
    if (!is_beside(name))
        return va_error(
            "%s: %s: file is %s, expected the name of a .safetensors file beside the "
            "index",
            x->path, tensor, name);
    if (x->count == SHARDS_MAX)
        return va_error("%s: found more than %d files, expected at most so many", x->path,
                        SHARDS_MAX);
    x->shards[x->count++] = name;
    return 0;
}

static int read_index(struct index *x)
{
    const char *tensor;
    json_t *shard;

    if (read_json(x) < 0)
        return -1;
    x->map = json_object_get(x->root, "weight_map");
    if (!json_is_object(x->map) || json_object_size(x->map) < 1 ||
        json_object_size(x->map) > TENSORS_MAX)
        return va_error("%s: weight_map: found %zu tensors, expected an object of 1 to %d",
                        x->path, json_object_size(x->map), TENSORS_MAX);
    json_object_foreach(x->map, tensor, shard)
    {
        if (add_shard(x, tensor, json_string_value(shard)) < 0)
            return -1;
    }
    return 0;
}

/* Move the tensors of one file, which must be those that the index says. */
static int add_file(const struct index *x, const char *shard, const char *path,
                    struct va_tensors *from, struct va_tensors *all)
{
    for (int64_t i = 0; i < from->count; i++) {
        struct va_tensor *t = &from->items[i], *to;
        const char *said = json_string_value(json_object_get(x->map, t->name));
        void *data;

        if (!said)
            return va_error("%s: %s: tensor is not in %s", path, t->name, x->path);
        if (strcmp(said, shard) != 0)
            return va_error("%s: %s: tensor is in two files, and in %s as %s says", path,
                            t->name, said, x->path);
        to = va_tensors_add_unset(all, t->name, t->dtype, t->rank, t->shape);
        if (!to)
            return -1;
        data = to->data;
        to->data = t->data;
        t->data = data;
    }
    return 0;
}

static int read_shard(const struct index *x, const char *shard, struct va_tensors *all)
{
    const char *slash = strrchr(x->path, '/');
    char *path = va_format("%.*s%s", slash ? (int)(slash + 1 - x->path) : 0, x->path, shard);
    struct va_tensors *set = path ? va_safetensors_read(path) : NULL;
    int result = set ? add_file(x, shard, path, set, all) : -1;

    va_tensors_free(set);
    va_free(path);
    return result;
}

/* No file had a tensor that is not in the index; is there one in the index that none had? */
static int check_all(const struct index *x, const struct va_tensors *all)
{
    const char *tensor;
    json_t *shard;

    if ((size_t)all->count == json_object_size(x->map))
        return 0;
    json_object_foreach(x->map, tensor, shard)
    {
        if (!va_tensors_find(all, tensor))
            return va_error("%s: %s: tensor is missing in %s", x->path, tensor,
                            json_string_value(shard));
    }
    return 0;
}

struct va_tensors *va_shards_read(const char *path)
{
    struct index x = { .path = path };
    struct va_tensors *all = va_tensors_new();
    int result = all && read_index(&x) == 0 ? 0 : -1;

    for (int64_t i = 0; i < x.count && result == 0; i++)
        result = read_shard(&x, x.shards[i], all);
    if (result == 0)
        result = check_all(&x, all);
    json_decref(x.root);
    if (result < 0) {
        va_tensors_free(all);
        return NULL;
    }
    return all;
}
