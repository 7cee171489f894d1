/*
 * Convolutions and pooling over pictures [B, H, W, C], an output row at a time. Vectors run over
 * channels. Pixels whose taps all lie inside the picture, which are nearly all, go through loops
 * that do not ask; those at the borders one by one.
 */
#include "cpu/hot/va_hot_priv.h"

enum {
    NR = VA_GEMM_PANEL,
    V = NR / VA_W, /* vectors across a panel */
#if defined(__AVX512F__)
    MR = 12, /* pixels of a block of conv2d, in registers */
#elif defined(__AVX2__) || defined(__aarch64__)
    MR = 6,
#else
    MR = 2,
#endif
    PR = 4, /* pixels of a block of dwconv2d */
};

VA_INLINE va_vf activate(enum va_unary act, va_vf x)
{
    if (act == VA_RELU)
        return v_relu(x);
    if (act == VA_SILU)
        return x * v_sigmoid(x);
    return x;
}

/* The taps [from, to) of K that lie inside, where the first is at `first` of n. */
struct taps {
    int64_t from, to;
};

VA_INLINE struct taps inside(int64_t first, int64_t n, int64_t K)
{
    struct taps t = { first < 0 ? -first : 0, n - first < K ? n - first : K };

    return t;
}

/* Columns [*from, *to) of a row see no pixel outside of it. */
VA_INLINE void whole_columns(const struct va_plane *g, int64_t *from, int64_t *to)
{
    int64_t last = g->W + g->pad - g->K; /* of the first pixel seen, less pad */

    *from = (g->pad + g->stride - 1) / g->stride;
    *to = last < 0 ? 0 : last / g->stride + 1;
    if (*from > g->Wo)
        *from = g->Wo;
    if (*to > g->Wo)
        *to = g->Wo;
    if (*to < *from)
        *to = *from;
}

struct conv_row {
    const struct va_conv2d *p;
    const float *x, *w; /* first row seen of the picture (which may lie above it); weights */
    int64_t tap, panel;
    struct taps rows;
    float *y; /* row of the result */
};

/* R pixels from column j on, a number known when this is compiled. */
VA_INLINE void conv_pixels(const struct conv_row *c, int64_t j, struct taps cols, const int R)
{
    const struct va_conv2d *p = c->p;
    const float *bias = p->bias, *w = c->w;
    int64_t Cin = p->Cin, step = p->at.stride * Cin;
    const float *x = c->x + (j * p->at.stride - p->at.pad) * Cin;
    va_vf s[MR][V];

    for (int64_t o = 0; o < p->Cout; o += NR, w += c->panel) {
        VA_UNROLL
        for (int v = 0; v < V; v++) {
            int64_t at = o + v * VA_W, left = p->Cout - at;

            s[0][v] = bias && left > 0 ? v_get(bias + at, left) : v_set(0);
            VA_UNROLL
            for (int r = 1; r < R; r++)
                s[r][v] = s[0][v];
        }
        for (int64_t m = c->rows.from; m < c->rows.to; m++)
            for (int64_t n = cols.from; n < cols.to; n++) {
                const float *in = x + (m * p->at.W + n) * Cin;
                const float *wt = w + (m * p->at.K + n) * c->tap;

                for (int64_t i = 0; i < Cin; i++, wt += NR) {
                    va_vf row[V];

                    VA_UNROLL
                    for (int v = 0; v < V; v++)
                        row[v] = v_load(wt + v * VA_W);
                    VA_UNROLL
                    for (int r = 0; r < R; r++) {
                        va_vf one = v_set(in[r * step + i]);

                        VA_UNROLL
                        for (int v = 0; v < V; v++)
                            s[r][v] = v_fma(one, row[v], s[r][v]);
                    }
                }
            }
        VA_UNROLL
        for (int r = 0; r < R; r++) {
            VA_UNROLL
            for (int v = 0; v < V; v++) {
                int64_t at = o + v * VA_W, left = p->Cout - at;

                if (left > 0)
                    v_put(c->y + (j + r) * p->Cout + at, activate(p->act, s[r][v]), left);
            }
        }
    }
}

void VA_HOT(va_hot_conv2d)(const struct va_conv2d *p, const float *w, int64_t tap,
                           int64_t panel, int64_t row)
{
    const struct va_plane *g = &p->at;
    int64_t first = row % g->Ho * g->stride - g->pad, from, to;
    struct conv_row c = {
        .p = p,
        .x = (const float *)p->x + (row / g->Ho * g->H + first) * g->W * p->Cin,
        .w = w,
        .tap = tap,
        .panel = panel,
        .rows = inside(first, g->H, g->K),
        .y = (float *)p->y + row * g->Wo * p->Cout,
    };
    struct taps all = { 0, g->K };
    int64_t j = 0;

    whole_columns(g, &from, &to);
    for (; j < from; j++)
        conv_pixels(&c, j, inside(j * g->stride - g->pad, g->W, g->K), 1);
    for (; j + MR <= to; j += MR)
        conv_pixels(&c, j, all, MR);
    for (; j < to; j++)
        conv_pixels(&c, j, all, 1);
    for (; j < g->Wo; j++)
        conv_pixels(&c, j, inside(j * g->stride - g->pad, g->W, g->K), 1);
}

/* One pixel; x is the first pixel seen. */
static void dwconv_pixel(const struct va_dwconv2d *p, const float *wt, const float *x,
                         struct taps rows, struct taps cols, float *y)
{
    const float *bias = p->bias;
    int64_t C = p->C;

    for (int64_t c = 0; c < C; c += VA_W) {
        va_vf s = bias ? v_get(bias + c, C - c) : v_set(0);

        for (int64_t m = rows.from; m < rows.to; m++)
            for (int64_t n = cols.from; n < cols.to; n++)
                s = v_fma(v_get(wt + (m * p->at.K + n) * C + c, C - c),
                          v_get(x + (m * p->at.W + n) * C + c, C - c), s);
        v_put(y + c, activate(p->act, s), C - c);
    }
}

/* `blocks` of PR pixels, of a kernel of 3 x 3 that lies inside the picture, whose nine weights stay in
 * registers; whole vectors of channels from c on. */
VA_INLINE void dwconv_3x3(const struct va_dwconv2d *p, const float *wt, const float *x,
                          int64_t blocks, int64_t c, float *y)
{
    int64_t C = p->C, step = p->at.stride * C, line = p->at.W * C;
    va_vf w[9], bias = p->bias ? v_load((const float *)p->bias + c) : v_set(0);

    VA_UNROLL
    for (int k = 0; k < 9; k++)
        w[k] = v_load(wt + k * C + c);
    x += c, y += c;
    for (int64_t b = 0; b < blocks; b++, x += PR * step, y += PR * C) {
        VA_UNROLL
        for (int r = 0; r < PR; r++) {
            va_vf s = bias;

            VA_UNROLL
            for (int k = 0; k < 9; k++)
                s = v_fma(w[k], v_load(x + r * step + k / 3 * line + k % 3 * C), s);
            v_store(y + r * C, activate(p->act, s));
        }
    }
}

void VA_HOT(va_hot_dwconv2d)(const struct va_dwconv2d *p, const float *wt, int64_t row)
{
    const struct va_plane *g = &p->at;
    int64_t C = p->C, first = row % g->Ho * g->stride - g->pad, from, to, j = 0;
    const float *x = (const float *)p->x + ((row / g->Ho * g->H + first) * g->W - g->pad) * C;
    float *y = (float *)p->y + row * g->Wo * C;
    struct taps rows = inside(first, g->H, g->K), all = { 0, g->K };
    bool quick = g->K == 3 && rows.from == 0 && rows.to == 3 && C % VA_W == 0;

    whole_columns(g, &from, &to);
    for (; j < from; j++)
        dwconv_pixel(p, wt, x + j * g->stride * C, rows,
                     inside(j * g->stride - g->pad, g->W, g->K), y + j * C);
    for (int64_t c = 0; quick && c < C; c += VA_W)
        dwconv_3x3(p, wt, x + j * g->stride * C, (to - from) / PR, c, y + j * C);
    if (quick)
        j += (to - from) / PR * PR;
    for (; j < to; j++)
        dwconv_pixel(p, wt, x + j * g->stride * C, rows, all, y + j * C);
    for (; j < g->Wo; j++)
        dwconv_pixel(p, wt, x + j * g->stride * C, rows,
                     inside(j * g->stride - g->pad, g->W, g->K), y + j * C);
}

void VA_HOT(va_hot_pool2d)(const struct va_pool2d *p, int64_t row)
{
    const struct va_plane *g = &p->at;
    int64_t C = p->C, first = row % g->Ho * g->stride - g->pad;
    const float *picture = (const float *)p->x + (row / g->Ho * g->H + first) * g->W * C;
    struct taps rows = inside(first, g->H, g->K);

    for (int64_t j = 0; j < g->Wo; j++) {
        int64_t left = j * g->stride - g->pad;
        struct taps cols = inside(left, g->W, g->K);
        int64_t count = (rows.to - rows.from) * (cols.to - cols.from);
        float share = p->pool == VA_POOL_MEAN ? 1 / (float)count : 1;
        const float *x = picture + left * C;
        float *y = (float *)p->y + (row * g->Wo + j) * C;

        for (int64_t c = 0; c < C; c += VA_W) {
            va_vf s = v_set(p->pool == VA_POOL_MAX ? -INFINITY : 0);

            for (int64_t m = rows.from; m < rows.to; m++)
                for (int64_t n = cols.from; n < cols.to; n++) {
                    va_vf v = v_get(x + (m * g->W + n) * C + c, C - c);

                    if (p->pool == VA_POOL_MEAN)
                        s = s + v;
                    else /* once a NaN, always one */
                        s = v_select((s >= v) | (s != s), s, v);
                }
            v_put(y + c, s * share, C - c);
        }
    }
}

void VA_HOT(va_hot_gate)(int64_t rows, int64_t C, bool below, const float *x, const float *s,
                         float *y)
{
    for (int64_t r = 0; r < rows; r++, x += C, y += C)
        for (int64_t c = 0; c < C; c += VA_W) {
            va_vf v = v_get(x + c, C - c), gated = v_get(s + c, C - c) * v;

            v_put(y + c, below ? v_select(v > 0.0f, v, gated) : gated, C - c);
        }
}
