/*
 * cuBLASLt, without its header: test/cuda/lt_facts.cc compares what is declared of it.
 *
 * It has matrices by columns, we have rows, so it is asked for the transposed product: D^T = W X^T, with rows of
 * W and X as columns. What it needs to know of a shape is made once and kept: a description, four layouts, and the algorithm.
 */
#include "cuda/va_lt.h"

#include "cuda/va_find.h"
#include "cuda/va_lt_facts.h"
#include <stdio.h>
#include <string.h>

enum { OLDEST = 120000, PLANS = 256, OPERANDS = 4, ALIGNED = 256 };
static const size_t WORKSPACE = 32 << 20;

static const char *const files[] = { "libcublasLt.so.13", "libcublasLt.so.12", NULL };
static const char *const wheels[] = { "nvidia/cu13/lib", "nvidia/cublas/lib", NULL };
static const struct va_wanted wanted = { "VA_CUDA_BLAS", files, wheels };

/* All that the choice of an algorithm depends on; without gaps, as it is compared as bytes. */
struct shape {
    int64_t M, N, width, ld, tensors, stepc, stepd;
    int64_t has_bias, has_c, half, gelu, aligned[OPERANDS]; /* W, X, C, D */
};

struct plan {
    struct shape shape;
    void *desc, *layouts[OPERANDS]; /* as above */
    bool none;                      /* there is no algorithm */
    struct va_lt_algorithm algorithm;
};

static struct {
    bool looked;
    struct va_lt_functions call;
    void *library; /* NULL: there is none */
    void *workspace;
    struct plan plans[PLANS];
    int64_t made; /* plans; one more takes the place of the oldest */
} lt;

/* ---- the library ------------------------------------------------------------------------------- */

static const char *take_symbols(const struct va_found *found)
{
    static const struct {
        const char *name;
        void **target;
    } symbols[] = {
        { "cublasLtGetVersion", (void **)&lt.call.version },
        { "cublasLtCreate", (void **)&lt.call.create },
        { "cublasLtMatmulDescCreate", (void **)&lt.call.desc_create },
        { "cublasLtMatmulDescSetAttribute", (void **)&lt.call.desc_set },
        { "cublasLtMatmulDescDestroy", (void **)&lt.call.desc_destroy },
        { "cublasLtMatrixLayoutCreate", (void **)&lt.call.layout_create },
        { "cublasLtMatrixLayoutSetAttribute", (void **)&lt.call.layout_set },
        { "cublasLtMatrixLayoutDestroy", (void **)&lt.call.layout_destroy },
        { "cublasLtMatmulPreferenceCreate", (void **)&lt.call.prefer_create },
        { "cublasLtMatmulPreferenceSetAttribute", (void **)&lt.call.prefer_set },
        { "cublasLtMatmulPreferenceDestroy", (void **)&lt.call.prefer_destroy },
        { "cublasLtMatmulAlgoGetHeuristic", (void **)&lt.call.choose },
        { "cublasLtMatmul", (void **)&lt.call.product },
    };

    for (const auto &s : symbols) {
        *s.target = va_find_symbol(found, s.name);
        if (!*s.target)
            return s.name;
    }
    return NULL;
}

/* Why the library that was found does not do, or NULL. */
static const char *refuses(const struct va_found *found, char *words, size_t room)
{
    const char *missing = take_symbols(found);
    size_t version = missing ? 0 : lt.call.version();
    int status = 0;

    if (missing)
        snprintf(words, room, "found no %s, expected cuBLASLt 12.0 or newer", missing);
    else if (version < OLDEST)
        snprintf(words, room, "found cuBLASLt version %zu, expected 12.0 or newer", version);
    else if ((status = lt.call.create(&lt.library)) != 0)
        snprintf(words, room, "cublasLtCreate: status %d", status);
    else
        return NULL;
    lt.library = NULL;
    return words;
}

static void open_library(struct va_backend *be)
{
    struct va_found found = va_find(&wanted);
    char words[100];
    size_t version;

    if (!found.library) {
        va_cuda_note(be, "products in bf16: own kernels: %s", found.words);
        return;
    }
    if (refuses(&found, words, sizeof(words))) {
        va_cuda_note(be, "products in bf16: own kernels: %s: %s", found.words, words);
        return;
    }
    version = lt.call.version();
    va_cuda_note(be, "products in bf16: cuBLASLt %zu.%zu (%s)", version / 10000,
                 version / 100 % 100, found.words);
    lt.workspace = va_gpu_new(WORKSPACE); /* of the process, as the library is */
    if (!lt.workspace)
        va_cuda_fail(
            be, "GPU: out of memory: %zu MiB for cuBLASLt, expected them, or VA_CUDA_BLAS=no",
            WORKSPACE >> 20);
}

bool va_lt_here(struct va_backend *be)
{
    if (!lt.looked && va_gpu_takes(wanted.variable))
        open_library(be);
    lt.looked = true;
    return lt.library && !be->failed;
}

/* ---- shapes ------------------------------------------------------------------------------------ */

static int64_t alignment(const void *memory)
{
    uintptr_t at = (uintptr_t)memory | ALIGNED;

    return (int64_t)(at & -at);
}

static struct shape shape_of(const struct va_lt_product *p)
{
    const void *c = p->c ? p->c : p->d;

    return {
        p->M,         p->N,
        p->width,     p->ld,
        p->tensors,   p->stepc,
        p->stepd,     p->bias != NULL,
        p->c != NULL, p->half,
        p->gelu,      { alignment(p->w), alignment(p->x), alignment(c), alignment(p->d) }
    };
}

static bool make_layout(void **layout, const struct shape *s, int type, int64_t rows,
                        int64_t columns, int64_t ld, int64_t step)
{
    int32_t tensors = (int32_t)s->tensors;

    return lt.call.layout_create(layout, type, (uint64_t)rows, (uint64_t)columns, ld) == 0 &&
           lt.call.layout_set(*layout, VA_LT_LAYOUT_BATCH, &tensors, sizeof(tensors)) == 0 &&
           lt.call.layout_set(*layout, VA_LT_LAYOUT_STEP, &step, sizeof(step)) == 0;
}

static bool describe(struct plan *plan)
{
    const struct shape *s = &plan->shape;
    int32_t transposed = VA_LT_TRANSPOSED;
    uint32_t epilogue = s->gelu       ? s->has_bias ? VA_LT_GELU_BIAS : VA_LT_GELU
                        : s->has_bias ? VA_LT_BIAS
                                      : VA_LT_PLAIN;
    int type = s->half ? VA_LT_BF16 : VA_LT_F32;

    return lt.call.desc_create(&plan->desc, VA_LT_SUMS_F32, VA_LT_F32) == 0 &&
           lt.call.desc_set(plan->desc, VA_LT_DESC_TRANSA, &transposed, sizeof(transposed)) ==
               0 &&
           lt.call.desc_set(plan->desc, VA_LT_DESC_EPILOGUE, &epilogue, sizeof(epilogue)) ==
               0 &&
           make_layout(&plan->layouts[0], s, VA_LT_BF16, s->width, s->N, s->width, 0) &&
           make_layout(&plan->layouts[1], s, VA_LT_BF16, s->width, s->M, s->width,
                       s->M * s->width) &&
           make_layout(&plan->layouts[2], s, type, s->N, s->M, s->ld, s->stepc) &&
           make_layout(&plan->layouts[3], s, type, s->N, s->M, s->ld, s->stepd);
}

static bool choose(struct plan *plan)
{
    struct va_lt_choice choice = {};
    uint32_t reduction = VA_LT_IN_ONE_PIECE;
    void *prefer = NULL;
    int found = 0;
    bool done = lt.call.prefer_create(&prefer) == 0 &&
                lt.call.prefer_set(prefer, VA_LT_PREFER_WORKSPACE, &WORKSPACE,
                                   sizeof(WORKSPACE)) == 0 &&
                lt.call.prefer_set(prefer, VA_LT_PREFER_REDUCTION, &reduction,
                                   sizeof(reduction)) == 0;

    for (int i = 0; i < OPERANDS && done; i++) {
        uint32_t bytes = (uint32_t)plan->shape.aligned[i];

        done = lt.call.prefer_set(prefer, VA_LT_PREFER_ALIGNMENT + i, &bytes, sizeof(bytes)) ==
               0;
    }
    done = done &&
           lt.call.choose(lt.library, plan->desc, plan->layouts[0], plan->layouts[1],
                          plan->layouts[2], plan->layouts[3], prefer, 1, &choice,
                          &found) == 0 &&
           found > 0 && choice.status == 0;
    if (prefer)
        (void)lt.call.prefer_destroy(prefer);
    plan->algorithm = choice.algorithm;
    return done;
}

static void forget(struct plan *plan)
{
    if (plan->desc)
        (void)lt.call.desc_destroy(plan->desc);
    for (void *layout : plan->layouts)
        if (layout)
            (void)lt.call.layout_destroy(layout);
    *plan = {};
}

static struct plan *plan_of(struct va_backend *be, const struct shape &shape)
{
    int64_t count = lt.made < PLANS ? lt.made : (int64_t)PLANS;
    struct plan *plan;

    for (int64_t i = 0; i < count; i++)
        if (memcmp(&lt.plans[i].shape, &shape, sizeof(shape)) == 0)
            return &lt.plans[i];
    plan = &lt.plans[lt.made++ % PLANS];
    forget(plan);
    plan->shape = shape;
    plan->none = !describe(plan) || !choose(plan);
    if (plan->none)
        va_cuda_note(be,
                     "products in bf16: own kernel for %lld x %lld x %lld: cuBLASLt has none",
                     (long long)shape.M, (long long)shape.N, (long long)shape.width);
    return plan;
}

bool va_lt_multiply(struct va_backend *be, const struct va_lt_product *p)
{
    const struct plan *plan = plan_of(be, shape_of(p));
    const float one = 1, beta = p->c ? 1 : 0;
    const void *c = p->c ? p->c : p->d;
    int status = 0;

    if (plan->none)
        return false;
    if (p->bias)
        status = lt.call.desc_set(plan->desc, VA_LT_DESC_BIAS, &p->bias, sizeof(p->bias));
    va_gpu_foreign();
    if (status == 0)
        status = lt.call.product(lt.library, plan->desc, &one, p->w, plan->layouts[0], p->x,
                                 plan->layouts[1], &beta, c, plan->layouts[2], p->d,
                                 plan->layouts[3], &plan->algorithm, lt.workspace, WORKSPACE,
                                 va_gpu_stream());
    if (status != 0)
        va_cuda_fail(be, "GPU: cublasLtMatmul: status %d, for %lld x %lld x %lld", status,
                     (long long)p->M, (long long)p->N, (long long)p->width);
    return true;
}
