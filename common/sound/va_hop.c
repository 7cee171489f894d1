#include "sound/va_hop.h"

#include "base/va_libm.h"
#include "base/va_mem.h"
#include "sound/va_fft.h"
#include "sound/va_pitch.h"
#include <math.h>
#include <string.h>

enum { N = 512, BINS = VA_HOP_BINS, BANDS = VA_HOP_BANDS, SPAN = VA_HOP_SPAN };
static const double pi = 3.14159265358979323846;
static const double log_offset = 0.01, quietest = 1e-5, rolloff_share = 0.85;
static const float none = 1e-9f; /* a spectrum whose sum or norm is below it is silence */
static const double lowest_note = 27.5; /* Hz: semitones are counted from it */

_Static_assert((int)VA_HOP_RATE == (int)VA_PITCH_RATE, "one rate");
_Static_assert(SPAN + 2 * VA_HOP_MARGIN == VA_PITCH_SPAN, "the pitch has the same middle");

struct va_hop {
    struct va_fft *fft;
    struct va_pitch *pitch;
    float window[SPAN];
    float weights[BANDS][BINS];
    int first[BANDS], last[BANDS]; /* bins of which a band has a part: [first, last) */
    float dct[VA_HOP_MFCCS][BANDS];
    float spectrum[BINS], unit[BINS]; /* of the last moment; divided by its norm */
    bool follows;                     /* `unit` is of the moment before */
};

static double mel(double hertz)
{
    return 1127 * va_log(1 + hertz / 700);
}

static void make_weights(struct va_hop *h)
{
    const double low = mel(125), step = (mel(7500) - low) / (BANDS + 1);

    for (int b = 0; b < BANDS; b++) {
        const double left = low + b * step;

        h->first[b] = BINS;
        for (int k = 1; k < BINS; k++) {
            double at = (mel(k * (double)VA_HOP_RATE / N) - left) / step;
            double weight = fmin(at, 2 - at);

            if (weight <= 0)
                continue;
            h->weights[b][k] = (float)weight;
            if (h->first[b] == BINS)
                h->first[b] = k;
            h->last[b] = k + 1;
        }
    }
}

struct va_hop *va_hop_new(void)
{
    struct va_hop *h = va_new(1, sizeof(*h));

    if (!h)
        return NULL;
    h->fft = va_fft_new(N, false);
    h->pitch = va_pitch_new();
    if (!h->fft || !h->pitch) {
        va_hop_free(h);
        return NULL;
    }
    for (int i = 0; i < SPAN; i++)
        h->window[i] = (float)(.5 - .5 * va_cos(2 * pi * i / SPAN));
    for (int c = 0; c < VA_HOP_MFCCS; c++) /* DCT-II, orthonormal */
        for (int b = 0; b < BANDS; b++)
            h->dct[c][b] = (float)(sqrt((c ? 2. : 1.) / BANDS) *
                                   va_cos(pi * c * (b + .5) / BANDS));
    make_weights(h);
    return h;
}

void va_hop_free(struct va_hop *h)
{
    if (!h)
        return;
    va_fft_free(h->fft);
    va_pitch_free(h->pitch);
    va_free(h);
}

void va_hop_restart(struct va_hop *h)
{
    h->follows = false;
}

static void find_spectrum(struct va_hop *h, const float *x)
{
    struct va_complex *in = va_fft_input(h->fft);
    const struct va_complex *out;

    memset(in, 0, N * sizeof(*in));
    for (int i = 0; i < SPAN; i++)
        in[i].re = x[i] * h->window[i];
    out = va_fft_run(h->fft);
    for (int k = 0; k < BINS; k++)
        h->spectrum[k] = sqrtf(out[k].re * out[k].re + out[k].im * out[k].im);
}

static void find_bands(const struct va_hop *h, float bands[BANDS])
{
    for (int b = 0; b < BANDS; b++) {
        float sum = 0;

        for (int k = h->first[b]; k < h->last[b]; k++)
            sum += h->weights[b][k] * h->spectrum[k];
        bands[b] = (float)va_log((double)sum + log_offset);
    }
}

void va_hop_logmel(struct va_hop *h, const float *samples, float bands[BANDS])
{
    find_spectrum(h, samples);
    find_bands(h, bands);
}

/* Loudness and crossings of zero. */
static void look_at_wave(const float *x, float *values)
{
    double square = (double)x[0] * (double)x[0];
    int crossings = 0;

    for (int i = 1; i < SPAN; i++) {
        square += (double)x[i] * (double)x[i];
        crossings += (x[i] < 0) != (x[i - 1] < 0);
    }
    values[VA_HOP_LOUDNESS] = (float)(20 / va_log(10) *
                                      va_log(fmax(sqrt(square / SPAN), quietest)));
    values[VA_HOP_CROSSINGS] = (float)crossings / (SPAN - 1);
}

/* Centroid and roll-off, in kHz; 0 of silence. */
static void look_at_spectrum(const struct va_hop *h, float *values)
{
    const double khz = VA_HOP_RATE / 1000. / N;
    double sum = 0, moment = 0, part = 0;
    int k = 0;

    for (int i = 0; i < BINS; i++) {
        sum += (double)h->spectrum[i];
        moment += i * (double)h->spectrum[i];
    }
    if (sum >= (double)none)
        while (k < BINS - 1 && (part += (double)h->spectrum[k]) < rolloff_share * sum)
            k++;
    values[VA_HOP_CENTROID] = sum >= (double)none ? (float)(moment / sum * khz) : 0;
    values[VA_HOP_ROLLOFF] = (float)(k * khz);
}

/* How far the spectrum, divided by its norm, has moved since the moment before; silence does not move. */
static float flux(struct va_hop *h)
{
    float norm = 0, sum = 0;

    for (int k = 0; k < BINS; k++)
        norm += h->spectrum[k] * h->spectrum[k];
    norm = sqrtf(norm);
    if (norm < none) {
        h->follows = false;
        return 0;
    }
    for (int k = 0; k < BINS; k++) {
        float now = h->spectrum[k] / norm, d = now - h->unit[k];

        sum += d * d;
        h->unit[k] = now;
    }
    sum = h->follows ? sum : 0;
    h->follows = true;
    return sum;
}

void va_hop_prosody(struct va_hop *h, const float *samples, float values[VA_HOP_VALUES])
{
    const struct va_pitch_found p = va_pitch_find(h->pitch, samples - VA_HOP_MARGIN);
    float bands[BANDS];

    va_hop_logmel(h, samples, bands);
    values[VA_HOP_PITCH] = p.voiced
                               ? (float)(12 / va_log(2) * va_log((double)p.hertz / lowest_note))
                               : NAN;
    values[VA_HOP_VOICING] = p.voicing;
    look_at_wave(samples, values);
    look_at_spectrum(h, values);
    values[VA_HOP_FLUX] = flux(h);
    for (int c = 0; c < VA_HOP_MFCCS; c++) {
        float sum = 0;

        for (int b = 0; b < BANDS; b++)
            sum += h->dct[c][b] * bands[b];
        values[VA_HOP_MFCC + c] = sum;
    }
}
