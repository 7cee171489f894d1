/*
 * va.model/1: /tensors/NAME, and one root attribute per configuration value.
 *
 * In memory configuration values are strings; in the file a whole number becomes an integer
 * attribute, mean and std three float64, a number with a fraction a float64, anything else a
 * string. Reading turns them back into the same strings, so a model that was read and written
 * keeps its bytes.
 */
#include "weights/va_model_priv.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "io/va_h5_priv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER_MAX = 60000 }; /* bytes of attribute `order`; HDF5 takes 64 KiB */

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

struct va_tensors *va_model_finish(struct va_h5_in *in, struct va_tensors *set, char **id)
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

    return va_model_finish(in, in ? va_model_get(in) : NULL, id);
}

struct va_tensors *va_model_whole(struct va_tensors *set, const char *path, char **id)
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
    return va_model_whole(va_model_open(path, id), path, id);
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
    return va_model_whole(va_model_finish(in, set, id), path, id);
}
