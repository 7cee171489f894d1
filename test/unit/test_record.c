/*
 * A device that records a step makes it again: with other contents of its buffers and another record of the
 * step it gives the bytes of the step itself. The CPU records nothing, and all of this is skipped there.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "nn/va_optimiser.h"
#include "test/unit/device.h"
#include "test/va_test.h"

enum { M = 13, N = 5, K = 7, STEPS = 5 };

static struct va_backend *be;

static void fill(void *to, int64_t n, uint64_t stream)
{
    float *values = va_new(n, sizeof(*values));

    if (!to || !values)
        exit(4);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)va_rand_uniform(stream, VA_RAND_TEST, 3, (uint64_t)i) - 0.5f;
    be->ops->put_f32(be, to, values, n);
    va_free(values);
}

static void *filled(int64_t n, uint64_t stream)
{
    void *to = be->ops->alloc(be, n);

    fill(to, n, stream);
    return to;
}

/* ---- a step of one layer ----------------------------------------------------------------------- */

struct net {
    void *x, *hidden, *y, *target, *each, *dy, *step;
    void *rows, *factors; /* of x, in another order each step; by step */
    void *spare, *more;   /* another step; what is asked for later, or NULL */
    struct va_weight w;
    struct va_update update;
};

/* What a step leaves. */
struct result {
    float w[N * K];
    struct va_step record;
};

static struct net net_new(void)
{
    struct net n = { .x = filled(M * K, 1),
                     .hidden = filled(M * K, 1),
                     .y = filled(M * N, 1),
                     .target = filled(M * N, 2),
                     .each = filled(M, 3),
                     .dy = filled(M * N, 1),
                     .rows = va_bytes_new(be, M * (int64_t)sizeof(int32_t)),
                     .factors = be->ops->alloc(be, M),
                     .step = va_bytes_new(be, sizeof(struct va_step)),
                     .spare = va_bytes_new(be, sizeof(struct va_step)) };

    n.w = (struct va_weight){ .data = filled(N * K, 4), .stale = true };
    n.update = (struct va_update){ .count = N * K,
                                   .value = n.w.data,
                                   .grad = filled(N * K, 1),
                                   .m = be->ops->alloc(be, N * K),
                                   .v = be->ops->alloc(be, N * K),
                                   .rate = 1 };
    return n;
}

static void net_free(struct net *n)
{
    void *all[] = { n->x,           n->hidden,   n->y,        n->target, n->each,
                    n->dy,          n->step,     n->spare,    n->more,   n->w.data,
                    n->update.grad, n->update.m, n->update.v, n->rows,   n->factors };

    be->ops->weight_release(be, &n->w);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        be->ops->free(be, all[i]);
}

/* Inputs and record of step k. */
static void load(struct net *n, int k)
{
    const struct va_step record = { .seed = 7,
                                    .step = (uint64_t)k,
                                    .rate = 0.01 * (k + 1),
                                    .t = k + 1,
                                    .report = { .worst = -1 } };

    int32_t rows[M];

    for (int i = 0; i < M; i++)
        rows[i] = (i * 5 + k) % (M + 1) - 1;
    be->ops->put_bytes(be, n->rows, rows, sizeof(rows));
    fill(n->factors, M, 20 + (uint64_t)k);
    fill(n->x, M * K, 10 + (uint64_t)k);
    be->ops->put_bytes(be, n->step, &record, sizeof(record));
}

static void forward(struct net *n)
{
    const struct va_ops *ops = be->ops;

    ops->zero(be, n->update.grad, N * K);
    ops->gather(be, &(struct va_gather){
                        .rows = M, .C = K, .x = n->x, .index = n->rows, .y = n->hidden });
    ops->add_scaled(
        be,
        &(struct va_add_scaled){
            .B = M, .n = K, .s = n->factors, .f = n->hidden, .x = n->hidden, .y = n->hidden });
    ops->dropout(be,
                 &(struct va_dropout){ M * K, { 0.4, n->step, 1, 0 }, n->hidden, n->hidden });
    ops->linear(be, &(struct va_linear){ .M = M,
                                         .N = N,
                                         .K = K,
                                         .x = n->hidden,
                                         .ldx = K,
                                         .w = &n->w,
                                         .y = n->y,
                                         .ldy = N });
}

static void backward(struct net *n)
{
    const struct va_ops *ops = be->ops;

    ops->squares(be,
                 &(struct va_squares){ M, N, 0.5, n->y, n->target, n->each, n->dy, n->step });
    ops->linear_grad(be, &(struct va_linear_grad){ .M = M,
                                                   .N = N,
                                                   .K = K,
                                                   .dy = n->dy,
                                                   .lddy = N,
                                                   .x = n->hidden,
                                                   .ldx = K,
                                                   .w = &n->w,
                                                   .dw = n->update.grad });
    ops->update(be, &(struct va_adamw){ .beta1 = 0.9,
                                        .beta2 = 0.99,
                                        .eps = 1e-8,
                                        .clip = 0.5,
                                        .list = &n->update,
                                        .count = 1,
                                        .step = n->step });
}

static struct result result_of(struct net *n)
{
    struct result r;

    be->ops->get_f32(be, r.w, n->w.data, N * K);
    be->ops->get_bytes(be, &r.record, n->step, sizeof(r.record));
    return r;
}

static void check_same(const struct result *a, const struct result *b)
{
    VA_CHECK(memcmp(a->w, b->w, sizeof(a->w)) == 0);
    VA_CHECK(memcmp(&a->record, &b->record, sizeof(a->record)) == 0);
    VA_CHECK(a->record.report.loss != 0 && a->record.report.norm > 0);
}

/* The steps as they are. */
static void steps(struct result *r)
{
    struct net n = net_new();

    for (int k = 0; k < STEPS; k++) {
        load(&n, k);
        forward(&n);
        backward(&n);
        r[k] = result_of(&n);
    }
    net_free(&n);
}

static bool begin(void)
{
    be = va_test_device();
    if (!be)
        exit(4);
    if (!be->ops->record)
        va_test_why = "this device records nothing";
    return be->ops->record != NULL;
}

static void end(void)
{
    VA_CHECK(va_backend_check(be) == 0);
    va_backend_free(be);
}

/* ---- what holds -------------------------------------------------------------------------------- */

/* Two steps, of which the second is recorded, as the first asks for memory; `act` is in its middle. */
static void *record_second(struct net *n, void (*act)(struct net *n))
{
    load(n, 0);
    forward(n);
    backward(n);
    load(n, 1);
    be->ops->record(be);
    forward(n);
    act(n);
    backward(n);
    return be->ops->recorded(be);
}

static void nothing(struct net *n)
{
    (void)n;
}

/* Between two steps `other` is done. */
static void check_replayed(void (*other)(struct net *n))
{
    struct result direct[STEPS], r;
    struct net n;
    void *calls;

    steps(direct);
    n = net_new();
    calls = record_second(&n, nothing);
    VA_CHECK(calls);
    for (int k = 1; calls && k < STEPS; k++) {
        if (k > 1) {
            load(&n, k);
            be->ops->replay(be, calls);
        }
        r = result_of(&n);
        check_same(&r, &direct[k]);
        other(&n);
    }
    be->ops->forget(be, calls);
    be->ops->forget(be, NULL);
    net_free(&n);
}

static void replayed_steps_are_the_steps(void)
{
    if (!begin())
        return;
    check_replayed(nothing);
    end();
}

/* Working memory that was recorded is replaced by more; the list of an update by another. */
static void larger_operation(struct net *n)
{
    enum { C = 64, T = 20, TAPS = 5 };
    struct va_weight w = { .data = filled(C * C * TAPS, 20), .stale = true };
    void *x = filled(T * C, 21), *y = filled(T * C, 22);

    (void)n;
    be->ops->conv(be, &(struct va_conv){ 1, T, C, C, TAPS, 1, 0, x, &w, NULL, y });
    be->ops->weight_release(be, &w);
    be->ops->free(be, w.data);
    be->ops->free(be, x);
    be->ops->free(be, y);
}

static void other_update(struct net *n)
{
    struct net other = net_new();

    (void)n;
    load(&other, 3);
    forward(&other);
    backward(&other);
    net_free(&other);
}

static void memory_stays_while_it_is_recorded(void)
{
    int64_t held;

    if (!begin())
        return;
    check_replayed(larger_operation);
    held = be->held;
    check_replayed(other_update);
    check_replayed(other_update);
    VA_CHECK_INT(be->held, held);
    end();
}

/* ---- what gives a recording up ----------------------------------------------------------------- */

static void put(struct net *n)
{
    fill(n->y, 1, 30);
}
static void get(struct net *n)
{
    float x;

    be->ops->get_f32(be, &x, n->y, 1);
}
static void wait_for(struct net *n)
{
    (void)n;
    VA_CHECK(va_backend_check(be) == 0);
}
static void new_memory(struct net *n)
{
    n->more = be->ops->alloc(be, 10);
}
static void freed_memory(struct net *n)
{
    be->ops->free(be, n->spare);
    n->spare = NULL;
}
static void moments(struct net *n)
{
    const struct va_ccc_moments m = { 4, { 0 }, { 0 }, { 1, 1 }, { 1, 1 }, { 0 } };

    be->ops->ccc_loss(be, &(struct va_ccc){ .n = 2,
                                            .share = 1,
                                            .pred = n->target,
                                            .label = n->target,
                                            .valid = n->each,
                                            .moments = &m,
                                            .dpred = n->dy,
                                            .step = n->spare });
}

static void what_the_host_has_a_part_in_is_not_recorded(void)
{
    void (*const acts[])(struct net *) = { nothing,    put,          get,    wait_for,
                                           new_memory, freed_memory, moments };
    struct result direct[STEPS], r;

    if (!begin())
        return;
    steps(direct);
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        struct net n = net_new();
        void *calls = record_second(&n, acts[i]);

        VA_CHECK(!calls == (acts[i] != nothing));
        be->ops->forget(be, calls);
        r = result_of(&n);
        if (acts[i] != put) /* which changes what is computed */
            check_same(&r, &direct[1]);
        net_free(&n);
    }
    end();
}

int main(void)
{
    VA_TEST(replayed_steps_are_the_steps);
    VA_TEST(memory_stays_while_it_is_recorded);
    VA_TEST(what_the_host_has_a_part_in_is_not_recorded);
    return va_test_finish();
}
