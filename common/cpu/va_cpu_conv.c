/*
 * Causal dilated convolution as K products over shifted rows, without an im2col: tap k of the
 * forward multiplies rows (t - (K-1-k) * dilation) of x by its own matrix and adds to rows t of
 * y. The input gradient is the same thing with shifts the other way and matrices transposed.
 *
 * A task is a block of rows of one sequence and a band of output channels. Taps whose rows all
 * lie before the first frame (or after the last, backward) are skipped; a block at an edge reads
 * a copy of its rows with zeros where there are none, so that few shapes of products occur.
 * Bands are the slowest index: the threads then share one band's weights in the cache.
 */
#include "cpu/va_cpu_shift.h"
#include <string.h>

enum { BAND = 256 };

struct shifted {
    struct va_shifted of;
    int64_t block, blocks, band, bands;
};

/* Rows [lo, lo + block) of a sequence, from a copy where some of them are missing. */
static const float *rows_at(const struct shifted *s, const float *sequence, int64_t lo,
                            float *copy)
{
    int64_t from = lo < 0 ? 0 : lo,
            to = lo + s->block < s->of.rows ? lo + s->block : s->of.rows;

    if (from == lo && to == lo + s->block)
        return sequence + lo * s->of.Cin;
    memset(copy, 0, (size_t)(s->block * s->of.Cin) * sizeof(*copy));
    memcpy(copy + (from - lo) * s->of.Cin, sequence + from * s->of.Cin,
           (size_t)((to - from) * s->of.Cin) * sizeof(*copy));
    return copy;
}

/* All taps of one block: c [block, cols]. */
static bool sum_taps(const struct shifted *s, const float *sequence, int64_t t0, int64_t n0,
                     int64_t cols, float *c, float *copy)
{
    struct va_gemm g = { .M = s->block,
                         .N = cols,
                         .K = s->of.Cin,
                         .lda = s->of.Cin,
                         .ldb = VA_GEMM_PANEL,
                         .ldc = cols,
                         .b = VA_GEMM_PANELS };

    for (int64_t k = 0; k < s->of.K; k++) {
        int64_t lo = t0 + s->of.first + k * s->of.step;

        if (lo + s->block <= 0 || lo >= s->of.rows)
            continue;
        if (va_gemm(&g, rows_at(s, sequence, lo, copy), va_packed_at(s->of.w, k, n0), c) < 0)
            return false;
        g.add = true;
    }
    if (!g.add) /* no tap reached a row */
        memset(c, 0, (size_t)(s->block * cols) * sizeof(*c));
    return true;
}

static void shifted_task(void *arg, int64_t task, int thread)
{
    const struct shifted *s = arg;
    int64_t n0 = task / (s->of.B * s->blocks) * s->band, b = task / s->blocks % s->of.B;
    int64_t t0 = task % s->blocks * s->block;
    int64_t cols = s->of.Cout - n0 < s->band ? s->of.Cout - n0 : s->band;
    int64_t frames = s->of.T - t0 < s->block ? s->of.T - t0 : s->block;
    const float *bias = s->of.bias ? s->of.bias + n0 : NULL;
    float *copy = va_cpu_scratch(s->of.cpu, thread);
    float *aside = copy + va_round_up(s->block * s->of.Cin, 16);
    float *out = s->of.out + (b * s->of.T + t0) * s->of.Cout + n0;
    bool direct = frames == s->block && cols == s->of.Cout; /* a product has no gaps */
    float *c = direct ? out : aside;

    if (!sum_taps(s, s->of.in + b * s->of.rows * s->of.Cin, t0, n0, cols, c, copy)) {
        atomic_store(&s->of.cpu->broken, true);
        return;
    }
    for (int64_t t = 0; (bias || !direct) && t < frames; t++)
        va_hot()->epilogue(VA_IDENTITY, cols, c + t * cols, bias, NULL, out + t * s->of.Cout);
}

/* Blocks of equal length, a multiple of 4 up to VA_CONV_BLOCK, with little left over. */
static void run_shifted(struct va_shifted of)
{
    struct shifted t = { .of = of }, *s = &t;

    if (!of.w || of.T < 1 || of.B < 1)
        return;
    s->blocks = (s->of.T + VA_CONV_BLOCK - 1) / VA_CONV_BLOCK;
    s->block = va_round_up((s->of.T + s->blocks - 1) / s->blocks, 4);
    s->blocks = (s->of.T + s->block - 1) / s->block;
    s->band = va_round_up(BAND, VA_GEMM_PANEL);
    s->bands = (s->of.Cout + s->band - 1) / s->band;
    if (va_cpu_room(s->of.cpu, va_round_up(s->block * s->of.Cin, 16) + s->block * s->band, 0))
        va_cpu_run(s->of.cpu, s->of.B * s->blocks * s->bands, shifted_task, s);
}

void va_cpu_conv(struct va_backend *be, const struct va_conv *p)
{
    struct va_cpu *cpu = va_cpu(be);

    if (be->failed || p->B < 1 || p->T < 1)
        return;
    if (va_cpu_spectral_conv(cpu, p))
        return;
    if (be->precision == VA_BF16_PRODUCTS)
        va_cpu_narrow_conv(cpu, p);
    else
        run_shifted(va_shifted_forward(cpu, p, VA_PACK_FORWARD));
}

/* ---- weight gradient ----------------------------------------------------------------------------
 * dW_k [Cout, Cin] = sum over b of dy[b, shift...]^T x[b, ...T - shift], in working memory
 * [K, Cout, Cin]; a second pass turns that into [Cout, Cin, K] and adds. */

struct dw {
    struct va_cpu *cpu;
    const struct va_conv_grad *p;
    int64_t band, bands; /* of output channels */
};

static void dw_product(void *arg, int64_t task, int thread)
{
    const struct dw *d = arg;
    const struct va_conv_grad *p = d->p;
    int64_t k = task / d->bands, o0 = task % d->bands * d->band;
    int64_t shift = (p->K - 1 - k) * p->dilation;
    struct va_gemm g = { .M = p->Cout - o0 < d->band ? p->Cout - o0 : d->band,
                         .N = p->Cin,
                         .K = shift < p->T ? p->T - shift : 0,
                         .lda = p->Cout,
                         .ldb = p->Cin,
                         .ldc = p->Cin,
                         .transA = true,
                         .b = VA_GEMM_ROWS };
    float *c = d->cpu->shared + (k * p->Cout + o0) * p->Cin;

    (void)thread;
    for (int64_t b = 0; b < p->B; b++) {
        const float *x = (const float *)p->x + b * p->T * p->Cin;
        const float *dy = (const float *)p->dy + (b * p->T + (g.K ? shift : 0)) * p->Cout + o0;

        if (va_gemm(&g, dy, x, c) < 0) {
            atomic_store(&d->cpu->broken, true);
            return;
        }
        g.add = true;
    }
}

static void dw_turn(void *arg, int64_t o, int thread)
{
    const struct dw *d = arg;
    const struct va_conv_grad *p = d->p;
    const float *from = d->cpu->shared + o * p->Cin;
    float *to = (float *)p->dw + o * p->Cin * p->K;

    (void)thread;
    va_hot()->transpose(p->K, p->Cin, p->Cout * p->Cin, from, p->K, to, true);
}

static void conv_dw(struct va_cpu *cpu, const struct va_conv_grad *p)
{
    struct dw d = { cpu, p, 128, 0 };

    while (d.band > 16 && d.band / 2 >= p->Cout)
        d.band /= 2;
    d.bands = (p->Cout + d.band - 1) / d.band;
    if (!va_cpu_room(cpu, 0, p->K * p->Cout * p->Cin))
        return;
    va_cpu_run(cpu, p->K * d.bands, dw_product, &d);
    if (!cpu->base.failed)
        va_cpu_run(cpu, p->Cout, dw_turn, &d);
}

void va_cpu_conv_grad(struct va_backend *be, const struct va_conv_grad *p)
{
    struct va_cpu *cpu = va_cpu(be);
    bool bf16 = be->precision == VA_BF16_PRODUCTS;

    if (be->failed || p->B < 1 || p->T < 1)
        return;
    if (p->dx && !va_cpu_spectral_dx(cpu, p)) {
        if (bf16)
            va_cpu_narrow_dx(cpu, p);
        else
            run_shifted(va_shifted_backward(cpu, p, VA_PACK_BACKWARD));
    }
    if (p->dw && !va_cpu_spectral_dw(cpu, p)) {
        if (bf16)
            va_cpu_narrow_dw(cpu, p);
        else
            conv_dw(cpu, p);
    }
    if (p->dbias)
        va_cpu_add_columns(cpu, p->B * p->T, p->Cout, p->Cout, p->dy, p->dbias);
}
