/*
 * va_ear.h - rows of features of sound for the frames of a video, from samples as they come.
 *
 * Sound is looked at in moments (va_hop.h), 10 ms apart, the first 12.5 ms after its begin. A row is about a time t, the middle of
 * its windows: the frame's own window, of a length that the caller gives, and windows of 1 s and 4 s. It is made of the moments
 * whose middles lie in them; past the ends of the sound there are none. Times that have no moment in the frame's own window have no row.
 *
 * logmel, 64 columns: mel00 ... mel63, the means over the frame's window.
 *
 * prosody, 68 columns: NAME.STATISTIC.WINDOW, the mean, the deviation (root of the mean square from the mean) and the slope (least
 * squares, per second) of these, in 1 s and 4 s; of the coefficients, mean and deviation in 1 s.
 *     f0        semitones above 27.5 Hz, moments with a pitch only; 0 where there is none (va_pitch.h; the unit of F. Eyben et al.,
 *               "The Geneva minimalistic acoustic parameter set", IEEE Trans. Affective Computing 7(2), 2016)
 *     voicing   0 to 1: 1 - d' of YIN at the period found
 *     loudness  root mean square in decibels below full scale, -100 at least
 *     crossings changes of sign per sample
 *     centroid  mean of the frequency, weighted by the magnitude, kHz (G. Peeters, "A large set of audio features", IRCAM, 2004)
 *     rolloff   frequency below which lie 85 % of the magnitudes, kHz (ibid.)
 *     flux      squared distance of two spectra in a row, each divided by its norm (G. Tzanetakis and P. Cook, "Musical genre
 *               classification of audio signals", IEEE Trans. Speech and Audio Processing 10(5), 2002)
 *     mfcc00 ... mfcc12   orthonormal DCT-II of the log-mel spectrum (S. Davis and P. Mermelstein, IEEE Trans. ASSP 28(4), 1980)
 *
 * Threads:   one thread per ear
 */
#ifndef VA_EAR_H
#define VA_EAR_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

enum va_ear_kind { VA_EAR_LOGMEL, VA_EAR_PROSODY };
extern const char *const va_ear_kinds[]; /* in this order, NULL last */

enum { VA_EAR_RATE = 16000, VA_EAR_COLUMNS_MAX = 128, VA_EAR_NAME = 32 };

struct va_ear; /* opaque */

VA_MUST_USE struct va_ear *va_ear_new(enum va_ear_kind kind); /* NULL after reporting */
void va_ear_free(struct va_ear *e);                           /* NULL is fine */

int64_t va_ear_columns(const struct va_ear *e);
void va_ear_name(const struct va_ear *e, int64_t column, char name[VA_EAR_NAME]);

/* Samples [count] follow, the first one at first / VA_EAR_RATE seconds. Numbers ascend; those that are passed over are a pause.
 * 0, or -1 after reporting. */
VA_MUST_USE int va_ear_hear(struct va_ear *e, int64_t first, const float *samples,
                            int64_t count);
VA_MUST_USE int va_ear_end(struct va_ear *e); /* no samples follow */

/* Whether the row at `seconds`, with a frame's window of `length` seconds, may depend on samples that were not heard yet. */
bool va_ear_waits(const struct va_ear *e, double seconds, double length);

/* That row [columns]. Times ascend: what lies too far before this one is forgotten. Whether there is a row. */
bool va_ear_row(struct va_ear *e, double seconds, double length, float *row);

#endif
