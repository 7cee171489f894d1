/*
 * d(k) = (energy of the first 512) + (energy of 512 from k on) - 2 * (their product), and all products come from one
 * transform of 1024: the first 512 samples, zero after them, are its real part, all samples its imaginary one.
 */
#include "sound/va_pitch.h"

#include "base/va_mem.h"
#include "sound/va_fft.h"
#include <math.h>

enum { N = VA_PITCH_SPAN, WINDOW = 512, LEAST = VA_PITCH_RATE / 600, MOST = 267 };
static const float threshold = 0.15f;
static const double silence = 1e-9; /* mean square */

struct va_pitch {
    struct va_fft *forward, *back;
    float d[MOST + 2]; /* d', by period */
};

struct va_pitch *va_pitch_new(void)
{
    struct va_pitch *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->forward = va_fft_new(N, false);
    p->back = va_fft_new(N, true);
    if (p->forward && p->back)
        return p;
    va_pitch_free(p);
    return NULL;
}

void va_pitch_free(struct va_pitch *p)
{
    if (!p)
        return;
    va_fft_free(p->forward);
    va_fft_free(p->back);
    va_free(p);
}

/* N times the sums over j < WINDOW of x[j] * x[j + k], in the real parts. */
static const struct va_complex *products(struct va_pitch *p, const float *x)
{
    struct va_complex *in = va_fft_input(p->forward), *cross = va_fft_input(p->back);
    const struct va_complex *z;

    for (int j = 0; j < N; j++)
        in[j] = (struct va_complex){ j < WINDOW ? x[j] : 0, x[j] };
    z = va_fft_run(p->forward);
    for (int f = 0; f < N;
         f++) { /* conj(A) * B, of z = A + iB: A and B are even and odd parts */
        const struct va_complex u = z[f], v = z[(N - f) % N];
        const float ar = (u.re + v.re) / 2, ai = (u.im - v.im) / 2;
        const float br = (u.im + v.im) / 2, bi = (v.re - u.re) / 2;

        cross[f] = (struct va_complex){ ar * br + ai * bi, ar * bi - ai * br };
    }
    return va_fft_run(p->back);
}

static double energy(const float *x)
{
    double sum = 0;

    for (int j = 0; j < WINDOW; j++)
        sum += (double)x[j] * (double)x[j];
    return sum;
}

/* p->d of periods 0 to MOST + 1. False: it is silent. */
static bool differences(struct va_pitch *p, const float *x)
{
    const struct va_complex *product = products(p, x);
    const double first = energy(x);
    double here = first, sum = 0;

    if (first < silence * WINDOW)
        return false;
    p->d[0] = 1;
    for (int k = 1; k <= MOST + 1; k++) {
        const double in = (double)x[k + WINDOW - 1], out = (double)x[k - 1];
        double d;

        here += in * in - out * out;
        d = first + here - 2 * (double)product[k].re / N;
        sum += d > 0 ? d : 0;
        p->d[k] = sum > 0 ? (float)((d > 0 ? d : 0) * k / sum) : 1;
    }
    return true;
}

static int period(const float *d)
{
    int best = LEAST;

    for (int k = LEAST; k <= MOST; k++) {
        if (d[k] < threshold && d[k] <= d[k + 1] && d[k] < d[k - 1])
            return k;
        if (d[k] < d[best])
            best = k;
    }
    return best;
}

struct va_pitch_found va_pitch_find(struct va_pitch *p, const float *samples)
{
    struct va_pitch_found found = { .hertz = (float)VA_PITCH_RATE / MOST };
    float bend, shift = 0;
    int k;

    if (!differences(p, samples))
        return found;
    k = period(p->d);
    bend = p->d[k - 1] - 2 * p->d[k] + p->d[k + 1];
    if (bend > 0)
        shift = fminf(fmaxf((p->d[k - 1] - p->d[k + 1]) / (2 * bend), -.5f), .5f);
    found.hertz = (float)VA_PITCH_RATE / ((float)k + shift);
    found.voicing = fmaxf(0, 1 - p->d[k]);
    found.voiced = p->d[k] < threshold;
    return found;
}
