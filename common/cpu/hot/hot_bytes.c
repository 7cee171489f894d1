/*
 * Numbers in 8 bits (cpu/va_narrow.h): rounding to them, and products. AMX has 32 rows by 32 columns at a time.
 * Else a tile is a number of rows by a panel or two, whose sums stay in registers over all of k; each step takes
 * a group of 4 numbers of every row, spread over a vector, times a vector of groups of columns. Panels lie in the
 * first or second cache while all tiles of rows use them.
 */
#include "cpu/hot/va_groups.h"
#include "cpu/hot/va_hot_priv.h"
#include <float.h>

#if defined(__AVX512F__)
#include "cpu/hot/va_amx.h"
#endif

enum {
    NR = VA_NARROW_PANEL,
    V = NR / VA_W, /* vectors across a panel */
#if defined(__AVX512F__)
    ISA = VA_ISA_AVX512,
    MR_VNNI = 12, /* rows of a tile */
    MR = 12,
    TWO = 2, /* panels of a tile */
#elif defined(__AVX2__)
    ISA = VA_ISA_AVX2,
    MR_VNNI = 6,
    MR = 4,
    TWO = 1,
#else
    ISA = VA_ISA_PLAIN,
    MR_VNNI = 2,
    MR = 2,
    TWO = 1,
#endif
};
_Static_assert(VA_NARROW_ROWS % MR == 0 && VA_NARROW_ROWS % MR_VNNI == 0,
               "tiles are cut evenly");

typedef uint8_t va_vb __attribute__((vector_size(VA_W)));

/* ---- rounding --------------------------------------------------------------------------------- */

/* The bits of the largest magnitude, in the order of the numbers: infinity and NaN are the largest. */
VA_INLINE int32_t largest(int64_t n, const float *x)
{
    va_vi most = (va_vi)v_set(0);
    int32_t all = 0;

    for (int64_t i = 0; i < n; i += VA_W) {
        va_vi bits = (va_vi)v_abs(v_get(x + i, n - i)), more = bits > most;

        most = (more & bits) | (~more & most);
    }
    for (int i = 0; i < VA_W; i++)
        all = most[i] > all ? most[i] : all;
    return all;
}

/* n numbers as whole ones plus `zero`, four at a time: those of group g at to + g * step. Returns as bytes_row. */
VA_INLINE float round_groups(int64_t n, const float *x, int zero, const int64_t step,
                             uint8_t *to)
{
    const float whole = 0x1.8p23f; /* a small number plus this is whole, in the lower bits */
    int32_t bits = largest(n, x);
    float most, inverse;

    memcpy(&most, &bits, sizeof(most));
    inverse = most >= VA_BYTES_LEAST ? 127 / most : 0;
    for (int64_t i = 0; i < n; i += VA_W) {
        va_vf v = v_get(x + i, n - i) * inverse + whole;
        va_vb bytes = __builtin_convertvector((va_vi)v - (va_vi)v_set(whole) + zero, va_vb);

        if (step == 4 && i + VA_W <= n)
            memcpy(to + i, &bytes, sizeof(bytes));
        for (int g = 0; !(step == 4 && i + VA_W <= n) && g < VA_W && i + g < n; g += 4)
            memcpy(to + (i + g) / 4 * step, (const char *)&bytes + g, 4);
    }
    if (!(most <= FLT_MAX))
        return NAN;
    return inverse > 0 ? most / 127 : 0;
}

float VA_HOT(va_hot_bytes_row)(int64_t n, const float *x, uint8_t *row)
{
    memset(row + n / 4 * 4, 0, (size_t)(va_narrow_lines(n, 1) * VA_NARROW_LINE - n / 4 * 4));
    return round_groups(n, x, VA_BYTES_ZERO, 4, row);
}

float VA_HOT(va_hot_bytes_column)(int64_t n, const float *w, uint8_t *panel, int32_t *sum)
{
    const int8_t *group = (const int8_t *)panel;
    float scale = round_groups(n, w, 0, 4 * NR, panel);

    *sum = 0;
    for (int64_t i = 0; i < n; i += 4, group += 4 * NR)
        *sum += group[0] + group[1] + group[2] + group[3];
    return scale;
}

/* ---- products --------------------------------------------------------------------------------- */

struct tile {
    int64_t rows, cols;
    const uint8_t *x, *w;
    const int32_t *start;
    const float *scale_x, *scale_w;
    float *c;
};

/* s + the sum over the 4 bytes of each lane of x (unsigned) times w (signed), modulo 2^32. VNNI is in
 * assembler: this file is compiled for machines that lack it, too. */
VA_INLINE va_vu dot(const bool vnni, va_vu s, va_vu x, va_vu w)
{
#if defined(__AVX512F__)
    const __m512i low = _mm512_set1_epi32(0x00ff00ff);

    if (vnni) {
        __asm__("vpdpbusd %2, %1, %0" : "+v"(s) : "v"(x), "v"(w));
        return s;
    }
    s += (va_vu)_mm512_madd_epi16(_mm512_and_si512((__m512i)x, low),
                                  _mm512_srai_epi16(_mm512_slli_epi16((__m512i)w, 8), 8));
    return s + (va_vu)_mm512_madd_epi16(_mm512_srli_epi16((__m512i)x, 8),
                                        _mm512_srai_epi16((__m512i)w, 8));
#elif defined(__AVX2__)
    const __m256i low = _mm256_set1_epi32(0x00ff00ff);

    if (vnni) {
        __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(s) : "x"(x), "x"(w));
        return s;
    }
    s += (va_vu)_mm256_madd_epi16(_mm256_and_si256((__m256i)x, low),
                                  _mm256_srai_epi16(_mm256_slli_epi16((__m256i)w, 8), 8));
    return s + (va_vu)_mm256_madd_epi16(_mm256_srli_epi16((__m256i)x, 8),
                                        _mm256_srai_epi16((__m256i)w, 8));
#else
    (void)vnni;
    for (int shift = 0; shift < 32; shift += 8)
        s += (x >> shift & 0xff) * (va_vu)((va_vi)(w << (24 - shift)) >> 24);
    return s;
#endif
}

/* A vector of sums of row r and columns from n on, as numbers. */
VA_INLINE void store(const struct va_narrow_product *p, const struct tile *t, int64_t r,
                     int64_t n, va_vi sums)
{
    va_vf y = __builtin_convertvector(sums, va_vf) * v_load(t->scale_w + n) * t->scale_x[r];

    v_put(t->c + r * p->ldc + n, y, t->cols - n);
}

/* R rows of P panels, numbers known when this is compiled. */
VA_INLINE void multiply_rows(const struct va_narrow_product *p, const struct tile *t,
                             const int R, const int P, const bool vnni)
{
    const int64_t panel = p->panel;
    va_vu s[TWO * V][MR_VNNI];
    const uint8_t *x = t->x, *w = t->w;

    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            s[i][r] = v_groups(t->start + i * VA_W);
    }
    for (int64_t g = 0; g < p->lines * VA_NARROW_GROUPS; g++, x += 4, w += 4 * NR) {
        va_vu column[TWO * V];

        VA_UNROLL
        for (int i = 0; i < P * V; i++)
            column[i] = v_groups(w + i / V * panel + i % V * 4 * VA_W);
        VA_UNROLL
        for (int r = 0; r < R; r++) {
            va_vu row = v_spread(x + r * p->ldx);

            VA_UNROLL
            for (int i = 0; i < P * V; i++)
                s[i][r] = dot(vnni, s[i][r], row, column[i]);
        }
    }
    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            if (r < t->rows && i * VA_W < t->cols)
                store(p, t, r, i * VA_W, (va_vi)s[i][r]);
    }
}

/* A single row, and the few left over, cost no more than they must. */
VA_INLINE void multiply_panels(const struct va_narrow_product *p, struct tile t, const int R,
                               const int P, const bool vnni)
{
    int64_t rows = t.rows;

    for (int64_t r = 0; r < rows; r += R) {
        t.rows = rows - r;
        if (t.rows > R / 2)
            multiply_rows(p, &t, R, P, vnni);
        else if (t.rows > 1)
            multiply_rows(p, &t, R / 2, P, vnni);
        else
            multiply_rows(p, &t, 1, P, vnni);
        t.x += R * p->ldx;
        t.scale_x += R;
        t.c += R * p->ldc;
    }
}

VA_INLINE void multiply(const struct va_narrow_product *p, const struct tile *t, const int R,
                        const bool vnni)
{
    if (t->cols > NR)
        multiply_panels(p, *t, R, TWO, vnni);
    else
        multiply_panels(p, *t, R, 1, vnni);
}

/* The tile at row m and column n, of at most so many rows and columns. */
VA_INLINE struct tile tile_at(const struct va_narrow_product *p, int64_t m, int64_t n,
                              int64_t rows, int64_t cols)
{
    return (struct tile){ .rows = p->rows - m < rows ? p->rows - m : rows,
                          .cols = p->cols - n < cols ? p->cols - n : cols,
                          .x = p->x + m * p->ldx,
                          .w = p->w + n / NR * p->panel,
                          .start = p->start + n,
                          .scale_x = p->scale_x + m,
                          .scale_w = p->scale_w + n,
                          .c = p->c + m * p->ldc + n };
}

static void product_by_vectors(const struct va_narrow_product *p)
{
    const bool vnni = va_cpu_vnni((enum va_isa)ISA);

    for (int64_t n = 0; n < p->cols; n += TWO * NR)
        for (int64_t m = 0; m < p->rows; m += VA_NARROW_ROWS) {
            struct tile t = tile_at(p, m, n, VA_NARROW_ROWS, TWO * NR);

            if (vnni)
                multiply(p, &t, MR_VNNI, true);
            else
                multiply(p, &t, MR, false);
        }
}

#ifdef VA_AMX_HERE
static void product_by_tiles(const struct va_narrow_product *p)
{
    enum { TILE = 2 * NR };
    int32_t sums[TILE * TILE] __attribute__((aligned(64)));

    va_amx_begin();
    for (int64_t m = 0; m < p->rows; m += TILE)
        for (int64_t n = 0; n < p->cols; n += TILE) {
            struct tile t = tile_at(p, m, n, TILE, TILE);

            va_amx_multiply_some(p, VA_AMX_BYTES, t.rows, t.cols, t.x, t.w, sums, TILE, false,
                                 NULL);
            for (int64_t r = 0; r < t.rows; r++)
                for (int64_t i = 0; i < t.cols; i += VA_W)
                    store(p, &t, r, i,
                          (va_vi)v_groups(sums + r * TILE + i) + (va_vi)v_groups(t.start + i));
        }
    va_amx_end();
}
#endif

void VA_HOT(va_hot_bytes_product)(const struct va_narrow_product *p)
{
#ifdef VA_AMX_HERE
    if (va_cpu_amx()) {
        product_by_tiles(p);
        return;
    }
#endif
    product_by_vectors(p);
}
