/*
 * The strengths of signal and nuisance are one table each, so that the difficulty of the corpus
 * can be read and set in one place. Nuisance is a stationary first-order process per channel:
 * x[t] = r x[t-1] + sqrt(1 - r^2) n[t], r = exp(-1 / (fps tau)).
 */
#include "tools/synth/va_act_priv.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include <math.h>

static const double period_min = 5, period_max = 24; /* seconds */
static const double mean_sd = 0.30, wave_rms = 0.55; /* before the bend */
static const double delay_min = 0.15, delay_max = 0.35, rater_tau = 0.15;

static const struct {
    double tau, sd; /* seconds; deviation */
} nuisance[CHANNELS] = {
    [FLUTTER_VALENCE] = { 0.07, 0.90 }, /* in units of the latent */
    [FLUTTER_AROUSAL] = { 0.07, 0.90 },
    [FLUTTER_MOUTH] = { 0.05, 0.035 }, /* the rest in those of the face and the picture */
    [FLUTTER_BROW] = { 0.05, 0.020 },
    [FLUTTER_EYE] = { 0.05, 0.012 },
    [SPEECH] = { 1.20, 1.00 },
    [SYLLABLE] = { 0.05, 1.00 },
    [POSE_X] = { 0.60, 0.025 },
    [POSE_Y] = { 0.60, 0.025 },
    [POSE_SIZE] = { 0.80, 0.030 },
    [POSE_ROLL] = { 0.50, 0.050 },
    [GAZE] = { 0.30, 0.025 },
    [LIGHT] = { 3.00, 0.060 },
    [LIGHT_RIGHT] = { 3.00, 0.060 },
    [LIGHT_DOWN] = { 3.00, 0.040 },
    [FLICKER] = { 0.01, 0.020 },
    [BLUR] = { 0.40, 0.450 },
};

static double uniform(const struct va_act *a, int which, uint64_t i, double lo, double hi)
{
    return lo + (hi - lo) * va_rand_uniform(a->seed, VA_RAND_SYNTH, stream(a, which), i);
}

static double normal(const struct va_act *a, int which, uint64_t i)
{
    return va_rand_normal(a->seed, VA_RAND_SYNTH, stream(a, which), i);
}

/* ---- who it is -------------------------------------------------------------------------- */

static void choose_looks(struct va_act *a)
{
    uint64_t i = 0;
    double tone = uniform(a, TRAITS, i++, 0, 1), grey = uniform(a, TRAITS, i++, 0.08, 0.30);
    struct va_looks *l = &a->looks;

    /* Skin from light to dark; lips a darker, redder skin. */
    l->skin[0] = (float)(0.92 - 0.22 * tone);
    l->skin[1] = (float)(0.74 - 0.24 * tone);
    l->skin[2] = (float)(0.63 - 0.24 * tone);
    l->lips[0] = l->skin[0] * 0.82f;
    l->lips[1] = l->skin[1] * 0.48f;
    l->lips[2] = l->skin[2] * 0.52f;
    for (int k = 0; k < 3; k++) {
        l->hair[k] = (float)(grey * uniform(a, TRAITS, i++, 0.6, 1.0) * (1 - 0.2 * k));
        l->iris[k] = (float)uniform(a, TRAITS, i++, 0.15, 0.5);
        l->shirt[k] = (float)uniform(a, TRAITS, i++, 0.25, 0.55);
        a->wall_top[k] = (float)uniform(a, TRAITS, i++, 0.42, 0.58);
        a->wall_bottom[k] = (float)uniform(a, TRAITS, i++, 0.36, 0.52);
    }
    l->head_width = (float)uniform(a, TRAITS, i++, 0.72, 0.84);
    l->eye_gap = (float)uniform(a, TRAITS, i++, 0.29, 0.34);
    l->eye_size = (float)uniform(a, TRAITS, i++, 0.15, 0.18);
    l->brow_thick = (float)uniform(a, TRAITS, i++, 0.030, 0.050);
    l->nose = (float)uniform(a, TRAITS, i++, 0.16, 0.24);
    l->fringe = (float)uniform(a, TRAITS, i++, 0.25, 0.42);
    a->stripe = (float)uniform(a, TRAITS, i++, 0.2, 0.6);
    a->noise = (float)uniform(a, TRAITS, i++, 0.010, 0.022);
    a->delay = uniform(a, TRAITS, i++, delay_min, delay_max);
    for (int d = 0; d < 2; d++) {
        a->mean[d] = mean_sd * normal(a, TRAITS, i++);
        a->gain[d] = uniform(a, TRAITS, i++, 0.85, 1.15);
        a->offset[d] = 0.08 * normal(a, TRAITS, i++);
    }
}

/* ---- what is felt, and what is written down ------------------------------------------------ */

static void choose_waves(struct va_act *a)
{
    for (int d = 0; d < 2; d++) {
        double power = 0;

        for (int k = 0; k < WAVES; k++) {
            struct wave *w = &a->waves[d][k];
            int which = d ? WAVE_AROUSAL : WAVE_VALENCE;
            uint64_t i = 3 * (uint64_t)k;
            double period = period_min *
                            pow(period_max / period_min, uniform(a, which, i, 0, 1));

            w->omega = 2 * 3.14159265358979323846 / period;
            w->phase = uniform(a, which, i + 1, 0, 2 * 3.14159265358979323846);
            w->amplitude = uniform(a, which, i + 2, 0.5, 1);
            power += w->amplitude * w->amplitude / 2;
        }
        for (int k = 0; k < WAVES; k++)
            a->waves[d][k].amplitude *= wave_rms / sqrt(power);
    }
}

static double felt(const struct va_act *a, int d, double seconds)
{
    double x = a->mean[d];

    for (int k = 0; k < WAVES; k++) {
        const struct wave *w = &a->waves[d][k];

        x += w->amplitude * sin(w->omega * seconds + w->phase);
    }
    return tanh(1.25 * x);
}

/* The rater's hand follows with a delay and a first-order lag, 0.3 to 0.5 s in all; it has settled
 * when the video begins. */
static void feel_and_rate(struct va_act *a)
{
    double keep = exp(-1 / (a->fps * rater_tau));
    int64_t settle = (int64_t)ceil(8 * rater_tau * a->fps);

    for (int d = 0; d < 2; d++) {
        double hand = felt(a, d, -a->delay - (double)settle / a->fps);

        for (int64_t t = -settle; t < a->T; t++) {
            double now = (double)t / a->fps;

            hand = keep * hand + (1 - keep) * felt(a, d, now - a->delay);
            if (t >= 0) {
                a->latent[2 * t + d] = felt(a, d, now);
                a->rating[2 * t + d] = hand;
            }
        }
    }
}

/* ---- what gets in the way ----------------------------------------------------------------- */

static void shake(struct va_act *a)
{
    for (int c = 0; c < CHANNELS; c++) {
        double keep = exp(-1 / (a->fps * nuisance[c].tau)), rest = sqrt(1 - keep * keep);
        double x = normal(a, c, 0);

        for (int64_t t = 0; t < a->T; t++) {
            x = t ? keep * x + rest * normal(a, c, (uint64_t)t) : x;
            a->shake[t * CHANNELS + c] = (float)(nuisance[c].sd * x);
        }
    }
}

/* Blinks of 0.1 to 0.25 s, one in about four seconds. */
static void blinks(struct va_act *a)
{
    for (int64_t t = 0; t < a->T; t++) {
        int64_t last;

        if (uniform(a, BLINK, 2 * (uint64_t)t, 0, 4 * a->fps) >= 1)
            continue;
        last = t + (int64_t)(uniform(a, BLINK, 2 * (uint64_t)t + 1, 0.1, 0.25) * a->fps);
        for (int64_t k = t; k <= last && k < a->T; k++)
            a->blink[k] = 1;
    }
}

struct va_act *va_act_new(uint64_t seed, uint64_t person, int64_t T, double fps)
{
    struct va_act *a = va_new(1, sizeof(*a));

    if (!a)
        return NULL;
    *a = (struct va_act){ .seed = seed, .person = person, .T = T, .fps = fps };
    a->latent = va_new(T, 2 * sizeof(double));
    a->rating = va_new(T, 2 * sizeof(double));
    a->shake = va_new(T, CHANNELS * sizeof(float));
    a->blink = va_new(T, 1);
    if (!a->latent || !a->rating || !a->shake || !a->blink) {
        va_act_free(a);
        return NULL;
    }
    choose_looks(a);
    choose_waves(a);
    feel_and_rate(a);
    shake(a);
    blinks(a);
    return a;
}

void va_act_free(struct va_act *a)
{
    if (!a)
        return;
    va_free(a->latent);
    va_free(a->rating);
    va_free(a->shake);
    va_free(a->blink);
    va_free(a);
}

const double *va_act_latent(const struct va_act *a)
{
    return a->latent;
}

const double *va_act_rating(const struct va_act *a)
{
    return a->rating;
}

/* ---- what is heard ------------------------------------------------------------------------ */

double va_act_fps(const struct va_act *a)
{
    return a->fps;
}

double va_act_arousal(const struct va_act *a, int64_t t)
{
    return a->gain[1] * a->latent[2 * last_at(a, t) + 1] + a->offset[1];
}

double va_act_chance(const struct va_act *a, enum va_act_stream which, int64_t i)
{
    return uniform(a, VOICE + (int)which, (uint64_t)i, 0, 1);
}

double va_act_noise(const struct va_act *a, enum va_act_stream which, int64_t i)
{
    return normal(a, VOICE + (int)which, (uint64_t)i);
}
