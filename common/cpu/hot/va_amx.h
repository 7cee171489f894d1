/*
 * va_amx.h - products of tiles, where the processor has AMX (base/va_cpu.h).
 *
 * Tiles 0 to 3 are sums of 32 rows by 32 columns, 4 and 5 are lines of rows, 6 and 7 of panels. In
 * assembler: files are compiled for machines that lack AMX, too, and gcc 12 loses what its own
 * function for the configuration is given.
 */
#ifndef VA_AMX_H
#define VA_AMX_H

#include "base/va_level.h"
#include "cpu/hot/va_simd.h"
#include "cpu/va_narrow.h"

#define VA_AMX_HERE 1

/* Before products and after them, on the same thread. */
VA_INLINE void va_amx_begin(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16]; /* of a row */
        uint8_t rows[16];
    } tiles = { .palette = 1 };

    for (int i = 0; i < 8; i++) {
        tiles.bytes[i] = VA_NARROW_LINE;
        tiles.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(tiles));
}

VA_INLINE void va_amx_end(void)
{
    __asm__ volatile("tilerelease");
}

#define VA_TILE_ZERO(t) __asm__ volatile("tilezero %%tmm" #t : :)
#define VA_TILE_LOAD(t, from, ld) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t : : "r"(from), "r"(ld) : "memory")
#define VA_TILE_STORE(t, to, ld) \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" : : "r"(to), "r"(ld) : "memory")
#define VA_TILE_BF16(sum, x, w) \
    __asm__ volatile("tdpbf16ps %%tmm" #w ", %%tmm" #x ", %%tmm" #sum : :)
#define VA_TILE_BYTES(sum, x, w) \
    __asm__ volatile("tdpbusd %%tmm" #w ", %%tmm" #x ", %%tmm" #sum : :)
#define VA_TILE_MULTIPLY(bytes, sum, x, w) \
    do {                                   \
        if (bytes)                         \
            VA_TILE_BYTES(sum, x, w);      \
        else                               \
            VA_TILE_BF16(sum, x, w);       \
    } while (0)

/* Asks for the tile of a panel after the next: the hardware does not see that tiles follow each other. Without it a
 * product reaches 1,190 GFLOP/s where it has 1,690 (medians of 192 products of 96 x 32 x 15,360, one thread). */
VA_INLINE void va_amx_ask(const uint8_t *tile)
{
    VA_UNROLL
    for (int i = 0; i < 16; i++)
        __builtin_prefetch(tile + 2 * VA_NARROW_TILE + i * VA_NARROW_LINE, 0, 3);
}

/* R times 16 rows by P panels of a product, to `c`, which has gaps of `ld` numbers, or added to what is there.
 * R, P and `bytes` are known when this is compiled. */
VA_INLINE void va_amx_multiply(const struct va_narrow_product *p, const bool bytes, const int R,
                               const int P, const uint8_t *x, const uint8_t *w, void *c,
                               int64_t ld, bool add)
{
    const int64_t panel = p->panel, below = 16 * p->ldx, one = VA_NARROW_LINE;
    char *c0 = c, *c1 = c0 + 64 * ld;

    ld *= 4;
    if (add) {
        VA_TILE_LOAD(0, c0, ld);
        if (P > 1)
            VA_TILE_LOAD(1, c0 + 64, ld);
        if (R > 1)
            VA_TILE_LOAD(2, c1, ld);
        if (R > 1 && P > 1)
            VA_TILE_LOAD(3, c1 + 64, ld);
    } else {
        VA_TILE_ZERO(0);
        VA_TILE_ZERO(1);
        VA_TILE_ZERO(2);
        VA_TILE_ZERO(3);
    }
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const uint8_t *row = x + tap * p->stepx, *column = w + tap * p->stepw;

        for (int64_t l = 0; l < p->lines;
             l++, row += VA_NARROW_LINE, column += VA_NARROW_TILE) {
            VA_TILE_LOAD(4, row, p->ldx);
            VA_TILE_LOAD(6, column, one);
            va_amx_ask(column);
            VA_TILE_MULTIPLY(bytes, 0, 4, 6);
            if (P > 1) {
                VA_TILE_LOAD(7, column + panel, one);
                va_amx_ask(column + panel);
                VA_TILE_MULTIPLY(bytes, 1, 4, 7);
            }
            if (R > 1) {
                VA_TILE_LOAD(5, row + below, p->ldx);
                VA_TILE_MULTIPLY(bytes, 2, 5, 6);
                if (P > 1)
                    VA_TILE_MULTIPLY(bytes, 3, 5, 7);
            }
        }
    }
    VA_TILE_STORE(0, c0, ld);
    if (P > 1)
        VA_TILE_STORE(1, c0 + 64, ld);
    if (R > 1)
        VA_TILE_STORE(2, c1, ld);
    if (R > 1 && P > 1)
        VA_TILE_STORE(3, c1 + 64, ld);
}

/* The same for any rows and columns up to 32: whole tiles go to c. */
VA_INLINE void va_amx_multiply_some(const struct va_narrow_product *p, const bool bytes,
                                    int64_t rows, int64_t cols, const uint8_t *x,
                                    const uint8_t *w, void *c, int64_t ld, bool add)
{
    if (rows > 16 && cols > 16)
        va_amx_multiply(p, bytes, 2, 2, x, w, c, ld, add);
    else if (rows > 16)
        va_amx_multiply(p, bytes, 2, 1, x, w, c, ld, add);
    else if (cols > 16)
        va_amx_multiply(p, bytes, 1, 2, x, w, c, ld, add);
    else
        va_amx_multiply(p, bytes, 1, 1, x, w, c, ld, add);
}

#endif
