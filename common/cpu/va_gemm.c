/*
 * Primitives are found by shape in a hash table per thread. Where oneDNN has no blocked kernel
 * for a shape (machines without AVX-512), our own (hot/hot_gemm.c) does the same work, and for a
 * few rows, which do not repay bringing B into panels, oneDNN's sgemm.
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
enum { FEW = 24 };                     /* rows that sgemm multiplies faster than we do */

struct made { /* a primitive with its memory objects */
    struct va_gemm shape;
    struct made *next;
    dnnl_primitive_t primitive; /* NULL: not oneDNN's */
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

static int64_t blocked_width(int64_t M, int64_t N, int64_t K);
static bool has_blocked(const struct va_gemm *g);

static dnnl_engine_t engine;
static bool any_shape; /* no blocked kernels here: products are ours */
static bool halves;    /* blocked kernels for bfloat16, which pay */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_engine(void)
{
    va_threads_count(); /* starts the pool and tells OpenMP that this thread is alone */
    if (va_cpu_isa() == VA_ISA_PLAIN)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    else if (va_cpu_isa() == VA_ISA_AVX2)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    else if (va_cpu_amx_announced() && !va_cpu_amx_works())
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    any_shape = engine && blocked_width(64, 64, 64) == 0;
    halves =
        engine && va_cpu_bf16_pays() &&
        has_blocked(&(struct va_gemm){
            .M = 64, .N = 64, .K = 64, .lda = 64, .ldb = 64, .ldc = 64, .b = VA_GEMM_HALVES });
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

static dnnl_status_t layout_tag(layout *d, const dnnl_dims_t size, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(d, 2, size, dnnl_f32, tag);
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

static bool layout_equal(dnnl_primitive_desc_t pd, layout *d)
{
    return dnnl_memory_desc_equal(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0),
                                  *d);
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

static dnnl_status_t layout_tag(layout *d, const dnnl_dims_t size, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(d, 2, size, dnnl_f32, tag);
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

static bool layout_equal(dnnl_primitive_desc_t pd, layout *d)
{
    return dnnl_memory_desc_equal(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0),
                                  d);
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
static const struct {
    int64_t width;
    dnnl_format_tag_t tag;
} panel_tags[] = {
    { 64, dnnl_BA16a64b }, { 48, dnnl_BA16a48b }, { 32, dnnl_BA16a32b }, { 16, dnnl_BA16a16b }
};

/* Descriptors of A, B and C; with `any`, B is left to oneDNN. */
static dnnl_status_t describe(const struct va_gemm *g, bool any, layout *a, layout *b,
                              layout *c)
{
    const dnnl_dims_t size_a = { g->M, g->K }, size_b = { g->K, g->N }, size_c = { g->M, g->N };
    const dnnl_dims_t step_a = { g->transA ? 1 : g->lda, g->transA ? g->lda : 1 };
    const dnnl_dims_t step_b = { g->b == VA_GEMM_ROWS ? g->ldb : 1,
                                 g->b == VA_GEMM_ROWS ? 1 : g->ldb };
    const dnnl_dims_t step_c = { g->ldc, 1 };
    dnnl_data_type_t type = g->b == VA_GEMM_HALVES ? dnnl_bf16 : dnnl_f32;
    dnnl_format_tag_t tag = dnnl_format_tag_any;
    dnnl_status_t s = layout_strides(a, size_a, type, step_a);

    for (int64_t i = 0, width = any ? 0 : g->ldb; i < (int64_t)VA_COUNT(panel_tags); i++)
        if (panel_tags[i].width == width)
            tag = panel_tags[i].tag;
    if (!s)
        s = g->b == VA_GEMM_PANELS ? layout_tag(b, size_b, tag)
                                   : layout_strides(b, size_b, type, step_b);
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

static bool ours_can(const struct va_gemm *g)
{
    return g->b == VA_GEMM_PANELS ? g->ldb == VA_GEMM_PANEL : g->b != VA_GEMM_HALVES;
}

/* Fill in m->primitive where oneDNN has a good one. */
static dnnl_status_t make(struct made *m)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    layout a, b, c;
    dnnl_status_t s;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    memset(&c, 0, sizeof(c));
    s = describe(&m->shape, false, &a, &b, &c);
    if (!s)
        s = attributes(&m->shape, &attr);
    if (!s)
        s = product_new(&pd, &a, &b, &c, attr);
    if (s == dnnl_unimplemented && ours_can(&m->shape)) {
        s = dnnl_success;
    } else if (!s && (is_blocked(pd) || !ours_can(&m->shape))) {
        s = dnnl_primitive_create(&m->primitive, pd);
        if (!s)
            s = memory_new(&m->a, &a);
        if (!s)
            s = memory_new(&m->b, &b);
        if (!s)
            s = memory_new(&m->c, &c);
        if (!s)
            s = scratch_new(m, pd);
    }
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
           x->ldb == y->ldb && x->ldc == y->ldc && x->transA == y->transA && x->add == y->add &&
           x->b == y->b;
}

static unsigned slot_of(const struct va_gemm *g)
{
    const int64_t parts[] = { g->M,   g->N,      g->K,   g->lda,       g->ldb,
                              g->ldc, g->transA, g->add, (int64_t)g->b };
    uint64_t h = 0;

    for (size_t i = 0; i < VA_COUNT(parts); i++)
        h = (h ^ (uint64_t)parts[i]) * 0x9E3779B97F4A7C15u;
    return (unsigned)(h >> 40) & (TABLE - 1);
}

static struct per_thread *thread_state(int thread)
{
    struct per_thread *t = threads[thread];
    dnnl_status_t s;

    if (t)
        return t;
    pthread_once(&once, open_engine);
    if (!engine)
        return va_error_machine("matrix product: oneDNN has no engine here"), NULL;
    t = va_new(1, sizeof(*t));
    if (!t)
        return NULL;
    s = dnnl_stream_create(&t->stream, engine, dnnl_stream_default_flags);
    if (s) {
        failed("make a stream", s);
        va_free(t);
        return NULL;
    }
    return threads[thread] = t;
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

/* Without oneDNN's kernels: ours, or its sgemm for a few rows by a matrix as it lies. */
static int run_own(struct per_thread *t, const struct va_gemm *g, const float *a,
                   const float *b, float *c)
{
    dnnl_status_t s;

    if (g->M < FEW && g->b != VA_GEMM_PANELS) {
        s = dnnl_sgemm(g->transA ? 'T' : 'N', g->b == VA_GEMM_COLUMNS ? 'T' : 'N', g->M, g->N,
                       g->K, 1, a, g->lda, b, g->ldb, g->add ? 1 : 0, c, g->ldc);
        return s ? failed("run it", s) : 0;
    }
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
    struct made *m;

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
    if (any_shape)
        return run_own(t, &plain, a, b, c);
    m = find(t, &plain);
    if (!m)
        return -1;
    return m->primitive ? run(t, m, a, b, c) : run_own(t, &plain, a, b, c);
}

/* The width of the panels oneDNN would have B in for a product of this shape, 0 where it has no
 * blocked kernel for it. */
static int64_t blocked_width(int64_t M, int64_t N, int64_t K)
{
    struct va_gemm g = { .M = M, .N = N, .K = K, .lda = K, .ldc = N, .b = VA_GEMM_PANELS };
    dnnl_primitive_desc_t pd = NULL;
    layout a, b, c, tagged;
    int64_t width = 0;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    memset(&c, 0, sizeof(c));
    if (!describe(&g, true, &a, &b, &c) && !product_new(&pd, &a, &b, &c, NULL) &&
        is_blocked(pd))
        for (size_t i = 0; i < VA_COUNT(panel_tags); i++) {
            const dnnl_dims_t size = { K, N };

            if (layout_tag(&tagged, size, panel_tags[i].tag))
                continue;
            if (layout_equal(pd, &tagged))
                width = panel_tags[i].width;
            layout_free(&tagged);
        }
    dnnl_primitive_desc_destroy(pd);
    layout_free(&a);
    layout_free(&b);
    layout_free(&c);
    return width;
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
    yes = !describe(g, false, &a, &b, &c) && !product_new(&pd, &a, &b, &c, NULL) &&
          is_blocked(pd);
    dnnl_primitive_desc_destroy(pd);
    layout_free(&a);
    layout_free(&b);
    layout_free(&c);
    return yes;
}

int64_t va_gemm_panel_width(int64_t N, int64_t K)
{
    int64_t width = va_gemm_any_shape() || N < 1 || K < 1 ? 0 : blocked_width(64, N, K);

    return width ? width : VA_GEMM_PANEL;
}

bool va_gemm_takes_halves(void)
{
    pthread_once(&once, open_engine);
    return halves;
}

bool va_gemm_any_shape(void)
{
    pthread_once(&once, open_engine);
    return any_shape;
}
