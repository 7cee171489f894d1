/*
 * One frame of a recurrent layer, elementwise over its channels; formulas in ops/va_op_sequence.h. A
 * frame without one before it (memo0 and h0 NULL) begins at zero.
 */
#include "cpu/hot/va_hot_priv.h"

VA_INLINE va_vf get_or_zero(const float *p, int64_t i, int64_t left)
{
    return p ? v_get(p + i, left) : v_set(0.0f);
}

static void lstm(int64_t H, const float *s, const float *c0, float *a, float *c, float *h)
{
    for (int64_t i = 0; i < H; i += VA_W) {
        int64_t n = H - i;
        va_vf in = v_sigmoid(v_get(a + i, n) + v_get(s + i, n));
        va_vf forget = v_sigmoid(v_get(a + H + i, n) + v_get(s + H + i, n));
        va_vf g = v_tanh(v_get(a + 2 * H + i, n) + v_get(s + 2 * H + i, n));
        va_vf out = v_sigmoid(v_get(a + 3 * H + i, n) + v_get(s + 3 * H + i, n));
        va_vf cell = v_fma(forget, get_or_zero(c0, i, n), in * g);

        v_put(a + i, in, n);
        v_put(a + H + i, forget, n);
        v_put(a + 2 * H + i, g, n);
        v_put(a + 3 * H + i, out, n);
        v_put(c + i, cell, n);
        v_put(h + i, out * v_tanh(cell), n);
    }
}

static void gru(int64_t H, const float *s, const float *h0, float *a, float *m, float *h)
{
    for (int64_t i = 0; i < H; i += VA_W) {
        int64_t left = H - i;
        va_vf sn = v_get(s + 2 * H + i, left);
        va_vf r = v_sigmoid(v_get(a + i, left) + v_get(s + i, left));
        va_vf z = v_sigmoid(v_get(a + H + i, left) + v_get(s + H + i, left));
        va_vf n = v_tanh(v_fma(r, sn, v_get(a + 2 * H + i, left)));
        va_vf y = v_fma(z, get_or_zero(h0, i, left) - n, n);

        v_put(a + i, r, left);
        v_put(a + H + i, z, left);
        v_put(a + 2 * H + i, n, left);
        v_put(m + i, sn, left);
        v_put(h + i, y, left);
    }
}

void VA_HOT(va_hot_cell)(enum va_cell cell, int64_t H, const float *s, const float *memo0,
                         const float *h0, float *a, float *memo, float *h)
{
    if (cell == VA_CELL_LSTM)
        lstm(H, s, memo0, a, memo, h);
    else
        gru(H, s, h0, a, memo, h);
}

static void lstm_grad(int64_t H, const float *a, const float *c, const float *c0,
                      const float *dh, float *dc, float *da)
{
    for (int64_t i = 0; i < H; i += VA_W) {
        int64_t n = H - i;
        va_vf in = v_get(a + i, n), forget = v_get(a + H + i, n), g = v_get(a + 2 * H + i, n);
        va_vf out = v_get(a + 3 * H + i, n), top = v_tanh(v_get(c + i, n)),
              dy = v_get(dh + i, n);
        va_vf d = v_fma(dy * out, v_fma(-top, top, v_set(1)), v_get(dc + i, n));

        v_put(da + i, d * g * in * (1.0f - in), n);
        v_put(da + H + i, d * get_or_zero(c0, i, n) * forget * (1.0f - forget), n);
        v_put(da + 2 * H + i, d * in * v_fma(-g, g, v_set(1)), n);
        v_put(da + 3 * H + i, dy * top * out * (1.0f - out), n);
        v_put(dc + i, d * forget, n);
    }
}

static void gru_grad(int64_t H, const float *a, const float *m, const float *h0, float *dh,
                     float *da, float *ds)
{
    for (int64_t i = 0; i < H; i += VA_W) {
        int64_t left = H - i;
        va_vf r = v_get(a + i, left), z = v_get(a + H + i, left), dy = v_get(dh + i, left);
        va_vf n = v_get(a + 2 * H + i, left), dn = dy * (1.0f - z) * v_fma(-n, n, v_set(1));
        va_vf dr = dn * v_get(m + i, left) * r * (1.0f - r);
        va_vf dz = dy * (get_or_zero(h0, i, left) - n) * z * (1.0f - z);

        v_put(da + i, dr, left);
        v_put(ds + i, dr, left);
        v_put(da + H + i, dz, left);
        v_put(ds + H + i, dz, left);
        v_put(da + 2 * H + i, dn, left);
        v_put(ds + 2 * H + i, dn * r, left);
        v_put(dh + i, dy * z, left);
    }
}

void VA_HOT(va_hot_cell_grad)(enum va_cell cell, int64_t H, const float *a, const float *memo,
                              const float *memo0, const float *h0, float *dh, float *dc,
                              float *da, float *ds)
{
    if (cell == VA_CELL_LSTM)
        lstm_grad(H, a, memo, memo0, dh, dc, da);
    else
        gru_grad(H, a, memo, h0, dh, da, ds);
}
