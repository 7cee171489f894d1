/*
 * va_act.h - one person in one video: what they feel, what a rater writes down, what the camera
 * sees of it.
 *
 * Valence and arousal are slow: sums of sinusoids with periods of 5 to 24 seconds around a mean
 * of the video's own, bent into (-1, 1). The rater follows them late (0.3 to 0.5 s) and smoothed,
 * as people do. The face shows them too, but any one frame is a weak witness: expressions flutter
 * from frame to frame, people speak and blink, the head moves, light drifts and flickers, the
 * sensor is noisy; skin, features and how strongly somebody shows what they feel differ from
 * person to person. Only who looks back over a second or two sees through it.
 *
 * Everything is a function of (seed, person, frame, rate).
 *
 * Shapes:    latent and rating [T, 2], valence then arousal
 * Threads:   an act never changes once made
 */
#ifndef VA_ACT_H
#define VA_ACT_H

#include "tools/synth/va_face.h"

struct va_act; /* opaque */

/* Act T frames at `fps` frames a second. NULL after reporting. */
VA_MUST_USE struct va_act *va_act_new(uint64_t seed, uint64_t person, int64_t T, double fps);
void va_act_free(struct va_act *a); /* NULL is fine */

const double *va_act_latent(const struct va_act *a);
const double *va_act_rating(const struct va_act *a);

/* For the voice (va_voice.h): the rate; arousal as this person shows it, without flutter; how loud they speak, 0 to about 4: the
 * mouth opens with it. A frame after the last is like the last. */
double va_act_fps(const struct va_act *a);
double va_act_arousal(const struct va_act *a, int64_t t);
double va_act_talk(const struct va_act *a, int64_t t);

/* Random numbers of this person, of the voice alone: in [0, 1); with mean 0 and deviation 1. */
enum va_act_stream { VA_ACT_VOICE, VA_ACT_PITCH, VA_ACT_LOUDNESS, VA_ACT_BREATH };
double va_act_chance(const struct va_act *a, enum va_act_stream which, int64_t i);
double va_act_noise(const struct va_act *a, enum va_act_stream which, int64_t i);

/* Draw frame t into columns [x0, x1); with `away` the head is turned and shows no face. */
void va_act_draw(const struct va_act *a, int64_t t, bool away, struct va_canvas *c, int64_t x0,
                 int64_t x1);

/* The same in parts, for people who move about: the wall of this person's room over the whole canvas; a
 * person who stands in a square of `size` pixels with this left edge, over what is there. */
void va_act_wall(const struct va_act *a, int64_t size, struct va_canvas *c);
void va_act_enter(const struct va_act *a, int64_t t, struct va_canvas *c, double left,
                  int64_t size);

/* Where the face is that was drawn so, in a picture of this height. */
struct va_face va_act_where(const struct va_act *a, int64_t t, double left, int64_t size,
                            int64_t height);

/* Turn a canvas drawn for frame t into bytes [height, width, 3]. */
void va_act_expose(const struct va_act *a, int64_t t, const struct va_canvas *c, uint8_t *out);

#endif
