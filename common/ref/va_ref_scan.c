/*
 * Selective scan as the formula in ops/va_ops.h reads: one channel after the other, serial in
 * time. The backward keeps every state of a channel, [T, N].
 */
#include "cpu/va_buffer.h"
#include "ref/va_ref_priv.h"
#include <math.h>
#include <string.h>

static double silu(double x)
{
    return va_ref_apply(VA_SILU, x);
}

static void scan_channel(const struct va_scan *p, int64_t b, int64_t e, double *h)
{
    const double *u = p->u, *delta = p->delta, *A = (const double *)p->A + e * p->N;
    const double *Bm = p->Bm, *Cm = p->Cm, *skip = p->skip, *z = p->z;

    for (int64_t t = 0; t < p->T; t++) {
        int64_t row = b * p->T + t;
        double ut = u[row * p->ldu + e], dt = delta[row * p->lddelta + e], sum = skip[e] * ut;

        for (int64_t n = 0; n < p->N; n++) {
            h[n] = exp(dt * A[n]) * h[n] + dt * ut * Bm[row * p->ldB + n];
            sum += Cm[row * p->ldC + n] * h[n];
        }
        ((double *)p->y)[row * p->E + e] = sum * (z ? silu(z[row * p->ldz + e]) : 1);
    }
}

void va_ref_scan(struct va_backend *be, const struct va_scan *p)
{
    double *h = be->failed ? NULL : va_buffer_new(be, p->N);

    be->failed = !h;
    for (int64_t b = 0; h && b < p->B; b++)
        for (int64_t e = 0; e < p->E; e++) {
            int64_t state = (b * p->E + e) * p->N;

            for (int64_t n = 0; n < p->N; n++)
                h[n] = p->h0 ? ((const double *)p->h0)[state + n] : 0;
            scan_channel(p, b, e, h);
            if (p->h_last)
                memcpy((double *)p->h_last + state, h, (size_t)p->N * sizeof(double));
        }
    va_buffer_free(be, h);
}

/* A row of a gradient that may not be wanted. */
static double *row_of(void *gradient, int64_t row, int64_t ld)
{
    return gradient ? (double *)gradient + row * ld : NULL;
}

/* The states h[t, n] of one channel. */
static void scan_states(const struct va_scan_grad *p, int64_t b, int64_t e, double *h)
{
    const double *u = p->u, *delta = p->delta, *A = (const double *)p->A + e * p->N;
    const double *Bm = p->Bm;

    for (int64_t t = 0; t < p->T; t++) {
        int64_t row = b * p->T + t;
        double ut = u[row * p->ldu + e], dt = delta[row * p->lddelta + e];

        for (int64_t n = 0; n < p->N; n++)
            h[t * p->N + n] = (t ? exp(dt * A[n]) * h[(t - 1) * p->N + n] : 0) +
                              dt * ut * Bm[row * p->ldB + n];
    }
}

/* Gradients of one frame of one channel; carry [N] is exp(delta[t+1] A) * dh[t+1]. */
static void scan_grad_frame(const struct va_scan_grad *p, int64_t row, int64_t e,
                            const double *h, const double *before, double *carry)
{
    const double *A = (const double *)p->A + e * p->N, skip = ((const double *)p->skip)[e];
    const double *Bm = (const double *)p->Bm + row * p->ldB;
    const double *Cm = (const double *)p->Cm + row * p->ldC;
    double u = ((const double *)p->u)[row * p->ldu + e];
    double delta = ((const double *)p->delta)[row * p->lddelta + e];
    double z = p->z ? ((const double *)p->z)[row * p->ldz + e] : 0;
    double dy = ((const double *)p->dy)[row * p->E + e];
    double g = dy * (p->z ? silu(z) : 1); /* gradient of the sum before the gate */
    double sum = skip * u, du = g * skip, ddelta = 0;
    double *dBm = row_of(p->dBm, row, p->lddB), *dCm = row_of(p->dCm, row, p->lddC);
    double *dA = row_of(p->dA, e, p->N);

    for (int64_t n = 0; n < p->N; n++) {
        double dh = g * Cm[n] + carry[n], decay = exp(delta * A[n]);
        double inner = before ? dh * decay * before[n] : 0; /* gradient of delta * A */

        sum += Cm[n] * h[n];
        du += dh * delta * Bm[n];
        ddelta += dh * u * Bm[n] + inner * A[n];
        if (dBm)
            dBm[n] += dh * delta * u;
        if (dCm)
            dCm[n] += g * h[n];
        if (dA)
            dA[n] += inner * delta;
        carry[n] = dh * decay;
    }
    if (p->du)
        *(row_of(p->du, row, p->lddu) + e) = du;
    if (p->ddelta)
        *(row_of(p->ddelta, row, p->ldddelta) + e) = ddelta;
    if (p->z && p->dz)
        *(row_of(p->dz, row, p->lddz) + e) = dy * sum * va_ref_slope(VA_SILU, z);
    if (p->dskip)
        ((double *)p->dskip)[e] += g * u;
}

static void zero_rows(void *gradient, int64_t rows, int64_t ld, int64_t width)
{
    for (int64_t i = 0; gradient && i < rows; i++)
        memset((double *)gradient + i * ld, 0, (size_t)width * sizeof(double));
}

void va_ref_scan_grad(struct va_backend *be, const struct va_scan_grad *p)
{
    double *h = be->failed ? NULL : va_buffer_new(be, (p->T + 1) * p->N);
    double *carry;

    be->failed = !h;
    if (!h)
        return;
    carry = h + p->T * p->N;
    zero_rows(p->dBm, p->B * p->T, p->lddB, p->N);
    zero_rows(p->dCm, p->B * p->T, p->lddC, p->N);
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t e = 0; e < p->E; e++) {
            scan_states(p, b, e, h);
            memset(carry, 0, (size_t)p->N * sizeof(double));
            for (int64_t t = p->T - 1; t >= 0; t--)
                scan_grad_frame(p, b * p->T + t, e, h + t * p->N, t ? h + (t - 1) * p->N : NULL,
                                carry);
        }
    va_buffer_free(be, h);
}
