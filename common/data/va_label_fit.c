#include "data/va_label_fit.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>
#include <stdio.h>

const char *const va_label_unmatched_names[] = { "refuse", "allow", NULL };

double va_rate_of_times(const double *pts, int64_t T)
{
    int64_t i = 0, j = T - 1;

    while (pts && i < T && !isfinite(pts[i]))
        i++;
    while (pts && j > i && !isfinite(pts[j]))
        j--;
    return pts && j > i && pts[j] > pts[i] ? (double)(j - i) / (pts[j] - pts[i]) : 0;
}

/* "120 rows for 750 frames of video 'a' (30.0 seconds at 25 frames per second)" */
static void describe(int64_t rows, double rate, const struct va_label_video *video, char *text,
                     size_t size)
{
    char at[48] = "", time[96] = "frames per second not known";

    if (rate > 0)
        snprintf(at, sizeof(at), " at %.6g per second", rate);
    if (video->fps > 0)
        snprintf(time, sizeof(time), "%.1f seconds at %.6g frames per second",
                 (double)video->frames / video->fps, video->fps);
    snprintf(text, size, "%lld rows%s for %lld frames of video '%.200s' (%s)", (long long)rows,
             at, (long long)video->frames, video->name, time);
}

/* Whether so many frames' worth of rows cannot be meant for this video. */
static bool is_far(int64_t rows, const struct va_label_video *video)
{
    double r = (double)rows, frames = (double)video->frames;

    if (!rows || !video->frames)
        return false; /* nothing is laid upon anything */
    return frames > VA_LABEL_RATIO * r || (video->fps > 0 && r > VA_LABEL_RATIO * frames);
}

/* `rows` in the file are for `count` frames. */
static int compare(int64_t rows, int64_t count, const char *path,
                   const struct va_label_rule *rule, const struct va_label_video *video)
{
    char text[512];

    if (count == video->frames)
        return 0;
    describe(rows, rule->fps, video, text, sizeof(text));
    if (is_far(count, video) && rule->unmatched == VA_LABELS_REFUSE)
        return va_error(
            "%s: found %s, more than %g times apart: --label-fps FPS resamples rows of "
            "another rate, --unmatched allow uses row k for frame k",
            path, text, VA_LABEL_RATIO);
    if (!rule->silent)
        va_info("%s: %s", path, text);
    return 0;
}

int va_label_rows_fit(int64_t rows, const char *path, const struct va_label_rule *rule,
                      const struct va_label_video *video)
{
    struct va_label_rule own = *rule;

    own.fps = 0;
    return compare(rows, rows, path, &own, video);
}

/* What lies at place p >= 0, counted in rows from 0. */
static void sample(const struct va_labels *labels, double p, double va[2])
{
    int64_t i = (int64_t)floor(p + 1e-6), last = labels->count - 1;
    double mix = fmax(p - (double)i, 0);
    const double *a = labels->va + 2 * (i < last ? i : last), *b = i < last ? a + 2 : a;

    if (mix < 1e-6)
        b = a;
    for (int d = 0; d < 2; d++)
        va[d] = !va_is_labelled(a) || !va_is_labelled(b) ? VA_UNLABELLED
                : a == b                                 ? a[d]
                                                         : (1 - mix) * a[d] + mix * b[d];
}

static int resample(struct va_labels *labels, const char *path, double rate,
                    const struct va_label_video *video)
{
    double step, frames, *va;

    if (!(video->fps > 0))
        return va_error("%s: --label-fps %.6g: the frame rate of video '%s' is unknown", path,
                        rate, video->name);
    step = rate / video->fps;
    frames = ceil((double)labels->count / step - 1e-6);
    if (!(frames <= VA_FRAMES_MAX))
        return va_error("%s: %lld rows at %.6g per second are %.0f frames, expected at most %d",
                        path, (long long)labels->count, rate, frames, VA_FRAMES_MAX);
    va = va_new((int64_t)frames, 2 * sizeof(*va));
    if (!va)
        return -1;
    for (int64_t k = 0; k < (int64_t)frames; k++)
        sample(labels, (double)k * step, va + 2 * k);
    va_free(labels->va);
    *labels = (struct va_labels){ va, (int64_t)frames, 2 * (int64_t)frames };
    return 0;
}

int va_labels_fit(struct va_labels *labels, const char *path, const struct va_label_rule *rule,
                  const struct va_label_video *video)
{
    int64_t rows = labels->count;

    if (rule->fps > 0 && rows && resample(labels, path, rule->fps, video) < 0)
        return -1;
    return compare(rows, labels->count, path, rule, video);
}
