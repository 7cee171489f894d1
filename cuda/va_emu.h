/*
 * va_emu.h - a host executor of kernels: CUDA's names for g++ and clang++.
 *
 * A block runs at a time; each of its threads is a fiber that runs until it waits for others. So
 * one order of many is tried per run, and VA_EMU_ORDER chooses it:
 *   forward | reverse    threads by ascending or descending number
 *   random:SEED          a new order at every wait
 * What differs between orders is a race. Built with -fsanitize=thread, every fiber is a thread to
 * the sanitizer, and only __syncthreads and __syncwarp order its accesses: a race is reported with
 * both lines of source though the values agree.
 *
 * How a GPU fails, for tests (va_gpu_emu.cc):
 *   VA_EMU_MEMORY=BYTES  there is no more memory than that
 *   VA_EMU_FAIL=NAME[:N] the Nth operation NAME fails (1), which is one of the table, or one of
 *                        zero, copy, put, get, waiting
 *
 * VA_EMU_LAUNCHES=FILE   for each launch a line there: where the kernel begins in the library (nm), threads of a
 *                        block, bytes of shared memory that it is given. Equal neighbours are one
 *
 * Found here, with kernel, block, thread and line, and the process ends (exit 70):
 *   a barrier that some threads do not reach, or reach at another line; a warp operation whose
 *   mask names a lane that has ended or waits elsewhere; a block or grid that a GPU refuses;
 *   a copy that was not waited for (its target holds a NaN pattern until va_copy_wait)
 * Found by sanitizers: accesses outside of a buffer or of shared memory (address: shared memory is
 *   allocated anew, of the exact size), a vector that is not aligned, an index beyond a member of
 *   the shared struct (undefined).
 * Shared memory, and buffers that are not zeroed, start as NaNs (0xFFFFFFFF; a number below 0 as
 * an int, far out as an index).
 */
#ifndef VA_EMU_H
#define VA_EMU_H

#include "cuda/va_emu_words.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <type_traits>

/* ---- the thread that runs now ------------------------------------------------------------------ */

struct va_emu_place { /* of the running thread; switched with the fiber */
    uint3 thread, block;
    dim3 block_size, grid_size;
    unsigned char *shared;
};
extern struct va_emu_place *va_emu_now;

#define threadIdx (va_emu_now->thread)
#define blockIdx  (va_emu_now->block)
#define blockDim  (va_emu_now->block_size)
#define gridDim   (va_emu_now->grid_size)

#define VA_SHARED_MEMORY(type, name) \
    type &name = *(type *)va_emu_shared(sizeof(type), alignof(type))
void *va_emu_shared(size_t bytes, size_t align);

/* ---- waiting for others ------------------------------------------------------------------------ */

enum va_emu_op {
    VA_EMU_SYNC,
    VA_EMU_SHUFFLE,
    VA_EMU_BALLOT,
    VA_EMU_SYNCWARP,
    VA_EMU_MMA,
    VA_EMU_LDMATRIX,
    VA_EMU_LDMATRIX_ACROSS
};

void va_emu_barrier(int line);
/* Meet the lanes of the mask; value in, what lane `from` brought out. */
uint32_t va_emu_exchange(enum va_emu_op op, uint32_t mask, uint32_t value, int from, int line);

#define VA_LINE int line = __builtin_LINE()

static inline int va_emu_lane(void)
{
    const struct va_emu_place *p = va_emu_now;

    return (
        int)((p->thread.x + p->block_size.x * (p->thread.y + p->block_size.y * p->thread.z)) %
             32);
}

static inline void __syncthreads(VA_LINE)
{
    va_emu_barrier(line);
}
static inline void __syncwarp(uint32_t mask = 0xffffffff, VA_LINE)
{
    (void)va_emu_exchange(VA_EMU_SYNCWARP, mask, 0, va_emu_lane(), line);
}

template <class T>
static inline T va_emu_shuffle(uint32_t mask, T x, int from, int line)
{
    uint32_t w[sizeof(T) / 4];
    T y;

    static_assert(sizeof(T) % 4 == 0, "4 or 8 bytes");
    memcpy(w, &x, sizeof(T));
    for (uint32_t &v : w)
        v = va_emu_exchange(VA_EMU_SHUFFLE, mask, v, from, line);
    memcpy(&y, w, sizeof(T));
    return y;
}
template <class T>
static inline T __shfl_xor_sync(uint32_t mask, T x, int with, int width = 32, VA_LINE)
{
    int lane = va_emu_lane(), from = lane ^ with;

    return va_emu_shuffle(mask, x, from / width <= lane / width ? from : lane, line);
}
template <class T>
static inline T __shfl_sync(uint32_t mask, T x, int from, int width = 32, VA_LINE)
{
    return va_emu_shuffle(mask, x, va_emu_lane() / width * width + (from & (width - 1)), line);
}
static inline int __any_sync(uint32_t mask, int yes, VA_LINE)
{
    return va_emu_exchange(VA_EMU_BALLOT, mask, yes != 0, 0, line) != 0;
}

/* ---- tensor cores, copies ---------------------------------------------------------------------- */

void va_emu_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], int line);
void va_emu_ldmatrix(enum va_emu_op op, uint32_t r[4], const uint32_t row[4], int line);
void va_emu_copy(void *shared, const void *global, int bytes);
void va_emu_copy_commit(void);
void va_emu_copy_due(int pending, int line);
/* The next copy that is due, or false. Made here, in the kernel's file, so that sanitizers see it. */
bool va_emu_copy_next(void **to, const void **from, int *bytes);

static inline void va_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], VA_LINE)
{
    va_emu_mma_bf16(d, a, b, line);
}
static inline void va_emu_matrices(enum va_emu_op op, uint32_t r[4], const void *row, int line)
{
    uint4 mine = *(const uint4 *)row; /* this lane reads its row: sanitizers see who */
    uint32_t w[4] = { mine.x, mine.y, mine.z, mine.w };

    va_emu_ldmatrix(op, r, w, line);
}
static inline void va_ldmatrix_x4(uint32_t r[4], const void *row, VA_LINE)
{
    va_emu_matrices(VA_EMU_LDMATRIX, r, row, line);
}
static inline void va_ldmatrix_x4_across(uint32_t r[4], const void *row, VA_LINE)
{
    va_emu_matrices(VA_EMU_LDMATRIX_ACROSS, r, row, line);
}
static inline void va_copy_async16(void *shared, const void *global, bool there)
{
    uint4 poison = { ~0u, ~0u, ~0u, ~0u };

    *(uint4 *)shared = poison; /* seen by sanitizers as a write now, and again when due */
    va_emu_copy(shared, there ? global : nullptr, 16);
}
static inline void va_copy_async4(void *shared, const void *global, bool there)
{
    *(uint32_t *)shared = ~0u;
    va_emu_copy(shared, there ? global : nullptr, 4);
}
static inline void va_copy_commit(void)
{
    va_emu_copy_commit();
}
template <int pending>
static inline void va_copy_wait(VA_LINE)
{
    void *to;
    const void *from;
    int bytes;

    va_emu_copy_due(pending, line);
    while (va_emu_copy_next(&to, &from, &bytes)) {
        if (bytes == 16)
            *(uint4 *)to = from ? *(const uint4 *)from : uint4{ 0, 0, 0, 0 };
        else
            *(uint32_t *)to = from ? *(const uint32_t *)from : 0;
    }
}

/* ---- launches ---------------------------------------------------------------------------------- */

struct va_emu_launch {
    const char *name;
    dim3 grid, block;
    size_t shared;
    void (*kernel)(void);          /* which one; not to be called so */
    void (*body)(const void *arg); /* runs it in one thread */
    const void *arg;               /* the kernel and its arguments, which may be copied, */
    size_t size;                   /* and their bytes */
};
void va_emu_run(const struct va_emu_launch *l);

/* Told of each launch before it runs; NULL: nobody is. */
extern void (*va_emu_watch)(const struct va_emu_launch *l);

/* Arguments become parameters here, once, as a launch on a GPU does it. */
template <class... P>
static inline void va_emu_start(const char *name, dim3 grid, dim3 block, size_t shared,
                                void (*kernel)(P...), std::type_identity_t<P>... args)
{
    auto f = [=] { kernel(args...); };
    typedef decltype(f) F;
    struct va_emu_launch l = { name,
                               grid,
                               block,
                               shared,
                               reinterpret_cast<void (*)()>(kernel),
                               [](const void *arg) { (*(const F *)arg)(); },
                               &f,
                               sizeof(f) };

    static_assert(std::is_trivially_copyable_v<F> && alignof(F) <= 16, "arguments are bytes");
    if (va_emu_watch)
        va_emu_watch(&l);
    va_emu_run(&l);
}
#define VA_LAUNCH(stream, grid, block, bytes, kernel, ...) \
    ((void)(stream), va_emu_start(#kernel, grid, block, bytes, kernel, __VA_ARGS__))

#endif
