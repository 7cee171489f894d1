/*
 * Two mappings of one file in memory: `device`, forbidden, whose addresses are the buffers, and
 * `host`, where the numbers are. A call keeps a copy of its arguments and the function that
 * runs it; running translates the addresses.
 */
#include "test/late/va_late.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "cpu/va_cpu_ops.h"
#include "ops/va_compose.h"
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
    enum va_precision precision;
    size_t size;
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
    struct call *program, **append; /* what is recorded; append NULL: nothing is */
    bool hosted;                    /* and that it waits, or takes something from the host */
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

/* A call with a copy of its arguments, at the end of a list. */
static void add_call(struct va_backend *be, struct call ***last,
                     void (*run)(struct va_backend *, void *), const void *args, size_t size)
{
    struct call *c = malloc(sizeof(*c) + size);

    if (!c) {
        be->failed = true;
        va_error_machine("late device: out of memory");
        return;
    }
    *c = (struct call){ .run = run, .precision = be->precision, .size = size };
    memcpy(c->args, args, size);
    **last = c;
    *last = &c->next;
}

static void push(struct va_backend *be, const char *name,
                 void (*run)(struct va_backend *, void *), const void *args, size_t size)
{
    struct late *l = late(be);

    count(l, name);
    add_call(be, &l->last, run, args, size);
    if (l->append)
        add_call(be, &l->append, run, args, size);
}

static void run_all(struct va_backend *be)
{
    struct late *l = late(be);

    while (l->first) {
        struct call *c = l->first;

        l->first = c->next;
        l->in->precision = c->precision;
        c->run(l->in, c->args);
        free(c);
    }
    l->last = &l->first;
    be->failed |= l->in->failed;
}

static void wait_for(struct va_backend *be)
{
    late(be)->waits++;
    late(be)->hosted = true;
    run_all(be);
}

/* A copy of n bytes that the host gave, which lives until the call has run. */
static void *keep(struct va_backend *be, const void *data, size_t n)
{
    void *copy = data ? malloc(n + 1) : NULL;

    late(be)->hosted |= data != NULL;
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
#define WEIGHTED(name, n, ...)                                                                \
    struct weighted_##name {                                                                  \
        struct va_##name p;                                                                   \
        struct va_weight *of;                                                                 \
        bool stale;                                                                           \
    };                                                                                        \
    static void run_##name(struct va_backend *in, void *args)                                 \
    {                                                                                         \
        struct weighted_##name *a = args;                                                     \
        struct va_##name *p = &a->p;                                                          \
        struct va_weight w = { 0 };                                                           \
                                                                                              \
        if (a->of)                                                                            \
            w = (struct va_weight){ at(a->of->data), a->of->prepared, a->stale, 0, 0, 0, 0 }; \
        p->w = a->of ? &w : NULL;                                                             \
        EACH_##n(__VA_ARGS__) in->ops->name(in, p);                                           \
        if (a->of)                                                                            \
            a->of->prepared = w.prepared;                                                     \
    }                                                                                         \
    static void late_##name(struct va_backend *be, const struct va_##name *p)                 \
    {                                                                                         \
        struct weighted_##name a = { *p, p->w, p->w && p->w->stale };                         \
                                                                                              \
        if (p->w)                                                                             \
            p->w->stale = false;                                                              \
        push(be, #name, run_##name, &a, sizeof(a));                                           \
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
OPERATION(gate, 3, x, s, y)
OPERATION(upsample2d, 3, x, add, y)
OPERATION(scan, 10, u, delta, A, Bm, Cm, skip, z, h0, y, h_last)
OPERATION(scan_grad, 15, dy, u, delta, A, Bm, Cm, skip, z, du, ddelta, dBm, dCm, dz, dA, dskip)
OPERATION(norm, 5, x, gamma, beta, y, stats)
OPERATION(norm_grad, 8, dy, x, gamma, stats, add, dx, dgamma, dbeta)
OPERATION(attention, 5, q, k, v, y, lse)
OPERATION(attention_grad, 9, q, k, v, y, lse, dy, dq, dk, dv)
OPERATION(add, 3, a, b, y)
OPERATION(add_scaled, 4, s, f, x, y)
OPERATION(gather, 6, x, index, fill, y, next, mix)
OPERATION(dropout, 3, x, y, mask.step)
OPERATION(prelu, 5, x, slope, residual, y, mask.step)
OPERATION(prelu_grad, 6, x, slope, dy, dx, dslope, mask.step)

/* ---- transformer blocks: four weights --------------------------------------------------------- */

struct weights {
    struct va_weight *of[4];
    bool stale[4];
    struct va_weight here[4];
};

static struct va_layer *layer(struct va_transformer_weights *w, int i)
{
    return i == 0 ? &w->qkv : i == 1 ? &w->proj : i == 2 ? &w->fc1 : &w->fc2;
}

static void keep_weights(struct weights *k, struct va_transformer_weights *w)
{
    for (int i = 0; i < 4; i++) {
        k->of[i] = layer(w, i)->w;
        k->stale[i] = k->of[i]->stale;
        k->of[i]->stale = false;
    }
}

static void affine_at(struct va_affine *p)
{
    EACH_4(gamma, beta, dgamma, dbeta)
}

static void begin_weights(struct weights *k, struct va_transformer_weights *w)
{
    affine_at(&w->norm1);
    affine_at(&w->norm2);
    for (int i = 0; i < 4; i++) {
        struct va_layer *p = layer(w, i);

        EACH_3(bias, dw, dbias)
        k->here[i] = (struct va_weight){
            at(k->of[i]->data), k->of[i]->prepared, k->stale[i], 0, 0, 0, 0
        };
        p->w = &k->here[i];
    }
}

static void end_weights(struct weights *k)
{
    for (int i = 0; i < 4; i++)
        k->of[i]->prepared = k->here[i].prepared;
}

/* BLOCK(name, buffers) */
#define BLOCK(name, n, ...)                                                   \
    struct block_##name {                                                     \
        struct va_##name p;                                                   \
        struct weights w;                                                     \
    };                                                                        \
    static void run_##name(struct va_backend *in, void *args)                 \
    {                                                                         \
        struct block_##name *a = args;                                        \
        struct va_##name *p = &a->p;                                          \
                                                                              \
        begin_weights(&a->w, &p->w);                                          \
        EACH_##n(__VA_ARGS__) in->ops->name(in, p);                           \
        end_weights(&a->w);                                                   \
    }                                                                         \
    static void late_##name(struct va_backend *be, const struct va_##name *p) \
    {                                                                         \
        struct block_##name a = { .p = *p };                                  \
                                                                              \
        keep_weights(&a.w, &a.p.w);                                           \
        push(be, #name, run_##name, &a, sizeof(a));                           \
    }

BLOCK(transformer, 6, x, tape, work, out, keep, qkv)
BLOCK(transformer_grad, 7, x, tape, out, work, keep, dout, dx)

static struct va_transformer_room late_room(struct va_backend *be,
                                            const struct va_transformer_shape *s)
{
    return late(be)->in->ops->transformer_room(late(be)->in, s);
}

/* ---- operations with arrays of the host, or of other forms -------------------------------- */

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

OPERATION(squares, 5, pred, target, weight, dpred, step)
OPERATION(cross_entropy, 5, logits, label, weight, dlogits, step)

static void run_ccc_loss(struct va_backend *in, void *args)
{
    struct va_ccc *p = args;
    void *moments = (void *)(uintptr_t)p->moments;

    EACH_5(pred, label, valid, dpred, step)
    in->ops->ccc_loss(in, p);
    free(moments);
}
static void late_ccc_loss(struct va_backend *be, const struct va_ccc *p)
{
    struct va_ccc copy = *p;

    copy.moments = keep(be, p->moments, sizeof(*p->moments));
    push(be, "ccc_loss", run_ccc_loss, &copy, sizeof(copy));
}

/* A list where the numbers are, with the weights that belong to it. */
static struct va_update *list_at(const struct va_update *list, int64_t n,
                                 struct va_weight *weights)
{
    struct va_update *copy = va_new(n, sizeof(*copy));

    for (int64_t i = 0; copy && i < n; i++) {
        struct va_update *p = &copy[i];

        *p = list[i];
        EACH_4(value, grad, m, v)
        if (!p->weight)
            continue;
        weights[i] = *p->weight;
        weights[i].data = p->value;
        p->weight = &weights[i];
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

/* Lists are kept as they are, since they live until the next wait. */
struct late_derive {
    const struct va_derived *list;
    int64_t count;
};
static void run_derive(struct va_backend *in, void *args)
{
    struct late_derive *p = args;
    struct va_derived *list = derived_at(p->list, p->count);

    if (list)
        in->ops->derive(in, list, p->count);
    va_free(list);
}
static void run_derive_grad(struct va_backend *in, void *args)
{
    struct late_derive *p = args;
    struct va_derived *list = derived_at(p->list, p->count);

    if (list)
        in->ops->derive_grad(in, list, p->count);
    va_free(list);
}
static void late_derive(struct va_backend *be, const struct va_derived *list, int64_t n)
{
    push(be, "derive", run_derive, &(struct late_derive){ list, n },
         sizeof(struct late_derive));
}
static void late_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t n)
{
    push(be, "derive_grad", run_derive_grad, &(struct late_derive){ list, n },
         sizeof(struct late_derive));
}

static void run_update(struct va_backend *in, void *args)
{
    struct va_adamw *p = args;
    struct va_weight *weights = va_new(p->count, sizeof(*weights));
    struct va_update *list = weights ? list_at(p->list, p->count, weights) : NULL;
    struct va_derived *derived = derived_at(p->derived, p->derived_count);

    p->list = list;
    p->derived = derived;
    AT(step)
    if (list && derived)
        in->ops->update(in, p);
    va_free(list);
    va_free(weights);
    va_free(derived);
}
static void late_update(struct va_backend *be, const struct va_adamw *p)
{
    push(be, "update", run_update, p, sizeof(*p));
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
    struct late_put put = { dst, keep(be, src, sizeof(*src) * (size_t)n), n };

    push(be, "put", run_put_f32, &put, sizeof(put));
}
static void late_put_f64(struct va_backend *be, void *dst, const double *src, int64_t n)
{
    struct late_put put = { dst, keep(be, src, sizeof(*src) * (size_t)n), n };

    push(be, "put", run_put_f64, &put, sizeof(put));
}
static void run_put_bytes(struct va_backend *in, void *args)
{
    struct late_put *p = args;

    in->ops->put_bytes(in, at(p->dst), p->src, p->n);
    free(p->src);
}
static void late_put_bytes(struct va_backend *be, void *dst, const void *src, int64_t n)
{
    struct late_put put = { dst, keep(be, src, (size_t)n), n };

    push(be, "put", run_put_bytes, &put, sizeof(put));
}
static void late_get_bytes(struct va_backend *be, void *dst, const void *src, int64_t n)
{
    wait_for(be);
    late(be)->in->ops->get_bytes(late(be)->in, dst, at(src), n);
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

struct late_prepare {
    struct va_weight *of;
    bool stale, training;
};
static void run_prepare(struct va_backend *in, void *args)
{
    struct late_prepare *p = args;
    struct va_weight w = *p->of;

    w.data = at(w.data);
    w.stale = p->stale;
    in->ops->weight_prepare(in, &w, p->training);
    p->of->prepared = w.prepared;
}
static void late_weight_prepare(struct va_backend *be, struct va_weight *w, bool training)
{
    struct late_prepare p = { w, w->stale, training };

    w->stale = false;
    push(be, "prepare", run_prepare, &p, sizeof(p));
}

static void late_weight_release(struct va_backend *be, struct va_weight *w)
{
    run_all(be);
    late(be)->in->ops->weight_release(late(be)->in, w);
}

/* ---- what is replayed ------------------------------------------------------------------------ */

static void late_record(struct va_backend *be)
{
    late(be)->program = NULL;
    late(be)->append = &late(be)->program;
    late(be)->hosted = false;
}

static void late_forget(struct va_backend *be, void *calls)
{
    struct call *c = calls;

    (void)be;
    while (c) {
        struct call *next = c->next;

        free(c);
        c = next;
    }
}

static void *late_recorded(struct va_backend *be)
{
    struct late *l = late(be);

    l->append = NULL;
    if (!l->hosted)
        return l->program;
    late_forget(be, l->program);
    return NULL;
}

static void late_replay(struct va_backend *be, void *calls)
{
    count(late(be), "replay");
    for (struct call *c = calls; c; c = c->next)
        add_call(be, &late(be)->last, c->run, c->args, c->size);
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
    .put_bytes = late_put_bytes,
    .get_bytes = late_get_bytes,
    .weight_prepare = late_weight_prepare,
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
    .transformer_room = late_room,
    .transformer = late_transformer,
    .transformer_grad = late_transformer_grad,
    .squares = late_squares,
    .ccc_moments = late_ccc_moments,
    .update = late_update,
    .ccc_loss = late_ccc_loss,
    .cross_entropy = late_cross_entropy,
    .derive = late_derive,
    .derive_grad = late_derive_grad,
    .conv2d = late_conv2d,
    .dwconv2d = late_dwconv2d,
    .separable2d = late_separable2d,
    .pool2d = late_pool2d,
    .gate = late_gate,
    .upsample2d = late_upsample2d,
    .record = late_record,
    .recorded = late_recorded,
    .replay = late_replay,
    .forget = late_forget,
    .sync = late_sync,
    .destroy = late_destroy,
};

struct va_backend *va_late_backend_new(void)
{
    struct late *l = va_new(1, sizeof(*l));
    struct va_ops own = late_ops;

    if (!l)
        return NULL;
    if (getenv("VA_LATE_FINE"))
        own.transformer = NULL;
    if (!getenv("VA_LATE_REPLAY"))
        own.replay = NULL;
    va_backend_init(&l->base, &own);
    l->last = &l->first;
    l->in = map_memory() == 0 ? va_cpu_backend_new() : NULL;
    if (l->in)
        return &l->base;
    va_free(l);
    return NULL;
}

static int count_devices(char *why, size_t room)
{
    (void)why, (void)room;
    return 1;
}

static struct va_backend *open_device(int number)
{
    (void)number;
    return va_late_backend_new();
}

const struct va_device va_late_device = { "cpu", count_devices, open_device };
