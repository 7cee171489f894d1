/*
 * va_ref_priv.h - entries of the reference table, by the file that has them.
 *
 * Everything is written as the formula in ops/va_ops.h reads: no blocking, no threads, sums in
 * index order. Buffers are double.
 */
#ifndef VA_REF_PRIV_H
#define VA_REF_PRIV_H

#include "base/va_tensors.h"
#include "ops/va_ops.h"

/* An operand of a product, as the backend's precision has it. */
static inline double va_ref_operand(const struct va_backend *be, double x)
{
    return be->precision == VA_BF16_PRODUCTS ? (double)va_from_bf16(va_to_bf16((float)x)) : x;
}

/* va_ref_elementwise.c */
double va_ref_apply(enum va_unary f, double x); /* f(x) */
double va_ref_slope(enum va_unary f, double x); /* f'(x) */
void va_ref_unary(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y);
void va_ref_unary_grad(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx);
void va_ref_add(struct va_backend *be, const struct va_add *p);
void va_ref_add_scaled(struct va_backend *be, const struct va_add_scaled *p);
void va_ref_gather(struct va_backend *be, const struct va_gather *p);
void va_ref_prelu(struct va_backend *be, const struct va_prelu *p);
void va_ref_prelu_grad(struct va_backend *be, const struct va_prelu_grad *p);
void va_ref_dropout(struct va_backend *be, const struct va_dropout *p);

/* va_ref_linear.c */
void va_ref_linear(struct va_backend *be, const struct va_linear *p);
void va_ref_linear_grad(struct va_backend *be, const struct va_linear_grad *p);

/* va_ref_attention.c */
void va_ref_attention(struct va_backend *be, const struct va_attention *p);
void va_ref_attention_grad(struct va_backend *be, const struct va_attention_grad *p);

/* va_ref_recurrent.c */
void va_ref_recurrent(struct va_backend *be, const struct va_recurrent *p);
void va_ref_recurrent_grad(struct va_backend *be, const struct va_recurrent_grad *p);

/* va_ref_conv.c */
void va_ref_conv(struct va_backend *be, const struct va_conv *p);
void va_ref_conv_grad(struct va_backend *be, const struct va_conv_grad *p);
void va_ref_dwconv(struct va_backend *be, const struct va_dwconv *p);
void va_ref_dwconv_grad(struct va_backend *be, const struct va_dwconv_grad *p);

/* va_ref_scan.c */
void va_ref_scan(struct va_backend *be, const struct va_scan *p);
void va_ref_scan_grad(struct va_backend *be, const struct va_scan_grad *p);

/* va_ref_norm.c */
void va_ref_derive(struct va_backend *be, const struct va_derived *list, int64_t count);
void va_ref_derive_grad(struct va_backend *be, const struct va_derived *list, int64_t count);
void va_ref_norm(struct va_backend *be, const struct va_norm *p);
void va_ref_norm_grad(struct va_backend *be, const struct va_norm_grad *p);

/* va_ref_train.c */
void va_ref_squares(struct va_backend *be, const struct va_squares *p);
void va_ref_ccc_moments(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out);
void va_ref_ccc_loss(struct va_backend *be, const struct va_ccc *p);
void va_ref_cross_entropy(struct va_backend *be, const struct va_cross_entropy *p);
void va_ref_update(struct va_backend *be, const struct va_adamw *p);

/* va_ref_pictures.c */
void va_ref_conv2d(struct va_backend *be, const struct va_conv2d *p);
void va_ref_dwconv2d(struct va_backend *be, const struct va_dwconv2d *p);
void va_ref_separable2d(struct va_backend *be, const struct va_separable2d *p);
void va_ref_pool2d(struct va_backend *be, const struct va_pool2d *p);
void va_ref_gate(struct va_backend *be, const struct va_gate *p);
void va_ref_upsample2d(struct va_backend *be, const struct va_upsample2d *p);

#endif
