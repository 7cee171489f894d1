/*
 * Which kind of file weights are in is told by its first bytes. Apart from va_model_file.c, since what only predicts
 * needs our own kind, and none of the libraries for the others.
 */
#include "weights/va_model_priv.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_input.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include "base/va_stored.h"
#include "weights/va_keras.h"
#include "weights/va_onnx.h"
#include "weights/va_pth.h"
#include "weights/va_shards.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { HASHED = 1 << 18 }; /* bytes read at once, so that they are still in a near cache */

/* Add the values of a tensor as they stand, wherever they are. 0, or -1 after reporting. */
static int hash_values(struct va_hash *h, const struct va_tensors *set,
                       const struct va_tensor *t, void *room)
{
    int64_t bytes = t->count * (int64_t)va_dtype_size(t->dtype);

    if (t->data)
        va_hash_add(h, t->data, (size_t)bytes);
    for (int64_t at = 0; !t->data && at < bytes; at += HASHED) {
        int64_t n = bytes - at < HASHED ? bytes - at : HASHED;

        if (va_stored_read(set->file, t->at + at, n, room) < 0)
            return va_stored_report(set->file, set->path);
        va_hash_add(h, room, (size_t)n);
    }
    return 0;
}

/* The id of a set that has no file of ours: over everything in it, in its order. A new string, or NULL after
 * reporting. */
static char *set_id(const struct va_tensors *set)
{
    char *id = va_new(VA_HASH_TEXT, 1);
    void *room = va_new_unset(HASHED, 1);
    int result = id && room ? 0 : -1;
    struct va_hash h;

    va_hash_init(&h);
    for (int64_t i = 0; i < set->meta_count; i++) {
        va_hash_add(&h, set->meta[i].key, strlen(set->meta[i].key) + 1);
        va_hash_add(&h, set->meta[i].value, strlen(set->meta[i].value) + 1);
    }
    for (int64_t i = 0; i < set->count && result == 0; i++) {
        const struct va_tensor *t = &set->items[i];
        const char *type = va_dtype_names[t->dtype];

        va_hash_add(&h, t->name, strlen(t->name) + 1);
        va_hash_add(&h, type, strlen(type) + 1);
        va_hash_add(&h, t->shape, (size_t)t->rank * sizeof(*t->shape));
        result = hash_values(&h, set, t, room);
    }
    va_free(room);
    if (result == 0) {
        va_hash_finish(&h, id);
        return id;
    }
    va_free(id);
    return NULL;
}

/* What a file begins with says what it is; a name ending in .h5 decides when it does not. */
static bool is_hdf5(const char *path, const uint8_t *head)
{
    size_t n = strlen(path);

    return memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0 || (n > 3 && !strcmp(path + n - 3, ".h5"));
}

/* Whether the first bytes are those of safetensors: a length, then a JSON object. They may look
 * like another kind of file as well, since lengths have any bytes. */
static bool is_safetensors(const uint8_t *head, int64_t size)
{
    return size > 8 && head[8] == '{' && !head[4] && !head[5] && !head[6] && !head[7];
}

/* The index of several safetensors files. */
static bool is_index(const char *path, const uint8_t *head, int64_t size)
{
    static const char key[] = "\"weight_map\"", name[] = ".index.json";
    size_t n = strlen(path), m = strlen(name);

    return size > 0 && (memmem(head, (size_t)size, key, strlen(key)) ||
                        (n > m && !strcmp(path + n - m, name) && head[0] == '{'));
}

/* The first `size` bytes of a file: how many there are, or -1 after reporting. */
static int64_t read_head(const char *path, uint8_t *head, int64_t size)
{
    int64_t n;
    int fd = va_input_open(path, "weights", NULL);

    if (fd < 0)
        return -1;
    n = va_input_read(fd, head, size, 0);
    if (n < 0)
        va_error_machine("%s: cannot read: %s", path, strerror(errno));
    close(fd);
    return n;
}

/* Refuse what is known to be something else than weights. 0, or -1 after reporting. */
static int check_foreign(const char *path, const uint8_t *head, int64_t size)
{
    const char *kind = va_magic_name(head, (size_t)size);
    bool is_text = true;

    if (size == 0)
        return va_error("%s: file is empty, expected weights", path);
    if (!kind)
        return 0;
    for (int64_t i = 0; i < size; i++)
        is_text = is_text && (head[i] >= ' ' || strchr("\t\n\r\f", head[i]));
    return va_error("%s: found %s, expected weights: safetensors, a checkpoint of PyTorch, an "
                    "ONNX model or a va.model/1 file%s",
                    path, kind,
                    is_text && !strchr(kind, '(') ? "; download the file itself" : "");
}

/* Only what is below a part of a set, under the rest of its name. 0, or -1 after reporting. */
static int keep_below(struct va_tensors *set, const char *path, const char *part)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < set->count; i++) {
        struct va_tensor t = set->items[i];
        const char *rest = va_tensors_below(t.name, part);

        if (rest) {
            memmove(t.name, rest, strlen(rest) + 1);
            set->items[kept++] = t;
        } else {
            va_free(t.name);
            va_free(t.data);
        }
    }
    set->count = kept;
    return kept ? 0
                : va_error("%s: found no tensor below '%s', expected names that begin with it",
                           path, part);
}

/* A file of ours, or one of Keras. */
static struct va_tensors *read_hdf5(const char *path, char **id)
{
    struct va_h5_in *in = va_h5_open(path, VA_H5_FOREIGN);

    if (in && va_keras_is(in))
        return va_model_finish(in, va_keras_read(in), id);
    if (in && va_h5_require(in, "va.model/1") == 0)
        return va_model_whole(va_model_finish(in, va_model_get(in), id), path, id);
    va_h5_close(in);
    return NULL;
}

struct va_tensors *va_model_read_any(const char *path, const char *from, char **id)
{
    uint8_t head[VA_MAGIC_BYTES] = { 0 };
    int64_t size = read_head(path, head, sizeof(head));
    struct va_tensors *set;
    bool pth = va_pth_begins(head), onnx = va_onnx_begins(head) && !is_safetensors(head, size);
    bool index = !pth && !onnx && !is_safetensors(head, size) && is_index(path, head, size);

    if (id)
        *id = NULL;
    if (size < 0)
        return NULL;
    if (is_hdf5(path, head)) {
        if (from)
            return va_error(
                       "%s: found a va.model/1 file, but --from %s is for files of other programs",
                       path, from),
                   NULL;
        return read_hdf5(path, id);
    }
    if (!pth && !onnx && !index && !is_safetensors(head, size) &&
        check_foreign(path, head, size) < 0)
        return NULL;
    set = pth     ? va_pth_open(path, from)
          : onnx  ? va_onnx_read(path)
          : index ? va_shards_read(path)
                  : va_safetensors_open(path);
    if (set && from && !pth && keep_below(set, path, from) < 0) {
        va_tensors_free(set);
        return NULL;
    }
    if (set && id && !(*id = set_id(set))) {
        va_tensors_free(set);
        return NULL;
    }
    return set;
}
