/*
 * Two mappings of one file in memory: `device`, forbidden, whose addresses are the buffers, and
 * `host`, where the numbers are. A call keeps a copy of its arguments and the function that
 * runs it; running translates the addresses.
 */
#include "test/late/va_late.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "cpu/va_cpu_ops.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, NAMES = 64 };
static const int64_t SPAN = (int64_t)1 << 36;

struct late;

struct call {
    struct call *next;
    void (*run)(struct va_backend *in, void *args);
    max_align_t args[];
};

struct late {
    struct va_backend base;
    struct va_backend *in;
    struct call *first, **last;
    struct {
        const char *name;
        long calls;
    } counts[NAMES];
    long waits, allocations;
};

static char *device, *host; /* of all devices of the process: [SPAN] */
static int memory = -1;
static int64_t used;

static int map_memory(void)
{
    if (memory >= 0)
        return 0;
    memory = memfd_create("late", MFD_CLOEXEC);
    if (memory >= 0 && ftruncate(memory, SPAN) == 0) {
        device = mmap(NULL, SPAN, PROT_NONE, MAP_SHARED | MAP_NORESERVE, memory, 0);
        host = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory, 0);
        if (device != MAP_FAILED && host != MAP_FAILED)
            return 0;
    }
    return va_error_machine("late device: cannot map memory: %s", strerror(errno));
}

/* Where the numbers of a buffer are. */
static void *at(const void *buffer)
{
    return buffer ? host + ((const char *)buffer - device) : NULL;
}

/* ---- calls ------------------------------------------------------------------------------ */

static struct late *late(struct va_backend *be)
{
    return (struct late *)be;
}

static void count(struct late *l, const char *name)
{
    int i = 0;

    while (i < NAMES - 1 && l->counts[i].name && strcmp(l->counts[i].name, name) != 0)
        i++;
    l->counts[i].name = name;
    l->counts[i].calls++;
}

/* Keep a call with a copy of its arguments; NULL when the device has failed. */
static void *push(struct va_backend *be, const char *name,
                  void (*run)(struct va_backend *, void *), const void *args, size_t size)
{
    struct call *c = malloc(sizeof(*c) + size);

    count(late(be), name);
    if (!c) {
        be->failed = true;
        va_error_machine("late device: out of memory");
        return NULL;
    }
    *c = (struct call){ .run = run };
    memcpy(c->args, args, size);
    *late(be)->last = c;
    late(be)->last = &c->next;
    return c->args;
}

static void run_all(struct va_backend *be)
{
    struct late *l = late(be);

    while (l->first) {
        struct call *c = l->first;

        l->first = c->next;
        l->in->precision = be->precision;
        c->run(l->in, c->args);
        free(c);
    }
    l->last = &l->first;
    be->failed |= l->in->failed;
}

static void wait_for(struct va_backend *be)
{
    late(be)->waits++;
    run_all(be);
}

/* A copy of n bytes that the host gave, which lives until the call has run. */
static void *keep(const void *data, size_t n)
{
    void *copy = data ? malloc(n + 1) : NULL;

    return copy ? memcpy(copy, data, n) : NULL;
}

/* ---- operations of one struct ------------------------------------------------------------ */

#define AT(field)                p->field = at(p->field);
#define EACH_1(a)                AT(a)
#define EACH_2(a, ...)           AT(a) EACH_1(__VA_ARGS__)
#define EACH_3(a, ...)           AT(a) EACH_2(__VA_ARGS__)
#define EACH_4(a, ...)           AT(a) EACH_3(__VA_ARGS__)
#define EACH_5(a, ...)           AT(a) EACH_4(__VA_ARGS__)
#define EACH_6(a, ...)           AT(a) EACH_5(__VA_ARGS__)
#define EACH_7(a, ...)           AT(a) EACH_6(__VA_ARGS__)
#define EACH_8(a, ...)           AT(a) EACH_7(__VA_ARGS__)
#define EACH_9(a, ...)           AT(a) EACH_8(__VA_ARGS__)
#define EACH_10(a, ...)          AT(a) EACH_9(__VA_ARGS__)
#define EACH_11(a, ...)          AT(a) EACH_10(__VA_ARGS__)
#define EACH_15(a, b, c, d, ...) AT(a) AT(b) AT(c) AT(d) EACH_11(__VA_ARGS__)

/* OPERATION(name, count of pointers, pointers): the struct va_NAME with these buffers */
#define OPERATION(name, n, ...)                                               \
    static void run_##name(struct va_backend *in, void *args)                 \
    {                                                                         \
        struct va_##name *p = args;                                           \
                                                                              \
        EACH_##n(__VA_ARGS__) in->ops->name(in, p);                           \
    }                                                                         \
    static void late_##name(struct va_backend *be, const struct va_##name *p) \
    {                                                                         \
        push(be, #name, run_##name, p, sizeof(*p));                           \
    }

/* The same for a struct with a weight `w`, which may be NULL. A form that is out of date is made
 * anew when the call runs, and only then, as the host may have said so since. */
#define WEIGHTED(name, n, ...)                                                    \
    struct weighted_##name {                                                      \
        struct va_##name p;                                                       \
        struct va_weight *of;                                                     \
        bool stale;                                                               \
    };                                                                            \
    static void run_##name(struct va_backend *in, void *args)                     \
    {                                                                             \
        struct weighted_##name *a = args;                                         \
        struct va_##name *p = &a->p;                                              \
        struct va_weight w = { 0 };                                               \
                                                                                  \
        if (a->of)                                                                \
            w = (struct va_weight){ at(a->of->data), a->of->prepared, a->stale }; \
        p->w = a->of ? &w : NULL;                                                 \
        EACH_##n(__VA_ARGS__) in->ops->name(in, p);                               \
        if (a->of)                                                                \
            a->of->prepared = w.prepared;                                         \
    }                                                                             \
    static void late_##name(struct va_backend *be, const struct va_##name *p)     \
    {                                                                             \
        struct weighted_##name a = { *p, p->w, p->w && p->w->stale };             \
                                                                                  \
        if (p->w)                                                                 \
            p->w->stale = false;                                                  \
        push(be, #name, run_##name, &a, sizeof(a));                               \
    }

WEIGHTED(linear, 5, x, bias, residual, pre, y)
WEIGHTED(linear_grad, 7, dy, x, dx, pre, out, dw, dbias)
WEIGHTED(conv, 3, x, bias, y)
WEIGHTED(conv_grad, 5, dy, x, dx, dw, dbias)
WEIGHTED(recurrent, 5, bias, gates, memo, y, state)
WEIGHTED(recurrent_grad, 6, gates, memo, y, dy, da, dsum)
OPERATION(dwconv, 4, x, w, bias, y)
OPERATION(dwconv_grad, 7, dy, x, w, bias, dx, dw, dbias)
WEIGHTED(conv2d, 3, x, bias, y)
OPERATION(dwconv2d, 4, x, w, bias, y)
WEIGHTED(separable2d, 5, x, bias, depth, depth_bias, y)
OPERATION(pool2d, 2, x, y)
OPERATION(upsample2d, 3, x, add, y)
OPERATION(scan, 10, u, delta, A, Bm, Cm, skip, z, h0, y, h_last)
OPERATION(scan_grad, 15, dy, u, delta, A, Bm, Cm, skip, z, du, ddelta, dBm, dCm, dz, dA, dskip)
OPERATION(norm, 5, x, gamma, beta, y, stats)
OPERATION(norm_grad, 8, dy, x, gamma, stats, add, dx, dgamma, dbeta)
OPERATION(attention, 5, q, k, v, y, lse)
OPERATION(attention_grad, 9, q, k, v, y, lse, dy, dq, dk, dv)
OPERATION(add, 3, a, b, y)
OPERATION(dropout, 2, x, y)
OPERATION(prelu, 4, x, slope, residual, y)
OPERATION(prelu_grad, 5, x, slope, dy, dx, dslope)

/* ---- operations with arrays of the host, or of other forms -------------------------------- */

static void run_gather(struct va_backend *in, void *args)
{
    struct va_gather *p = args;
    void *index = (void *)(uintptr_t)p->index;

    EACH_3(x, fill, y)
    in->ops->gather(in, p);
    free(index);
}
static void late_gather(struct va_backend *be, const struct va_gather *p)
{
    struct va_gather copy = *p;

    copy.index = keep(p->index, sizeof(*p->index) * (size_t)p->rows);
    push(be, "gather", run_gather, &copy, sizeof(copy));
}

static void run_add_scaled(struct va_backend *in, void *args)
{
    struct va_add_scaled *p = args;
    void *s = (void *)(uintptr_t)p->s;

    EACH_3(f, x, y)
    in->ops->add_scaled(in, p);
    free(s);
}
static void late_add_scaled(struct va_backend *be, const struct va_add_scaled *p)
{
    struct va_add_scaled copy = *p;

    copy.s = keep(p->s, sizeof(*p->s) * (size_t)p->B);
    push(be, "add_scaled", run_add_scaled, &copy, sizeof(copy));
}

/* A size, a function and four buffers. */
struct plain {
    int64_t n;
    enum va_unary f;
    const void *a, *b, *c;
    void *d;
};

#define PLAIN(name, call)                                     \
    static void run_##name(struct va_backend *in, void *args) \
    {                                                         \
        struct plain *p = args;                               \
                                                              \
        EACH_4(a, b, c, d) in->ops->call;                     \
    }
PLAIN(zero, zero(in, p->d, p->n))
PLAIN(copy, copy(in, p->d, p->a, p->n))
PLAIN(unary, unary(in, p->f, p->n, p->a, p->d))
PLAIN(unary_grad, unary_grad(in, p->f, p->n, p->a, p->b, p->c, p->d))

static void push_plain(struct va_backend *be, const char *name,
                       void (*run)(struct va_backend *, void *), struct plain p)
{
    push(be, name, run, &p, sizeof(p));
}
static void late_zero(struct va_backend *be, void *buffer, int64_t n)
{
    push_plain(be, "zero", run_zero, (struct plain){ .n = n, .d = buffer });
}
static void late_copy(struct va_backend *be, void *dst, const void *src, int64_t n)
{
    push_plain(be, "copy", run_copy, (struct plain){ .n = n, .a = src, .d = dst });
}
static void late_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       void *y)
{
    push_plain(be, "unary", run_unary, (struct plain){ .f = f, .n = n, .a = x, .d = y });
}
static void late_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                            const void *y, const void *dy, void *dx)
{
    push_plain(be, "unary_grad", run_unary_grad,
               (struct plain){ .f = f, .n = n, .a = x, .b = y, .c = dy, .d = dx });
}
/* ---- training ------------------------------------------------------------------------------ */

struct late_ccc {
    int64_t n;
    const void *pred, *label, *valid;
    struct va_ccc_coefficients c;
    void *dpred;
};
static void run_ccc_grad(struct va_backend *in, void *args)
{
    struct late_ccc *p = args;

    EACH_4(pred, label, valid, dpred)
    in->ops->ccc_grad(in, p->n, p->pred, p->label, p->valid, &p->c, p->dpred);
}
static void late_ccc_grad(struct va_backend *be, int64_t n, const void *pred, const void *label,
                          const void *valid, const struct va_ccc_coefficients *c, void *dpred)
{
    push(be, "ccc_grad", run_ccc_grad, &(struct late_ccc){ n, pred, label, valid, *c, dpred },
         sizeof(struct late_ccc));
}

/* A list where the numbers are. */
static struct va_update *list_at(const struct va_update *list, int64_t n)
{
    struct va_update *copy = va_new(n, sizeof(*copy));

    for (int64_t i = 0; copy && i < n; i++) {
        struct va_update *p = &copy[i];

        *p = list[i];
        EACH_4(value, grad, m, v)
    }
    return copy;
}

static struct va_derived *derived_at(const struct va_derived *list, int64_t n)
{
    struct va_derived *copy = va_new(n, sizeof(*copy));

    for (int64_t i = 0; copy && i < n; i++) {
        struct va_derived *p = &copy[i];

        *p = list[i];
        EACH_5(v, g, w.data, dv, dg)
    }
    return copy;
}

struct late_derive {
    struct va_derived *list;
    int64_t count;
};
static void run_derive(struct va_backend *in, void *args)
{
    struct late_derive *p = args;

    in->ops->derive(in, p->list, p->count);
    va_free(p->list);
}
static void run_derive_grad(struct va_backend *in, void *args)
{
    struct late_derive *p = args;

    in->ops->derive_grad(in, p->list, p->count);
    va_free(p->list);
}
static void late_derive(struct va_backend *be, const struct va_derived *list, int64_t n)
{
    push(be, "derive", run_derive, &(struct late_derive){ derived_at(list, n), n },
         sizeof(struct late_derive));
}
static void late_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t n)
{
    push(be, "derive_grad", run_derive_grad, &(struct late_derive){ derived_at(list, n), n },
         sizeof(struct late_derive));
}

static void late_update(struct va_backend *be, const struct va_adamw *given,
                        struct va_adamw_result *out)
{
    struct va_update *list = list_at(given->list, given->count);
    struct va_derived *derived = derived_at(given->derived, given->derived_count);
    struct va_adamw p = *given;

    count(late(be), "update");
    wait_for(be);
    p.list = list;
    p.derived = derived;
    if (list && derived)
        late(be)->in->ops->update(late(be)->in, &p, out);
    va_free(list);
    va_free(derived);
}

static double late_squares(struct va_backend *be, const struct va_squares *given)
{
    struct va_squares copy = *given, *p = &copy;

    count(late(be), "squares");
    wait_for(be);
    EACH_4(pred, target, weight, dpred)
    return late(be)->in->ops->squares(late(be)->in, p);
}
static void late_ccc_moments(struct va_backend *be, int64_t n, const void *pred,
                             const void *label, const void *valid, struct va_ccc_moments *out)
{
    count(late(be), "ccc_moments");
    wait_for(be);
    late(be)->in->ops->ccc_moments(late(be)->in, n, at(pred), at(label), at(valid), out);
}
/* ---- memory -------------------------------------------------------------------------------- */

/* Before each buffer a page with its size. */
static void *late_alloc(struct va_backend *be, int64_t n)
{
    int64_t bytes, start = used;

    late(be)->allocations++;
    if (va_mul(n, sizeof(float), &bytes) < 0 || bytes > SPAN - used - 2 * (int64_t)PAGE) {
        be->failed = true;
        va_error_machine("late device: out of memory");
        return NULL;
    }
    memcpy(host + start, &bytes, sizeof(bytes));
    used += PAGE + (bytes + PAGE - 1) / PAGE * PAGE;
    be->held += bytes;
    if (be->held > be->held_max)
        be->held_max = be->held;
    return device + start + PAGE;
}

static void late_free(struct va_backend *be, void *buffer)
{
    int64_t start, bytes;

    if (!buffer)
        return;
    run_all(be); /* that is not the host's to know */
    start = (char *)buffer - device - PAGE;
    memcpy(&bytes, host + start, sizeof(bytes));
    be->held -= bytes;
    (void)!fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start,
                     PAGE + (bytes + PAGE - 1) / PAGE * PAGE);
}

struct late_put {
    void *dst, *src;
    int64_t n;
};
static void run_put_f32(struct va_backend *in, void *args)
{
    struct late_put *p = args;

    in->ops->put_f32(in, at(p->dst), p->src, p->n);
    free(p->src);
}
static void run_put_f64(struct va_backend *in, void *args)
{
    struct late_put *p = args;

    in->ops->put_f64(in, at(p->dst), p->src, p->n);
    free(p->src);
}
static void late_put_f32(struct va_backend *be, void *dst, const float *src, int64_t n)
{
    struct late_put put = { dst, keep(src, sizeof(*src) * (size_t)n), n };

    push(be, "put", run_put_f32, &put, sizeof(put));
}
static void late_put_f64(struct va_backend *be, void *dst, const double *src, int64_t n)
{
    struct late_put put = { dst, keep(src, sizeof(*src) * (size_t)n), n };

    push(be, "put", run_put_f64, &put, sizeof(put));
}
static void late_get_f32(struct va_backend *be, float *dst, const void *src, int64_t n)
{
    wait_for(be);
    late(be)->in->ops->get_f32(late(be)->in, dst, at(src), n);
}
static void late_get_f64(struct va_backend *be, double *dst, const void *src, int64_t n)
{
    wait_for(be);
    late(be)->in->ops->get_f64(late(be)->in, dst, at(src), n);
}

static void late_weight_release(struct va_backend *be, struct va_weight *w)
{
    run_all(be);
    late(be)->in->ops->weight_release(late(be)->in, w);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int late_sync(struct va_backend *be)
{
    wait_for(be);
    return be->failed ? -1 : 0;
}

static void report(const struct late *l)
{
    const char *path = getenv("VA_LATE_REPORT");
    FILE *f = path ? fopen(path, "a") : NULL;
    long calls = 0;

    if (!f)
        return;
    for (int i = 0; i < NAMES; i++)
        calls += l->counts[i].calls;
    fprintf(f, "calls %ld\nwaits %ld\nallocations %ld\n", calls, l->waits, l->allocations);
    for (int i = 0; i < NAMES && l->counts[i].name; i++)
        fprintf(f, "%s %ld\n", l->counts[i].name, l->counts[i].calls);
    fclose(f);
}

static void late_destroy(struct va_backend *be)
{
    run_all(be);
    report(late(be));
    va_backend_free(late(be)->in);
    va_free(be);
}

static const struct va_ops late_ops = {
    .name = "cpu",
    .elem = sizeof(float),
    .alloc = late_alloc,
    .free = late_free,
    .zero = late_zero,
    .copy = late_copy,
    .put_f32 = late_put_f32,
    .put_f64 = late_put_f64,
    .get_f32 = late_get_f32,
    .get_f64 = late_get_f64,
    .weight_release = late_weight_release,
    .unary = late_unary,
    .unary_grad = late_unary_grad,
    .add = late_add,
    .add_scaled = late_add_scaled,
    .gather = late_gather,
    .prelu = late_prelu,
    .prelu_grad = late_prelu_grad,
    .dropout = late_dropout,
    .linear = late_linear,
    .linear_grad = late_linear_grad,
    .conv = late_conv,
    .conv_grad = late_conv_grad,
    .dwconv = late_dwconv,
    .dwconv_grad = late_dwconv_grad,
    .scan = late_scan,
    .scan_grad = late_scan_grad,
    .norm = late_norm,
    .norm_grad = late_norm_grad,
    .attention = late_attention,
    .attention_grad = late_attention_grad,
    .recurrent = late_recurrent,
    .recurrent_grad = late_recurrent_grad,
    .squares = late_squares,
    .ccc_moments = late_ccc_moments,
    .update = late_update,
    .ccc_grad = late_ccc_grad,
    .derive = late_derive,
    .derive_grad = late_derive_grad,
    .conv2d = late_conv2d,
    .dwconv2d = late_dwconv2d,
    .separable2d = late_separable2d,
    .pool2d = late_pool2d,
    .upsample2d = late_upsample2d,
    .sync = late_sync,
    .destroy = late_destroy,
};

struct va_backend *va_late_backend_new(void)
{
    struct late *l = va_new(1, sizeof(*l));

    if (!l)
        return NULL;
    l->base.ops = &late_ops;
    l->last = &l->first;
    l->in = map_memory() == 0 ? va_cpu_backend_new() : NULL;
    if (l->in)
        return &l->base;
    va_free(l);
    return NULL;
}

static int count_devices(void)
{
    return 1;
}

static struct va_backend *open_device(int number)
{
    (void)number;
    return va_late_backend_new();
}

const struct va_device va_late_device = { "cpu", count_devices, open_device };
