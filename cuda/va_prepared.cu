/*
 * Prepared forms of weights, and the rounding of rows.
 *
 * A warp takes a row, a lane 8 or 4 neighbours of it at a time: it writes 16 bytes, or a word.
 */
#include "cuda/va_spectral.h"
#include <float.h>
#include <stdlib.h>

enum { THREADS = 256, WARPS = THREADS / 32 };

/* ---- rounding -------------------------------------------------------------------------------- */

static __device__ __forceinline__ uint32_t pair(float low, float high)
{
    return va_bf16_of(low).bits | (uint32_t)va_bf16_of(high).bits << 16;
}

__global__ void round_half(va_rows from, int64_t count, int64_t K, int64_t width, bool aligned,
                           va_bf16 *to)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;

    if (r >= count)
        return;
    const float *x = from.x + va_row_begin(from, r);

    for (int64_t k = 8 * (threadIdx.x % 32); k < width; k += 8 * 32) {
        alignas(16) float v[8];

        if (aligned && k + 8 <= K) {
            *(float4 *)v = *(const float4 *)(x + k);
            *(float4 *)(v + 4) = *(const float4 *)(x + k + 4);
        } else {
            for (int j = 0; j < 8; j++)
                v[j] = k + j < K ? x[k + j] : 0;
        }
        *(uint4 *)(to + r * width + k) = make_uint4(pair(v[0], v[1]), pair(v[2], v[3]),
                                                    pair(v[4], v[5]), pair(v[6], v[7]));
    }
}

/* The largest magnitude of a row, in all lanes; NaN where a number is not finite. */
static __device__ __forceinline__ float largest(const float *x, int64_t K, int lane)
{
    float most = 0;
    bool odd = false;

    for (int64_t k = lane; k < K; k += 32) {
        float a = fabsf(x[k]);

        odd = odd || !(a <= FLT_MAX);
        most = fmaxf(most, a);
    }
#pragma unroll
    for (int with = 16; with; with /= 2)
        most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, with));
    return __any_sync(0xffffffff, odd) ? NAN : most;
}

__global__ void round_bytes(va_rows from, int64_t count, int64_t K, int64_t width, uint32_t *to,
                            float *scales)
{
    const int64_t r = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;

    if (r >= count)
        return; /* a whole warp */
    const float *x = from.x + va_row_begin(from, r);
    const float most = largest(x, K, lane);
    const bool whole = most >= 0x1p-100f; /* false for a NaN */
    const float inverse = whole ? 127 / most : 0;

    for (int64_t k = 4 * lane; k < width; k += 4 * 32) {
        uint32_t word = 0;

        for (int j = 0; j < 4 && whole && k + j < K; j++)
            word |= (uint32_t)((int)rintf(x[k + j] * inverse) & 255) << 8 * j;
        to[(r * width + k) / 4] = word;
    }
    if (lane == 0)
        scales[r] = whole ? most / 127 : most == most ? 0 : most;
}

/* [taps, N, width] of W [N, K, taps]. A thread has all taps of two neighbours. */
__global__ void round_taps(int64_t N, int64_t K, int64_t taps, int64_t width, const float *w,
                           va_bf16 *to)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, n = i / (width / 2);
    const int64_t k = 2 * (i - n * (width / 2));
    const float *from = w + (n * K + k) * taps;

    if (n >= N)
        return;
    for (int64_t tap = 0; tap < taps; tap++)
        *(uint32_t *)(to + (tap * N + n) * width + k) = va_bf16_pair(
            k < K ? from[tap] : 0, k + 1 < K ? from[taps + tap] : 0);
}

static dim3 blocks(int64_t rows)
{
    return dim3(va_blocks_of(rows, WARPS));
}

void va_cuda_round_half(va_rows from, int64_t count, int64_t K, va_bf16 *to)
{
    bool aligned =
        ((uintptr_t)from.x | (uintptr_t)(from.ld * 4) | (uintptr_t)(from.step * 4)) % 16 == 0;

    VA_LAUNCH(va_gpu_stream(), blocks(count), dim3(THREADS), 0, round_half, from, count, K,
              va_half_width(K), aligned, to);
}

void va_cuda_round_bytes(va_rows from, int64_t count, int64_t K, int8_t *to, float *scales)
{
    VA_LAUNCH(va_gpu_stream(), blocks(count), dim3(THREADS), 0, round_bytes, from, count, K,
              va_bytes_width(K), (uint32_t *)to, scales);
}

/* ---- forms of a weight ----------------------------------------------------------------------- */

struct prepared {
    int64_t N, K; /* of the values */
    int64_t taps;
    va_bf16 *half, *half_taps, *spectra;
    int8_t *bytes; /* NULL, as `half`, where it was not asked for */
    float *scales; /* behind the bytes */
};

static va_rows values(const struct va_weight *w, int64_t N, int64_t K)
{
    return { va_in(w->data), N, K, 0 };
}

void va_cuda_renew(struct va_backend *be, struct va_weight *w)
{
    struct prepared *p = (struct prepared *)w->prepared;

    if (be->failed || !p)
        return;
    if (p->half)
        va_cuda_round_half(values(w, p->N, p->K), p->N, p->K, p->half);
    if (p->half_taps)
        VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(p->N * va_half_width(p->K) / 2, THREADS)),
                  dim3(THREADS), 0, round_taps, p->N, p->K, p->taps, va_half_width(p->K),
                  va_in(w->data), p->half_taps);
    if (p->spectra)
        va_cuda_kernel_spectra(va_in(w->data), p->N, p->K, p->taps, p->spectra);
    if (p->bytes)
        va_cuda_round_bytes(values(w, p->N, p->K), p->N, p->K, p->bytes, p->scales);
    if (p->half || p->half_taps || p->spectra || p->bytes)
        va_cuda_launched(be, "prepare");
    w->stale = false;
}

/* NULL after reporting. What is there is up to date. */
static struct prepared *prepared_of(struct va_backend *be, struct va_weight *w, int64_t N,
                                    int64_t K)
{
    if (!w->prepared) {
        struct prepared *p = (struct prepared *)calloc(1, sizeof(*p));

        if (!p) {
            va_cuda_fail(be, "out of memory: %zu bytes", sizeof(*p));
            return NULL;
        }
        p->N = N;
        p->K = K;
        w->prepared = p;
    }
    if (w->stale)
        va_cuda_renew(be, w);
    return be->failed ? NULL : (struct prepared *)w->prepared;
}

/* Bytes on the device; NULL after reporting. */
static void *new_form(struct va_backend *be, int64_t bytes)
{
    void *memory = be->ops->alloc(be, (bytes + 3) / 4);

    be->failed = be->failed || !memory;
    return memory;
}

const va_bf16 *va_cuda_half(struct va_backend *be, struct va_weight *w, int64_t N, int64_t K)
{
    struct prepared *p = prepared_of(be, w, N, K);

    if (p && !p->half) {
        p->half = (va_bf16 *)new_form(be, N * va_half_width(K) * (int64_t)sizeof(va_bf16));
        va_cuda_renew(be, w);
    }
    return p ? p->half : NULL;
}

const va_bf16 *va_cuda_half_taps(struct va_backend *be, struct va_weight *w, int64_t N,
                                 int64_t K, int64_t taps)
{
    struct prepared *p = prepared_of(be, w, N, K);

    if (p && !p->half_taps) {
        p->taps = taps;
        p->half_taps = (va_bf16 *)new_form(be, taps * N * va_half_width(K) *
                                                   (int64_t)sizeof(va_bf16));
        va_cuda_renew(be, w);
    }
    return p ? p->half_taps : NULL;
}

const va_bf16 *va_cuda_half_spectra(struct va_backend *be, struct va_weight *w, int64_t N,
                                    int64_t K, int64_t taps)
{
    struct prepared *p = prepared_of(be, w, N, K);

    if (p && !p->spectra) {
        p->taps = taps;
        p->spectra = (va_bf16 *)new_form(be, va_cuda_spectra_size(N, K, taps) *
                                                 (int64_t)sizeof(va_bf16));
        va_cuda_renew(be, w);
    }
    return p ? p->spectra : NULL;
}

const int8_t *va_cuda_bytes(struct va_backend *be, struct va_weight *w, int64_t N, int64_t K,
                            const float **scales)
{
    struct prepared *p = prepared_of(be, w, N, K);

    if (p && !p->bytes) {
        int64_t size = N * va_bytes_width(K);

        p->bytes = (int8_t *)new_form(be, size + N * (int64_t)sizeof(float));
        p->scales = p->bytes ? (float *)(p->bytes + size) : NULL;
        va_cuda_renew(be, w);
    }
    *scales = p ? p->scales : NULL;
    return p ? p->bytes : NULL;
}

void va_cuda_weight_prepare(struct va_backend *be, struct va_weight *w, bool training)
{
    const float *scales;

    (void)training; /* gradients read the same forms, or the values */
    if (be->failed || w->use == VA_USE_PLAIN)
        return;
    if (w->use == VA_USE_CONV) {
        if (be->precision != VA_BF16_PRODUCTS)
            return;
        if (va_cuda_spectral_kernel(w->taps, w->N, w->K))
            va_cuda_half_spectra(be, w, w->N, w->K, w->taps);
        else
            va_cuda_half_taps(be, w, w->N, w->K, w->taps);
        return;
    }
    if (be->precision == VA_BF16_PRODUCTS)
        va_cuda_half(be, w, w->N, w->K);
    else if (be->precision == VA_INT8_PRODUCTS)
        va_cuda_bytes(be, w, w->N, w->K, &scales);
    else
        prepared_of(be, w, w->N, w->K);
}

void va_cuda_weight_release(struct va_backend *be, struct va_weight *w)
{
    struct prepared *p = (struct prepared *)w->prepared;

    if (p) {
        be->ops->free(be, p->half);
        be->ops->free(be, p->half_taps);
        be->ops->free(be, p->spectra);
        be->ops->free(be, p->bytes);
    }
    free(p);
    w->prepared = NULL;
    w->stale = true;
}
