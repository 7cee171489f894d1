/*
 * Products in float32 are our own (hot/hot_gemm.c), so that a sum has one order on AVX2 and on
 * AVX-512. oneDNN multiplies bfloat16, where the processor has instructions for it; its
 * primitives are found by shape in a hash table per thread.
 *
 * Measured on two cores with AVX-512, one thread, user seconds, ours against oneDNN's blocked
 * kernels, interleaved: two steps of the published head at batch 4 17.1, 18.1 against 18.9,
 * 19.6; 16 pictures through ViT-L/16 18.0, 18.5 against 16.6, 18.5.
 */
#include "cpu/va_gemm.h"

#include "base/va_cpu.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "cpu/va_hot.h"
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <string.h>

enum { THREADS = 1024, TABLE = 1024 }; /* TABLE: a power of two */

struct made { /* a primitive with its memory objects */
    struct va_gemm shape;
    struct made *next;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, scratch;
    int64_t scratch_bytes;
};

static struct per_thread {
    dnnl_stream_t stream;
    struct made *table[TABLE];
    void *scratch;
    int64_t scratch_bytes;
    float *work;    /* of our own kernel */
    float *rounded; /* an A as bfloat16 */
    int64_t rounded_room;
} * threads[THREADS];

static bool has_blocked(const struct va_gemm *g);

static dnnl_engine_t engine;
static bool halves; /* blocked kernels for bfloat16, which pay */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_engine(void)
{
    va_threads_count(); /* starts the pool and tells OpenMP that this thread is alone */
    if (va_cpu_amx_announced() && !va_cpu_amx_works())
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    halves = engine && has_blocked(&(struct va_gemm){
                           .M = 64, .N = 64, .K = 64, .lda = 64, .ldb = 64, .ldc = 64 });
}

static int failed(const char *what, dnnl_status_t status)
{
    return va_error_machine("matrix product: oneDNN cannot %s (status %d)", what, (int)status);
}

/* ---- what differs between oneDNN 2.x and 3.x: descriptors and their handling -------------- */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t layout; /* to be destroyed */

static dnnl_status_t layout_strides(layout *d, const dnnl_dims_t size, dnnl_data_type_t type,
                                    const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(d, 2, size, type, strides);
}

static dnnl_status_t product_new(dnnl_primitive_desc_t *pd, layout *a, layout *b, layout *c,
                                 dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, engine, *a, *b, NULL, *c, attr);
}

static dnnl_status_t memory_new(dnnl_memory_t *m, layout *d)
{
    return dnnl_memory_create(m, *d, engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t scratch_new(struct made *m, dnnl_primitive_desc_t pd)
{
    const_dnnl_memory_desc_t d = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);

    m->scratch_bytes = (int64_t)dnnl_memory_desc_get_size(d);
    return dnnl_memory_create(&m->scratch, d, engine, DNNL_MEMORY_NONE);
}

static void layout_free(layout *d)
{
    dnnl_memory_desc_destroy(*d);
}
#else
typedef dnnl_memory_desc_t layout;

static dnnl_status_t layout_strides(layout *d, const dnnl_dims_t size, dnnl_data_type_t type,
                                    const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(d, 2, size, type, strides);
}

static dnnl_status_t product_new(dnnl_primitive_desc_t *pd, layout *a, layout *b, layout *c,
                                 dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t op;
    dnnl_status_t status = dnnl_matmul_desc_init(&op, a, b, NULL, c);

    return status ? status : dnnl_primitive_desc_create(pd, &op, attr, engine, NULL);
}

static dnnl_status_t memory_new(dnnl_memory_t *m, layout *d)
{
    return dnnl_memory_create(m, d, engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t scratch_new(struct made *m, dnnl_primitive_desc_t pd)
{
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);

    m->scratch_bytes = (int64_t)dnnl_memory_desc_get_size(d);
    return dnnl_memory_create(&m->scratch, d, engine, DNNL_MEMORY_NONE);
}

static void layout_free(layout *d)
{
    (void)d;
}
#endif

/* ---- shapes ------------------------------------------------------------------------------ */

static dnnl_status_t describe(const struct va_gemm *g, layout *a, layout *b, layout *c)
{
    const dnnl_dims_t size_a = { g->M, g->K }, size_b = { g->K, g->N }, size_c = { g->M, g->N };
    const dnnl_dims_t step_a = { g->lda, 1 }, step_b = { 1, g->ldb }, step_c = { g->ldc, 1 };
    dnnl_status_t s = layout_strides(a, size_a, dnnl_bf16, step_a);

    if (!s)
        s = layout_strides(b, size_b, dnnl_bf16, step_b);
    return s ? s : layout_strides(c, size_c, dnnl_f32, step_c);
}

static dnnl_status_t attributes(const struct va_gemm *g, dnnl_primitive_attr_t *attr)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);

    if (!s)
        s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (!s && g->add) {
        s = dnnl_post_ops_create(&ops);
#if DNNL_VERSION_MAJOR >= 3
        if (!s)
            s = dnnl_post_ops_append_sum(ops, 1, 0, dnnl_f32);
#else
        if (!s)
            s = dnnl_post_ops_append_sum(ops, 1);
#endif
        if (!s)
            s = dnnl_primitive_attr_set_post_ops(*attr, ops);
        dnnl_post_ops_destroy(ops);
    }
    return s;
}

/* Is this one of the kernels we want? The others are sgemm with a detour, or plain loops. */
static bool is_blocked(dnnl_primitive_desc_t pd)
{
    const char *name = NULL;

    return dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name) ==
               dnnl_success &&
           name && !strncmp(name, "brg", 3);
}

static dnnl_status_t make(struct made *m)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    layout a, b, c;
    dnnl_status_t s;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    memset(&c, 0, sizeof(c));
    s = describe(&m->shape, &a, &b, &c);
    if (!s)
        s = attributes(&m->shape, &attr);
    if (!s)
        s = product_new(&pd, &a, &b, &c, attr);
    if (!s)
        s = dnnl_primitive_create(&m->primitive, pd);
    if (!s)
        s = memory_new(&m->a, &a);
    if (!s)
        s = memory_new(&m->b, &b);
    if (!s)
        s = memory_new(&m->c, &c);
    if (!s)
        s = scratch_new(m, pd);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    layout_free(&a);
    layout_free(&b);
    layout_free(&c);
    return s;
}

static bool same_shape(const struct va_gemm *x, const struct va_gemm *y)
{
    return x->M == y->M && x->N == y->N && x->K == y->K && x->lda == y->lda &&
           x->ldb == y->ldb && x->ldc == y->ldc && x->add == y->add;
}

static unsigned slot_of(const struct va_gemm *g)
{
    const int64_t parts[] = { g->M, g->N, g->K, g->lda, g->ldb, g->ldc, g->add };
    uint64_t h = 0;

    for (size_t i = 0; i < VA_COUNT(parts); i++)
        h = (h ^ (uint64_t)parts[i]) * 0x9E3779B97F4A7C15u;
    return (unsigned)(h >> 40) & (TABLE - 1);
}

static struct per_thread *thread_state(int thread)
{
    if (!threads[thread])
        threads[thread] = va_new(1, sizeof(*threads[thread]));
    return threads[thread];
}

static int open_stream(struct per_thread *t)
{
    dnnl_status_t s;

    if (t->stream)
        return 0;
    pthread_once(&once, open_engine);
    if (!engine)
        return va_error_machine("matrix product: oneDNN has no engine here");
    s = dnnl_stream_create(&t->stream, engine, dnnl_stream_default_flags);
    return s ? failed("make a stream", s) : 0;
}

static struct made *find(struct per_thread *t, const struct va_gemm *g)
{
    struct made **slot = &t->table[slot_of(g)], *m;
    dnnl_status_t s;

    for (m = *slot; m; m = m->next)
        if (same_shape(&m->shape, g))
            return m;
    m = va_new(1, sizeof(*m));
    if (!m)
        return NULL;
    m->shape = *g;
    s = make(m);
    if (s) {
        failed("make it", s);
        va_free(m);
        return NULL;
    }
    if (m->scratch_bytes > t->scratch_bytes) {
        void *more = va_new(m->scratch_bytes, 1);

        if (!more) {
            va_free(m);
            return NULL;
        }
        va_free(t->scratch);
        t->scratch = more;
        t->scratch_bytes = m->scratch_bytes;
    }
    m->next = *slot;
    return *slot = m;
}

static int run(struct per_thread *t, struct made *m, const void *a, const float *b, float *c)
{
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, m->a },
                                     { DNNL_ARG_WEIGHTS, m->b },
                                     { DNNL_ARG_DST, m->c },
                                     { DNNL_ARG_SCRATCHPAD, m->scratch } };
    dnnl_status_t s = dnnl_memory_set_data_handle(m->a, (void *)a);

    if (!s)
        s = dnnl_memory_set_data_handle(m->b, (void *)b);
    if (!s)
        s = dnnl_memory_set_data_handle(m->c, c);
    if (!s)
        s = dnnl_memory_set_data_handle(m->scratch, t->scratch);
    if (!s)
        s = dnnl_primitive_execute(m->primitive, t->stream, (int)VA_COUNT(args), args);
    return s ? failed("run it", s) : 0;
}

static int run_halves(struct per_thread *t, const struct va_gemm *g, const void *a,
                      const float *b, float *c)
{
    struct made *m = open_stream(t) < 0 ? NULL : find(t, g);

    return m ? run(t, m, a, b, c) : -1;
}

static int run_own(struct per_thread *t, const struct va_gemm *g, const float *a,
                   const float *b, float *c)
{
    if (!t->work)
        t->work = va_new(VA_GEMM_WORK, sizeof(*t->work));
    if (!t->work)
        return -1;
    va_hot()->gemm(g, a, b, c, t->work);
    return 0;
}

/* A without gaps, rounded to bfloat16: in float32, or in halves as B is. NULL after reporting. */
static const float *rounded(struct per_thread *t, const struct va_gemm *g, const float *a)
{
    int64_t M = g->M, K = g->K;

    if (t->rounded_room < M * K) {
        va_free(t->rounded);
        t->rounded = va_new(M * K, sizeof(*t->rounded));
        t->rounded_room = t->rounded ? M * K : 0;
    }
    for (int64_t m = 0; t->rounded && m < M; m++)
        if (g->b == VA_GEMM_HALVES)
            va_hot()->to_bf16(K, a + m * g->lda, (uint16_t *)(void *)t->rounded + m * K);
        else
            va_hot()->round_bf16(K, a + m * g->lda, t->rounded + m * K);
    return t->rounded;
}

int va_gemm(const struct va_gemm *g, int thread, const float *a, const float *b, float *c)
{
    struct va_gemm plain = *g;
    struct per_thread *t;

    if (g->M <= 0 || g->N <= 0)
        return 0;
    if (g->K <= 0) {
        for (int64_t i = 0; !g->add && i < g->M; i++)
            memset(c + i * g->ldc, 0, (size_t)g->N * sizeof(*c));
        return 0;
    }
    t = thread_state(thread);
    if (t && g->bf16) {
        a = rounded(t, g, a);
        plain.lda = g->K;
        plain.bf16 = false;
    }
    if (!t || !a)
        return -1;
    return g->b == VA_GEMM_HALVES ? run_halves(t, &plain, a, b, c)
                                  : run_own(t, &plain, a, b, c);
}

/* Whether oneDNN has a blocked kernel for this product as it is. */
static bool has_blocked(const struct va_gemm *g)
{
    dnnl_primitive_desc_t pd = NULL;
    layout a, b, c;
    bool yes;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    memset(&c, 0, sizeof(c));
    yes = !describe(g, &a, &b, &c) && !product_new(&pd, &a, &b, &c, NULL) && is_blocked(pd);
    dnnl_primitive_desc_destroy(pd);
    layout_free(&a);
    layout_free(&b);
    layout_free(&c);
    return yes;
}

bool va_gemm_takes_halves(void)
{
    if (!va_cpu_bf16_pays())
        return false;
    pthread_once(&once, open_engine);
    return halves;
}
