/*
 * Convolutions by spectra (cuda/va_spectral.h): a thread makes the spectrum of a channel of a row, or of a pair of
 * channels, in registers, and goes back likewise; waves are arguments of the launch, so that loops over time and
 * frequencies, which are unrolled, multiply by constants.
 */
#include "cuda/va_spectral.h"

#include "cuda/va_spectral_product.h"
#include "cuda/va_weight_grad.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS = 256,
    PAIRS = VA_PAIRS,
    CENTRE = VA_OUTPUTS / 2, /* of the outputs */
    TAP_TIMES = VA_TAPS_MOST / 2 + 1
};

/* ---- rows ------------------------------------------------------------------------------------ */

/* Frames of sequences [B, lead + T, C], seen forward or backward in time: a row has every dilation-th. Of phase 0 there are
 * `count` frames and `early` before the first; one more of phases below `longer`, and from `earlier` on. */
struct va_time {
    int64_t rows, first,
        step; /* of a sequence; where its frame 0 lies, and the next of a row */
    int phases, tiles, count, longer, early, earlier;
};

/* Sample u, counted from the middle of a tile, is row `at` + u * step, where from <= u < to. */
struct va_row_at {
    int64_t at;
    int from, to;
};

/* Of row r, whose middle lies `centre` samples after the first output. */
static __device__ __forceinline__ va_row_at row_at(const va_time &p, unsigned r, int centre)
{
    const unsigned each = (unsigned)(p.phases * p.tiles), b = r / each, left = r - b * each;
    const int phase = (int)(left / (unsigned)p.tiles);
    const int n = ((int)left - phase * p.tiles) * VA_OUTPUTS + centre;
    const int64_t frame = p.step < 0 ? -phase : phase;

    return { b * p.rows + p.first + frame + n * p.step, -p.early - (phase >= p.earlier) - n,
             p.count + (phase < p.longer) - n };
}

/* ---- to frequencies ---------------------------------------------------------------------------- */

/* Real and imaginary parts, of even and of odd times. */
struct va_parts {
    float re[2][PAIRS], im[2][PAIRS];
};

static __device__ __forceinline__ void add_time(va_parts &p, const va_waves &w, const int t,
                                                float even, float odd)
{
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
        p.re[t % 2][k] += even * w.cosine[t][k];
        p.im[t % 2][k] += odd * w.sine[t][k];
    }
}

/* Planes of `plane` numbers each. */
static __device__ __forceinline__ void put_parts(const va_parts &p, int half, int64_t plane,
                                                 va_bf16 *to)
{
    va_bf16 *other = to + 2 * (half - 1) * plane;

#pragma unroll
    for (int k = 0; k < PAIRS; k++, to += 2 * plane, other -= 2 * plane) {
        if (2 * k >= half)
            break;
        to[0] = va_bf16_of(p.re[0][k] + p.re[1][k]);
        to[plane] = va_bf16_of(p.im[0][k] + p.im[1][k]);
        other[0] = va_bf16_of(p.re[0][k] - p.re[1][k]);
        other[plane] = va_bf16_of(p.im[1][k] - p.im[0][k]);
    }
}

/* Which samples of a tile are looked at, counted from its middle, which is `centre` after the first output. */
struct va_part_of_tile {
    int centre, from, to;
    bool conjugate;
};

/* A thread has a channel of a row; those up to `width` are zeros. `across` blocks have a row. */
__global__ void __launch_bounds__(THREADS)
    tile_spectra(const __grid_constant__ va_waves w, const va_time time,
                 const va_part_of_tile part, const float *x, int64_t rows, int64_t C,
                 int64_t width, unsigned across, va_bf16 *to)
{
    const unsigned row = blockIdx.x / across;
    const int64_t c = (int64_t)(blockIdx.x - row * across) * THREADS + threadIdx.x;
    const va_row_at at = row_at(time, row, part.centre);
    const int first = at.from > part.from ? at.from : part.from;
    const int end = c >= C ? first : at.to < part.to ? at.to : part.to;
    const float sign = part.conjugate ? -1 : 1, *later = x + at.at * C + c, *sooner = later;
    const int64_t step = time.step * C;
    va_parts p = {};

    if (c >= width)
        return;
#pragma unroll
    for (int t = 0; t <= VA_HALF_MOST; t++, later += step, sooner -= step) {
        float after = t >= first && t < end ? *later : 0;
        float before = t > 0 && -t >= first && -t < end ? *sooner : 0;

        add_time(p, w, t, after + before, sign * (after - before));
    }
    put_parts(p, w.half, rows * width, to + row * width + c);
}

/* A thread has a pair of channels; pairs up to `width` are zeros. */
__global__ void __launch_bounds__(THREADS)
    kernel_spectra(const __grid_constant__ va_waves w, const float *v, int64_t Cout,
                   int64_t Cin, int64_t width, va_bf16 *to)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, o = i / width,
                  c = i - o * width;
    const float *tap = v + (o * Cin + c) * (2 * w.middle + 1) + w.middle;
    const int most = c < Cin ? w.middle : -1;
    va_parts p = {};

    if (o >= Cout)
        return;
#pragma unroll
    for (int t = 0; t < TAP_TIMES; t++) {
        float later = t <= most ? tap[-t] : 0, sooner = t > 0 && t <= most ? tap[t] : 0;

        add_time(p, w, t, later + sooner, later - sooner);
    }
    put_parts(p, w.half, Cout * width, to + i);
}

/* ---- back to time ------------------------------------------------------------------------------ */

/* What is even and odd in time at 0, 1 .. TIMES - 1. */
template <int TIMES>
static __device__ __forceinline__ void back(const va_waves &w, const float *sums, int64_t plane,
                                            float even[TIMES], float odd[TIMES])
{
    const float *at = sums, *other = sums + 2 * (w.half - 1) * plane;

#pragma unroll
    for (int t = 0; t < TIMES; t++)
        even[t] = odd[t] = 0;
#pragma unroll
    for (int k = 0; k < PAIRS; k++, at += 2 * plane, other -= 2 * plane) {
        const bool one = 2 * k < w.half, two = 2 * k + 1 < w.half;
        const float re = one ? at[0] : 0, im = one ? at[plane] : 0;
        const float re2 = two ? other[0] : 0, im2 = two ? other[plane] : 0;

#pragma unroll
        for (int t = 0; t < TIMES; t++) {
            even[t] += (t % 2 ? re - re2 : re + re2) * w.cosine[t][k];
            odd[t] += (t % 2 ? im + im2 : im - im2) * w.sine[t][k];
        }
    }
}

/* A thread has a channel of a row. */
__global__ void __launch_bounds__(THREADS)
    tile_back(const __grid_constant__ va_waves w, const va_time time, const float *sums,
              const float *bias, int64_t rows, int64_t C, unsigned across, float *y)
{
    const unsigned row = blockIdx.x / across;
    const int64_t c = (int64_t)(blockIdx.x - row * across) * THREADS + threadIdx.x;
    const va_row_at at = row_at(time, row, CENTRE);
    const int64_t step = time.step * C;
    float even[CENTRE + 1], odd[CENTRE + 1], *later = y + at.at * C + c, *sooner = later, more;

    if (c >= C)
        return;
    more = bias ? bias[c] : 0;
    back<CENTRE + 1>(w, sums + row * C + c, rows * C, even, odd);
#pragma unroll
    for (int t = 0; t <= CENTRE; t++, later += step, sooner -= step) {
        if (t < CENTRE && t < at.to)
            *later = more + w.scale * (even[t] + odd[t]);
        if (t > 0 && -t < at.to)
            *sooner = more + w.scale * (even[t] - odd[t]);
    }
}

/* A thread has a pair of channels, whose taps are added to. */
__global__ void __launch_bounds__(THREADS)
    kernel_back(const __grid_constant__ va_waves w, const float *sums, int64_t size, float *dw)
{
    const int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    float *tap = dw + i * (2 * w.middle + 1) + w.middle;
    float even[TAP_TIMES], odd[TAP_TIMES];

    if (i >= size)
        return;
    back<TAP_TIMES>(w, sums + i, size, even, odd);
#pragma unroll
    for (int t = 0; t < TAP_TIMES; t++) {
        if (t <= w.middle)
            tap[-t] += w.scale * (even[t] + odd[t]);
        if (t > 0 && t <= w.middle)
            tap[t] += w.scale * (even[t] - odd[t]);
    }
}

/* ---- which ------------------------------------------------------------------------------------- */

static bool wished(const char *way)
{
    const char *wish = getenv("VA_CONV");

    return wish && !strcmp(wish, way);
}

bool va_cuda_spectral_kernel(int64_t taps, int64_t Cout, int64_t Cin)
{
    return !wished("direct") && taps % 2 && taps >= VA_TAPS_LEAST && taps <= VA_TAPS_MOST &&
           Cout >= VA_CHANNELS_LEAST && Cin >= VA_CHANNELS_LEAST;
}

static va_time time_of(int64_t T, int64_t lead, int64_t dilation, bool backward)
{
    int64_t phases = dilation < T ? dilation : T, phase = (T + dilation - 1) / dilation;

    return { lead + T,
             backward ? T - 1 : lead,
             backward ? -dilation : dilation,
             (int)phases,
             (int)va_blocks_of(phase, VA_OUTPUTS),
             (int)(T / dilation),
             (int)(T % dilation),
             (int)(lead / dilation),
             (int)(dilation - lead % dilation) };
}

static int64_t rows_of(int64_t B, const va_time &time)
{
    return B * time.phases * time.tiles;
}

/* Where products are a third at most: the rest are bytes, of kernels above all, so short sequences are not worth it. */
bool va_cuda_spectral(int64_t T, int64_t dilation, int64_t taps, int64_t Cout, int64_t Cin)
{
    enum { FRAMES_LEAST = 128 };

    if (!va_cuda_spectral_kernel(taps, Cout, Cin))
        return false;
    return wished("spectral") ||
           (T >= FRAMES_LEAST &&
            3 * 2 * (taps + VA_OUTPUTS - 1) * rows_of(1, time_of(T, 0, dilation, false)) <=
                T * taps);
}

/* ---- launches ------------------------------------------------------------------------------------ */

static va_waves waves_of(int64_t taps)
{
    const int half = (int)(taps + VA_OUTPUTS - 1) / 2;
    va_waves w = { half, (int)taps / 2, 1.f / (float)half, {}, {} };

    for (int t = 0; t <= half; t++)
        for (int k = 0; 2 * k < half; k++) {
            double angle = M_PI * ((2 * k + 1) * t % (4 * half)) / (2 * half);

            w.cosine[t][k] = (float)cos(angle);
            w.sine[t][k] = (float)sin(angle);
        }
    return w;
}

static int64_t planes_of(int64_t taps)
{
    return taps + VA_OUTPUTS - 1;
}

int64_t va_cuda_spectra_size(int64_t Cout, int64_t Cin, int64_t taps)
{
    return planes_of(taps) * Cout * va_half_width(Cin);
}

void va_cuda_kernel_spectra(const float *w, int64_t Cout, int64_t Cin, int64_t taps,
                            va_bf16 *to)
{
    int64_t width = va_half_width(Cin);

    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(Cout * width, THREADS)), dim3(THREADS), 0,
              kernel_spectra, waves_of(taps), w, Cout, Cin, width, to);
}

/* Those of `rows` rows of x, of C channels. */
static void spectra_of(const va_waves &w, const va_time &time, const va_part_of_tile &part,
                       const float *x, int64_t rows, int64_t C, va_bf16 *to)
{
    int64_t width = va_half_width(C);
    unsigned across = va_blocks_of(width, THREADS);

    VA_LAUNCH(va_gpu_stream(), dim3((unsigned)rows * across), dim3(THREADS), 0, tile_spectra, w,
              time, part, x, rows, C, width, across, to);
}

/* All samples, and the outputs alone. */
static va_part_of_tile whole_tile(const va_waves &w, bool conjugate)
{
    return { CENTRE - w.middle, -w.half, w.half, conjugate };
}
static const va_part_of_tile outputs_alone = { CENTRE, -CENTRE, CENTRE, false };

/* Memory for the spectra of rows of `most` channels, of a second tensor, and for sums. */
struct va_spectral_room {
    va_bf16 *first, *second;
    float *sums;
};

static bool find_room(struct va_backend *be, int64_t first, int64_t second, int64_t sums,
                      va_spectral_room *room)
{
    void *memory = va_cuda_room(be, (size_t)(first + second) * sizeof(va_bf16) +
                                        (size_t)sums * sizeof(float));

    room->first = (va_bf16 *)memory;
    room->second = room->first + first;
    room->sums = (float *)(room->second + second);
    return memory != NULL;
}

/* y of x, in `time`, by kernels whose rows lie along or across the sum. */
template <class B>
static void filter(const va_waves &w, const va_time &time, int64_t lead, int64_t rows,
                   const float *x, int64_t from, const B &kernels, const float *bias, float *y,
                   int64_t to, const va_spectral_room &room)
{
    unsigned across = va_blocks_of(to, THREADS);
    int64_t width = va_half_width(from);
    va_time out = time;

    out.rows -= lead;
    out.first -= lead;
    spectra_of(w, time, whole_tile(w, false), x, rows, from, room.first);
    va_spectral_launch(va_half_along{ room.first, width, rows * width }, kernels,
                       va_keep_sums{ room.sums, rows, to },
                       va_product{ rows, to, from, 1, w.half, 1, 0 });
    VA_LAUNCH(va_gpu_stream(), dim3((unsigned)rows * across), dim3(THREADS), 0, tile_back, w,
              out, room.sums, bias, rows, to, across, y);
}

bool va_cuda_conv_spectral(struct va_backend *be, const struct va_conv *p)
{
    const va_time time = time_of(p->T, p->lead, p->dilation, false);
    const va_bf16 *w = va_cuda_half_spectra(be, p->w, p->Cout, p->Cin, p->K);
    int64_t rows = rows_of(p->B, time), planes = planes_of(p->K), width = va_half_width(p->Cin);
    va_spectral_room room;

    if (!w || !find_room(be, planes * rows * width, 0, planes * rows * p->Cout, &room))
        return false;
    filter(waves_of(p->K), time, p->lead, rows, va_in(p->x), p->Cin,
           va_half_along{ w, width, p->Cout * width }, va_in(p->bias), va_out(p->y), p->Cout,
           room);
    return true;
}

static bool make_dx(struct va_backend *be, const struct va_conv_grad *p, const va_waves &w,
                    const va_spectral_room &room)
{
    const va_time time = time_of(p->T, 0, p->dilation, true);
    const va_bf16 *kernels = va_cuda_half_spectra(be, p->w, p->Cout, p->Cin, p->K);
    int64_t width = va_half_width(p->Cin);

    if (!kernels)
        return false;
    filter(w, time, 0, rows_of(p->B, time), va_in(p->dy), p->Cout,
           va_half_across{ kernels, width, p->Cout * width }, NULL, va_out(p->dx), p->Cin,
           room);
    return true;
}

/* Sums over rows, of the outputs' gradients by the inputs, which are looked at the other way. */
static void make_dw(const struct va_conv_grad *p, const va_waves &w,
                    const va_spectral_room &room)
{
    const va_time time = time_of(p->T, 0, p->dilation, false);
    int64_t rows = rows_of(p->B, time), size = p->Cout * p->Cin;
    int64_t out = va_half_width(p->Cout), in = va_half_width(p->Cin);

    spectra_of(w, time, outputs_alone, va_in(p->dy), rows, p->Cout, room.first);
    spectra_of(w, time, whole_tile(w, true), va_in(p->x), rows, p->Cin, room.second);
    va_spectral_launch(va_half_across{ room.first, out, rows * out },
                       va_half_across{ room.second, in, rows * in },
                       va_keep_sums{ room.sums, p->Cout, p->Cin },
                       va_product{ p->Cout, p->Cin, rows, 1, w.half, 1, 0 });
    VA_LAUNCH(va_gpu_stream(), dim3(va_blocks_of(size, THREADS)), dim3(THREADS), 0, kernel_back,
              w, room.sums, size, va_out(p->dw));
}

bool va_cuda_conv_grad_spectral(struct va_backend *be, const struct va_conv_grad *p)
{
    const va_waves w = waves_of(p->K);
    int64_t planes = planes_of(p->K), sums = 0;
    int64_t rows = rows_of(p->B, time_of(p->T, 0, p->dilation, false));
    va_spectral_room room;

    if (p->dx)
        sums = rows * p->Cin;
    if (p->dw && p->Cout * p->Cin > sums)
        sums = p->Cout * p->Cin;
    if (!find_room(be, planes * rows * va_half_width(p->Cout),
                   p->dw ? planes * rows * va_half_width(p->Cin) : 0, planes * sums, &room))
        return false;
    if (p->dx && !make_dx(be, p, w, room))
        return false;
    if (p->dw)
        make_dw(p, w, room);
    return true;
}
