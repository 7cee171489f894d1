/*
 * va_turn.h - a square of vectors turned over its diagonal, in registers.
 */
#ifndef VA_TURN_H
#define VA_TURN_H

#include "cpu/hot/va_simd.h"

/* VA_W vectors: lane i of vector j becomes lane j of vector i. */
VA_INLINE void v_turn(va_vf r[VA_W])
{
#if defined(__AVX512F__)
    __m512 s[16], t[16];

    VA_UNROLL
    for (int i = 0; i < 16; i += 2) {
        s[i] = _mm512_unpacklo_ps((__m512)r[i], (__m512)r[i + 1]);
        s[i + 1] = _mm512_unpackhi_ps((__m512)r[i], (__m512)r[i + 1]);
    }
    VA_UNROLL
    for (int i = 0; i < 16; i += 4) {
        VA_UNROLL
        for (int j = 0; j < 2; j++) {
            __m512d low = _mm512_castps_pd(s[i + j]), high = _mm512_castps_pd(s[i + j + 2]);

            t[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            t[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    VA_UNROLL
    for (int i = 0; i < 4; i++) {
        VA_UNROLL
        for (int j = 0; j < 16; j += 8) {
            s[i + j] = _mm512_shuffle_f32x4(t[i + j], t[i + j + 4], 0x88);
            s[i + j + 4] = _mm512_shuffle_f32x4(t[i + j], t[i + j + 4], 0xdd);
        }
    }
    VA_UNROLL
    for (int i = 0; i < 8; i++) {
        r[i] = (va_vf)_mm512_shuffle_f32x4(s[i], s[i + 8], 0x88);
        r[i + 8] = (va_vf)_mm512_shuffle_f32x4(s[i], s[i + 8], 0xdd);
    }
#elif defined(__AVX2__)
    __m256 s[8], t[8];

    VA_UNROLL
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm256_unpacklo_ps((__m256)r[i], (__m256)r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps((__m256)r[i], (__m256)r[i + 1]);
    }
    VA_UNROLL
    for (int i = 0; i < 8; i += 4) {
        VA_UNROLL
        for (int j = 0; j < 2; j++) {
            t[i + 2 * j] = _mm256_shuffle_ps(s[i + j], s[i + j + 2], 0x44);
            t[i + 2 * j + 1] = _mm256_shuffle_ps(s[i + j], s[i + j + 2], 0xee);
        }
    }
    VA_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = (va_vf)_mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = (va_vf)_mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
#else
    float t[VA_W][VA_W];

    for (int i = 0; i < VA_W; i++)
        for (int j = 0; j < VA_W; j++)
            t[i][j] = r[j][i];
    memcpy(r, t, sizeof(t));
#endif
}

#endif
