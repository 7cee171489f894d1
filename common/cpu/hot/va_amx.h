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

enum va_amx_kind { VA_AMX_BF16, VA_AMX_PARTS, VA_AMX_BYTES };

#define VA_TILE_MULTIPLY(kind, sum, x, w)   \
    do {                                    \
        if ((kind) == VA_AMX_BYTES)         \
            VA_TILE_BYTES(sum, x, w);       \
        else                                \
            VA_TILE_BF16(sum, x, w);        \
    } while (0)

/* Asks for the tile of a panel after the next: the hardware does not see that tiles follow each other. Without it a
 * product reaches 1,190 GFLOP/s where it has 1,690 (medians of 192 products of 96 x 32 x 15,360, one thread). */
VA_INLINE void va_amx_ask(const uint8_t *tile)
{
    VA_UNROLL
    for (int i = 0; i < 16; i++)
        __builtin_prefetch(tile + 2 * VA_NARROW_TILE + i * VA_NARROW_LINE, 0, 3);
}

/* Sums, of what is at c0 and 16 rows below it, or zeros. R, P and `kind` are known when these are compiled. */
VA_INLINE void va_amx_load(const int R, const int P, const char *c0, int64_t ld, bool add)
{
    const char *c1 = c0 + 16 * ld;

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
}

VA_INLINE void va_amx_store(const int R, const int P, char *c0, int64_t ld)
{
    char *c1 = c0 + 16 * ld;

    VA_TILE_STORE(0, c0, ld);
    if (P > 1)
        VA_TILE_STORE(1, c0 + 64, ld);
    if (R > 1)
        VA_TILE_STORE(2, c1, ld);
    if (R > 1 && P > 1)
        VA_TILE_STORE(3, c1 + 64, ld);
}

/* A line of rows by one of panels. */
VA_INLINE void va_amx_line(const struct va_narrow_product *p, const enum va_amx_kind kind,
                           const int R, const int P, const uint8_t *row, const uint8_t *column)
{
    const int64_t one = VA_NARROW_LINE;

    VA_TILE_LOAD(4, row, p->ldx);
    VA_TILE_LOAD(6, column, one);
    va_amx_ask(column);
    VA_TILE_MULTIPLY(kind, 0, 4, 6);
    if (P > 1) {
        VA_TILE_LOAD(7, column + p->panel, one);
        va_amx_ask(column + p->panel);
        VA_TILE_MULTIPLY(kind, 1, 4, 7);
    }
    if (R > 1) {
        VA_TILE_LOAD(5, row + 16 * p->ldx, p->ldx);
        VA_TILE_MULTIPLY(kind, 2, 5, 6);
        if (P > 1)
            VA_TILE_MULTIPLY(kind, 3, 5, 7);
    }
}

/* The same of a line in parts. */
VA_INLINE void va_amx_line_in_parts(const struct va_narrow_product *p, const int R, const int P,
                                    const uint8_t *row, const uint8_t *column)
{
        const int64_t one = VA_NARROW_LINE;

    VA_UNROLL
    for (int i = 0; i < VA_NARROW_PAIRS; i++) {
        const uint8_t *x = row + va_narrow_order[i][0] * VA_NARROW_LINE;
        const uint8_t *w = column + va_narrow_order[i][1] * VA_NARROW_TILE;

        if (!i || va_narrow_order[i][0] != va_narrow_order[i - 1][0]) {
            VA_TILE_LOAD(4, x, p->ldx);
            if (R > 1)
                VA_TILE_LOAD(5, x + 16 * p->ldx, p->ldx);
        }
        if (!i || va_narrow_order[i][1] != va_narrow_order[i - 1][1]) {
            VA_TILE_LOAD(6, w, one);
            if (P > 1)
                VA_TILE_LOAD(7, w + p->panel, one);
        }
        VA_TILE_BF16(0, 4, 6);
        if (P > 1)
            VA_TILE_BF16(1, 4, 7);
        if (R > 1)
            VA_TILE_BF16(2, 5, 6);
        if (R > 1 && P > 1)
            VA_TILE_BF16(3, 5, 7);
    }
}

enum { VA_AMX_ASKED = 4 }; /* rows */

/* Asks for a line of some rows that will be wanted soon: their tiles come from far. */
VA_INLINE void va_amx_ask_rows(const struct va_narrow_product *p, const uint8_t *row)
{
    for (int r = 0; r < VA_AMX_ASKED; r++, row += p->ldx)
        for (int part = 0; part < VA_NARROW_PARTS; part++)
            __builtin_prefetch(row + part * VA_NARROW_LINE, 0, 2);
}

VA_INLINE void va_amx_ask_next(const struct va_narrow_product *p, const uint8_t *row)
{
    VA_UNROLL
    for (int r = 0; r < 16; r++, row += p->ldx)
        __builtin_prefetch(row, 0, 2);
}

/* R times 16 rows by P panels of a product, to `c`, which has gaps of `ld` numbers, or added to what is there. In
 * parts, `ahead` are rows to ask for. */
VA_INLINE void va_amx_multiply(const struct va_narrow_product *p, const enum va_amx_kind kind,
                               const int R, const int P, const uint8_t *x, const uint8_t *w,
                               void *c, int64_t ld, bool add, const uint8_t *ahead)
{
    const int64_t parts = kind == VA_AMX_PARTS ? VA_NARROW_PARTS : 1;

    ld *= 4;
    va_amx_load(R, P, c, ld, add);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const uint8_t *row = x + tap * p->stepx, *column = w + tap * p->stepw;

        for (int64_t l = 0; l < p->lines; l++) {
            if (kind == VA_AMX_PARTS) {
                va_amx_ask_rows(p, ahead + l * VA_NARROW_PARTS * VA_NARROW_LINE);
                va_amx_line_in_parts(p, R, P, row, column);
            } else {
                if (ahead)
                    va_amx_ask_next(p, ahead + l * VA_NARROW_LINE);
                va_amx_line(p, kind, R, P, row, column);
            }
            row += parts * VA_NARROW_LINE;
            column += parts * VA_NARROW_TILE;
        }
    }
    va_amx_store(R, P, c, ld);
}

/* The same for any rows and columns up to 32: whole tiles go to c. */
VA_INLINE void va_amx_multiply_some(const struct va_narrow_product *p, const enum va_amx_kind kind,
                                    int64_t rows, int64_t cols, const uint8_t *x,
                                    const uint8_t *w, void *c, int64_t ld, bool add,
                                    const uint8_t *ahead)
{
    if (rows > 16 && cols > 16)
        va_amx_multiply(p, kind, 2, 2, x, w, c, ld, add, ahead);
    else if (rows > 16)
        va_amx_multiply(p, kind, 2, 1, x, w, c, ld, add, ahead);
    else if (cols > 16)
        va_amx_multiply(p, kind, 1, 2, x, w, c, ld, add, ahead);
    else
        va_amx_multiply(p, kind, 1, 1, x, w, c, ld, add, ahead);
}

#endif
