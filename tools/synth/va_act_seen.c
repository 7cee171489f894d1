/*
 * A frame of an act: expression, pose, light.
 */
#include "tools/synth/va_act_priv.h"

#include <math.h>

static float clamp(float x, float lo, float hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* How strongly dimension d shows: a person's gain and offset, then a mild bend that makes strong
 * feelings show more than in proportion. */
static float shown(const struct va_act *a, int64_t t, int d)
{
    float flutter = a->shake[t * CHANNELS + (d ? FLUTTER_AROUSAL : FLUTTER_VALENCE)];
    float x = (float)(a->gain[d] * a->latent[2 * t + d] + a->offset[d]) + flutter;

    return clamp(x + 0.2f * x * fabsf(x), -2.2f, 2.2f);
}

/* How loud somebody speaks. */
static float talk_of(const float *shakes)
{
    return clamp(shakes[SPEECH], 0, 2) * fabsf(shakes[SYLLABLE]);
}

double va_act_talk(const struct va_act *a, int64_t t)
{
    return (double)talk_of(a->shake + last_at(a, t) * CHANNELS);
}

static struct va_expression express(const struct va_act *a, int64_t t)
{
    const float *s = a->shake + t * CHANNELS;
    float v = shown(a, t, 0), r = shown(a, t, 1);
    float talk = talk_of(s);
    struct va_expression e = {
        .mouth_curve = 0.20f * v + s[FLUTTER_MOUTH],
        .mouth_open = clamp(0.050f + 0.045f * r + 0.035f * talk, 0, 0.22f),
        .mouth_width = clamp(0.36f + 0.06f * v - 0.02f * talk, 0.2f, 0.5f),
        .eye_open = clamp(0.095f + 0.040f * r + s[FLUTTER_EYE], 0.015f, 0.19f),
        .pupil = clamp(0.050f + 0.012f * r, 0.02f, 0.08f),
        .gaze = clamp(s[GAZE], -0.07f, 0.07f),
        .brow_height = clamp(0.235f + 0.055f * r + s[FLUTTER_BROW], 0.1f, 0.4f),
        .brow_tilt = clamp(-0.09f * v + s[FLUTTER_BROW], -0.2f, 0.2f),
        .cheeks = clamp(0.40f + 0.40f * v, 0, 1),
    };

    if (a->blink[t])
        e.eye_open = 0;
    return e;
}

/* In a square of `size` pixels with this left edge, of a picture of this height. */
static struct va_pose pose_of(const struct va_act *a, int64_t t, float left, float size,
                              int64_t height)
{
    const float *s = a->shake + t * CHANNELS;

    return (struct va_pose){
        .x = left + size * (0.5f + s[POSE_X]),
        .y = (float)height * (0.52f + s[POSE_Y]),
        .radius = size * 0.45f * (1 + s[POSE_SIZE]),
        .roll = s[POSE_ROLL],
        .blur = size / 64 * fabsf(s[BLUR]),
    };
}

void va_act_draw(const struct va_act *a, int64_t t, bool away, struct va_canvas *c, int64_t x0,
                 int64_t x1)
{
    float size = (float)(x1 - x0);
    const struct va_expression e = express(a, t);
    struct va_pose pose = pose_of(a, t, (float)x0, size, c->height);

    pose.away = away;
    va_canvas_wall(c, x0, x1, a->wall_top, a->wall_bottom, a->stripe * size);
    va_face_draw(c, x0, x1, &a->looks, &e, &pose);
}

void va_act_wall(const struct va_act *a, int64_t size, struct va_canvas *c)
{
    va_canvas_wall(c, 0, c->width, a->wall_top, a->wall_bottom, a->stripe * (float)size);
}

void va_act_enter(const struct va_act *a, int64_t t, struct va_canvas *c, double left,
                  int64_t size)
{
    const struct va_expression e = express(a, t);
    const struct va_pose pose = pose_of(a, t, (float)left, (float)size, c->height);

    va_face_draw(c, 0, c->width, &a->looks, &e, &pose);
}

struct va_face va_act_where(const struct va_act *a, int64_t t, double left, int64_t size,
                            int64_t height)
{
    const struct va_expression e = express(a, t);
    const struct va_pose pose = pose_of(a, t, (float)left, (float)size, height);

    return va_face_where(&a->looks, &e, &pose);
}

void va_act_expose(const struct va_act *a, int64_t t, const struct va_canvas *c, uint8_t *out)
{
    const float *s = a->shake + t * CHANNELS;
    const struct va_light light = {
        .gain = clamp(1 + s[LIGHT] + s[FLICKER], 0.5f, 1.5f),
        .right = s[LIGHT_RIGHT],
        .down = s[LIGHT_DOWN],
    };

    /* Grain has its frame in the upper half of the step, where no other stream reaches. */
    va_canvas_expose(c, &light, a->noise, a->seed, (uint64_t)(t + 1) << 28 | stream(a, GRAIN),
                     out);
}
