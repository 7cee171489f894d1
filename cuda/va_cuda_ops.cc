/*
 * The table of a GPU: memory, and which function stands for which entry.
 */
#include "cuda/va_cuda.h"
#include "cuda/va_nccl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct block {
    void *memory;
    size_t bytes;
};

struct blocks {
    struct block *list; /* [count] of [room] */
    int64_t count, room;
};

struct va_cuda {
    struct va_backend base;
    const struct va_plugin_host *host;
    struct blocks allocated; /* for callers */
    struct block scratch;    /* va_cuda_room */
    struct block kept;       /* va_cuda_kept, and */
    struct block kept_host;  /* what it begins with */
    int64_t recordings;      /* that may be replayed, with memory that they used, */
    struct blocks replaced;  /* though it has been replaced */
};

static struct va_cuda *of(struct va_backend *be)
{
    return (struct va_cuda *)be;
}

/* ---- failures ---------------------------------------------------------------------------------- */

static void take_error(struct va_backend *be)
{
    if (va_gpu_error() && !be->failed) {
        be->failed = true;
        of(be)->host->fail("GPU: %s", va_gpu_error());
    }
}

void va_cuda_launched(struct va_backend *be, const char *name)
{
    va_gpu_launched(name);
    take_error(be);
}

void va_cuda_fail(struct va_backend *be, const char *format, ...)
{
    char line[300];
    va_list rest;

    va_start(rest, format);
    vsnprintf(line, sizeof(line), format, rest);
    va_end(rest);
    if (!be->failed)
        of(be)->host->fail("%s", line);
    be->failed = true;
}

void va_cuda_note(struct va_backend *be, const char *format, ...)
{
    char line[300];
    va_list rest;

    va_start(rest, format);
    vsnprintf(line, sizeof(line), format, rest);
    va_end(rest);
    of(be)->host->note("%s", line);
}

/* With what to do: half the batch, where the tool has one of more than one. */
static void say_no_memory(struct va_backend *be, size_t bytes)
{
    char less[80] = "less";

    take_error(be);
    if (be->failed)
        return;
    if (be->batch > 1)
        snprintf(less, sizeof(less), "less: --batch %lld in place of %lld",
                 (long long)(be->batch / 2), (long long)be->batch);
    of(be)->host->fail("GPU: out of memory: %zu MiB beside the %lld MiB in use, expected %s",
                       bytes / 1048576 + 1, (long long)(be->held / 1048576), less);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool add_block(struct blocks *b, struct block one)
{
    if (b->count == b->room) {
        int64_t room = 2 * b->room + 64;
        struct block *more = (struct block *)realloc(b->list, (size_t)room * sizeof(*more));

        if (!more)
            return false;
        b->list = more;
        b->room = room;
    }
    b->list[b->count++] = one;
    return true;
}

/* Memory, counted; .memory is NULL where there is none. */
static struct block new_block(struct va_backend *be, size_t bytes)
{
    struct block b = { va_gpu_new(bytes), bytes };

    if (!b.memory)
        return {};
    be->held += (int64_t)bytes;
    if (be->held > be->held_max)
        be->held_max = be->held;
    return b;
}

static void free_block(struct va_backend *be, struct block b)
{
    be->held -= (int64_t)b.bytes;
    va_gpu_free(b.memory);
}

static void *cuda_alloc(struct va_backend *be, int64_t count)
{
    size_t bytes = count < 0 || count > INT64_MAX / 8 ? SIZE_MAX
                                                      : (size_t)count * sizeof(float);
    struct block b = bytes == SIZE_MAX ? (struct block){} : new_block(be, bytes);

    if (!b.memory || !add_block(&of(be)->allocated, b)) {
        free_block(be, b);
        say_no_memory(be, bytes);
        return NULL;
    }
    va_gpu_zero(b.memory, bytes);
    return b.memory;
}

static void cuda_free(struct va_backend *be, void *buffer)
{
    struct blocks *all = &of(be)->allocated;

    for (int64_t i = all->count; buffer && i-- > 0;) /* what came last goes first, mostly */
        if (all->list[i].memory == buffer) {
            free_block(be, all->list[i]);
            all->list[i] = all->list[--all->count];
            return;
        }
}

/* Another block of so many bytes in the place of `b`, which recordings may still use. */
static bool replace(struct va_backend *be, struct block *b, size_t bytes)
{
    struct va_cuda *c = of(be);

    if (c->recordings == 0)
        free_block(be, *b);
    else if (b->memory && !add_block(&c->replaced, *b))
        va_cuda_fail(be, "out of memory: %zu bytes", sizeof(*b));
    *b = be->failed ? (struct block){} : new_block(be, bytes);
    if (!b->memory) {
        say_no_memory(be, bytes);
        be->failed = true;
    }
    return b->memory != NULL;
}

void *va_cuda_room(struct va_backend *be, size_t bytes)
{
    struct va_cuda *c = of(be);

    if (be->failed || (bytes > c->scratch.bytes && !replace(be, &c->scratch, bytes)))
        return NULL;
    return c->scratch.memory;
}

void *va_cuda_kept(struct va_backend *be, const void *content, size_t bytes, size_t room)
{
    struct va_cuda *c = of(be);
    void *copy;

    if (be->failed)
        return NULL;
    if (c->kept.memory && c->kept.bytes == bytes + room && c->kept_host.bytes == bytes &&
        memcmp(c->kept_host.memory, content, bytes) == 0)
        return c->kept.memory;
    copy = realloc(c->kept_host.memory, bytes + !bytes);
    if (!copy) {
        va_cuda_fail(be, "out of memory: %zu bytes", bytes);
        return NULL;
    }
    c->kept_host = { copy, bytes };
    memcpy(copy, content, bytes);
    if (!replace(be, &c->kept, bytes + room))
        return NULL;
    va_gpu_put(c->kept.memory, content, bytes);
    return c->kept.memory;
}

static int64_t cuda_spare(struct va_backend *be)
{
    return be->failed ? 0 : (int64_t)va_gpu_spare();
}

static void cuda_zero(struct va_backend *be, void *buffer, int64_t count)
{
    if (va_cuda_go(be, count))
        va_gpu_zero(buffer, (size_t)count * sizeof(float));
}

static void cuda_copy(struct va_backend *be, void *dst, const void *src, int64_t count)
{
    if (va_cuda_go(be, count))
        va_gpu_copy(dst, src, (size_t)count * sizeof(float));
}

static void put_bytes(struct va_backend *be, void *dst, const void *src, int64_t bytes)
{
    if (va_cuda_go(be, bytes))
        va_gpu_put(dst, src, (size_t)bytes);
}

static void get_bytes(struct va_backend *be, void *dst, const void *src, int64_t bytes)
{
    if (bytes < 1)
        return;
    if (be->failed)
        memset(dst, 0, (size_t)bytes);
    else
        va_gpu_get(dst, src, (size_t)bytes);
    take_error(be);
}

static void put_f32(struct va_backend *be, void *dst, const float *src, int64_t count)
{
    put_bytes(be, dst, src, count * (int64_t)sizeof(float));
}

static void get_f32(struct va_backend *be, float *dst, const void *src, int64_t count)
{
    get_bytes(be, dst, src, count * (int64_t)sizeof(float));
}

static const int64_t PIECE =
    4096; /* numbers that are turned into doubles, or from them, at once */

static void put_f64(struct va_backend *be, void *dst, const double *src, int64_t count)
{
    float piece[PIECE];

    for (int64_t i = 0; i < count; i += PIECE) {
        int64_t n = count - i < PIECE ? count - i : PIECE;

        for (int64_t j = 0; j < n; j++)
            piece[j] = (float)src[i + j];
        put_f32(be, va_out(dst) + i, piece, n);
    }
}

static void get_f64(struct va_backend *be, double *dst, const void *src, int64_t count)
{
    float piece[PIECE];

    for (int64_t i = 0; i < count; i += PIECE) {
        int64_t n = count - i < PIECE ? count - i : PIECE;

        get_f32(be, piece, va_in(src) + i, n);
        for (int64_t j = 0; j < n; j++)
            dst[i + j] = piece[j];
    }
}

static int cuda_sync(struct va_backend *be)
{
    va_gpu_wait();
    take_error(be);
    return be->failed ? -1 : 0;
}

static void cuda_destroy(struct va_backend *be)
{
    struct va_cuda *c = of(be);

    va_nccl_end(be);
    va_gpu_free(c->scratch.memory);
    va_gpu_free(c->kept.memory);
    va_gpu_wait();
    free(c->kept_host.memory);
    free(c->allocated.list);
    free(c->replaced.list);
    free(c);
}

/* ---- recordings ------------------------------------------------------------------------------- */

static void cuda_record(struct va_backend *be)
{
    if (!be->failed)
        va_gpu_record();
}

static void *cuda_recorded(struct va_backend *be)
{
    void *calls = va_gpu_recorded();

    take_error(be);
    if (be->failed) {
        va_gpu_forget(calls);
        return NULL;
    }
    if (calls)
        of(be)->recordings++;
    return calls;
}

static void cuda_replay(struct va_backend *be, void *calls)
{
    if (!be->failed)
        va_gpu_replay(calls);
    take_error(be);
}

static void cuda_forget(struct va_backend *be, void *calls)
{
    struct va_cuda *c = of(be);

    if (!calls)
        return;
    va_gpu_forget(calls);
    if (--c->recordings > 0)
        return;
    while (c->replaced.count > 0)
        free_block(be, c->replaced.list[--c->replaced.count]);
}

/* ---- the table -------------------------------------------------------------------------------- */

static const struct va_ops cuda_ops = {
    .name = "cuda",
    .elem = sizeof(float),
    .scan_marks = VA_SCAN_MARKS,
    .spare = cuda_spare,
    .alloc = cuda_alloc,
    .free = cuda_free,
    .zero = cuda_zero,
    .copy = cuda_copy,
    .put_f32 = put_f32,
    .put_f64 = put_f64,
    .get_f32 = get_f32,
    .get_f64 = get_f64,
    .put_bytes = put_bytes,
    .get_bytes = get_bytes,
    .weight_prepare = va_cuda_weight_prepare,
    .weight_release = va_cuda_weight_release,
    .unary = va_cuda_unary,
    .unary_grad = va_cuda_unary_grad,
    .add = va_cuda_add,
    .add_scaled = va_cuda_add_scaled,
    .gather = va_cuda_gather,
    .prelu = va_cuda_prelu,
    .prelu_grad = va_cuda_prelu_grad,
    .dropout = va_cuda_dropout,
    .linear = va_cuda_linear,
    .linear_grad = va_cuda_linear_grad,
    .conv = va_cuda_conv,
    .conv_grad = va_cuda_conv_grad,
    .dwconv = va_cuda_dwconv,
    .dwconv_grad = va_cuda_dwconv_grad,
    .scan = va_cuda_scan,
    .scan_grad = va_cuda_scan_grad,
    .norm = va_cuda_norm,
    .norm_grad = va_cuda_norm_grad,
    .attention = va_cuda_attention,
    .attention_grad = va_cuda_attention_grad,
    .recurrent = va_cuda_recurrent,
    .recurrent_grad = va_cuda_recurrent_grad,
    .transformer_infer = va_cuda_transformer_infer,
    .squares = va_cuda_squares,
    .ccc_loss = va_cuda_ccc_loss,
    .cross_entropy = va_cuda_cross_entropy,
    .update = va_cuda_update,
    .ccc_moments = va_cuda_ccc_moments,
    .derive = va_cuda_derive,
    .derive_grad = va_cuda_derive_grad,
    .conv2d = va_cuda_conv2d,
    .dwconv2d = va_cuda_dwconv2d,
    .separable2d = va_cuda_separable2d,
    .pool2d = va_cuda_pool2d,
    .gate = va_cuda_gate,
    .upsample2d = va_cuda_upsample2d,
    .patches = va_cuda_patches,
    .record = cuda_record,
    .recorded = cuda_recorded,
    .replay = cuda_replay,
    .forget = cuda_forget,
    .ranks = &va_nccl_ranks,
    .sync = cuda_sync,
    .destroy = cuda_destroy,
};

struct va_backend *va_cuda_backend_new(const struct va_plugin_host *host)
{
    struct va_cuda *c = (struct va_cuda *)calloc(1, sizeof(*c));
    const char *graph = getenv("VA_CUDA_GRAPH"), *resident = getenv("VA_CUDA_RESIDENT");
    struct va_ops own = cuda_ops;

    if (!c) {
        host->fail("out of memory: %zu bytes", sizeof(*c));
        return NULL;
    }
    if (graph && !strcmp(graph, "no")) {
        own.record = NULL;
        own.recorded = NULL;
        own.replay = NULL;
        own.forget = NULL;
    }
    if (resident && !strcmp(resident, "no"))
        own.spare = NULL;
    c->host = host;
    host->init(&c->base, &own);
    return &c->base;
}
