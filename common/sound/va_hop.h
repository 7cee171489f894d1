/*
 * va_hop.h - a moment of sound: 25 ms of 16 kHz, as a logarithmic mel spectrum and as values of prosody.
 *
 * Spectrum:  |X|, 257 bins of 31.25 Hz, of 400 samples under a periodic Hann window, zero-padded to 512.
 * log-mel:   log(m + 0.01), m = weights * |X|: 64 triangles whose corners are equally far apart in mel from 125 to 7500 Hz,
 *            mel = 1127 log(1 + f / 700), straight in mel. The front end of VGGish: S. Hershey et al., "CNN architectures for
 *            large-scale audio classification", ICASSP 2017.
 *
 * Threads:   one thread per object
 */
#ifndef VA_HOP_H
#define VA_HOP_H

#include "base/va_attr.h"

enum {
    VA_HOP_RATE = 16000, /* samples a second */
    VA_HOP_STEP = 160,   /* samples from moment to moment */
    VA_HOP_SPAN = 400,   /* samples looked at */
    VA_HOP_BINS = 257,
    VA_HOP_BANDS = 64,
};

/* Values of prosody in the order in which they are stored; va_ear.h says what they are. */
enum va_hop_value {
    VA_HOP_PITCH,
    VA_HOP_VOICING,
    VA_HOP_LOUDNESS,
    VA_HOP_CROSSINGS,
    VA_HOP_CENTROID,
    VA_HOP_ROLLOFF,
    VA_HOP_FLUX,
    VA_HOP_MFCC,
    VA_HOP_MFCCS = 13,
    VA_HOP_VALUES = VA_HOP_MFCC + VA_HOP_MFCCS,
};

/* Samples that prosody looks at before and after the VA_HOP_SPAN, for the pitch. */
enum { VA_HOP_MARGIN = 312 };

struct va_hop; /* opaque */

VA_MUST_USE struct va_hop *va_hop_new(void); /* NULL after reporting */
void va_hop_free(struct va_hop *h);          /* NULL is fine */

/* The next moment has nothing to do with the last one. */
void va_hop_restart(struct va_hop *h);

/* The log-mel spectrum of samples [VA_HOP_SPAN]. */
void va_hop_logmel(struct va_hop *h, const float *samples, float bands[VA_HOP_BANDS]);

/* Values of the same, with VA_HOP_MARGIN samples before and after them in memory. The pitch is NaN where there is none. */
void va_hop_prosody(struct va_hop *h, const float *samples, float values[VA_HOP_VALUES]);

#endif
