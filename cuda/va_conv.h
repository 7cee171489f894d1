/*
 * va_conv.h - frames as an operand of a product: a convolution is one over taps (segments) and channels, whose
 * rows of x are shifted by each tap, so that there is no padded tensor.
 */
#ifndef VA_CONV_H
#define VA_CONV_H

#include "cuda/va_operands.h"

/* Frame t of a sequence, at tap k: row first + t + k * step of those in memory, `rows` a sequence, or zeros. Rows have
 * `width` numbers. */
template <class Number>
struct va_frames {
    static constexpr bool ALONG = true;
    struct place {
        const Number *at; /* row 0 of the sequence */
        int64_t row;
    };
    const Number *x;
    int64_t width, T, rows, first, step;

    __device__ __forceinline__ place find(int64_t r) const
    {
        int64_t b = r / T;

        return { x + b * rows * width, first + r - b * T };
    }
    __device__ __forceinline__ const Number *from(const place &p, int, int k) const
    {
        int64_t row = p.row + k * step;

        return row >= 0 && row < rows ? p.at + row * width : nullptr;
    }
};

struct va_along_frames : va_frames<float> {
    int64_t count;
    bool wide;
};

/* [taps, size] of W [size, taps], in memory of the operation (va_cuda_room); NULL after reporting. */
const float *va_cuda_taps_apart(struct va_backend *be, const float *w, int64_t size,
                                int64_t taps);

/* y; dx and dW: with operands in bfloat16. False after reporting. */
bool va_cuda_conv_half(struct va_backend *be, const struct va_conv *p);
bool va_cuda_conv_grad_half(struct va_backend *be, const struct va_conv_grad *p);

/* What a convolution makes of its sums. */
struct va_conv_finish {
    typedef float *place;
    const float *bias;
    float *y;
    int64_t C;

    __device__ __forceinline__ place find(int64_t r) const
    {
        return y + r * C;
    }
    __device__ __forceinline__ void put(place to, int64_t, int64_t o, float sum) const
    {
        to[o] = bias ? sum + bias[o] : sum;
    }
};

#endif
