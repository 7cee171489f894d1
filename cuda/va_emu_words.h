/*
 * va_emu_words.h - CUDA's words for the host executor (cuda/va_emu.h): qualifiers, vectors, arithmetic.
 */
#ifndef VA_EMU_WORDS_H
#define VA_EMU_WORDS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __grid_constant__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    uint32_t x, y;
};
struct alignas(16) uint4 {
    uint32_t x, y, z, w;
};
static inline float2 make_float2(float x, float y)
{
    return { x, y };
}
static inline float4 make_float4(float x, float y, float z, float w)
{
    return { x, y, z, w };
}
static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w)
{
    return { x, y, z, w };
}

static inline float __uint_as_float(uint32_t x)
{
    float y;

    memcpy(&y, &x, 4);
    return y;
}
static inline uint32_t __float_as_uint(float x)
{
    uint32_t y;

    memcpy(&y, &x, 4);
    return y;
}
static inline float va_exp2(float x)
{
    return exp2f(x);
}
static inline float va_rcp(float x)
{
    return 1 / x;
}
static inline float va_sqrt(float x)
{
    return sqrtf(x);
}
static inline float rsqrtf(float x)
{
    return 1 / sqrtf(x);
}
static inline int32_t va_dot4(uint32_t a, uint32_t b, int32_t sum)
{
    for (int i = 0; i < 32; i += 8)
        sum += (int8_t)(a >> i) * (int8_t)(b >> i);
    return sum;
}
static inline va_bf16 va_bf16_of(float x)
{
    uint32_t u = __float_as_uint(x);

    if (x != x)
        return { 0x7fff };
    return { (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16) };
}
static inline uint32_t va_bf16_pair(float low, float high)
{
    return va_bf16_of(low).bits | (uint32_t)va_bf16_of(high).bits << 16;
}
static inline float va_f32_of(va_bf16 x)
{
    return __uint_as_float((uint32_t)x.bits << 16);
}

#endif
