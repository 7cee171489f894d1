/*
 * Matrix products in float32. A tile is MR rows of C by one panel or two, in registers over KC steps of K. The panels' KC rows
 * lie in the first cache while all tiles of MC rows use them, and those of the next ones are asked
 * for meanwhile; the MC rows of A lie in the second cache, interleaved as the tiles read them.
 * The order of the sums depends on K alone, so a row of C does not depend on the other rows.
 */
#include "cpu/hot/va_hot_priv.h"
#include "cpu/hot/va_turn.h"

enum {
    NR = VA_GEMM_PANEL,
    V = NR / VA_W, /* vectors across a panel */
#if defined(__AVX512F__)
    MR = 12,
    TWO = 2, /* panels that fit: with one, loads would be the limit, not multiplications */
#elif defined(__AVX2__) || defined(__aarch64__)
    MR = 6,
    TWO = 1,
#else
    MR = 2,
    TWO = 1,
#endif
    KC = 256,
    MC = 192,  /* a multiple of every MR */
    NC = 512,  /* columns brought into panels at a time */
    PACE = 64, /* parts of a float */
};
_Static_assert(MC % MR == 0 && MC * KC + KC * NC <= VA_GEMM_WORK, "work of a thread");

/* One tile: its rows of A, interleaved [K, MR], and of panels [K, NR] that lie `step` apart. */
struct tile {
    int64_t K; /* at most KC */
    const float *a, *b;
    int64_t step;
    const float *next; /* what will be wanted soon: */
    uint64_t pace;     /* PACE-ths of a float to ask for at every step */
    float *c;
    int64_t ldc, rows, cols;
    bool add;
};

/* What came of a panel, into `cols` columns. */
VA_INLINE void store(const struct tile *t, const int R, va_vf s[MR][V], float *c, int64_t cols)
{
    float edge[MR * NR];

    if (t->rows == R && cols >= NR) {
        VA_UNROLL
        for (int r = 0; r < R; r++) {
            VA_UNROLL
            for (int v = 0; v < V; v++) {
                float *to = c + r * t->ldc + v * VA_W;

                if (t->add)
                    s[r][v] = v_load(to) + s[r][v];
                v_store(to, s[r][v]);
            }
        }
        return;
    }
    VA_UNROLL
    for (int r = 0; r < R; r++) {
        VA_UNROLL
        for (int v = 0; v < V; v++)
            v_store(edge + r * NR + v * VA_W, s[r][v]);
    }
    for (int r = 0; r < R && r < t->rows; r++)
        for (int n = 0; n < NR && n < cols; n++) {
            float *to = c + r * t->ldc + n;

            *to = t->add ? *to + edge[r * NR + n] : edge[r * NR + n];
        }
}

/* The first R rows of P panels, numbers known when this is compiled. */
VA_INLINE void multiply_rows(const struct tile *t, const int R, const int P)
{
    const float *a = t->a, *b = t->b;
    uint64_t ahead = 0;
    va_vf s[TWO][MR][V];

    for (int64_t r = 0; r < t->rows; r++)
        for (int p = 0; p < P; p++)
            __builtin_prefetch(t->c + r * t->ldc + p * NR, 1, 3);
    VA_UNROLL
    for (int i = 0; i < P * V; i++) {
        VA_UNROLL
        for (int r = 0; r < R; r++)
            s[i / V][r][i % V] = v_set(0);
    }
    for (int64_t k = 0; k < t->K; k++) {
        va_vf row[TWO][V];

        for (int p = 0; p < P; p++) /* step by step: a burst would wait */
            __builtin_prefetch(t->next + p * t->step + ahead / PACE, 0, 2);
        VA_UNROLL
        for (int i = 0; i < P * V; i++)
            row[i / V][i % V] = v_load(b + i / V * t->step + i % V * VA_W);
        VA_UNROLL
        for (int r = 0; r < R; r++) {
            va_vf x = v_set(a[r]);

            VA_UNROLL
            for (int i = 0; i < P * V; i++)
                s[i / V][r][i % V] = v_fma(x, row[i / V][i % V], s[i / V][r][i % V]);
        }
        a += MR;
        b += NR;
        ahead += t->pace;
    }
    VA_UNROLL
    for (int p = 0; p < P; p++)
        store(t, R, s[p], t->c + p * NR, t->cols - p * NR);
}

VA_INLINE void multiply_panels(const struct tile *t, const int P)
{
    if (t->rows > MR / 2)
        multiply_rows(t, MR, P);
    else if (t->rows > 1)
        multiply_rows(t, MR / 2, P);
    else
        multiply_rows(t, 1, P);
}

/* A single row (a frame of a stream) and the few left over cost no more than they must. */
static void multiply(const struct tile *t)
{
    if (t->cols > NR)
        multiply_panels(t, TWO);
    else
        multiply_panels(t, 1);
}

/* Strips [K, width], `step` apart: each the next `width` of `cols` columns of [K, ld]. Some strips at a time, so that the
 * cache lines of a row are read together. */
VA_INLINE void deal(float *out, int64_t step, const float *from, int64_t ld, int64_t cols,
                    int64_t K, const int64_t width)
{
    enum { SIDE = 8, AHEAD = 8 };
    int64_t c = 0;

    for (; c + SIDE * width <= cols; c += SIDE * width, out += SIDE * step)
        for (int64_t k = 0; k < K; k++) {
            const float *row = from + k * ld + c;

            VA_UNROLL
            for (int i = 0; i < SIDE; i++) {
                __builtin_prefetch(row + AHEAD * ld + i * width, 0, 3);
                memcpy(out + i * step + k * width, row + i * width,
                       (size_t)width * sizeof(*out));
            }
        }
    for (; c < cols; c += width, out += step)
        for (int64_t k = 0; k < K; k++)
            for (int64_t i = 0; i < width && c + i < cols; i++)
                out[k * width + i] = from[k * ld + c + i];
}

void VA_HOT(va_hot_panels)(int64_t K, int64_t cols, int64_t ld, const float *w, float *panels,
                           int64_t step)
{
    deal(panels, step, w, ld, cols, K, NR);
}

/* out [K, width] = width columns of [K, width] that lie transposed, ld apart. The number of steps that
 * were done, a multiple of VA_W. */
VA_INLINE int64_t turn_squares(float *out, const float *from, int64_t ld, int64_t K,
                               const int64_t width)
{
    int64_t i = 0;

    for (; i + VA_W <= K; i += VA_W)
        for (int64_t c = 0; c < width; c += VA_W) {
            const int n = width - c < VA_W ? (int)(width - c) : VA_W;
            va_vf r[VA_W];

            VA_UNROLL
            for (int j = 0; j < VA_W; j++)
                r[j] = j < n ? v_load(from + (c + j) * ld + i) : v_set(0);
            v_turn(r);
            VA_UNROLL
            for (int j = 0; j < VA_W; j++)
                v_store_part(out + (i + j) * width + c, r[j], n);
        }
    return i;
}

/* out [K, width] = n columns of [K, n] that lie transposed, ld apart; the others stay as they
 * are, and what comes of them is not stored. */
VA_INLINE void turn(float *out, const float *from, int64_t ld, int64_t n, int64_t K,
                    const int64_t width)
{
    const int64_t done = n == width ? turn_squares(out, from, ld, K, width) : 0;

    for (int64_t i = done; n == width && i < K; i++)
        for (int64_t c = 0; c < width; c++)
            out[i * width + c] = from[c * ld + i];
    for (int64_t c = 0; n < width && c < n; c++)
        for (int64_t i = 0; i < K; i++)
            out[i * width + c] = from[c * ld + i];
}

/* Rows [m0, m0 + rows) and columns [k0, k0 + K) of A, tile by tile [K, MR]. */
static void take_rows(const struct va_gemm *g, const float *a, int64_t m0, int64_t rows,
                      int64_t k0, int64_t K, float *out)
{
    if (g->transA)
        deal(out, MR * K, a + k0 * g->lda + m0, g->lda, rows, K, MR);
    for (int64_t m = 0; !g->transA && m < rows; m += MR)
        turn(out + m * K, a + (m0 + m) * g->lda + k0, g->lda, rows - m < MR ? rows - m : MR, K,
             MR);
}

/* Columns [n0, n0 + cols) and rows [k0, k0 + K) of B, which is not in panels, as panels. */
static void take_panels(const struct va_gemm *g, const float *b, int64_t n0, int64_t cols,
                        int64_t k0, int64_t K, float *out)
{
    if (g->b == VA_GEMM_ROWS)
        deal(out, NR * K, b + k0 * g->ldb + n0, g->ldb, cols, K, NR);
    for (int64_t c = 0; g->b == VA_GEMM_COLUMNS && c < cols; c += NR)
        turn(out + c * K, b + (n0 + c) * g->ldb + k0, g->ldb, cols - c < NR ? cols - c : NR, K,
             NR);
}

/* Rows of A as take_rows gave them, by t.cols columns of panels, into columns of c. */
static void multiply_block(struct tile t, int64_t rows, int64_t cols)
{
    enum { WIDE = TWO * NR };
    const float *a = t.a;
    int64_t tiles = (rows + MR - 1) / MR;
    float *c = t.c;

    t.pace = (uint64_t)(PACE * NR / tiles);
    for (int64_t n = 0; n < cols; n += WIDE, t.b += TWO * t.step) {
        t.cols = cols - n < WIDE ? cols - n : WIDE;
        t.next = t.b + (n + WIDE < cols ? TWO * t.step : 0);
        for (int64_t i = 0; i < tiles; i++) {
            t.a = a + i * MR * t.K;
            t.c = c + i * MR * t.ldc + n;
            t.rows = rows - i * MR < MR ? rows - i * MR : MR;
            multiply(&t);
            t.next += (uint64_t)t.K * t.pace / PACE;
        }
    }
}

void VA_HOT(va_hot_gemm)(const struct va_gemm *g, const float *a, const float *b, float *c,
                         float *work)
{
    const bool panels = g->b == VA_GEMM_PANELS;
    const int64_t depth = (g->K + 15) / 16 * 16; /* rows of a panel that was given */
    float *rows_of_a = work, *panels_of_b = work + MC * KC;

    for (int64_t n0 = 0, cols; n0 < g->N; n0 += cols) {
        cols = panels || g->N - n0 < NC ? g->N - n0 : NC;
        for (int64_t k0 = 0; k0 < g->K; k0 += KC) {
            struct tile t = { .K = g->K - k0 < KC ? g->K - k0 : KC,
                              .a = rows_of_a,
                              .b = panels ? b + k0 * NR : panels_of_b,
                              .ldc = g->ldc,
                              .add = g->add || k0 > 0 };

            t.step = NR * (panels ? depth : t.K);
            if (!panels)
                take_panels(g, b, n0, cols, k0, t.K, panels_of_b);
            for (int64_t m0 = 0; m0 < g->M; m0 += MC) {
                int64_t rows = g->M - m0 < MC ? g->M - m0 : MC;

                take_rows(g, a, m0, rows, k0, t.K, rows_of_a);
                t.c = c + m0 * g->ldc + n0;
                multiply_block(t, rows, cols);
            }
        }
    }
}
