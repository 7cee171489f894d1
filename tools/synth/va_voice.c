#include "tools/synth/va_voice.h"

#include "base/va_libm.h"
#include "base/va_mem.h"
#include <math.h>

enum { HARMONICS = 10 };
static const double two_pi = 2 * 3.14159265358979323846;
static const double lowest = 110, highest = 190; /* Hz: pitch of a calm person */
static const double semitones = 6, decibels = 6; /* for an arousal of 1 */
static const double drift_semitones = 2.5, drift_decibels = 3,
                    drift_tau = 0.4; /* deviations; seconds */
static const double level = 0.12, breath = 0.002;

enum drift { PITCH, LOUDNESS, DRIFTS };

struct va_voice {
    const struct va_act *act;
    double calm;                   /* Hz */
    double phase;                  /* of the pitch, in turns */
    int64_t next;                  /* sample */
    int64_t frame;                 /* of the values below */
    double drifts[DRIFTS];         /* deviation 1 */
    double pitch[2], amplitude[2]; /* at this frame and the next: Hz, 0 to about 1 */
};

struct va_voice *va_voice_new(const struct va_act *act)
{
    struct va_voice *v = va_new(1, sizeof(*v));

    if (!v)
        return NULL;
    v->act = act;
    v->frame = -2;
    v->calm = lowest + (highest - lowest) * va_act_chance(act, VA_ACT_VOICE, 0);
    return v;
}

void va_voice_free(struct va_voice *v)
{
    va_free(v);
}

/* Go on by one frame: pitch and amplitude at the frame after it. */
static void advance(struct va_voice *v)
{
    const int64_t t = ++v->frame + 1;
    const double keep = va_exp(-1 / (va_act_fps(v->act) * drift_tau));
    const double arousal = va_act_arousal(v->act, t);

    for (int d = 0; d < DRIFTS; d++) {
        double x = va_act_noise(v->act, d == PITCH ? VA_ACT_PITCH : VA_ACT_LOUDNESS, t);

        v->drifts[d] = t ? keep * v->drifts[d] + sqrt(1 - keep * keep) * x : x;
    }
    v->pitch[0] = v->pitch[1];
    v->amplitude[0] = v->amplitude[1];
    v->pitch[1] = v->calm * va_exp(va_log(2) / 12 *
                                   (semitones * arousal + drift_semitones * v->drifts[PITCH]));
    v->amplitude[1] = level * va_act_talk(v->act, t) *
                      va_exp(va_log(10) / 20 *
                             (decibels * arousal + drift_decibels * v->drifts[LOUDNESS]));
}

void va_voice_speak(struct va_voice *v, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++, v->next++) {
        double at = (double)v->next / VA_VOICE_RATE * va_act_fps(v->act), part, wave = 0;

        while (v->frame < (int64_t)at)
            advance(v);
        part = at - (double)v->frame;
        v->phase += (v->pitch[0] + part * (v->pitch[1] - v->pitch[0])) / VA_VOICE_RATE;
        v->phase -= floor(v->phase);
        for (int k = 1; k <= HARMONICS; k++)
            wave += va_sin(two_pi * k * v->phase) / k;
        wave *= v->amplitude[0] + part * (v->amplitude[1] - v->amplitude[0]);
        out[i] += (float)(wave + breath * va_act_noise(v->act, VA_ACT_BREATH, v->next));
    }
}
