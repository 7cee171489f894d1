/*
 * Numbers in 8 bits (cpu/va_bytes.h): rounding rows to them, and products. A tile is a number of rows by a
 * panel or two, whose sums stay in registers over all of k; each step takes a group of 4 numbers of every
 * row, spread over a vector, times a vector of groups of columns. Panels lie in the first or second cache
 * while all tiles of rows use them.
 */
#include "cpu/hot/va_hot_priv.h"
#include <float.h>

enum {
    NR = VA_BYTES_PANEL,
    V = NR / VA_W, /* vectors across a panel */
    ROWS = VA_BYTES_ROWS,
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
_Static_assert(ROWS % MR == 0 && ROWS % MR_VNNI == 0, "tiles of rows are cut evenly");

typedef uint32_t va_vu __attribute__((vector_size(VA_W * 4), may_alias));
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

float VA_HOT(va_hot_to_bytes)(int64_t n, const float *x, int zero, int64_t step, uint8_t *to)
{
    const float whole = 0x1.8p23f; /* a small number plus this is whole, in the lower bits */
    int32_t bits = largest(n, x);
    float most, inverse;

    memcpy(&most, &bits, sizeof(most));
    inverse = most >= VA_BYTES_LEAST ? 127 / most : 0;
    for (int64_t i = 0; i < n; i += VA_W) {
        va_vf v = v_get(x + i, n - i) * inverse + whole;
        va_vb bytes = __builtin_convertvector((va_vi)v - (va_vi)v_set(whole) + zero, va_vb);

        for (int g = 0; g < VA_W && i + g < n; g += 4)
            memcpy(to + (i + g) / 4 * step, (const char *)&bytes + g, 4);
    }
    if (!(most <= FLT_MAX))
        return NAN;
    return inverse > 0 ? most / 127 : 0;
}

/* ---- products --------------------------------------------------------------------------------- */

struct tile {
    int64_t groups, rows, cols;
    const uint8_t *x; /* [group][ROWS][4] */
    const int8_t *w;  /* panels, `step` apart */
    int64_t step;
    const int32_t *start;
    const float *scale_x, *scale_w;
    float *c;
    int64_t ldc;
};

VA_INLINE va_vu load(const void *p)
{
    va_vu v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* Four bytes of a row, in every lane. */
VA_INLINE va_vu spread(const uint8_t *x)
{
    uint32_t group;

    memcpy(&group, x, sizeof(group));
    return (va_vu){ 0 } + group;
}

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

/* Sums of R rows and P panels, as numbers. */
VA_INLINE void store(const struct tile *t, const int R, const int P, va_vu s[TWO * V][MR_VNNI])
{
    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        int64_t n = i * VA_W;
        va_vf scale;

        if (n >= t->cols)
            return;
        scale = v_load(t->scale_w + n);
        VA_UNROLL
        for (int r = 0; r < R; r++)
            if (r < t->rows)
                v_put(t->c + r * t->ldc + n,
                      __builtin_convertvector((va_vi)s[i][r], va_vf) * scale * t->scale_x[r],
                      t->cols - n);
    }
}

/* R rows of P panels, numbers known when this is compiled. */
VA_INLINE void multiply_rows(const struct tile *t, const int R, const int P, const bool vnni)
{
    va_vu s[TWO * V][MR_VNNI];
    const uint8_t *x = t->x;
    const int8_t *w = t->w;

    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            s[i][r] = load(t->start + i * VA_W);
    }
    for (int64_t g = 0; g < t->groups; g++, x += 4 * ROWS, w += 4 * NR) {
        va_vu column[TWO * V];

        VA_UNROLL
        for (int i = 0; i < P * V; i++)
            column[i] = load(w + i / V * t->step + i % V * 4 * VA_W);
        VA_UNROLL
        for (int r = 0; r < R; r++) {
            va_vu row = spread(x + 4 * r);

            VA_UNROLL
            for (int i = 0; i < P * V; i++)
                s[i][r] = dot(vnni, s[i][r], row, column[i]);
        }
    }
    store(t, R, P, s);
}

/* A single row, and the few left over, cost no more than they must. */
VA_INLINE void multiply_panels(struct tile t, const int R, const int P, const bool vnni)
{
    int64_t rows = t.rows;

    for (int64_t r = 0; r < rows; r += R) {
        t.rows = rows - r;
        if (t.rows > R / 2)
            multiply_rows(&t, R, P, vnni);
        else if (t.rows > 1)
            multiply_rows(&t, R / 2, P, vnni);
        else
            multiply_rows(&t, 1, P, vnni);
        t.x += 4 * R;
        t.scale_x += R;
        t.c += R * t.ldc;
    }
}

/* At most ROWS rows and TWO panels. */
VA_INLINE void multiply(const struct tile *t, const int R, const bool vnni)
{
    if (t->cols > NR)
        multiply_panels(*t, R, TWO, vnni);
    else
        multiply_panels(*t, R, 1, vnni);
}

void VA_HOT(va_hot_bytes_product)(const struct va_bytes_product *p)
{
    enum { WIDE = TWO * NR };
    const bool vnni = va_cpu_vnni((enum va_isa)ISA);

    for (int64_t n = 0; n < p->cols; n += WIDE)
        for (int64_t m = 0; m < p->rows; m += ROWS) {
            struct tile t = { .groups = p->groups,
                              .rows = p->rows - m < ROWS ? p->rows - m : ROWS,
                              .cols = p->cols - n < WIDE ? p->cols - n : WIDE,
                              .x = p->x + m * p->groups * 4,
                              .w = p->w + n * p->groups * 4,
                              .step = 4 * NR * p->groups,
                              .start = p->start + n,
                              .scale_x = p->scale_x + m,
                              .scale_w = p->scale_w + n,
                              .c = p->c + m * p->ldc + n,
                              .ldc = p->ldc };

            if (vnni)
                multiply(&t, MR_VNNI, true);
            else
                multiply(&t, MR, false);
        }
}
