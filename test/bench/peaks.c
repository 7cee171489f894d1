/*
 * What this machine can do at most, on all threads: fused multiply-adds, products of bfloat16 and of
 * 8 bits, 2^x as the kernels compute it, reading memory. Shares of these say how good a kernel is on
 * any machine.
 */
#include "base/va_thread.h"
#include "cpu/hot/va_amx.h"
#include "cpu/va_hot.h"
#include "test/bench/bench.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { TASKS = 64, ROUNDS = 1 << 23, READ = 1 << 26, EXPS = 1 << 12, EXP_ROUNDS = 1 << 8 };

static float sink[TASKS]; /* so that nothing is left out */

#if defined(__x86_64__)
/* Sixteen chains hide the latency of every processor. */
#define CHAINS(type, zero, step)                                           \
    type s[16];                                                            \
    for (int i = 0; i < 16; i++)                                           \
        s[i] = zero;                                                       \
    for (int64_t n = 0; n < ROUNDS / 16; n++) {                            \
        _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) s[i] = step; \
        __asm__ volatile("" : : "m"(sink[task]));                          \
    }

__attribute__((target("avx512f"))) static void fma_512(int64_t task)
{
    const __m512 x = _mm512_set1_ps(sink[0] + 0.5f);
    CHAINS(__m512, _mm512_setzero_ps(), _mm512_fmadd_ps(x, x, s[i]))
#pragma GCC unroll 16
    for (int i = 1; i < 16; i++)
        s[0] = _mm512_add_ps(s[0], s[i]);
    sink[task] = _mm512_reduce_add_ps(s[0]) * 0;
}

__attribute__((target("avx2,fma"))) static void fma_256(int64_t task)
{
    const __m256 x = _mm256_set1_ps(sink[0] + 0.5f);
    CHAINS(__m256, _mm256_setzero_ps(), _mm256_fmadd_ps(x, x, s[i]))
#pragma GCC unroll 16
    for (int i = 1; i < 16; i++)
        s[0] = _mm256_add_ps(s[0], s[i]);
    sink[task] = _mm256_cvtss_f32(s[0]) * 0;
}

__attribute__((target("avx512bf16,avx512f"))) static void dot_bf16(int64_t task)
{
    const __m512bh x = (__m512bh)_mm512_set1_epi32((int)sink[0] + 0x3f003f00);
    CHAINS(__m512, _mm512_setzero_ps(), _mm512_dpbf16_ps(s[i], x, x))
#pragma GCC unroll 16
    for (int i = 1; i < 16; i++)
        s[0] = _mm512_add_ps(s[0], s[i]);
    sink[task] = _mm512_reduce_add_ps(s[0]) * 0;
}

__attribute__((target("avx512vnni,avx512f"))) static void dot_u8s8(int64_t task)
{
    const __m512i x = _mm512_set1_epi32((int)sink[0] + 0x01010101);
    CHAINS(__m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32(s[i], x, x))
#pragma GCC unroll 16
    for (int i = 1; i < 16; i++)
        s[0] = _mm512_add_epi32(s[0], s[i]);
    sink[task] = (float)_mm512_reduce_add_epi32(s[0]) * 0;
}

/* A product of tiles is 16 x 16 sums of 32 products of bfloat16, or of 64 of bytes. */
enum { TILE_ROUNDS = ROUNDS / 16, TILE_SUMS = 16 * 16 };

static void tiles(enum va_amx_kind kind)
{
    va_amx_begin();
    for (int i = 0; i < TILE_ROUNDS / 4; i++) {
        VA_TILE_MULTIPLY(kind, 0, 4, 6);
        VA_TILE_MULTIPLY(kind, 1, 4, 7);
        VA_TILE_MULTIPLY(kind, 2, 5, 6);
        VA_TILE_MULTIPLY(kind, 3, 5, 7);
    }
    va_amx_end();
}

static void fma_task(void *arg, int64_t task, int thread)
{
    (void)arg, (void)thread;
    if (__builtin_cpu_supports("avx512f"))
        fma_512(task);
    else
        fma_256(task);
}

static void bf16_task(void *arg, int64_t task, int thread)
{
    (void)arg, (void)thread;
    if (va_cpu_amx())
        tiles(VA_AMX_BF16);
    else
        dot_bf16(task);
}

static void u8s8_task(void *arg, int64_t task, int thread)
{
    (void)arg, (void)thread;
    if (va_cpu_amx())
        tiles(VA_AMX_BYTES);
    else
        dot_u8s8(task);
}

static bool start_fma(struct bench *b)
{
    b->work = 2.0 * ROUNDS * TASKS * (__builtin_cpu_supports("avx512f") ? 16 : 8);
    return __builtin_cpu_supports("fma");
}

static bool start_bf16(struct bench *b)
{
    b->work = 2.0 * TASKS * (va_cpu_amx() ? 32.0 * TILE_ROUNDS * TILE_SUMS : 32.0 * ROUNDS);
    return va_cpu_amx() || __builtin_cpu_supports("avx512bf16");
}

static bool start_u8s8(struct bench *b)
{
    b->work = 2.0 * TASKS * (va_cpu_amx() ? 64.0 * TILE_ROUNDS * TILE_SUMS : 64.0 * ROUNDS);
    return va_cpu_amx() || __builtin_cpu_supports("avx512vnni");
}

static void run_fma(struct bench *b)
{
    va_parallel(TASKS, fma_task, b);
}

static void run_bf16(struct bench *b)
{
    va_parallel(TASKS, bf16_task, b);
}

static void run_u8s8(struct bench *b)
{
    va_parallel(TASKS, u8s8_task, b);
}
#endif

static void exp_task(void *arg, int64_t task, int thread)
{
    static _Thread_local float x[EXPS], y[EXPS];

    (void)arg, (void)thread;
    for (int i = 0; i < EXP_ROUNDS; i++)
        va_hot()->unary(VA_NEG_EXP, EXPS, x, y);
    sink[task] = y[0] * 0;
}

static bool start_exp(struct bench *b)
{
    b->work = (double)TASKS * EXPS * EXP_ROUNDS;
    return true;
}

static void run_exp(struct bench *b)
{
    va_parallel(TASKS, exp_task, b);
}

static void read_task(void *arg, int64_t task, int thread)
{
    const float *x = (const float *)arg + task * (READ / TASKS);

    (void)thread;
    sink[task] = (float)va_hot()->dot(READ / TASKS, x, x) * 0;
}

static bool start_read(struct bench *b)
{
    b->state = calloc(READ, sizeof(float));
    b->work = (double)READ * sizeof(float);
    if (b->state)
        memset(b->state, 1, READ * sizeof(float));
    return b->state;
}

static void run_read(struct bench *b)
{
    va_parallel(TASKS, read_task, b->state);
}

int main(int argc, char **argv)
{
    static struct bench rows[] = {
#if defined(__x86_64__)
        { "peak-fma", start_fma, run_fma, NULL, 0, 0, "flop", 1, 1, NULL },
        { "peak-bf16", start_bf16, run_bf16, NULL, 0, 0, "flop", 1, 1, NULL },
        { "peak-u8s8", start_u8s8, run_u8s8, NULL, 0, 0, "op", 1, 1, NULL },
#endif
        { "peak-exp", start_exp, run_exp, NULL, 0, 0, "exp", 1, 1, NULL },
        { "peak-read", start_read, run_read, NULL, 0, 0, "byte", 1, 1, NULL },
    };

    return bench_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
