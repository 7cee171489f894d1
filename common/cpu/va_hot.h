/*
 * va_hot.h - the loops that are the program's speed, one copy per instruction set.
 *
 * Each entry works on a piece that one thread owns; cutting the work into pieces, and summing
 * what the pieces give, is done by the caller in an order that does not depend on threads.
 */
#ifndef VA_HOT_H
#define VA_HOT_H

#include "base/va_cpu.h"
#include "cpu/va_gemm.h"
#include "cpu/va_narrow.h"
#include "cpu/va_spectral.h"
#include "ops/va_ops.h"

/* Gradients of a row of v, which has a weight norm (ops/va_op_train.h): dv = dw * .dw + v * .v */
struct va_row_slope {
    float dw, v;
};

/* Constants of an AdamW step, rounded once from double. */
struct va_hot_adamw {
    float clip, keep; /* keep: 1 - lr * decay */
    float beta1, rest1, beta2, rest2;
    float step, root; /* lr / (1 - beta1^t); 1 / sqrt(1 - beta2^t) */
    float eps;
    struct va_row_slope slope; /* from g and w to the gradient; 1 and 0 where g is it */
};

struct va_hot_dropout {
    uint64_t seed, step;
    uint64_t limit; /* words from here on are kept */
    float scale;
};

/* What the backward of the scan works in; sizes in va_cpu_scan.c. */
struct va_hot_scan_work {
    int64_t chunk;                      /* frames between two marks */
    float *tape, *lanes, *marks, *tile; /* memory of the thread, 64-byte aligned */
    float *dBm, *dCm;                   /* [T, N], of this sequence and group of channels */
    float *dA, *dskip;                  /* [E, N], [E], of this sequence */
};

enum { VA_GEMM_WORK = 180 << 10 };

struct va_hot {
    int64_t width; /* lanes of a vector */

    /* elementwise, n numbers */
    void (*unary)(enum va_unary f, int64_t n, const float *x, float *y);
    void (*unary_grad)(enum va_unary f, int64_t n, const float *x, const float *y,
                       const float *dy, float *dx);
    /* y = f(x + bias) + residual; bias and residual may be NULL; y may be x or residual */
    void (*epilogue)(enum va_unary f, int64_t n, const float *x, const float *bias,
                     const float *residual, float *y);
    void (*add)(int64_t n, const float *a, const float *b, float *y);
    void (*prelu)(int64_t n, float slope, const float *x, float *y);
    double (*prelu_grad)(int64_t n, float slope, const float *x, const float *dy, float *dx);
    /* elements [first, first + n) of the mask; first is a multiple of 4 */
    void (*dropout)(const struct va_hot_dropout *p, int64_t first, int64_t n, const float *x,
                    float *y);

    /* va_gemm (cpu/va_gemm.h), every size above 0; panels are VA_GEMM_PANEL wide. work: memory of
     * the thread, VA_GEMM_WORK floats, 64-byte aligned */
    void (*gemm)(const struct va_gemm *g, const float *a, const float *b, float *c,
                 float *work);
    /* w [K, cols] as panels of float32, `step` floats apart; columns that do not exist are left alone */
    void (*panels)(int64_t K, int64_t cols, int64_t ld, const float *w, float *panels,
                   int64_t step);

    /* numbers in 16 bits (cpu/va_narrow.h), to nearest even: n of them as they lie; and as a row */
    void (*to_bf16)(int64_t n, const float *x, uint16_t *y);
    void (*halves_row)(int64_t n, const float *x, uint8_t *row);
    /* columns of x [K, cols] as rows, VA_NARROW_PANEL of them at a time */
    void (*halves_turned)(int64_t K, int64_t cols, int64_t ld, const float *x, uint8_t *rows,
                          int64_t ldrows);
    /* w [K, cols] as panels, which lie `step` bytes apart; and a panel of up to VA_NARROW_PANEL columns that lie as
     * rows: number k of column n at w + n * ld + k. What is in columns that do not exist does not matter */
    void (*halves_rows)(int64_t K, int64_t cols, int64_t ld, const float *w, uint8_t *panels,
                        int64_t step);
    void (*halves_columns)(int64_t K, int64_t cols, int64_t ld, const float *w, uint8_t *panel);
    /* float32 in parts: as halves_row, halves_turned, halves_rows and halves_columns */
    void (*parts_row)(int64_t n, const float *x, uint8_t *row);
    void (*parts_turned)(int64_t K, int64_t cols, int64_t ld, const float *x, uint8_t *rows,
                         int64_t ldrows);
    void (*parts_rows)(int64_t K, int64_t cols, int64_t ld, const float *w, uint8_t *panels,
                       int64_t step);
    void (*parts_columns)(int64_t K, int64_t cols, int64_t ld, const float *w, uint8_t *panel);
    void (*halves_product)(const struct va_narrow_product *p);

    /* numbers in 8 bits: n of them as a row, plus VA_BYTES_ZERO; or as a column of a panel, with their sum. Both return
     * the scale: 0 where they count as zeros, NaN where one is not finite */
    float (*bytes_row)(int64_t n, const float *x, uint8_t *row);
    float (*bytes_column)(int64_t n, const float *w, uint8_t *panel, int32_t *sum);
    void (*bytes_product)(const struct va_narrow_product *p);

    /* rows and sums */
    /* sums of 2048 products are added in double */
    double (*dot)(int64_t n, const float *a, const float *b);
    void (*scale)(int64_t n, float a, const float *x, float *y);                /* a x */
    void (*axpy)(int64_t n, float a, const float *f, const float *x, float *y); /* x + a f */
    /* the sum of (a x + b y)^2, as dot sums; d = c (a x + b y) if d is not NULL */
    double (*squares)(int64_t n, float a, const float *x, float b, const float *y, float c,
                      float *d);
    /* z += a x + b y; z = a z + b y */
    void (*combine)(int64_t n, float a, const float *x, float b, const float *y, float *z);
    void (*turn)(int64_t n, float a, float b, const float *y, float *z);
    /* to[c * ldto + r] = x[r * ld + c], or += with `add` */
    void (*transpose)(int64_t rows, int64_t cols, int64_t ld, const float *x, int64_t ldto,
                      float *to, bool add);
    /* sum[c] += the column sums of x [rows, cols] */
    void (*column_sums)(int64_t rows, int64_t cols, int64_t ld, const float *x, double *sum);
    void (*norm)(int64_t rows, const struct va_norm *p, int64_t first);
    /* sums [2, C] get dgamma and dbeta of these rows */
    void (*norm_grad)(int64_t rows, const struct va_norm_grad *p, int64_t first, float *sums);
    /* softmax(scale x) in place; returns the log of the sum of exponentials of scale x */
    float (*softmax)(int64_t n, float scale, float *x);
    /* w = exp(scale w - lse), the weights made again from scores; e = w (e - mean) scale */
    void (*softmax_grad)(int64_t n, float scale, float lse, float mean, float *w, float *e);
    void (*adamw)(const struct va_hot_adamw *h, int64_t n, float *w, const float *g, float *m,
                  float *v);

    /* sequences; wt [K, C] is the transposed kernel */
    void (*dwconv)(const struct va_dwconv *p, const float *wt, int64_t b);
    /* g [T, C] is working memory; sums [K + 1, C] get dW transposed and dbias of sequence b */
    void (*dwconv_grad)(const struct va_dwconv_grad *p, const float *wt, int64_t b, float *g,
                        float *sums);
    /* a frame of H channels of a recurrence (struct va_recurrent): a [G, H] becomes the gates, s
     * [G, H] is W_hh h + b_hh; memo0 and h0 are of the frame before and may be memo and h */
    void (*cell)(enum va_cell cell, int64_t H, const float *s, const float *memo0,
                 const float *h0, float *a, float *memo, float *h);
    /* backward: dh [H] comes in as the gradient of h[t], dc [H] (of an LSTM) of c[t]; they go
     * out as those of t-1, but for what W_hh will bring. da, ds [G, H] (LSTM: da alone) */
    void (*cell_grad)(enum va_cell cell, int64_t H, const float *a, const float *memo,
                      const float *memo0, const float *h0, float *dh, float *dc, float *da,
                      float *ds);
    /* channels [e0, e1) of sequence b; tile [2, N, width] is working memory */
    void (*scan)(const struct va_scan *p, int64_t b, int64_t e0, int64_t e1, float *tile);
    void (*scan_grad)(const struct va_scan_grad *p, int64_t b, int64_t e0, int64_t e1,
                      const struct va_hot_scan_work *work);

    /* convolutions by spectra (cpu/va_spectral.h). Channels [0, channels) of a row of tiles; */
    void (*tile_spectrum)(const struct va_tile *p, const struct va_samples *s, int64_t channels,
                          const struct va_spectra *to);
    /* groups [slot][VA_NARROW_GROUPS][VA_SPECTRAL_IN], rows by channels, become [slot][channel][row], `ldto` and `stepto`
     * groups apart; channels a multiple of VA_NARROW_PANEL */
    void (*turn_spectra)(int slots, int64_t channels, int64_t step, const float *from,
                         int64_t ldto, int64_t stepto, float *to);
    /* in bfloat16: channels that complete a line or a block are zeros */
    void (*kernel_spectrum)(const struct va_tile *p, const struct va_kernel_block *b,
                            const struct va_spectra *to);
    void (*spectral_product)(const struct va_spectral_product *p);
    /* the first `count` outputs of a row of sums, y rows ld apart; bias may be NULL */
    void (*tile_back)(const struct va_tile *p, const float *sums, int64_t step,
                      const float *bias, int64_t channels, int count, int64_t ld, float *y);
    /* adds to the taps b->w what the sums [in] give */
    void (*kernel_back)(const struct va_tile *p, const float *sums, int64_t step,
                        const struct va_kernel_block *b);

    /* pictures: row i of Ho of picture b, as row = b * Ho + i. w in panels (va_cpu_pack), `tap` floats
     * from tap to tap and `panel` from panel to panel; wt [K * K, C] */
    void (*conv2d)(const struct va_conv2d *p, const float *w, int64_t tap, int64_t panel,
                   int64_t row);
    void (*dwconv2d)(const struct va_dwconv2d *p, const float *wt, int64_t row);
    void (*pool2d)(const struct va_pool2d *p, int64_t row);
    /* y[r] = s x[r] for rows of C numbers; `below` as in struct va_gate */
    void (*gate)(int64_t rows, int64_t C, bool below, const float *x, const float *s, float *y);
};

const struct va_hot *va_hot(void); /* of va_cpu_isa(), or of what was set */

/* Use this level instead (at most va_cpu_isa()): for tests. */
void va_hot_use(enum va_isa isa);

#endif
