/*
 * Numbers in bfloat16, and float32 in parts (cpu/va_narrow.h), as rows and as panels.
 */
#include "cpu/hot/va_groups.h"
#include "cpu/hot/va_hot_priv.h"

enum { NR = VA_NARROW_PANEL, GROUPS = VA_NARROW_GROUPS, UPPER = VA_UPPER };

/* The upper half is the number; a NaN, whose payload may be in the lower, stays one. */
VA_INLINE uint32_t nearest(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return x != x ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
}

/* What is left of x without its next part. */
VA_INLINE va_vf without(va_vf x)
{
    return x - (va_vf)((va_vu)x & (uint32_t)UPPER);
}

void VA_HOT(va_hot_to_bf16)(int64_t n, const float *x, uint16_t *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (uint16_t)(nearest(x[i]) >> 16);
}

void VA_HOT(va_hot_halves_row)(int64_t n, const float *x, uint8_t *row)
{
    int64_t bytes = va_narrow_lines(n, 2) * VA_NARROW_LINE;

    VA_HOT(va_hot_to_bf16)(n, x, (uint16_t *)(void *)row);
    memset(row + 2 * n, 0, (size_t)(bytes - 2 * n));
}

/* A line of numbers, the parts of which lie `step` numbers apart. */
VA_INLINE void part_line(int64_t n, const float *x, uint16_t *to, int64_t step)
{
    enum { NUMBERS = 2 * GROUPS };
    float left[NUMBERS] = { 0 };

    memcpy(left, x, (size_t)(n < NUMBERS ? n : NUMBERS) * sizeof(*left));
    for (int p = 0; p < VA_NARROW_PARTS; p++, to += step)
        for (int i = 0; i < NUMBERS; i++) {
            union {
                float number;
                uint32_t bits;
            } part = { left[i] };

            to[i] = (uint16_t)(part.bits >> 16);
            part.bits &= (uint32_t)UPPER;
            left[i] -= part.number;
        }
}

void VA_HOT(va_hot_parts_row)(int64_t n, const float *x, uint8_t *row)
{
    enum { NUMBERS = 2 * GROUPS };

    for (int64_t k = 0; k < n; k += NUMBERS, row += VA_NARROW_PARTS * VA_NARROW_LINE)
        part_line(n - k, x + k, (uint16_t *)(void *)row, NUMBERS);
}

void VA_HOT(va_hot_halves_columns)(int64_t K, int64_t cols, int64_t ld, const float *w,
                                   uint8_t *panel)
{
    enum { NUMBERS = 2 * GROUPS };
    uint16_t rows[NR * NUMBERS];

    memset(rows, 0, sizeof(rows));
    for (int64_t k = 0; k < K; k += NUMBERS, panel += VA_NARROW_TILE) {
        int64_t n = K - k < NUMBERS ? K - k : NUMBERS;

        if (n < NUMBERS)
            memset(rows, 0, sizeof(rows));
        for (int64_t c = 0; c < cols; c++)
            VA_HOT(va_hot_to_bf16)(n, w + c * ld + k, rows + c * NUMBERS);
        v_turn_tile((const uint32_t *)(const void *)rows, GROUPS, (uint32_t *)(void *)panel,
                    NR);
    }
}

void VA_HOT(va_hot_parts_columns)(int64_t K, int64_t cols, int64_t ld, const float *w,
                                  uint8_t *panel)
{
    enum { NUMBERS = 2 * GROUPS, PART = NR * NUMBERS };
    uint16_t rows[VA_NARROW_PARTS * PART] = { 0 };

    for (int64_t k = 0; k < K; k += NUMBERS) {
        for (int64_t c = 0; c < cols; c++)
            part_line(K - k, w + c * ld + k, rows + c * NUMBERS, PART);
        for (int p = 0; p < VA_NARROW_PARTS; p++, panel += VA_NARROW_TILE)
            v_turn_tile((const uint32_t *)(const void *)(rows + p * PART), GROUPS,
                        (uint32_t *)(void *)panel, NR);
    }
}

/* Two rows of a panel, `second` NULL where there is none: rounded, or each of its parts. */
VA_INLINE void pair_rows(int64_t cols, const float *first, const float *second, const int parts,
                         uint32_t *to)
{
    for (int64_t c = 0; c < NR; c += VA_W) {
        int64_t left = cols > c ? cols - c : 0;
        va_vf a = v_get(first + c, left), b = second ? v_get(second + c, left) : v_set(0);
        va_vu both;

        for (int p = 0; p < parts; p++) {
            both = parts > 1 ? v_pair((va_vu)a, (va_vu)b) : v_pair(v_nearest(a), v_nearest(b));
            memcpy(to + p * GROUPS * NR + c, &both, sizeof(both));
            a = without(a);
            b = without(b);
        }
    }
}

/* A line of K rows at most and a panel. */
VA_INLINE void pair_tile(int64_t K, int64_t cols, int64_t ld, const float *w, const int parts,
                         uint32_t *to)
{
    for (int64_t k = 0; k < 2 * GROUPS; k += 2, to += NR, w += 2 * ld)
        if (k < K)
            pair_rows(cols, w, k + 1 < K ? w + ld : NULL, parts, to);
        else
            for (int p = 0; p < parts; p++)
                memset(to + p * GROUPS * NR, 0, NR * sizeof(*to));
}

VA_INLINE void rows_as_panels(int64_t K, int64_t cols, int64_t ld, const float *w,
                              const int parts, uint8_t *panels, int64_t step)
{
    for (int64_t k = 0; k < K; k += 2 * GROUPS, panels += parts * VA_NARROW_TILE)
        for (int64_t c = 0; c < cols; c += NR)
            pair_tile(K - k, cols - c, ld, w + k * ld + c, parts,
                      (uint32_t *)(void *)(panels + c / NR * step));
}

VA_INLINE void columns_as_rows(int64_t K, int64_t cols, int64_t ld, const float *x,
                               const int parts, uint8_t *rows, int64_t ldrows)
{
    uint32_t tiles[VA_NARROW_PARTS * GROUPS * NR];

    for (int64_t k = 0; k < K; k += 2 * GROUPS, rows += parts * VA_NARROW_LINE)
        for (int64_t c = 0; c < cols; c += NR) {
            pair_tile(K - k, cols - c, ld, x + k * ld + c, parts, tiles);
            for (int p = 0; p < parts; p++)
                v_turn_tile(tiles + p * GROUPS * NR, NR,
                            (uint32_t *)(void *)(rows + c * ldrows + p * VA_NARROW_LINE),
                            ldrows / 4);
        }
}

void VA_HOT(va_hot_halves_rows)(int64_t K, int64_t cols, int64_t ld, const float *w,
                                uint8_t *panels, int64_t step)
{
    rows_as_panels(K, cols, ld, w, 1, panels, step);
}

void VA_HOT(va_hot_parts_rows)(int64_t K, int64_t cols, int64_t ld, const float *w,
                               uint8_t *panels, int64_t step)
{
    rows_as_panels(K, cols, ld, w, VA_NARROW_PARTS, panels, step);
}

void VA_HOT(va_hot_halves_turned)(int64_t K, int64_t cols, int64_t ld, const float *x,
                                  uint8_t *rows, int64_t ldrows)
{
    columns_as_rows(K, cols, ld, x, 1, rows, ldrows);
}

void VA_HOT(va_hot_parts_turned)(int64_t K, int64_t cols, int64_t ld, const float *x,
                                 uint8_t *rows, int64_t ldrows)
{
    columns_as_rows(K, cols, ld, x, VA_NARROW_PARTS, rows, ldrows);
}
