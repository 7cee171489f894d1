/*
 * va_cpu_shift.h - a causal convolution as a sum of products of shifted rows, whichever way they are computed:
 * row t of `out` reads row t + first + k * step of `in` by tap k. The gradient of the input is one as well, with
 * shifts the other way and matrices turned.
 */
#ifndef VA_CPU_SHIFT_H
#define VA_CPU_SHIFT_H

#include "cpu/va_cpu_priv.h"

struct va_shifted {
    struct va_cpu *cpu;
    int64_t B, T, rows;   /* frames of out; rows of `in` per sequence */
    int64_t Cin, Cout, K; /* channels of in and out, taps */
    int64_t first, step;
    const float *in, *bias;
    const struct va_packed *w; /* NULL after failing */
    float *out;
};

/* The weight is packed the way that is asked for. */
static inline struct va_shifted va_shifted_forward(struct va_cpu *cpu, const struct va_conv *p,
                                                   enum va_pack_way way)
{
    return (struct va_shifted){ .cpu = cpu,
                                .B = p->B,
                                .T = p->T,
                                .rows = p->lead + p->T,
                                .Cin = p->Cin,
                                .Cout = p->Cout,
                                .K = p->K,
                                .first = p->lead - (p->K - 1) * p->dilation,
                                .step = p->dilation,
                                .in = p->x,
                                .bias = p->bias,
                                .out = p->y,
                                .w = va_cpu_pack(cpu, p->w, way, p->Cin, p->Cout, p->K, p->K,
                                                 p->Cin * p->K) };
}

static inline struct va_shifted va_shifted_backward(struct va_cpu *cpu,
                                                    const struct va_conv_grad *p,
                                                    enum va_pack_way way)
{
    return (struct va_shifted){ .cpu = cpu,
                                .B = p->B,
                                .T = p->T,
                                .rows = p->T,
                                .Cin = p->Cout,
                                .Cout = p->Cin,
                                .K = p->K,
                                .first = (p->K - 1) * p->dilation,
                                .step = -p->dilation,
                                .in = p->dy,
                                .out = p->dx,
                                .w = va_cpu_pack(cpu, p->w, way, p->Cout, p->Cin, p->K,
                                                 p->Cin * p->K, p->K) };
}

#endif
