/*
 * va.model/1: /tensors/NAME, and one root attribute per configuration value.
 *
 * In memory configuration values are strings; in the file a whole number becomes an integer
 * attribute, mean and std three float64, a number with a fraction a float64, anything else a
 * string. Reading turns them back into the same strings, so a model that was read and written
 * keeps its bytes.
 */
#include "weights/va_model_file.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_magic.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include "weights/va_keras.h"
#include "weights/va_onnx.h"
#include "weights/va_pth.h"
#include "weights/va_shards.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ORDER_MAX = 60000, /* bytes of attribute `order`; HDF5 takes 64 KiB */
    HASHED = 1 << 18,  /* bytes read at once, so that they are still in a near cache */
};

/* Attributes of every HDF5 file here, which say nothing about the model. */
static const char *const not_metadata[] = { "complete", "id", "order", "provenance", "schema" };

/* ---- values as text -------------------------------------------------------------------- */

/* With as few digits as give the number back. */
static void real_text(double x, char *text, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            return;
    }
}

static char *value_text(const struct va_h5_value *v)
{
    char *text = NULL;

    for (int64_t i = 0; i < v->count; i++) {
        char number[32], *longer;

        if (v->kind == VA_H5_INT)
            snprintf(number, sizeof(number), "%lld", (long long)v->ints[i]);
        else if (v->kind == VA_H5_REAL)
            real_text(v->reals[i], number, sizeof(number));
        longer = va_format("%s%s%s", text ? text : "", i ? "," : "",
                           v->kind == VA_H5_STRING ? v->strings[i] : number);
        va_free(text);
        text = longer;
        if (!text)
            return NULL;
    }
    return text ? text : va_strdup("");
}

/* `text` is `count` numbers, spelled as they would be read back. */
static bool is_reals(const char *text, int count, double *value)
{
    for (int i = 0; i < count; i++) {
        char number[32];
        size_t n;

        value[i] = strtod(text, NULL);
        real_text(value[i], number, sizeof(number));
        n = strlen(number);
        if (!isfinite(value[i]) || strncmp(text, number, n) != 0 ||
            text[n] != (i + 1 < count ? ',' : '\0'))
            return false;
        text += n + 1;
    }
    return true;
}

static int put_value(struct va_h5_out *out, const char *key, const char *text)
{
    double real[3];
    char back[32];
    long long n = strtoll(text, NULL, 10);

    snprintf(back, sizeof(back), "%lld", n);
    if (strcmp(text, back) == 0)
        return va_h5_put_int(out, NULL, key, n);
    if ((strcmp(key, "mean") == 0 || strcmp(key, "std") == 0) && is_reals(text, 3, real))
        return va_h5_put_reals(out, NULL, key, 3, real);
    if (is_reals(text, 1, real))
        return va_h5_put_real(out, NULL, key, real[0]);
    return va_h5_put_string(out, NULL, key, text);
}

/* ---- writing --------------------------------------------------------------------------- */

/* The order of the tensors, unless it is too long for an attribute. */
static int put_order(struct va_h5_out *out, const struct va_tensors *set)
{
    const char **names = va_new(set->count, sizeof(*names));
    size_t longest = 0;
    int result = 0;

    if (!names)
        return -1;
    for (int64_t i = 0; i < set->count; i++) {
        names[i] = set->items[i].name;
        if (strlen(names[i]) > longest)
            longest = strlen(names[i]);
    }
    if ((longest + 1) * (size_t)set->count <= ORDER_MAX)
        result = va_h5_put_strings(out, NULL, "order", set->count, names);
    va_free(names);
    return result;
}

/* What would be refused when it is read is not written. */
static int check_finite(const struct va_tensor *t, enum va_dtype type, const float *x)
{
    int64_t bad = type == VA_F32 ? va_first_not_finite(x, t->count) : -1;

    if (bad < 0)
        return 0;
    return va_error_machine(
        "tensor %s: element %lld is %g, expected a finite number: training diverged, "
        "mostly because the learning rate is too high: try a lower --lr or more "
        "--warmup-epochs",
        t->name, (long long)bad, (double)x[bad]);
}

static int put_tensor(struct va_h5_out *out, const struct va_tensor *t, enum va_dtype type,
                      const void *data)
{
    char *name;
    int result;

    if (!*t->name || strchr(t->name, '/') || !strcmp(t->name, "."))
        return va_error("tensor %s: not a name that va.model/1 can hold", t->name);
    if (check_finite(t, type, data) < 0 || !(name = va_format("/tensors/%s", t->name)))
        return -1;
    result = va_h5_write(out, name, type, t->rank, t->shape, data);
    va_free(name);
    return result;
}

int va_model_put(struct va_h5_out *out, const struct va_tensors *set)
{
    int64_t most = 0;
    float *room = NULL; /* for one tensor that somebody else has */
    int result = 0;

    for (int64_t i = 0; i < set->count; i++)
        if (!set->items[i].data && set->items[i].count > most)
            most = set->items[i].count;
    if (most && !(room = va_new_unset(most, sizeof(*room))))
        return -1;
    for (int64_t i = 0; i < set->meta_count && result == 0; i++)
        result = put_value(out, set->meta[i].key, set->meta[i].value);
    if (result == 0)
        result = put_order(out, set);
    for (int64_t i = 0; i < set->count && result == 0; i++) {
        const struct va_tensor *t = &set->items[i];

        if (!t->data && t->lent.get)
            t->lent.get(t->lent.arg, 0, t->count, room);
        else if (!t->data)
            result = va_tensors_copy(set, t, room);
        if (result == 0)
            result = put_tensor(out, t, t->data ? t->dtype : VA_F32, t->data ? t->data : room);
    }
    va_free(room);
    return result;
}

int va_model_save(const char *path, const struct va_tensors *set, const int64_t *seed,
                  const struct va_model_source *sources, int64_t count)
{
    struct va_h5_out *out = va_h5_create(path, "va.model/1");
    int status = out ? 0 : -1;

    if (out && seed)
        va_h5_set_seed(out, (uint64_t)*seed);
    for (int64_t i = 0; status == 0 && i < count; i++)
        if (sources[i].path)
            status = va_h5_add_input(out, sources[i].path, sources[i].id);
    if (status == 0)
        status = va_model_put(out, set);
    if (status == 0)
        status = va_h5_commit(&out);
    va_h5_abort(out);
    return status;
}

/* ---- reading --------------------------------------------------------------------------- */

static bool is_metadata(const char *name)
{
    for (size_t i = 0; i < VA_COUNT(not_metadata); i++)
        if (!strcmp(name, not_metadata[i]))
            return false;
    return true;
}

static int get_metadata(struct va_h5_in *in, struct va_tensors *set)
{
    char **names = NULL;
    int64_t count = 0;
    int result = va_h5_attribute_names(&in->file, "/", &names, &count);

    for (int64_t i = 0; i < count && result == 0; i++) {
        struct va_h5_value value = { 0 };
        char *text;

        if (!is_metadata(names[i]))
            continue;
        if (va_h5_value_read(&in->file, "/", names[i], &value) < 0) {
            result = -1;
            break;
        }
        text = value.kind == VA_H5_OTHER ? va_strdup("?") : value_text(&value);
        result = text ? va_tensors_set_meta(set, names[i], text) : -1;
        va_free(text);
        va_h5_value_release(&value);
    }
    va_h5_free_strings(names, count);
    return result;
}

/* A tensor that lies in the file in one piece stays there; another one is read by the library. */
static int get_tensor(struct va_h5_in *in, const char *group, const char *name,
                      struct va_tensors *set)
{
    char *path = va_format("%s/%s", group, name);
    const struct va_h5_object *o;
    int64_t shape[VA_RANK_MAX], bad;
    enum va_dtype type;
    struct va_tensor *t;
    int rank, result = -1;

    if (!path || va_h5_shape(in, path, &type, &rank, shape) < 0)
        goto done;
    o = va_h5_find(&in->file, path);
    if (type != VA_F32 && type != VA_F16 && type != VA_BF16) {
        va_error("%s: %s: type %s, expected float32, float16 or bfloat16", va_h5_path(in), path,
                 va_dtype_names[type]);
        goto done;
    }
    if (o->offset >= 0) {
        result = va_tensors_add_stored(set, name, type, rank, shape, o->offset) ? 0 : -1;
        goto done;
    }
    t = va_tensors_add(set, name, VA_F32, rank, shape);
    if (!t || va_h5_read_rows(in, path, VA_F32, 0, va_h5_row_count(o), t->data) < 0)
        goto done;
    bad = va_first_not_finite(t->data, t->count);
    if (bad >= 0)
        va_error("%s: %s: element %lld is %g, expected a finite number", va_h5_path(in), path,
                 (long long)bad, ((float *)t->data)[bad]);
    else
        result = 0;
done:
    va_free(path);
    return result;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `order` names each of the sorted `names` once. */
static int check_order(const char *path, char **names, int64_t count, char **order,
                       int64_t order_count)
{
    char **sorted = va_new(order_count, sizeof(*sorted));
    int result = 0;

    if (!sorted)
        return -1;
    memcpy(sorted, order, (size_t)order_count * sizeof(*sorted));
    qsort(sorted, (size_t)order_count, sizeof(*sorted), by_text);
    if (order_count != count)
        result = va_error("%s: attribute order: %lld names, expected %lld", path,
                          (long long)order_count, (long long)count);
    for (int64_t i = 0; i < count && result == 0; i++)
        if (strcmp(sorted[i], names[i]) != 0)
            result = va_error("%s: attribute order: found %s, expected %s", path, sorted[i],
                              names[i]);
    va_free(sorted);
    return result;
}

/* Of a group, whose members messages name as PLACEname. */
static int get_tensors(struct va_h5_in *in, const char *group, const char *place,
                       struct va_tensors *set)
{
    char **names = NULL, **order = NULL;
    int64_t count = 0, order_count = 0;
    int result = -1;

    if (va_tensors_attach(set, &in->bytes, va_h5_path(in), place) < 0 ||
        va_h5_list(in, group, &names, &count) < 0)
        goto done;
    if (va_h5_has_attribute(in, NULL, "order") &&
        (va_h5_get_strings(in, NULL, "order", &order, &order_count) < 0 ||
         check_order(va_h5_path(in), names, count, order, order_count) < 0))
        goto done;
    result = 0;
    for (int64_t i = 0; i < count && result == 0; i++)
        result = get_tensor(in, group, order ? order[i] : names[i], set);
done:
    va_h5_free_strings(names, count);
    va_h5_free_strings(order, order_count);
    return result;
}

struct va_tensors *va_model_get(struct va_h5_in *in)
{
    struct va_tensors *set = va_tensors_new();

    if (set &&
        (get_metadata(in, set) < 0 || get_tensors(in, "/tensors", "/tensors/", set) < 0)) {
        va_tensors_free(set);
        return NULL;
    }
    return set;
}

/* Close the file that `set` was read from; *id gets its content id, if wanted. */
static struct va_tensors *finish(struct va_h5_in *in, struct va_tensors *set, char **id)
{
    if (id)
        *id = NULL;
    if (set && id) {
        const char *found = va_h5_id(in);

        *id = found ? va_strdup(found) : NULL;
        if (!*id) {
            va_tensors_free(set);
            set = NULL;
        }
    }
    va_h5_close(in);
    return set;
}

struct va_tensors *va_model_open(const char *path, char **id)
{
    struct va_h5_in *in = va_h5_open(path, "va.model/1");

    return finish(in, in ? va_model_get(in) : NULL, id);
}

/* With its values; NULL after freeing what an error ended. */
static struct va_tensors *whole(struct va_tensors *set, const char *path, char **id)
{
    if (!set || va_tensors_read(set, path, false) == 0)
        return set;
    if (id) {
        va_free(*id);
        *id = NULL;
    }
    va_tensors_free(set);
    return NULL;
}

struct va_tensors *va_model_read(const char *path, char **id)
{
    return whole(va_model_open(path, id), path, id);
}

/* Where a run stands is no part of its model. */
static bool is_counter(const char *key)
{
    static const char *const counters[] = { "step",    "epoch", "updates",
                                            "skipped", "best",  "best_step" };

    for (size_t i = 0; i < VA_COUNT(counters); i++)
        if (!strcmp(key, counters[i]))
            return true;
    return false;
}

int va_model_put_own_ccc(struct va_tensors *set, double ccc)
{
    char text[32];

    if (isnan(ccc))
        return 0;
    snprintf(text, sizeof(text), "%.6g", ccc);
    return va_tensors_set_meta(set, "val-ccc", text);
}

struct va_tensors *va_model_read_best(const char *path, char **id, int64_t *step,
                                      bool *validated)
{
    struct va_h5_in *in = va_h5_open(path, "va.state/1");
    struct va_tensors *all = va_tensors_new(), *set = va_tensors_new();
    bool best = *validated = in && va_h5_has(in, "/best");
    double ccc;
    int result = in && all && set ? get_metadata(in, all) : -1;

    for (int64_t i = 0; result == 0 && i < all->meta_count; i++)
        if (!is_counter(all->meta[i].key))
            result = va_tensors_set_meta(set, all->meta[i].key, all->meta[i].value);
    if (result == 0)
        result = va_h5_get_int(in, NULL, best ? "best_step" : "step", step);
    if (result == 0 && best)
        result = va_h5_get_real(in, NULL, "best", &ccc) < 0 ? -1
                                                            : va_model_put_own_ccc(set, ccc);
    if (result == 0)
        result = get_tensors(in, best ? "/best" : "/tensors", best ? "/best/" : "/tensors/",
                             set);
    va_tensors_free(all);
    if (result < 0) {
        va_tensors_free(set);
        set = NULL;
    }
    return whole(finish(in, set, id), path, id);
}

/* ---- any kind ----------------------------------------------------------------------- */

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
        return finish(in, va_keras_read(in), id);
    if (in && va_h5_require(in, "va.model/1") == 0)
        return whole(finish(in, va_model_get(in), id), path, id);
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
