#include "ops/va_params.h"

#include "base/va_error.h"
#include "base/va_libm.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_thread.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    DRAW_CHUNK = 1 << 15, /* numbers that one thread draws at a time */
    FAULTS_SHOWN = 20,
};

void va_params_init(struct va_params *list, struct va_backend *be)
{
    *list = (struct va_params){ .be = be };
}

void va_params_release(struct va_params *list)
{
    const struct va_ops *ops = list->be ? list->be->ops : NULL;

    for (int64_t i = 0; ops && i < list->count; i++)
        ops->weight_release(list->be, &list->items[i].value);
    for (int64_t i = 0; ops && i < list->derived_count; i++)
        ops->weight_release(list->be, &list->derived[i].w);
    if (ops) {
        ops->free(list->be, list->values);
        ops->free(list->be, list->derived_values);
        ops->free(list->be, list->grads);
        ops->free(list->be, list->m);
        ops->free(list->be, list->v);
    }
    va_free(list->items);
    va_free(list->derived);
    va_free(list->derived_from);
    *list = (struct va_params){ 0 };
}

int64_t va_params_add(struct va_params *list, const struct va_param *law, const char *name, ...)
{
    struct va_param *p;
    va_list args;
    int n;

    if (va_grow(&list->items, &list->room, list->count + 1, sizeof(*list->items)) < 0)
        return -1;
    p = &list->items[list->count];
    *p = *law;
    p->be = list->be;
    va_start(args, name);
    n = vsnprintf(p->name, sizeof(p->name), name, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(p->name))
        return va_error("%s: the name of a parameter is too long", p->name);
    p->count = 1;
    for (int d = 0; d < p->rank; d++)
        if (va_mul(p->count, p->shape[d], &p->count) < 0)
            return va_error("%s: too many elements", p->name);
    p->value.N = p->shape[0];
    p->value.K = p->count / p->shape[0];
    p->value.taps = 1;
    return list->count++;
}

int64_t va_params_add_pair(struct va_params *list, const struct va_param *weight,
                           const struct va_param *bias, const char *name, va_list args)
{
    char text[sizeof(weight->name)];
    int64_t index;

    vsnprintf(text, sizeof(text), name, args);
    index = va_params_add(list, weight, "%s.weight", text);
    return index < 0 || (bias && va_params_add(list, bias, "%s.bias", text) < 0) ? -1 : index;
}

enum { ALIGNMENT = 16 }; /* numbers: 64 bytes of float32 */

/* Numbers from the beginning of entry p to that of the next; -1 where that is too many. */
static int64_t place_of(const struct va_param *p)
{
    if (p->count > INT64_MAX - ALIGNMENT)
        return -1;
    return (p->count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Entry p has its values in the block. */
static bool has_values(const struct va_params *list, const struct va_param *p)
{
    return !(list->run_only || p->frozen) ||
           !list->be->ops->prepared_only(list->be, &p->value, !list->run_only);
}

/* Numbers in a block of all entries, or of the trained ones. -1 after reporting. */
static int64_t size_of(const struct va_params *list, bool trained)
{
    int64_t size = 0;

    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];
        int64_t place = place_of(p);

        if (trained ? p->frozen : !has_values(list, p))
            continue;
        if (place < 0 || size > INT64_MAX - place)
            return va_error("%s: too many numbers", list->items[i].name);
        size += place;
    }
    return size;
}

int64_t va_params_derive(struct va_params *list, enum va_law law, int64_t v, int64_t g)
{
    const struct va_param *p = &list->items[v];
    int64_t i = list->derived_count;

    if (va_grow(&list->derived, &list->derived_room, i + 1, sizeof(*list->derived)) < 0 ||
        va_grow(&list->derived_from, &list->from_room, 2 * (i + 1),
                sizeof(*list->derived_from)) < 0)
        return -1;
    list->derived[i] = (struct va_derived){
        .law = law, .rows = p->shape[0], .cols = p->count / p->shape[0], .w = { .stale = true }
    };
    if (law == VA_LAW_WEIGHT_NORM && p->rank == 3) {
        list->derived[i].w.use = VA_USE_CONV;
        list->derived[i].w.N = p->shape[0];
        list->derived[i].w.K = p->shape[1];
        list->derived[i].w.taps = p->shape[2];
    }
    list->derived_from[2 * i] = v;
    list->derived_from[2 * i + 1] = g;
    return list->derived_count++;
}

/* Numbers from the beginning of a derived weight to that of the next. */
static int64_t derived_place(const struct va_params *list, int64_t i)
{
    return place_of(&list->items[list->derived_from[2 * i]]);
}

static int allocate_derived(struct va_params *list)
{
    struct va_backend *be = list->be;
    int64_t size = 0, at = 0;

    for (int64_t i = 0; i < list->derived_count; i++)
        size += derived_place(list, i); /* at most the size of all entries, which is known */
    list->derived_values = size ? be->ops->alloc(be, size) : NULL;
    if (size && !list->derived_values)
        return -1;
    for (int64_t i = 0; i < list->derived_count; i++) {
        const int64_t *from = list->derived_from + 2 * i;

        list->derived[i].v = list->items[from[0]].value.data;
        list->derived[i].g = from[1] < 0 ? NULL : list->items[from[1]].value.data;
        list->derived[i].w.data = va_at(be, list->derived_values, at);
        at += derived_place(list, i);
    }
    return 0;
}

int va_params_allocate(struct va_params *list)
{
    int64_t size = size_of(list, false), at = 0;

    if (list->values || size == 0)
        return 0;
    list->values = size > 0 ? list->be->ops->alloc(list->be, size) : NULL;
    if (!list->values)
        return -1;
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];

        if (!has_values(list, p))
            continue;
        p->value.data = va_at(list->be, list->values, at);
        at += place_of(p);
    }
    return allocate_derived(list);
}

int va_params_allocate_training(struct va_params *list)
{
    struct va_backend *be = list->be;
    int64_t at = 0;

    list->trained = size_of(list, true);
    if (list->grads || list->trained == 0)
        return 0;
    if (list->trained < 0 || !(list->grads = be->ops->alloc(be, list->trained)) ||
        !(list->m = be->ops->alloc(be, list->trained)) ||
        !(list->v = be->ops->alloc(be, list->trained)))
        return -1;
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];

        if (p->frozen)
            continue;
        p->grad = va_at(be, list->grads, at);
        p->m = va_at(be, list->m, at);
        p->v = va_at(be, list->v, at);
        at += place_of(p);
    }
    for (int64_t i = 0; i < list->derived_count; i++) {
        const int64_t *from = list->derived_from + 2 * i;

        list->derived[i].dv = list->items[from[0]].grad;
        list->derived[i].dg = from[1] < 0 ? NULL : list->items[from[1]].grad;
    }
    return 0;
}

int64_t va_params_total(const struct va_params *list)
{
    int64_t total = 0;

    for (int64_t i = 0; i < list->count; i++)
        total += list->items[i].count;
    return total;
}

/* ---- initial values -------------------------------------------------------------------- */

struct draw {
    const struct va_param *p;
    uint64_t seed, index;
    float *out; /* [p->count] */
};

/* Row 0 is the CLS token's; then the patch in row y, column x of the grid has
 * sin(x w), cos(x w), sin(y w), cos(y w), a quarter of the width each, w[i] = 10000^(-i / q). */
static double sincos_at(const struct va_param *p, int64_t i)
{
    int64_t D = p->shape[2], row = i / D - 1, q = D / 4, part = i % D / q;
    int64_t grid = (int64_t)lround(sqrt((double)(p->shape[1] - 1)));
    double w = va_exp(-(double)(i % D % q) / (double)q * va_log(10000));
    double angle = (double)(part < 2 ? row % grid : row / grid) * w;

    if (row < 0)
        return 0;
    return part % 2 ? va_cos(angle) : va_sin(angle);
}

static double law_at(const struct draw *d, int64_t i)
{
    const struct va_param *p = d->p;
    double u;

    switch (p->init) {
    case VA_INIT_CONSTANT: return p->a;
    case VA_INIT_UNIFORM:
        return (2 * va_rand_uniform(d->seed, VA_RAND_INIT, d->index, (uint64_t)i) - 1) * p->a;
    case VA_INIT_NORMAL:
        return va_rand_normal(d->seed, VA_RAND_INIT, d->index, (uint64_t)i) * p->a;
    case VA_INIT_LOG_COUNT: return va_log((double)(i % p->shape[p->rank - 1] + 1));
    case VA_INIT_INV_SOFTPLUS:
        u = va_rand_uniform(d->seed, VA_RAND_INIT, d->index, (uint64_t)i);
        u = va_exp(va_log(p->a) + u * (va_log(p->b) - va_log(p->a)));
        return u + va_log(-va_expm1(-u));
    case VA_INIT_SINCOS: return sincos_at(p, i);
    case VA_INIT_ZERO:
    case VA_INIT_NORM_OF: /* drawn from another entry: see draw_norms */ break;
    }
    return 0;
}

static void draw_chunk(void *arg, int64_t task, int thread)
{
    const struct draw *d = arg;
    int64_t end = (task + 1) * DRAW_CHUNK < d->p->count ? (task + 1) * DRAW_CHUNK : d->p->count;

    (void)thread;
    for (int64_t i = task * DRAW_CHUNK; i < end; i++)
        d->out[i] = (float)law_at(d, i);
}

/* out [rows] = length of each row of values [rows, cols] */
static void row_norms(int64_t rows, int64_t cols, const float *values, float *out)
{
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0;

        for (int64_t c = 0; c < cols; c++)
            sum += (double)values[r * cols + c] * values[r * cols + c];
        out[r] = (float)sqrt(sum);
    }
}

static int draw_norms(struct va_params *list, struct va_param *p)
{
    struct va_backend *be = list->be;
    const struct va_param *of = &list->items[p->of];
    float *values = va_new(of->count, sizeof(float)), *norms = va_new(p->count, sizeof(float));
    int rc = -1;

    if (!values || !norms)
        goto done;
    be->ops->get_f32(be, values, of->value.data, of->count);
    row_norms(p->count, of->count / p->count, values, norms);
    be->ops->put_f32(be, p->value.data, norms, p->count);
    rc = 0;
done:
    va_free(norms);
    va_free(values);
    return rc;
}

static void get_drawn(void *arg, int64_t first, int64_t count, float *to)
{
    memcpy(to, (const float *)arg + first, (size_t)count * sizeof(*to));
}

int va_params_draw(struct va_params *list, uint64_t seed)
{
    struct va_backend *be = list->be;

    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];
        struct draw d = { .p = p, .seed = seed, .index = (uint64_t)i };

        if (p->init == VA_INIT_NORM_OF)
            continue;
        d.out = va_new(p->count, sizeof(float));
        if (!d.out)
            return -1;
        va_parallel((p->count + DRAW_CHUNK - 1) / DRAW_CHUNK, draw_chunk, &d);
        be->ops->weight_put(be, &p->value, p->count, &(struct va_numbers){ get_drawn, d.out });
        va_free(d.out);
    }
    for (int64_t i = 0; i < list->count; i++)
        if (list->items[i].init == VA_INIT_NORM_OF) {
            if (draw_norms(list, &list->items[i]) < 0)
                return -1;
            va_weight_changed(&list->items[i].value);
        }
    return va_backend_check(be);
}

/* ---- files ----------------------------------------------------------------------------- */

static bool same_shape(const struct va_param *p, const struct va_tensor *t)
{
    if (t->rank != p->rank)
        return false;
    for (int d = 0; d < p->rank; d++)
        if (t->shape[d] != p->shape[d])
            return false;
    return true;
}

static bool in_list(const struct va_params *list, const char *name)
{
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}

/* What does not fit, the first few of it in words. */
struct faults {
    char text[3072];
    size_t used;
    int64_t count, shown;
};

static void VA_PRINTF(2, 3) add_fault(struct faults *f, const char *format, ...)
{
    size_t room = sizeof(f->text) - f->used;
    va_list args;
    int n;

    f->count++;
    if (f->shown >= FAULTS_SHOWN || room < 3)
        return;
    if (f->shown++ > 0) {
        memcpy(f->text + f->used, "; ", 3);
        f->used += 2;
        room -= 2;
    }
    va_start(args, format);
    n = vsnprintf(f->text + f->used, room, format, args);
    va_end(args);
    f->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static int report_faults(const struct faults *f, const char *path, const char *advice)
{
    if (f->count > f->shown)
        return va_error("%s: %s; and %lld more%s", path, f->text,
                        (long long)(f->count - f->shown), advice);
    return f->count ? va_error("%s: %s%s", path, f->text, advice) : 0;
}

int va_params_match(const struct va_params *list, const struct va_tensors *set,
                    const char *path)
{
    struct faults faults = { .count = 0 };
    char found[128], expected[128];
    int64_t known = 0;

    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];
        const struct va_tensor *t = va_tensors_find(set, p->name);

        known += t != NULL;
        va_shape_text(p->rank, p->shape, expected, sizeof(expected));
        if (!t)
            add_fault(&faults, "%s: tensor is missing, expected shape %s", p->name, expected);
        else if (!same_shape(p, t))
            add_fault(&faults, "%s: shape %s, expected %s", p->name,
                      va_shape_text(t->rank, t->shape, found, sizeof(found)), expected);
    }
    for (int64_t i = 0; i < set->count && known < set->count; i++)
        if (!in_list(list, set->items[i].name))
            add_fault(
                &faults, "%s: unknown tensor of shape %s, expected none of this name",
                set->items[i].name,
                va_shape_text(set->items[i].rank, set->items[i].shape, found, sizeof(found)));
    return report_faults(&faults, path,
                         known == list->count && faults.count == set->count - known
                             ? ": va-weights import --drop NAME leaves a tensor out"
                             : "");
}

static void get_values(void *arg, int64_t first, int64_t count, float *to)
{
    (void)va_values_get(arg, first, count, to); /* what failed is kept until the end */
}

static int load_entry(struct va_backend *be, struct va_param *p, const struct va_tensors *set,
                      const char *path)
{
    struct va_values values;
    struct va_numbers from = { get_values, &values };

    if (va_values_begin(&values, set, va_tensors_find(set, p->name), path) < 0)
        return -1;
    be->ops->weight_put(be, &p->value, p->count, &from);
    return va_values_end(&values);
}

int va_params_load(struct va_params *list, const struct va_tensors *set, const char *path)
{
    if (va_params_match(list, set, path) < 0)
        return -1;
    for (int64_t i = 0; i < list->count; i++)
        if (load_entry(list->be, &list->items[i], set, path) < 0)
            return -1;
    return va_backend_check(list->be);
}

static int store(const struct va_params *list, bool trained, struct va_tensors *set)
{
    for (int64_t i = 0; i < list->count; i++) {
        const struct va_param *p = &list->items[i];
        struct va_tensor *t;

        if (trained && p->frozen)
            continue;
        t = va_tensors_add_unset(set, p->name, VA_F32, p->rank, p->shape);
        if (!t)
            return -1;
        list->be->ops->weight_get(list->be, &p->value, 0, p->count, t->data);
    }
    return va_backend_check(list->be);
}

int va_params_store(const struct va_params *list, struct va_tensors *set)
{
    return store(list, false, set);
}

int va_params_keep(const struct va_params *list, struct va_tensors *set)
{
    return store(list, true, set);
}

static void get_entry(void *arg, int64_t first, int64_t count, float *to)
{
    struct va_param *p = arg;

    p->be->ops->weight_get(p->be, &p->value, first, count, to);
}

static void get_kept(void *arg, int64_t first, int64_t count, float *to)
{
    const struct va_tensor *t = arg;

    memcpy(to, (const float *)t->data + first, (size_t)count * sizeof(*to));
}

int va_params_lend(const struct va_params *list, const struct va_tensors *kept,
                   struct va_tensors *set)
{
    for (int64_t i = 0; i < list->count; i++) {
        struct va_param *p = &list->items[i];
        struct va_tensor *t = kept ? va_tensors_find(kept, p->name) : NULL;
        struct va_numbers from = { t ? get_kept : get_entry, t ? (void *)t : p };

        if (!va_tensors_lend(set, p->name, p->rank, p->shape, &from))
            return -1;
    }
    return 0;
}

void va_params_zero_grad(struct va_params *list)
{
    if (list->grads)
        list->be->ops->zero(list->be, list->grads, list->trained);
}

void va_params_derive_grad(struct va_params *list)
{
    if (list->derived_count)
        list->be->ops->derive_grad(list->be, list->derived, list->derived_count);
}

void va_params_changed(struct va_params *list)
{
    struct va_backend *be = list->be;

    if (list->derived_count)
        be->ops->derive(be, list->derived, list->derived_count);
    for (int64_t i = 0; i < list->count; i++) {
        struct va_weight *w = &list->items[i].value;

        if (!w->data)
            continue; /* was prepared when its values came */
        va_weight_changed(w);
        be->ops->weight_prepare(be, w, list->grads != NULL);
    }
    for (int64_t i = 0; i < list->derived_count; i++)
        be->ops->weight_prepare(be, &list->derived[i].w, list->grads != NULL);
}
