/*
 * va_hot_priv.h - the hot functions of one level, by the file that has them; contracts are in
 * cpu/va_hot.h.
 */
#ifndef VA_HOT_PRIV_H
#define VA_HOT_PRIV_H

#include "cpu/hot/va_simd.h"
#include "cpu/hot/va_vmath.h"
#include "cpu/va_hot.h"

/* hot_elementwise.c */
void VA_HOT(va_hot_unary)(enum va_unary f, int64_t n, const float *x, float *y);
void VA_HOT(va_hot_unary_grad)(enum va_unary f, int64_t n, const float *x, const float *y,
                               const float *dy, float *dx);
void VA_HOT(va_hot_epilogue)(enum va_unary f, int64_t n, const float *x, const float *bias,
                             const float *residual, float *y);
void VA_HOT(va_hot_add)(int64_t n, const float *a, const float *b, float *y);
void VA_HOT(va_hot_prelu)(int64_t n, float slope, const float *x, float *y);
double VA_HOT(va_hot_prelu_grad)(int64_t n, float slope, const float *x, const float *dy,
                                 float *dx);
/* hot_dropout.c */
void VA_HOT(va_hot_dropout)(const struct va_hot_dropout *p, int64_t first, int64_t n,
                            const float *x, float *y);
/* hot_rows.c */
double VA_HOT(va_hot_dot)(int64_t n, const float *a, const float *b);
void VA_HOT(va_hot_scale)(int64_t n, float a, const float *x, float *y);
void VA_HOT(va_hot_axpy)(int64_t n, float a, const float *f, const float *x, float *y);
double VA_HOT(va_hot_squares)(int64_t n, float a, const float *x, float b, const float *y,
                              float c, float *d);
void VA_HOT(va_hot_combine)(int64_t n, float a, const float *x, float b, const float *y,
                            float *z);
void VA_HOT(va_hot_turn)(int64_t n, float a, float b, const float *y, float *z);
void VA_HOT(va_hot_transpose)(int64_t rows, int64_t cols, int64_t ld, const float *x,
                              int64_t ldto, float *to, bool add);
void VA_HOT(va_hot_column_sums)(int64_t rows, int64_t cols, int64_t ld, const float *x,
                                double *sum);
float VA_HOT(va_hot_softmax)(int64_t n, float scale, float *x);
void VA_HOT(va_hot_softmax_grad)(int64_t n, float scale, float lse, float mean, float *w,
                                 float *e);
void VA_HOT(va_hot_adamw)(const struct va_hot_adamw *h, int64_t n, float *w, const float *g,
                          float *m, float *v);
/* hot_gemm.c */
void VA_HOT(va_hot_gemm)(const struct va_gemm *g, const float *a, const float *b, float *c,
                         float *work);
void VA_HOT(va_hot_panels)(int64_t K, int64_t cols, int64_t ld, const float *w, float *panels,
                           int64_t step);
/* hot_halves.c */
void VA_HOT(va_hot_to_bf16)(int64_t n, const float *x, uint16_t *y);
void VA_HOT(va_hot_halves_row)(int64_t n, const float *x, uint8_t *row);
void VA_HOT(va_hot_halves_turned)(int64_t K, int64_t cols, int64_t ld, const float *x,
                                  uint8_t *rows, int64_t ldrows);
void VA_HOT(va_hot_halves_columns)(int64_t K, int64_t cols, int64_t ld, const float *w,
                                   uint8_t *panel);
void VA_HOT(va_hot_halves_rows)(int64_t K, int64_t cols, int64_t ld, const float *w,
                                uint8_t *panels, int64_t step);
void VA_HOT(va_hot_parts_row)(int64_t n, const float *x, uint8_t *row);
void VA_HOT(va_hot_parts_turned)(int64_t K, int64_t cols, int64_t ld, const float *x,
                                 uint8_t *rows, int64_t ldrows);
void VA_HOT(va_hot_parts_rows)(int64_t K, int64_t cols, int64_t ld, const float *w,
                               uint8_t *panels, int64_t step);
void VA_HOT(va_hot_parts_columns)(int64_t K, int64_t cols, int64_t ld, const float *w,
                                  uint8_t *panel);
/* hot_halves_product.c */
void VA_HOT(va_hot_halves_product)(const struct va_narrow_product *p);
/* hot_bytes.c */
float VA_HOT(va_hot_bytes_row)(int64_t n, const float *x, uint8_t *row);
float VA_HOT(va_hot_bytes_column)(int64_t n, const float *w, uint8_t *panel, int32_t *sum);
void VA_HOT(va_hot_bytes_product)(const struct va_narrow_product *p);
/* hot_norm.c */
void VA_HOT(va_hot_norm)(int64_t rows, const struct va_norm *p, int64_t first);
void VA_HOT(va_hot_norm_grad)(int64_t rows, const struct va_norm_grad *p, int64_t first,
                              float *sums);
/* hot_dwconv.c */
void VA_HOT(va_hot_dwconv)(const struct va_dwconv *p, const float *wt, int64_t b);
void VA_HOT(va_hot_dwconv_grad)(const struct va_dwconv_grad *p, const float *wt, int64_t b,
                                float *g, float *sums);
/* hot_cell.c */
void VA_HOT(va_hot_cell)(enum va_cell cell, int64_t H, const float *s, const float *memo0,
                         const float *h0, float *a, float *memo, float *h);
void VA_HOT(va_hot_cell_grad)(enum va_cell cell, int64_t H, const float *a, const float *memo,
                              const float *memo0, const float *h0, float *dh, float *dc,
                              float *da, float *ds);
/* hot_scan.c, hot_scan_grad.c */
void VA_HOT(va_hot_scan)(const struct va_scan *p, int64_t b, int64_t e0, int64_t e1,
                         float *tile);
void VA_HOT(va_hot_scan_grad)(const struct va_scan_grad *p, int64_t b, int64_t e0, int64_t e1,
                              const struct va_hot_scan_work *work);

/* hot_spectral.c */
void VA_HOT(va_hot_tile_spectrum)(const struct va_tile *p, const struct va_samples *s,
                                  int64_t channels, const struct va_spectra *to);
void VA_HOT(va_hot_turn_spectra)(int slots, int64_t channels, int64_t step, const float *from,
                                 int64_t ldto, int64_t stepto, float *to);
void VA_HOT(va_hot_kernel_spectrum)(const struct va_tile *p, const struct va_kernel_block *b,
                                    const struct va_spectra *to);
void VA_HOT(va_hot_spectral_product)(const struct va_spectral_product *p);
void VA_HOT(va_hot_tile_back)(const struct va_tile *p, const float *sums, int64_t step,
                              const float *bias, int64_t channels, int count, int64_t ld,
                              float *y);
void VA_HOT(va_hot_kernel_back)(const struct va_tile *p, const float *sums, int64_t step,
                                const struct va_kernel_block *b);

extern const struct va_hot VA_HOT(va_hot_table);

/* hot_pictures.c */
void VA_HOT(va_hot_conv2d)(const struct va_conv2d *p, const float *w, int64_t tap,
                           int64_t panel, int64_t row);
void VA_HOT(va_hot_dwconv2d)(const struct va_dwconv2d *p, const float *wt, int64_t row);
void VA_HOT(va_hot_pool2d)(const struct va_pool2d *p, int64_t row);
void VA_HOT(va_hot_gate)(int64_t rows, int64_t C, bool below, const float *x, const float *s,
                         float *y);

#endif
