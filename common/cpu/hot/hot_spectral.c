/*
 * Spectra of tiles and kernels, their products, and the way back (cpu/va_spectral.h). Transforms
 * are sums over tables of waves: beside products in float32 they are a twentieth, and any even size will do.
 */
#include "cpu/hot/va_groups.h"
#include "cpu/hot/va_hot_priv.h"

enum {
    IN = VA_SPECTRAL_IN,
    OUT = VA_SPECTRAL_OUT,
    HALF = VA_TILE_MAX / 2 + 1,
    LANES = 16, /* of a group of channels: the same on every level */
    PARTS = 2,  /* real and imaginary */
    AHEAD = 4,  /* channels of a kernel that are asked for before */
    V = LANES / VA_W,
#if defined(__AVX512F__)
    MR = 12,
#elif defined(__AVX2__) || defined(__aarch64__)
    MR = 6,
#else
    MR = 4,
#endif
};

/* ---- transforms: what is even and odd in time, at HALF times ----------------------------------- */

struct folded {
    va_vf even[HALF], odd[HALF];
};

/* What even and odd times give to G frequencies from k on; both together are frequency k, their
 * difference size / 2 - k. */
struct parts {
    va_vf re[2], im[2];
};

VA_INLINE void waves(const struct va_tile *p, const struct folded *f, int times, int k,
                     const int G, struct parts parts[])
{
    const int64_t ld = p->size / 2 + 1;
    const float *c = p->cosine + k * ld, *s = p->sine + k * ld;

    VA_UNROLL
    for (int g = 0; g < G; g++) {
        parts[g].re[0] = f->even[0];
        parts[g].re[1] = parts[g].im[0] = parts[g].im[1] = v_set(0);
    }
    for (int t = 1; t < times; t++) {
        VA_UNROLL
        for (int g = 0; g < G; g++) {
            struct parts *to = &parts[g];

            to->re[1] = v_fma(f->even[t], v_set(c[g * ld + t]), to->re[1]);
            to->im[1] = v_fma(f->odd[t], v_set(s[g * ld + t]), to->im[1]);
        }
        if (++t == times)
            break;
        VA_UNROLL
        for (int g = 0; g < G; g++) {
            struct parts *to = &parts[g];

            to->re[0] = v_fma(f->even[t], v_set(c[g * ld + t]), to->re[0]);
            to->im[0] = v_fma(f->odd[t], v_set(s[g * ld + t]), to->im[0]);
        }
    }
}

/* Slot 0: the sums with equal and with alternating signs. */
VA_INLINE void flat(const struct folded *f, int times, va_vf *re, va_vf *im)
{
    va_vf here = f->even[0], there = v_set(0);

    for (int t = 1; t < times; t += 2)
        there += f->even[t];
    for (int t = 2; t < times; t += 2)
        here += f->even[t];
    *re = here + there;
    *im = here - there;
}

/* Where the first slot of some channels goes. The form is known when these are compiled. */
struct place {
    enum va_spectral_form form;
    float *at;
    int64_t step, imaginary;
    int first, last;
};

/* bfloat16 in the upper half, halves away from zero: one addition, where nearest even takes seven steps. Numbers are finite
 * (ops/va_op_sequence.h). */
VA_INLINE va_vu rounded(va_vf x)
{
    return (va_vu)x + 0x8000;
}

VA_INLINE void put_group(float *to, va_vu first, va_vu second)
{
    const va_vu group = v_pair(first, second);

    memcpy(to, &group, sizeof(group));
}

/* A slot; slot 0 is `real`. In panels, what a row's (re, im) gives to the real sum and to the imaginary one. */
VA_INLINE void put_slot(const struct place to, int slot, const bool real, va_vf re, va_vf im)
{
    float *at = to.at + slot * to.step;
    const va_vu zero = { 0 };

    if (to.form == VA_SPECTRA_FLOATS) {
        v_store(at, re);
        v_store(at + to.imaginary, im);
    } else if (to.form == VA_SPECTRA_ROWS) {
        put_group(at, rounded(re), rounded(im));
    } else if (real) {
        put_group(at, rounded(re), zero);
        put_group(at + to.imaginary, zero, rounded(im));
    } else {
        put_group(at, rounded(re), rounded(im) ^ 0x80000000);
        put_group(at + to.imaginary, rounded(im), rounded(re));
    }
}

VA_INLINE void spectrum(const struct va_tile *p, const struct folded *f, int times,
                        const struct place to)
{
    enum { G = 2 };
    const int slots = p->size / 2;
    struct parts parts[G];
    va_vf re, im;

    if (to.first == 1) {
        flat(f, times, &re, &im);
        put_slot(to, 0, true, re, im);
    }
    for (int k = to.first; k <= to.last;
         k += G) { /* twice near the middle: the same once more */
        waves(p, f, times, k, G, parts);
        VA_UNROLL
        for (int g = 0; g < G; g++) {
            const struct parts *q = &parts[g];

            put_slot(to, slots - k - g, false, q->re[0] - q->re[1], q->im[1] - q->im[0]);
            put_slot(to, k + g, false, q->re[0] + q->re[1], q->im[0] + q->im[1]);
        }
    }
}

/* Of channel c among those at `to`; and how many channels there are with those that complete a line or a block. */
VA_INLINE struct place place_of(const struct va_spectra *to, const enum va_spectral_form form,
                                int64_t imaginary, int64_t c)
{
    const int64_t panel = c / OUT * PARTS * (OUT / LANES) + c % OUT / LANES;

    if (form == VA_SPECTRA_PANELS)
        return (struct place){ form,      to->at + panel * to->panel + c % LANES,
                               to->step,  OUT / LANES * to->panel,
                               to->first, to->last };
    return (struct place){ form, to->at + c, to->step, imaginary, to->first, to->last };
}

VA_INLINE int64_t completed(const enum va_spectral_form form, int64_t channels)
{
    const int64_t whole = form == VA_SPECTRA_PANELS ? OUT : LANES;

    return form == VA_SPECTRA_FLOATS ? channels : (channels + whole - 1) / whole * whole;
}

VA_INLINE va_vf sample(const struct va_samples *s, int n, int64_t c, int64_t left)
{
    return n < s->first || n >= s->end || left <= 0
               ? v_set(0)
               : v_get(s->x + (n - s->first) * s->ld + c, left);
}

VA_INLINE void tile_spectrum(const struct va_tile *p, const struct va_samples *s,
                             int64_t channels, const struct va_spectra *to,
                             const enum va_spectral_form form)
{
    const int half = p->size / 2;
    const va_vf zero = v_set(0);
    struct folded f;

    for (int64_t c = 0; c < completed(form, channels); c += VA_W) {
        int64_t left = channels - c;

        f.even[0] = sample(s, half, c, left);
        f.even[half] = sample(s, 0, c, left);
        f.odd[0] = f.odd[half] = zero;
        for (int t = 1; t < half; t++) {
            va_vf later = sample(s, half + t, c, left), sooner = sample(s, half - t, c, left);

            f.even[t] = later + sooner;
            f.odd[t] = s->conjugate ? sooner - later : later - sooner;
        }
        spectrum(p, &f, half + 1, place_of(to, form, IN, c));
    }
}

void VA_HOT(va_hot_tile_spectrum)(const struct va_tile *p, const struct va_samples *s,
                                  int64_t channels, const struct va_spectra *to)
{
    if (to->form == VA_SPECTRA_ROWS)
        tile_spectrum(p, s, channels, to, VA_SPECTRA_ROWS);
    else if (to->form == VA_SPECTRA_PANELS)
        tile_spectrum(p, s, channels, to, VA_SPECTRA_PANELS);
    else
        tile_spectrum(p, s, channels, to, VA_SPECTRA_FLOATS);
}

void VA_HOT(va_hot_turn_spectra)(int slots, int64_t channels, int64_t step, const float *from,
                                 int64_t ldto, int64_t stepto, float *to)
{
    for (int k = 0; k < slots; k++)
        for (int64_t c = 0; c < channels; c += LANES)
            v_turn_tile((const uint32_t *)(const void *)(from + k * step + c), IN,
                        (uint32_t *)(void *)(to + k * stepto + c * ldto), ldto);
}

/* What even and odd frequencies give to time t: both together are what is there, their difference
 * what is at size / 2 - t. */
VA_INLINE struct parts back(const struct va_tile *p, const va_vf *re, const va_vf *im, int t)
{
    const int64_t slots = p->size / 2, ld = slots + 1;
    const float *c = p->cosine_back + t, *s = p->sine_back + t;
    struct parts q = { { re[0] * v_set(c[0]), v_set(0) }, { v_set(0), v_set(0) } };
    int64_t k = 1;

    for (; k + 1 < slots; k += 2) {
        q.re[1] = v_fma(re[k], v_set(c[k * ld]), q.re[1]);
        q.im[1] = v_fma(im[k], v_set(s[k * ld]), q.im[1]);
        q.re[0] = v_fma(re[k + 1], v_set(c[(k + 1) * ld]), q.re[0]);
        q.im[0] = v_fma(im[k + 1], v_set(s[(k + 1) * ld]), q.im[0]);
    }
    if (k < slots) {
        q.re[1] = v_fma(re[k], v_set(c[k * ld]), q.re[1]);
        q.im[1] = v_fma(im[k], v_set(s[k * ld]), q.im[1]);
    }
    q.re[slots % 2] = v_fma(im[0], v_set(c[slots * ld]), q.re[slots % 2]);
    return q;
}

/* A vector of all slots, near. */
VA_INLINE void collect(const struct va_tile *p, const float *bins, int64_t step, va_vf *re,
                       va_vf *im)
{
    for (int k = 0; k < p->size / 2; k++) {
        re[k] = v_load(bins + k * step);
        im[k] = v_load(bins + k * step + OUT);
    }
}

/* Outputs before and behind the middle, where they are wanted. */
VA_INLINE void put_outputs(int middle, int t, int count, va_vf even, va_vf odd, int64_t ld,
                           float *y, int64_t left)
{
    if (t < middle && middle + t < count)
        v_put(y + (middle + t) * ld, even + odd, left);
    if (t > 0 && t <= middle && middle - t < count)
        v_put(y + (middle - t) * ld, even - odd, left);
}

void VA_HOT(va_hot_tile_back)(const struct va_tile *p, const float *sums, int64_t step,
                              const float *bias, int64_t channels, int count, int64_t ld,
                              float *y)
{
    const int middle = p->outputs / 2, half = p->size / 2;
    va_vf re[HALF], im[HALF];

    for (int64_t c = 0; c < channels; c += VA_W) {
        const int64_t left = channels - c;
        const va_vf more = bias ? v_get(bias + c, left) : v_set(0);

        collect(p, sums + c, step, re, im);
        for (int t = 0; 2 * t <= half && t <= middle; t++) {
            const struct parts q = back(p, re, im, t);

            put_outputs(middle, half - t, count, q.re[0] - q.re[1] + more, q.im[1] - q.im[0],
                        ld, y + c, left);
            put_outputs(middle, t, count, q.re[0] + q.re[1] + more, q.im[0] + q.im[1], ld,
                        y + c, left);
        }
    }
}

/* ---- kernels ---------------------------------------------------------------------------------- */

/* Over the squares [VA_W][VA_W] of the taps of LANES pairs: of pair n on, of tap t on. */
#define EACH_SQUARE(n, t, taps)           \
    for (int n = 0; n < LANES; n += VA_W) \
        for (int t = 0; t < (taps); t += VA_W)

/* taps [t][LANES] of the pairs (in, out0 ...) */
VA_INLINE void take_taps(const struct va_kernel_block *b, int taps, int in, int out0, float *to)
{
    const int64_t step = b->out_step;
    const float *w = b->w + in * b->in_step + out0 * step;

    for (int i = 0; i < LANES; i++) /* kernels come from memory */
        __builtin_prefetch(w + AHEAD * b->in_step + i * step, 0, 3);
    EACH_SQUARE(n, t, taps)
    {
        va_vf r[VA_W];

        VA_UNROLL
        for (int i = 0; i < VA_W; i++)
            r[i] = in < b->in && out0 + n + i < b->out ? v_get(w + (n + i) * step + t, taps - t)
                                                       : v_set(0);
        v_turn(r);
        VA_UNROLL
        for (int i = 0; i < VA_W; i++)
            v_store(to + (t + i) * LANES + n, r[i]);
    }
}

/* LANES pairs: channel `in`, and from o on. */
VA_INLINE void pairs_spectrum(const struct va_tile *p, const struct va_kernel_block *b, int in,
                              int o, const struct va_spectra *to,
                              const enum va_spectral_form form)
{
    const int middle = p->taps / 2;
    _Alignas(64) float taps[(VA_TAPS_MAX + 1) * LANES];
    struct folded f;

    take_taps(b, p->taps, in, o, taps);
    for (int v = 0; v < LANES; v += VA_W) {
        struct place place = place_of(to, form, OUT, o + v);

        f.even[0] = v_load(taps + middle * LANES + v);
        for (int t = 1; t <= middle; t++) {
            va_vf later = v_load(taps + (middle + t) * LANES + v);
            va_vf sooner = v_load(taps + (middle - t) * LANES + v);

            f.even[t] = later + sooner;
            f.odd[t] = b->mirrored ? later - sooner : sooner - later;
        }
        place.at += in * (form == VA_SPECTRA_FLOATS ? PARTS * OUT : LANES);
        spectrum(p, &f, middle + 1, place);
    }
}

VA_INLINE void kernel_spectrum(const struct va_tile *p, const struct va_kernel_block *b,
                               const struct va_spectra *to, const enum va_spectral_form form)
{
    const int ins = form == VA_SPECTRA_FLOATS ? b->in : (b->in + LANES - 1) / LANES * LANES;

    for (int o = 0; o < completed(form, b->out); o += LANES)
        for (int in = 0; in < ins; in++)
            pairs_spectrum(p, b, in, o, to, form);
}

void VA_HOT(va_hot_kernel_spectrum)(const struct va_tile *p, const struct va_kernel_block *b,
                                    const struct va_spectra *to)
{
    if (to->form == VA_SPECTRA_PANELS)
        kernel_spectrum(p, b, to, VA_SPECTRA_PANELS);
    else
        kernel_spectrum(p, b, to, VA_SPECTRA_FLOATS);
}

/* The gradient of the taps, [t][LANES], is added to w. */
VA_INLINE void give_taps(const struct va_kernel_block *b, int taps, int in, int out0,
                         const float *from)
{
    const int64_t step = b->out_step;
    float *w = b->w + in * b->in_step + out0 * step;

    EACH_SQUARE(n, t, taps)
    {
        va_vf r[VA_W];

        VA_UNROLL
        for (int i = 0; i < VA_W; i++)
            r[i] = v_load(from + (t + i) * LANES + n);
        v_turn(r);
        VA_UNROLL
        for (int i = 0; i < VA_W; i++) {
            float *to = w + (n + i) * step + t;

            if (out0 + n + i < b->out)
                v_put(to, v_get(to, taps - t) + r[i], taps - t);
        }
    }
}

void VA_HOT(va_hot_kernel_back)(const struct va_tile *p, const float *sums, int64_t step,
                                const struct va_kernel_block *b)
{
    const int middle = p->taps / 2;
    _Alignas(64) float taps[(VA_TAPS_MAX + 1) * LANES] = { 0 };
    va_vf re[HALF], im[HALF];

    for (int o = 0; o < b->out; o += LANES)
        for (int in = 0; in < b->in; in++) {
            for (int v = 0; v < LANES; v += VA_W) {
                collect(p, sums + (int64_t)in * 2 * OUT + o + v, step, re, im);
                for (int t = 0; t <= middle; t++) {
                    const struct parts q = back(p, re, im, t);
                    const va_vf even = q.re[0] + q.re[1], odd = q.im[0] + q.im[1];

                    v_store(taps + (middle + t) * LANES + v, even + odd);
                    v_store(taps + (middle - t) * LANES + v, even - odd);
                }
            }
            give_taps(b, p->taps, in, o, taps);
        }
}

/* ---- products ----------------------------------------------------------------------------------- */

/* What the next slot will want, asked for while this one is multiplied: a line for every step. */
struct ahead {
    const float *a, *b;
    int64_t stepa, stepb;
};

/* R rows of one vector. Slot 0 has two real products, the others a complex one. */
VA_INLINE void rows_of(const struct va_spectral_product *p, const int R, const bool real,
                       const bool over_rows, const float *a, const float *b, float *c,
                       struct ahead next)
{
    const int64_t row = over_rows ? 1 : 2 * IN, anext = over_rows ? 2 * IN : 1;
    const int64_t bnext = over_rows ? 2 * IN : 2 * OUT, bim = over_rows ? IN : OUT;
    va_vf re[MR], im[MR];

    VA_UNROLL
    for (int r = 0; r < R; r++)
        re[r] = im[r] = v_set(0);
    for (int64_t k = 0; k < p->depth; k++) {
        const va_vf wr = v_load(b), wi = v_load(b + bim);

        if (R == MR)
            __builtin_prefetch(next.a, 0, 2);
        if (R == MR && over_rows)
            __builtin_prefetch(next.b, 0, 2);
        next.a += next.stepa;
        next.b += next.stepb;

        VA_UNROLL
        for (int r = 0; r < R; r++) {
            const va_vf xr = v_set(a[r * row]), xi = v_set(a[r * row + IN]);

            re[r] = v_fma(xr, wr, re[r]);
            im[r] = v_fma(real ? xi : xr, wi, im[r]);
            if (!real) {
                re[r] = v_fnma(xi, wi, re[r]);
                im[r] = v_fma(xi, wr, im[r]);
            }
        }
        a += anext;
        b += bnext;
    }
    VA_UNROLL
    for (int r = 0; r < R; r++) {
        float *to = c + r * 2 * OUT;

        if (p->add)
            re[r] = v_load(to) + re[r], im[r] = v_load(to + OUT) + im[r];
        v_store(to, re[r]);
        v_store(to + OUT, im[r]);
    }
}

VA_INLINE int some_rows(const struct va_spectral_product *p, int64_t rows, const bool real,
                        const bool over_rows, const float *a, const float *b, float *c,
                        struct ahead next)
{
    if (rows >= MR) {
        rows_of(p, MR, real, over_rows, a, b, c, next);
        return MR;
    }
    if (rows >= 4) {
        rows_of(p, 4, real, over_rows, a, b, c, next);
        return 4;
    }
    if (rows >= 2) {
        rows_of(p, 2, real, over_rows, a, b, c, next);
        return 2;
    }
    rows_of(p, 1, real, over_rows, a, b, c, next);
    return 1;
}

VA_INLINE void slot(const struct va_spectral_product *p, int k, const bool real,
                    const bool over_rows)
{
    const float *a = p->a + k * p->stepa, *b = p->b + k * p->stepb;
    const int64_t tiles = (over_rows ? p->depth : p->rows) * 2 *
                          IN;                                  /* floats of the next slot */
    const int64_t share = tiles * MR * VA_W / (p->rows * OUT); /* of MR rows and a vector */
    struct ahead next = { a + p->stepa, b, share / p->depth, 0 };
    float *c = p->c + k * p->stepc;
    int taken = 0;

    for (int64_t r = 0; r < p->rows; r += taken)
        for (int v = 0; v < OUT; v += VA_W, next.a += share) {
            const float *from = a + r * (over_rows ? 1 : 2 * IN);

            next.b = b + p->stepb + v + (r < MR ? 0 : IN);
            next.stepb = r < 2 * MR ? 2 * IN : 0; /* four lines of a row of b are used */
            taken = some_rows(p, p->rows - r, real, over_rows, from, b + v, c + r * 2 * OUT + v,
                              next);
        }
}

VA_INLINE void all_slots(const struct va_spectral_product *p, const bool over_rows)
{
    slot(p, 0, true, over_rows);
    for (int k = 1; k < p->slots; k++)
        slot(p, k, false, over_rows);
}

void VA_HOT(va_hot_spectral_product)(const struct va_spectral_product *p)
{
    if (p->over_rows)
        all_slots(p, true);
    else
        all_slots(p, false);
}
