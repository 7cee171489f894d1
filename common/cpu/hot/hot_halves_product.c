/*
 * Products of numbers in bfloat16 (cpu/va_narrow.h). AMX has 32 rows by 32 columns at a time; the others a few
 * rows by a panel or two, whose sums stay in registers over a line.
 */
#include "cpu/hot/va_groups.h"
#include "cpu/hot/va_hot_priv.h"

#if defined(__AVX512F__)
#include "cpu/hot/va_amx.h"
#endif

enum {
    NR = VA_NARROW_PANEL,
    GROUPS = VA_NARROW_GROUPS,
    V = NR / VA_W, /* vectors across a panel */
#if defined(__AVX512F__)
    MR_DOTS = 12, /* rows of a tile */
    MR = 6,
    MOST = MR_DOTS,
    TWO = 2, /* panels of a tile */
#elif defined(__AVX2__)
    MR = 2,
    MOST = MR,
    TWO = 1,
#else
    MR = 1,
    MOST = MR,
    TWO = 1,
#endif
};
_Static_assert(VA_NARROW_ROWS % MR == 0, "tiles of rows are cut evenly");

/* Where a tile is: its rows of x, its panels, and its place in c. */
struct tile {
    const uint8_t *x, *w;
    float *c;
    int64_t rows, cols;
};

/* Sums of R rows and P panels come from c and go there; those of parts begin with 0 and are added there. */
VA_INLINE void begin_sums(const struct va_narrow_product *p, const struct tile *t, const int R,
                          const int P, va_vf s[TWO * V][MOST])
{
    const bool add = p->add && !p->in_parts;

    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            s[i][r] = add && r < t->rows && i * VA_W < t->cols
                          ? v_get(t->c + r * p->ldc + i * VA_W, t->cols - i * VA_W)
                          : v_set(0);
    }
}

VA_INLINE void put_sums(float *c, va_vf s, int64_t left, bool add)
{
    if (add)
        s = v_get(c, left) + s;
    v_put(c, s, left);
}

VA_INLINE void store_sums(const struct va_narrow_product *p, const struct tile *t, const int R,
                          const int P, va_vf s[TWO * V][MOST])
{
    const bool add = p->add && p->in_parts;

    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            if (r < t->rows && i * VA_W < t->cols)
                put_sums(t->c + r * p->ldc + i * VA_W, s[i][r], t->cols - i * VA_W, add);
    }
}

/* The even numbers of a row's line as float32, and the odd ones. */
VA_INLINE void widen(const uint8_t *x, float even[GROUPS], float odd[GROUPS])
{
    VA_UNROLL
    for (int g = 0; g < GROUPS; g += VA_W) {
        va_vu both = v_groups(x + 4 * g);

        v_store(even + g, (va_vf)(both << 16));
        v_store(odd + g, (va_vf)(both & 0xffff0000));
    }
}

/* A line of R rows and P panels: its even numbers, its odd ones, then both. */
VA_INLINE void add_line(const uint8_t *x, int64_t ldx, const uint8_t *w, int64_t panel,
                        const int R, const int P, va_vf s[TWO * V][MOST])
{
    va_vf even[TWO * V][MR], odd[TWO * V][MR];
    float x0[MR][GROUPS], x1[MR][GROUPS];

    for (int r = 0; r < R; r++)
        widen(x + r * ldx, x0[r], x1[r]);
    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            even[i][r] = odd[i][r] = v_set(0);
    }
    for (int g = 0; g < GROUPS; g++) {
        va_vf w0[TWO * V], w1[TWO * V];

        VA_UNROLL
        for (int i = 0; i < P * V; i++) {
            va_vu both = v_groups(w + i / V * panel + (g * V + i % V) * 4 * VA_W);

            w0[i] = (va_vf)(both << 16);
            w1[i] = (va_vf)(both & 0xffff0000);
        }
        VA_UNROLL
        for (int r = 0; r < R; r++) {
            va_vf first = v_set(x0[r][g]), second = v_set(x1[r][g]);

            VA_UNROLL
            for (int i = 0; i < P * V; i++) {
                even[i][r] = v_fma(first, w0[i], even[i][r]);
                odd[i][r] = v_fma(second, w1[i], odd[i][r]);
            }
        }
    }
    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            s[i][r] = s[i][r] + (even[i][r] + odd[i][r]);
    }
}

VA_INLINE void multiply_floats(const struct va_narrow_product *p, const struct tile *t,
                               const int R, const int P)
{
    va_vf s[TWO * V][MOST];

    begin_sums(p, t, R, P, s);
    for (int64_t tap = 0; tap < p->taps; tap++)
        for (int64_t l = 0; l < p->lines; l++)
            add_line(t->x + tap * p->stepx + l * VA_NARROW_LINE, p->ldx,
                     t->w + tap * p->stepw + l * VA_NARROW_TILE, p->panel, R, P, s);
    store_sums(p, t, R, P, s);
}

VA_INLINE void multiply_parts(const struct va_narrow_product *p, const struct tile *t,
                              const int R, const int P)
{
    va_vf s[TWO * V][MOST];

    begin_sums(p, t, R, P, s);
    for (int64_t l = 0; l < p->lines; l++)
        for (int i = 0; i < VA_NARROW_PAIRS; i++)
            add_line(t->x + (l * VA_NARROW_PARTS + va_narrow_order[i][0]) * VA_NARROW_LINE,
                     p->ldx,
                     t->w + (l * VA_NARROW_PARTS + va_narrow_order[i][1]) * VA_NARROW_TILE,
                     p->panel, R, P, s);
    store_sums(p, t, R, P, s);
}

#if defined(__AVX512F__)
/* The same by AVX512_BF16, group by group. */
VA_INLINE void multiply_dots(const struct va_narrow_product *p, const struct tile *t,
                             const int R, const int P)
{
    va_vf s[TWO * V][MOST];

    begin_sums(p, t, R, P, s);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const uint8_t *x = t->x + tap * p->stepx, *w = t->w + tap * p->stepw;

        for (int64_t g = 0; g < p->lines * GROUPS; g++, x += 4, w += 4 * NR) {
            va_vu column[TWO];

            VA_UNROLL
            for (int i = 0; i < P; i++)
                column[i] = v_groups(w + i * p->panel);
            VA_UNROLL
            for (int r = 0; r < R; r++) {
                va_vu row = v_spread(x + r * p->ldx);

                VA_UNROLL
                for (int i = 0; i < P; i++)
                    __asm__("vdpbf16ps %2, %1, %0" : "+v"(s[i][r]) : "v"(row), "v"(column[i]));
            }
        }
    }
    store_sums(p, t, R, P, s);
}
#endif

/* A tile of P panels and R rows at most, by the instructions that are there. */
VA_INLINE void multiply_rows(const struct va_narrow_product *p, const struct tile *t,
                             const bool dots, const int R, const int P)
{
#if defined(__AVX512F__)
    if (dots) {
        multiply_dots(p, t, R, P);
        return;
    }
#endif
    (void)dots;
    if (p->in_parts)
        multiply_parts(p, t, R, P);
    else
        multiply_floats(p, t, R, P);
}

VA_INLINE void multiply_panels(const struct va_narrow_product *p, struct tile t,
                               const bool dots, const int R, const int P)
{
    int64_t rows = t.rows;

    for (int64_t m = 0; m < rows; m += R, t.x += R * p->ldx, t.c += R * p->ldc) {
        t.rows = rows - m;
        if (t.rows > 1)
            multiply_rows(p, &t, dots, R, P);
        else
            multiply_rows(p, &t, dots, 1, P);
    }
}

static void multiply_by_vectors(const struct va_narrow_product *p, struct tile t, bool dots)
{
#if defined(__AVX512F__)
    if (dots) {
        if (t.cols > NR)
            multiply_panels(p, t, true, MR_DOTS, TWO);
        else
            multiply_panels(p, t, true, MR_DOTS, 1);
        return;
    }
#endif
    (void)dots;
    if (t.cols > NR)
        multiply_panels(p, t, false, MR, TWO);
    else
        multiply_panels(p, t, false, MR, 1);
}

/* AMX takes denormal numbers for zeros: so do the others, for the time of a product. The state to come back to. */
VA_INLINE unsigned flush_denormals(void)
{
#if defined(__AVX2__)
    unsigned before = _mm_getcsr();

    _mm_setcsr(before | 0x8040);
    return before;
#else
    return 0;
#endif
}

VA_INLINE void keep_denormals(unsigned before)
{
#if defined(__AVX2__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static void product_by_vectors(const struct va_narrow_product *p)
{
    const bool dots = !p->in_parts && va_cpu_bf16_dots();
    const unsigned before = flush_denormals();

    for (int64_t n = 0; n < p->cols; n += TWO * NR) {
        struct tile t = { .x = p->x,
                          .w = p->w + n / NR * p->panel,
                          .c = p->c + n,
                          .rows = p->rows,
                          .cols = p->cols - n < TWO * NR ? p->cols - n : TWO * NR };

        multiply_by_vectors(p, t, dots);
    }
    keep_denormals(before);
}

#ifdef VA_AMX_HERE
enum { TILE = 2 * NR, RUN = 8 /* lines of a single tap that are summed at a time */ };

/* A tile at an edge of c, or one that is added there: by way of `aside`, where it is whole. */
VA_INLINE void multiply_aside(const struct va_narrow_product *p, const enum va_amx_kind kind,
                              const struct tile *t, const uint8_t *ahead)
{
    const bool apart = kind == VA_AMX_PARTS, add = p->add && !apart;
    float aside[TILE * TILE] __attribute__((aligned(64)));

    for (int64_t r = 0; add && r < TILE; r++)
        for (int64_t n = 0; n < TILE; n++)
            aside[r * TILE + n] = r < t->rows && n < t->cols ? t->c[r * p->ldc + n] : 0;
    va_amx_multiply_some(p, kind, t->rows, t->cols, t->x, t->w, aside, TILE, add, ahead);
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t n = 0; n < t->cols; n += VA_W)
            put_sums(t->c + r * p->ldc + n, v_load(aside + r * TILE + n), t->cols - n,
                     p->add && apart);
}

/* Rows are the slowest index: the lines of 32 of them stay in the first cache. */
VA_INLINE void multiply_run(const struct va_narrow_product *p, const enum va_amx_kind kind)
{
    for (int64_t m = 0; m < p->rows; m += TILE)
        for (int64_t n = 0; n < p->cols; n += TILE) {
            struct tile t = { .x = p->x + m * p->ldx,
                              .w = p->w + n / NR * p->panel,
                              .c = p->c + m * p->ldc + n,
                              .rows = p->rows - m < TILE ? p->rows - m : TILE,
                              .cols = p->cols - n < TILE ? p->cols - n : TILE };

            const uint8_t *ahead = t.x + (TILE + n / TILE * VA_AMX_ASKED) * p->ldx;

            if (kind == VA_AMX_BF16)
                ahead = p->next && n < 2 * TILE ? p->next + (m + n / TILE * 16) * p->ldx : NULL;

            if (t.rows % NR == 0 && t.cols % NR == 0 && !(p->add && kind == VA_AMX_PARTS))
                va_amx_multiply_some(p, kind, t.rows, t.cols, t.x, t.w, t.c, p->ldc, p->add,
                                     ahead);
            else
                multiply_aside(p, kind, &t, ahead);
        }
}

static void product_by_tiles(const struct va_narrow_product *p)
{
    const unsigned before = flush_denormals();
    struct va_narrow_product run = *p;

    va_amx_begin();
    for (int64_t l = 0; l < p->lines; l += run.lines) {
        run.lines = !p->in_parts && p->taps == 1 && p->lines - l >= 2 * RUN ? RUN
                                                                            : p->lines - l;
        run.x = p->x + l * VA_NARROW_LINE;
        run.w = p->w + l * VA_NARROW_TILE;
        run.add = p->add || l > 0;
        if (p->in_parts)
            multiply_run(&run, VA_AMX_PARTS);
        else
            multiply_run(&run, VA_AMX_BF16);
    }
    va_amx_end();
    keep_denormals(before);
}
#endif

void VA_HOT(va_hot_halves_product)(const struct va_narrow_product *p)
{
#ifdef VA_AMX_HERE
    if (va_cpu_amx()) {
        product_by_tiles(p);
        return;
    }
#endif
    product_by_vectors(p);
}
