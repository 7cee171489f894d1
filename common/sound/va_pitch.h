/*
 * va_pitch.h - the pitch of a moment of sound, and whether it has one: YIN.
 *
 * A. de Cheveigne and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music", J. Acoust.
 * Soc. Am. 111(4), 2002: steps 1 to 5, with an integration window of 512 samples and an absolute threshold of 0.15. At
 * 16 kHz:
 *     d(k)  = sum over j < 512 of (x[j] - x[j + k])^2
 *     d'(k) = d(k) * k / (d(1) + ... + d(k)),  d'(0) = 1
 * The period is the first minimum of d' below the threshold, else the least d' of all, among periods of 60 to 600 Hz,
 * refined by a parabola through d' and its neighbours.
 *
 * Threads:   one thread per object
 */
#ifndef VA_PITCH_H
#define VA_PITCH_H

#include "base/va_attr.h"
#include <stdbool.h>

enum { VA_PITCH_RATE = 16000, VA_PITCH_SPAN = 1024 }; /* samples a second; samples looked at */

struct va_pitch; /* opaque */

struct va_pitch_found {
    float hertz;   /* 60 to 600 */
    float voicing; /* 1 - d' there, 0 to 1: how periodic the sound is; 0 of silence */
    bool voiced;   /* d' is below the threshold */
};

VA_MUST_USE struct va_pitch *va_pitch_new(void); /* NULL after reporting */
void va_pitch_free(struct va_pitch *p);          /* NULL is fine */

/* Of samples [VA_PITCH_SPAN], whose middle is the moment. */
struct va_pitch_found va_pitch_find(struct va_pitch *p, const float *samples);

#endif
