#include "cpu/va_buffer.h"
#include "ref/va_ref_priv.h"
#include <math.h>
#include <string.h>

static double sigma(double x)
{
    return 1 / (1 + exp(-x));
}

/* s [G*H] = W_hh h + b_hh; h NULL: zero */
static void recur(const struct va_recurrent *p, const double *h, double *s)
{
    int64_t rows = va_cell_gates(p->cell) * p->H;
    const double *w = p->w->data, *bias = p->bias;

    for (int64_t r = 0; r < rows; r++) {
        s[r] = bias[r];
        for (int64_t i = 0; h && i < p->H; i++)
            s[r] += w[r * p->H + i] * h[i];
    }
}

/* A frame: a [G, H] becomes the gates; c0 and h0 are those of the frame before, NULL: zero. */
static void lstm(int64_t H, const double *s, const double *c0, double *a, double *c, double *h)
{
    for (int64_t i = 0; i < H; i++) {
        double in = a[i] = sigma(a[i] + s[i]), forget = a[H + i] = sigma(a[H + i] + s[H + i]);
        double g = a[2 * H + i] = tanh(a[2 * H + i] + s[2 * H + i]);
        double out = a[3 * H + i] = sigma(a[3 * H + i] + s[3 * H + i]);

        c[i] = (c0 ? forget * c0[i] : 0) + in * g;
        h[i] = out * tanh(c[i]);
    }
}

static void gru(int64_t H, const double *s, const double *h0, double *a, double *m, double *h)
{
    for (int64_t i = 0; i < H; i++) {
        double r = a[i] = sigma(a[i] + s[i]), z = a[H + i] = sigma(a[H + i] + s[H + i]);
        double n = a[2 * H + i] = tanh(a[2 * H + i] + r * s[2 * H + i]);

        m[i] = s[2 * H + i];
        h[i] = (1 - z) * n + (h0 ? z * h0[i] : 0);
    }
}

void va_ref_recurrent(struct va_backend *be, const struct va_recurrent *p)
{
    int64_t H = p->H, G = va_cell_gates(p->cell);
    double *s = be->failed ? NULL : va_buffer_new(be, G * H);

    be->failed = !s;
    for (int64_t b = 0; s && b < p->B; b++) {
        double *state = p->state ? (double *)p->state + b * 2 * H : NULL;
        const double *h = state, *c = state ? state + H : NULL;

        for (int64_t t = 0; t < p->T; t++) {
            double *a = (double *)p->gates + (b * p->T + t) * G * H;
            double *memo = (double *)p->memo + (b * p->T + t) * H;
            double *y = (double *)p->y + (b * p->T + t) * H;

            recur(p, h, s);
            if (p->cell == VA_CELL_LSTM)
                lstm(H, s, c, a, memo, y);
            else
                gru(H, s, h, a, memo, y);
            h = y;
            c = memo;
        }
        if (state && p->T > 0) {
            memcpy(state, h, (size_t)H * sizeof(*h));
            if (p->cell == VA_CELL_LSTM)
                memcpy(state + H, c, (size_t)H * sizeof(*c));
        }
    }
    va_buffer_free(be, s);
}

/* dh, dc [H] are the gradients that reach h[t] and c[t]; they become those of t-1, but for what
 * comes through W_hh. c0: c[t-1], NULL: zero. */
static void lstm_grad(int64_t H, const double *a, const double *c, const double *c0,
                      const double *dh, double *dc, double *da)
{
    for (int64_t i = 0; i < H; i++) {
        double in = a[i], forget = a[H + i], g = a[2 * H + i], out = a[3 * H + i];
        double top = tanh(c[i]), d = dc[i] + dh[i] * out * (1 - top * top);

        da[i] = d * g * in * (1 - in);
        da[H + i] = (c0 ? d * c0[i] : 0) * forget * (1 - forget);
        da[2 * H + i] = d * in * (1 - g * g);
        da[3 * H + i] = dh[i] * top * out * (1 - out);
        dc[i] = d * forget;
    }
}

static void gru_grad(int64_t H, const double *a, const double *m, const double *h0, double *dh,
                     double *da, double *ds)
{
    for (int64_t i = 0; i < H; i++) {
        double r = a[i], z = a[H + i], n = a[2 * H + i], dn = dh[i] * (1 - z) * (1 - n * n);

        da[i] = ds[i] = dn * m[i] * r * (1 - r);
        da[H + i] = ds[H + i] = dh[i] * ((h0 ? h0[i] : 0) - n) * z * (1 - z);
        da[2 * H + i] = dn;
        ds[2 * H + i] = dn * r;
        dh[i] *= z;
    }
}

static void sequence_grad(const struct va_recurrent_grad *p, int64_t b, double *dh, double *dc)
{
    int64_t H = p->H, G = va_cell_gates(p->cell);
    const double *w = p->w->data;

    memset(dh, 0, (size_t)H * sizeof(*dh));
    memset(dc, 0, (size_t)H * sizeof(*dc));
    for (int64_t t = p->T - 1; t >= 0; t--) {
        int64_t at = b * p->T + t;
        const double *a = (const double *)p->gates + at * G * H, *dy = p->dy;
        const double *memo = (const double *)p->memo + at * H;
        const double *h0 = t ? (const double *)p->y + (at - 1) * H : NULL;
        double *da = (double *)p->da + at * G * H, *ds = da;

        for (int64_t i = 0; i < H; i++)
            dh[i] += dy[at * H + i];
        if (p->cell == VA_CELL_LSTM) {
            lstm_grad(H, a, memo, t ? memo - H : NULL, dh, dc, da);
            memset(dh, 0, (size_t)H * sizeof(*dh));
        } else {
            gru_grad(H, a, memo, h0, dh, da, ds = (double *)p->dsum + at * G * H);
        }
        for (int64_t r = 0; r < G * H; r++)
            for (int64_t i = 0; i < H; i++)
                dh[i] += w[r * H + i] * ds[r];
    }
}

void va_ref_recurrent_grad(struct va_backend *be, const struct va_recurrent_grad *p)
{
    double *work = be->failed ? NULL : va_buffer_new(be, 2 * p->H);

    be->failed = !work;
    for (int64_t b = 0; work && b < p->B; b++)
        sequence_grad(p, b, work, work + p->H);
    va_buffer_free(be, work);
}
