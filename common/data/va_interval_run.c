#include "data/va_interval_run.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_metrics.h"
#include <math.h>

/* Errors and spreads of all labelled frames, by dimension. */
struct sample {
    const struct va_combine_job *combine;
    double *error[2], *spread[2]; /* [frames] */
    int64_t frames, room[4];
    int64_t members; /* most models of a video */
};

static int grow(struct sample *s, int64_t frames)
{
    for (int d = 0; d < 2; d++)
        if (va_grow(&s->error[d], &s->room[d], frames, sizeof(double)) < 0 ||
            va_grow(&s->spread[d], &s->room[2 + d], frames, sizeof(double)) < 0)
            return -1;
    return 0;
}

static int add_video(void *data, const struct va_ensemble *e, const char *name, int64_t T,
                     const double *label)
{
    struct sample *s = data;
    double *value = va_new(e->frames, 2 * sizeof(*value)),
           *spread = va_new(e->frames, 2 * sizeof(*spread));
    int status = -1;

    if (!value || !spread || grow(s, s->frames + T) < 0 ||
        va_combine_values(s->combine, e, name, value, spread) < 0)
        goto done;
    for (int64_t t = 0; t < T; t++) {
        if (!va_is_labelled(label + 2 * t))
            continue;
        for (int d = 0; d < 2; d++) {
            s->error[d][s->frames] = fabs(value[2 * t + d] - label[2 * t + d]);
            s->spread[d][s->frames] = spread[2 * t + d];
        }
        s->frames++;
    }
    s->members = e->present > s->members ? e->present : s->members;
    status = 0;
done:
    va_free(value);
    va_free(spread);
    return status;
}

static int fit(const struct sample *s, struct va_interval *v, const char *labels)
{
    v->members = s->members;
    va_combine_method(s->combine, v->method);
    for (int d = 0; d < 2; d++)
        if (va_interval_fit(v, d, s->frames, s->error[d], s->spread[d], labels) < 0)
            return -1;
    va_info("level %lld: mean width %.3f of valence, %.3f of arousal", (long long)v->level,
            v->width[VA_VALENCE], v->width[VA_AROUSAL]);
    return 0;
}

/* Whether an interval depends on the spread. */
static bool has_spread(const struct va_interval *v, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (v[i].scale[VA_VALENCE] > 0 || v[i].scale[VA_AROUSAL] > 0)
            return true;
    return false;
}

int va_interval_run(struct va_combine_job *combine, const struct va_blend_job *labels,
                    const int64_t *level, int64_t count, const char *output)
{
    struct sample s = { .combine = combine };
    struct va_interval *v = va_new(count, sizeof(*v));
    struct va_ensemble e = { 0 };
    int status = v && va_ensemble_open(&e, combine->inputs, combine->count) == 0 ? 0 : -1;

    if (status == 0)
        status = va_combine_weights(combine, &e);
    if (status == 0)
        status = va_blend_each(&e, labels, add_video, &s);
    for (int64_t i = 0; status == 0 && i < count; i++) {
        v[i].level = level[i];
        status = fit(&s, &v[i], labels->folders.items[0]);
    }
    if (status == 0 && !has_spread(v, count))
        va_info("the spread of the models has no part in these intervals (scale 0): all frames "
                "get the same width");
    if (status == 0)
        status = va_interval_write(v, count, output);
    for (int d = 0; d < 2; d++) {
        va_free(s.error[d]);
        va_free(s.spread[d]);
    }
    va_free(v);
    va_ensemble_release(&e);
    return status;
}
