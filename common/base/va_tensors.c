#include "base/va_tensors.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

const char *const va_dtype_names[] = { "float32", "float64", "float16", "bfloat16",
                                       "uint8",   "int32",   "int64",   NULL };

size_t va_dtype_size(enum va_dtype t)
{
    static const size_t size[] = { 4, 8, 2, 2, 1, 4, 8 };

    return size[t];
}

struct va_tensors *va_tensors_new(void)
{
    return va_new(1, sizeof(struct va_tensors));
}

void va_tensors_free(struct va_tensors *set)
{
    if (!set)
        return;
    for (int64_t i = 0; i < set->count; i++) {
        va_free(set->items[i].name);
        va_free(set->items[i].data);
    }
    for (int64_t i = 0; i < set->meta_count; i++) {
        va_free(set->meta[i].key);
        va_free(set->meta[i].value);
    }
    va_free(set->items);
    va_free(set->meta);
    if (set->file)
        va_stored_close(set->file);
    va_free(set->file);
    va_free(set->path);
    va_free(set);
}

struct va_tensor *va_tensors_find(const struct va_tensors *set, const char *name)
{
    for (int64_t i = 0; i < set->count; i++)
        if (!strcmp(set->items[i].name, name))
            return &set->items[i];
    return NULL;
}

const char *va_tensors_below(const char *name, const char *part)
{
    static const char module[] = "module.";
    size_t n = strlen(part);

    if (strncmp(name, part, n) == 0 && name[n] == '.' && name[n + 1])
        return name + n + 1;
    if (strncmp(name, module, sizeof(module) - 1) == 0)
        return va_tensors_below(name + sizeof(module) - 1, part);
    return NULL;
}

int va_tensors_attach(struct va_tensors *set, const struct va_stored *file, const char *path,
                      const char *place)
{
    set->place = place;
    set->path = va_strdup(path);
    set->file = set->path ? va_new(1, sizeof(*set->file)) : NULL;
    if (set->file && va_stored_share(set->file, file, path) == 0)
        return 0;
    va_free(set->file);
    set->file = NULL;
    return -1;
}

/* Without its values. */
static struct va_tensor *add(struct va_tensors *set, const char *name, enum va_dtype dtype,
                             int rank, const int64_t *shape)
{
    struct va_tensor t = { .dtype = dtype, .rank = rank, .count = 1 };

    if (va_tensors_find(set, name))
        return va_error("tensor %s: found twice", name), NULL;
    if (rank > VA_RANK_MAX)
        return va_error("tensor %s: %d dimensions, expected at most %d", name, rank,
                        VA_RANK_MAX),
               NULL;
    for (int i = 0; i < rank; i++) {
        t.shape[i] = shape[i];
        if (va_mul(t.count, shape[i], &t.count) < 0)
            return va_error("tensor %s: impossible shape", name), NULL;
    }
    if (va_grow(&set->items, &set->room, set->count + 1, sizeof(t)) < 0)
        return NULL;
    t.name = va_strdup(name);
    if (!t.name)
        return NULL;
    set->items[set->count] = t;
    return &set->items[set->count++];
}

/* The added tensor, or NULL without it where it has no memory. */
static struct va_tensor *keep(struct va_tensors *set, struct va_tensor *t)
{
    if (!t || t->data)
        return t;
    va_free(t->name);
    set->count--;
    return NULL;
}

struct va_tensor *va_tensors_add(struct va_tensors *set, const char *name, enum va_dtype dtype,
                                 int rank, const int64_t *shape)
{
    struct va_tensor *t = add(set, name, dtype, rank, shape);

    if (t)
        t->data = va_new(t->count, va_dtype_size(dtype));
    return keep(set, t);
}

struct va_tensor *va_tensors_add_unset(struct va_tensors *set, const char *name,
                                       enum va_dtype dtype, int rank, const int64_t *shape)
{
    struct va_tensor *t = add(set, name, dtype, rank, shape);

    if (t)
        t->data = va_new_unset(t->count, va_dtype_size(dtype));
    return keep(set, t);
}

struct va_tensor *va_tensors_add_stored(struct va_tensors *set, const char *name,
                                        enum va_dtype dtype, int rank, const int64_t *shape,
                                        int64_t at)
{
    struct va_tensor *t = add(set, name, dtype, rank, shape);
    int64_t bytes;

    if (!t)
        return NULL;
    t->at = at;
    if (va_mul(t->count, (int64_t)va_dtype_size(dtype), &bytes) == 0 && at >= 0 &&
        at <= set->file->size - bytes)
        return t;
    va_error("tensor %s: found %lld elements at byte %lld of a file of %lld bytes", name,
             (long long)t->count, (long long)at, (long long)set->file->size);
    va_free(t->name);
    set->count--;
    return NULL;
}

struct va_tensor *va_tensors_lend(struct va_tensors *set, const char *name, int rank,
                                  const int64_t *shape, const struct va_numbers *from)
{
    struct va_tensor *t = add(set, name, VA_F32, rank, shape);

    if (t)
        t->lent = *from;
    return t;
}

int va_tensors_need_meta(const struct va_tensors *set, const char *path, const char *key)
{
    if (va_tensors_meta(set, key) || !va_tensors_meta(set, "arch"))
        return 0;
    return va_error("%s: attribute %s is missing, expected it as in every model of arch %s",
                    path, key, va_tensors_meta(set, "arch"));
}

const char *va_tensors_meta(const struct va_tensors *set, const char *key)
{
    for (int64_t i = 0; i < set->meta_count; i++)
        if (!strcmp(set->meta[i].key, key))
            return set->meta[i].value;
    return NULL;
}

int va_tensors_set_meta(struct va_tensors *set, const char *key, const char *value)
{
    char *copy = va_strdup(value), *name;

    if (!copy)
        return -1;
    for (int64_t i = 0; i < set->meta_count; i++)
        if (!strcmp(set->meta[i].key, key)) {
            va_free(set->meta[i].value);
            set->meta[i].value = copy;
            return 0;
        }
    name = va_strdup(key);
    if (!name ||
        va_grow(&set->meta, &set->meta_room, set->meta_count + 1, sizeof(*set->meta)) < 0) {
        va_free(name);
        va_free(copy);
        return -1;
    }
    set->meta[set->meta_count++] = (struct va_meta){ name, copy };
    return 0;
}

int va_aliases_add(struct va_aliases *a, const char *name, int64_t of)
{
    char *copy = va_strdup(name);

    if (!copy || va_grow(&a->items, &a->room, a->count + 1, sizeof(*a->items)) < 0) {
        va_free(copy);
        return -1;
    }
    a->items[a->count++] = (struct va_alias){ copy, of };
    return 0;
}

void va_aliases_release(struct va_aliases *a)
{
    for (int64_t i = 0; i < a->count; i++)
        va_free(a->items[i].name);
    va_free(a->items);
    *a = (struct va_aliases){ 0 };
}

int va_tensors_add_aliases(struct va_tensors *set, const struct va_aliases *more)
{
    for (int64_t i = 0; i < more->count; i++) {
        const struct va_tensor *of = &set->items[more->items[i].of];
        struct va_tensor *t = va_tensors_add(set, more->items[i].name, of->dtype, of->rank,
                                             of->shape);

        if (!t)
            return -1;
        of = &set->items[more->items[i].of]; /* the set may have moved */
        memcpy(t->data, of->data, (size_t)t->count * va_dtype_size(t->dtype));
    }
    return 0;
}

float va_from_bf16(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

uint16_t va_to_bf16(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); /* a NaN stays one */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float va_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    uint32_t bits;
    float x;

    if (exponent == 31) {
        bits = sign | 0x7f800000 | fraction << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        x = (float)fraction * 0x1p-24f; /* subnormal, exact */
        return sign ? -x : x;
    }
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* Without branches, so that compilers make vectors of it. */
void va_from_f16s(const uint16_t *h, int64_t count, float *x)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t exponent = h[i] >> 10 & 31, fraction = h[i] & 0x3ff, bits;
        float small = (float)(int32_t)fraction * 0x1p-24f;

        memcpy(&bits, &small, sizeof(bits));
        bits = exponent ? (exponent + (exponent == 31 ? 224 : 112)) << 23 | fraction << 13
                        : bits;
        bits |= (uint32_t)(h[i] & 0x8000) << 16;
        memcpy(&x[i], &bits, sizeof(bits));
    }
}

uint16_t va_to_f16(float x)
{
    uint32_t bits, sign, rest, half;
    int exponent;

    memcpy(&bits, &x, sizeof(bits));
    sign = bits >> 16 & 0x8000;
    exponent = (int)(bits >> 23 & 255) - 112;
    bits &= 0x7fffff;
    if (exponent == 255 - 112)
        return (uint16_t)(sign | 0x7c00 | (bits ? 0x200 | bits >> 13 : 0));
    if (exponent >= 31)
        return (uint16_t)(sign | 0x7c00);
    if (exponent <= 0) {
        if (exponent < -10)
            return (uint16_t)sign;
        bits |= 0x800000;
        half = bits >> (14 - exponent);
        rest = bits & ((1u << (14 - exponent)) - 1);
        bits = 1u << (13 - exponent); /* one half of the last place */
    } else {
        half = (uint32_t)exponent << 10 | bits >> 13;
        rest = bits & 0x1fff;
        bits = 0x1000;
    }
    if (rest > bits || (rest == bits && (half & 1)))
        half++; /* may carry into the exponent, which is right */
    return (uint16_t)(sign | half);
}

static bool is_real(enum va_dtype type)
{
    return type == VA_F32 || type == VA_F64 || type == VA_F16 || type == VA_BF16;
}

/* n numbers of a floating-point type */
static void to_f32(enum va_dtype type, const void *from, int64_t n, float *to)
{
    if (type == VA_F32)
        memcpy(to, from, (size_t)n * sizeof(*to));
    for (int64_t i = 0; type != VA_F32 && i < n; i++)
        to[i] = type == VA_F64   ? (float)((const double *)from)[i]
                : type == VA_F16 ? va_from_f16(((const uint16_t *)from)[i])
                                 : va_from_bf16(((const uint16_t *)from)[i]);
}

int va_tensor_to_f32(struct va_tensor *t)
{
    float *out;

    if (t->dtype == VA_F32)
        return 0;
    if (!is_real(t->dtype))
        return va_error("tensor %s: type %s, expected floating point", t->name,
                        va_dtype_names[t->dtype]);
    out = va_new_unset(t->count, sizeof(*out));
    if (!out)
        return -1;
    to_f32(t->dtype, t->data, t->count, out);
    va_free(t->data);
    t->data = out;
    t->dtype = VA_F32;
    return 0;
}

static float from_e4m3(uint8_t b)
{
    int exponent = b >> 3 & 15, fraction = b & 7;
    float x = exponent ? ldexpf((float)(8 + fraction), exponent - 10)
                       : ldexpf((float)fraction, -9);

    if ((b & 0x7f) == 0x7f)
        return NAN;
    return b & 0x80 ? -x : x;
}

int va_tensor_from_f8(struct va_tensor *t, enum va_f8 kind)
{
    float *out = va_new(t->count, sizeof(*out));
    const uint8_t *in = t->data;

    if (!out)
        return -1;
    for (int64_t i = 0; i < t->count; i++)
        out[i] = kind == VA_E4M3 ? from_e4m3(in[i]) : va_from_f16((uint16_t)(in[i] << 8));
    va_free(t->data);
    t->data = out;
    t->dtype = VA_F32;
    return 0;
}

double va_dtype_at(enum va_dtype type, const void *data, int64_t i)
{
    switch (type) {
    case VA_F32: return (double)((const float *)data)[i];
    case VA_F64: return ((const double *)data)[i];
    case VA_F16: return (double)va_from_f16(((const uint16_t *)data)[i]);
    case VA_BF16: return (double)va_from_bf16(((const uint16_t *)data)[i]);
    case VA_U8: return (double)((const uint8_t *)data)[i];
    case VA_I32: return (double)((const int32_t *)data)[i];
    case VA_I64: return (double)((const int64_t *)data)[i];
    }
    return 0;
}

double va_tensor_at(const struct va_tensor *t, int64_t i)
{
    return va_dtype_at(t->dtype, t->data, i);
}

const char *va_shape_text(int rank, const int64_t *shape, char *buffer, size_t size)
{
    size_t n = 0;

    snprintf(buffer, size, "a single number");
    for (int i = 0; i < rank && n < size; i++)
        n += (size_t)snprintf(buffer + n, size - n, "%s%lld", i ? "x" : "",
                              (long long)shape[i]);
    return buffer;
}

enum { AT_ONCE = 16 }; /* numbers: a count of which compilers make vectors */

/* bad[k] is set where x[k] is not finite, by its exponent. */
static inline void look(const float *x, uint32_t *bad)
{
    uint32_t bits[AT_ONCE];

    memcpy(bits, x, sizeof(bits));
    for (int k = 0; k < AT_ONCE; k++)
        bad[k] |= (bits[k] & 0x7f800000) == 0x7f800000;
}

bool va_all_finite(const float *x, int64_t n)
{
    float rest[AT_ONCE] = { 0 };
    uint32_t bad[AT_ONCE] = { 0 }, any = 0;
    int64_t i = 0;

    for (; i + AT_ONCE <= n; i += AT_ONCE)
        look(x + i, bad);
    memcpy(rest, x + i, (size_t)(n - i) * sizeof(*rest));
    look(rest, bad);
    for (int k = 0; k < AT_ONCE; k++)
        any |= bad[k];
    return !any;
}

enum { PIECE = 1 << 16, SOME = 1 << 12 }; /* numbers of a task; of a block on the stack */

struct search {
    const float *x;
    int64_t n;
    atomic_bool found;
};

static void search_piece(void *arg, int64_t piece, int thread)
{
    struct search *s = arg;
    int64_t from = piece * PIECE, count = s->n - from < PIECE ? s->n - from : PIECE;

    (void)thread;
    if (!va_all_finite(s->x + from, count))
        atomic_store(&s->found, true);
}

int64_t va_first_not_finite(const float *x, int64_t n)
{
    struct search s = { .x = x, .n = n };
    int64_t i = 0;

    va_parallel((n + PIECE - 1) / PIECE, search_piece, &s);
    if (!s.found)
        return -1;
    while (isfinite(x[i]))
        i++;
    return i;
}

/* ---- values from wherever they are ------------------------------------------------------------ */

int va_values_begin(struct va_values *v, const struct va_tensors *set,
                    const struct va_tensor *t, const char *path)
{
    *v = (struct va_values){ .set = set, .t = t, .path = path, .bad = INT64_MAX };
    return is_real(t->dtype) ? 0
                             : va_error("%s: %s: type %s, expected float32", path, t->name,
                                        va_dtype_names[t->dtype]);
}

/* A tensor's bytes for elements [first, first + count), which are in the file. */
static bool read_stored(const struct va_values *v, int64_t first, int64_t count, void *to)
{
    int64_t size = (int64_t)va_dtype_size(v->t->dtype);

    return va_stored_read(v->set->file, v->t->at + first * size, count * size, to) == 0;
}

static bool get_elsewhere(const struct va_values *v, int64_t first, int64_t count, float *to)
{
    const struct va_numbers *lent = &v->t->lent;
    double block[SOME];

    if (lent->get) {
        lent->get(lent->arg, first, count, to);
        return true;
    }
    if (v->t->dtype == VA_F32)
        return read_stored(v, first, count, to);
    for (int64_t i = 0; i < count; i += SOME) {
        int64_t n = count - i < SOME ? count - i : SOME;

        if (!read_stored(v, first + i, n, block))
            return false;
        to_f32(v->t->dtype, block, n, to + i);
    }
    return true;
}

bool va_values_get(struct va_values *v, int64_t first, int64_t count, float *to)
{
    const struct va_tensor *t = v->t;
    long long bad = 0, before = v->bad;

    if (!t->data && !get_elsewhere(v, first, count, to))
        return false;
    if (t->data)
        to_f32(t->dtype, (const char *)t->data + first * (int64_t)va_dtype_size(t->dtype),
               count, to);
    if (va_all_finite(to, count))
        return true;
    while (isfinite(to[bad]))
        bad++;
    bad += first;
    while (bad < before && !atomic_compare_exchange_weak(&v->bad, &before, bad))
        ;
    return false;
}

int va_values_end(struct va_values *v)
{
    bool stored = !v->t->data && !v->t->lent.get;
    const char *place = stored && v->set->place ? v->set->place : "";
    long long bad = v->bad;
    float x = 0;

    if (stored && va_stored_report(v->set->file, v->path) < 0)
        return -1;
    if (bad == INT64_MAX)
        return 0;
    (void)va_values_get(v, bad, 1, &x);
    return va_error("%s: %s%s: element %lld is %g, expected a finite number", v->path, place,
                    v->t->name, bad, (double)x);
}

struct reading {
    struct va_values values;
    void *data;
    bool raw;
};

static void read_piece(void *arg, int64_t piece, int thread)
{
    struct reading *r = arg;
    const struct va_tensor *t = r->values.t;
    int64_t first = piece * PIECE, n = t->count - first < PIECE ? t->count - first : PIECE;

    (void)thread;
    if (r->raw)
        (void)read_stored(&r->values, first, n,
                          (char *)r->data + first * (int64_t)va_dtype_size(t->dtype));
    else
        va_values_get(&r->values, first, n, (float *)r->data + first);
}

static int read_values(const struct va_tensors *set, const struct va_tensor *t,
                       const char *path, bool raw, void *data)
{
    struct reading r = { .raw = raw, .data = data };

    if (raw)
        r.values = (struct va_values){ .set = set, .t = t, .path = path, .bad = INT64_MAX };
    else if (va_values_begin(&r.values, set, t, path) < 0)
        return -1;
    va_parallel((t->count + PIECE - 1) / PIECE, read_piece, &r);
    return va_values_end(&r.values);
}

static int read_tensor(struct va_tensors *set, struct va_tensor *t, const char *path, bool raw)
{
    void *data = va_new_unset(t->count, raw ? va_dtype_size(t->dtype) : sizeof(float));

    if (!data || read_values(set, t, path, raw, data) < 0) {
        va_free(data);
        return -1;
    }
    t->data = data;
    t->dtype = raw ? t->dtype : VA_F32;
    return 0;
}

int va_tensors_take(struct va_tensors *set, struct va_tensor *t)
{
    return t->data ? 0 : read_tensor(set, t, set->path, true);
}

int va_tensors_copy(const struct va_tensors *set, const struct va_tensor *t, float *to)
{
    return read_values(set, t, set->path, false, to);
}

int va_tensors_read(struct va_tensors *set, const char *path, bool raw)
{
    for (int64_t i = 0; i < set->count; i++)
        if (!set->items[i].data && read_tensor(set, &set->items[i], path, raw) < 0)
            return -1;
    return 0;
}
