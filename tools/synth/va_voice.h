/*
 * va_voice.h - what is heard of one person in one video.
 *
 * Harmonics of a pitch under the envelope of the syllables that move the mouth (va_act_talk), and breath. Pitch and loudness
 * follow arousal; valence is not heard. Pitch and loudness also drift for no reason, people have voices of their own, and
 * who does not speak is not heard: so any one moment is a weak witness, as for the face.
 *
 * Everything is a function of (seed, person, sample, rate).
 *
 * Threads:   one thread per voice
 */
#ifndef VA_VOICE_H
#define VA_VOICE_H

#include "tools/synth/va_act.h"

enum { VA_VOICE_RATE = 16000 }; /* samples a second */

struct va_voice; /* opaque */

/* The voice of `act`, which stays the caller's and lives as long. NULL after reporting. */
VA_MUST_USE struct va_voice *va_voice_new(const struct va_act *act);
void va_voice_free(struct va_voice *v); /* NULL is fine */

/* Add the next `count` samples to out, about -1 to 1. */
void va_voice_speak(struct va_voice *v, int64_t count, float *out);

#endif
