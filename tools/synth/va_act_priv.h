/*
 * va_act_priv.h - what a person feels, writes down and suffers, frame by frame (va_act.c), for what is seen of it
 * (va_act_seen.c).
 */
#ifndef VA_ACT_PRIV_H
#define VA_ACT_PRIV_H

#include "tools/synth/va_act.h"

enum { WAVES = 4 };

enum channel {
    FLUTTER_VALENCE, /* what the face does beside what is felt */
    FLUTTER_AROUSAL,
    FLUTTER_MOUTH,
    FLUTTER_BROW,
    FLUTTER_EYE,
    SPEECH, /* how loud */
    SYLLABLE,
    POSE_X,
    POSE_Y,
    POSE_SIZE,
    POSE_ROLL,
    GAZE,
    LIGHT,
    LIGHT_RIGHT,
    LIGHT_DOWN,
    FLICKER,
    BLUR,
    CHANNELS,
    /* streams that are no process */
    TRAITS = CHANNELS,
    WAVE_VALENCE,
    WAVE_AROUSAL,
    BLINK,
    GRAIN,
    VOICE, /* the first of enum va_act_stream */
    STREAMS = 32,
};

struct wave {
    double amplitude, omega, phase;
};

struct va_act {
    uint64_t seed, person;
    int64_t T;
    double fps;
    double mean[2], gain[2], offset[2], delay;
    struct wave waves[2][WAVES];
    struct va_looks looks;
    float wall_top[3], wall_bottom[3], stripe, noise;
    double *latent; /* [T, 2] */
    double *rating; /* [T, 2] */
    float *shake;   /* [T, CHANNELS] */
    uint8_t *blink; /* [T], 1 where the eyes are shut */
};

/* Number of a stream of random numbers. */
static inline uint64_t stream(const struct va_act *a, int which)
{
    return a->person * STREAMS + (uint64_t)which;
}

/* Frame t, or the last one behind the end. */
static inline int64_t last_at(const struct va_act *a, int64_t t)
{
    return t < a->T ? t : a->T - 1;
}

#endif
