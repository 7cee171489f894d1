#include "ref/va_ref_priv.h"
#include <string.h>

void va_ref_conv(struct va_backend *be, const struct va_conv *p)
{
    const double *x = p->x, *w = p->w->data, *bias = p->bias;
    double *y = p->y;

    for (int64_t b = 0; b < p->B; b++)
        for (int64_t t = 0; t < p->T; t++)
            for (int64_t o = 0; o < p->Cout; o++) {
                double sum = bias ? bias[o] : 0;

                for (int64_t k = 0; k < p->K; k++) {
                    int64_t from = p->lead + t - (p->K - 1 - k) * p->dilation;
                    int64_t in = (b * (p->lead + p->T) + from) * p->Cin;

                    for (int64_t c = 0; from >= 0 && c < p->Cin; c++)
                        sum += va_ref_operand(be, w[(o * p->Cin + c) * p->K + k]) *
                               va_ref_operand(be, x[in + c]);
                }
                y[(b * p->T + t) * p->Cout + o] = sum;
            }
}

/* What one dy[b, t, o] gives to dx and dW. */
static void conv_grad_one(const struct va_backend *be, const struct va_conv_grad *p, int64_t b,
                          int64_t t, int64_t o, double g)
{
    const double *w = p->w ? p->w->data : NULL, *x = p->x;
    double *dx = p->dx, *dw = p->dw;

    for (int64_t k = 0; k < p->K; k++) {
        int64_t from = t - (p->K - 1 - k) * p->dilation;

        for (int64_t c = 0; from >= 0 && c < p->Cin; c++) {
            int64_t in = (b * p->T + from) * p->Cin + c, at = (o * p->Cin + c) * p->K + k;

            if (dx)
                dx[in] += va_ref_operand(be, g) * va_ref_operand(be, w[at]);
            if (dw)
                dw[at] += va_ref_operand(be, g) * va_ref_operand(be, x[in]);
        }
    }
}

void va_ref_conv_grad(struct va_backend *be, const struct va_conv_grad *p)
{
    const double *dy = p->dy;
    double *dbias = p->dbias;

    if (p->dx)
        memset(p->dx, 0, (size_t)(p->B * p->T * p->Cin) * sizeof(double));
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t t = 0; t < p->T; t++)
            for (int64_t o = 0; o < p->Cout; o++) {
                double g = dy[(b * p->T + t) * p->Cout + o];

                if (dbias)
                    dbias[o] += g;
                conv_grad_one(be, p, b, t, o, g);
            }
}

/* The pre-activation of one output; x points to the first row of its sequence. */
static double dwconv_at(const double *x, int64_t ldx, const double *w, const double *bias,
                        int64_t K, int64_t t, int64_t c)
{
    double sum = bias ? bias[c] : 0;

    for (int64_t k = 0; k < K; k++) {
        int64_t from = t - (K - 1 - k);

        if (from >= 0)
            sum += w[c * K + k] * x[from * ldx + c];
    }
    return sum;
}

void va_ref_dwconv(struct va_backend *be, const struct va_dwconv *p)
{
    const double *x = p->x;
    double *y = p->y;

    (void)be;
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t t = 0; t < p->T; t++)
            for (int64_t c = 0; c < p->C; c++)
                y[(b * p->T + t) * p->C + c] = va_ref_apply(
                    p->act, dwconv_at(x + b * (p->lead + p->T) * p->ldx, p->ldx, p->w, p->bias,
                                      p->K, p->lead + t, c));
}

/* Gradients of channel c of sequence b. */
static void dwconv_grad_channel(const struct va_dwconv_grad *p, int64_t b, int64_t c)
{
    const double *x = (const double *)p->x + b * p->T * p->ldx, *w = p->w;
    const double *dy = (const double *)p->dy + b * p->T * p->C;
    double *dx = p->dx ? (double *)p->dx + b * p->T * p->lddx : NULL;
    double *dw = p->dw, *dbias = p->dbias;

    for (int64_t t = 0; dx && t < p->T; t++)
        dx[t * p->lddx + c] = 0;
    for (int64_t t = 0; t < p->T; t++) {
        double g = dy[t * p->C + c] *
                   va_ref_slope(p->act, dwconv_at(x, p->ldx, w, p->bias, p->K, t, c));

        if (dbias)
            dbias[c] += g;
        for (int64_t k = 0; k < p->K; k++) {
            int64_t from = t - (p->K - 1 - k);

            if (from >= 0 && dx)
                dx[from * p->lddx + c] += g * w[c * p->K + k];
            if (from >= 0 && dw)
                dw[c * p->K + k] += g * x[from * p->ldx + c];
        }
    }
}

void va_ref_dwconv_grad(struct va_backend *be, const struct va_dwconv_grad *p)
{
    (void)be;
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t c = 0; c < p->C; c++)
            dwconv_grad_channel(p, b, c);
}
