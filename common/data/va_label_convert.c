#include "data/va_label_convert.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "base/va_text.h"
#include "base/va_tool.h"
#include "data/va_elan.h"
#include "data/va_frame_times.h"
#include "data/va_metrics.h"
#include "data/va_ratings.h"
#include <math.h>
#include <string.h>

const char *const va_convert_missing_names[] = { "refuse", "unlabelled", NULL };
const char *const va_time_unit_names[] = { "s", "ms", NULL };

/* ---- options --------------------------------------------------------------------------- */

/* "valence=FILE" is of one dimension, d; else d is -1. */
static const char *file_of(const char *input, int *d)
{
    for (*d = 0; *d < 2; ++*d) {
        size_t n = strlen(va_dimension_names[*d]);

        if (!strncmp(input, va_dimension_names[*d], n) && input[n] == '=')
            return input + n + 1;
    }
    *d = -1;
    return input;
}

/* Whether the inputs are files of ELAN, which have times. False after reporting that some are and some are not, or that
 * options of tables are given. */
static bool check_elan(struct va_label_convert *job, char **inputs, int *status)
{
    int64_t count = 0, of = 0;
    int d;

    for (; inputs[count]; count++)
        of += va_elan_named(file_of(inputs[count], &d));
    job->elan = of > 0;
    if (of > 0 && of < count)
        return va_usage_error(status, "found .eaf files and others: convert them one after the "
                                      "other");
    if (of > 0 && !job->to)
        return va_usage_error(status,
                              ".eaf files need --to: their segments become labels of frames");
    if (of > 0 && (job->time || job->video || job->fps > 0))
        return va_usage_error(status,
                              "--time, --video and --from-fps are for tables, found .eaf "
                              "files");
    return true;
}

bool va_label_convert_check(struct va_label_convert *job, char **inputs, int *status)
{
    if (!job->output)
        return va_usage_error(status, "missing --output DIR");
    if (!inputs[0])
        return va_usage_error(status, "expected at least one file of ratings");
    if (!check_elan(job, inputs, status))
        return false;
    if (job->elan)
        job->time = "the times of segments";
    if (job->time && job->fps > 0)
        return va_usage_error(status, "--time and --from-fps conflict");
    if (job->time && !job->to)
        return va_usage_error(status,
                              "--time needs --to: rows at any time become labels of frames");
    if (job->align > 0 && !job->time && !(job->fps > 0))
        return va_usage_error(status,
                              "--align needs --time or --from-fps, which say when rows are");
    if (job->lag != 0 && !job->time && !(job->fps > 0))
        return va_usage_error(status,
                              "--lag needs --time or --from-fps, which say when rows are");
    if (job->name && job->video)
        return va_usage_error(status, "--name and --video conflict");
    return true;
}

/* ---- the frames of a video ------------------------------------------------------------- */

/* "the ratings are 2.08 s longer than the video: ...": what `ours` has beyond `theirs`, rows and frames or seconds. */
static void say_longer(double ours, double theirs, bool by_rows, char *text, size_t size)
{
    bool more = ours > theirs;
    double by = fabs(ours - theirs);

    snprintf(text, size, "%s %.4g %s%s longer than %s",
             more ? "the ratings are" : "the video is", by,
             !by_rows ? "s"
             : more   ? "row"
                      : "frame",
             by_rows ? va_plural((int64_t)by) : "",
             more ? "the video: are frames missing? va-features import --index"
                  : "the ratings");
}

/* Rows and frames must last about as long. What is said is kept in `told`, and not said again. */
static int compare(const struct va_label_convert *job, const struct va_rated_video *v,
                   const struct va_trace *t, const struct va_frame_times *f, double *told)
{
    bool by_rows = !job->time && !(job->fps > 0);
    double step, ours, theirs, ratio;
    char rate[48] = "", longer[160];

    if (va_trace_step(t, &step) < 0)
        return -1;
    ours = by_rows ? (double)t->count : t->count ? t->time[t->count - 1] + step : 0;
    theirs = by_rows ? (double)f->count : (double)f->count / f->fps;
    ratio = theirs > 0 ? ours / theirs : 0;
    if (job->elan && ours <= theirs) /* what has no segment is unlabelled, which is said */
        return 0;
    if (job->fps > 0)
        snprintf(rate, sizeof(rate), " at %.6g per second", job->fps);
    if (!by_rows && fabs(ours - theirs) <= step + 1 / f->fps)
        return 0;
    if (by_rows && t->count == f->count)
        return 0;
    if ((ratio > VA_LABEL_RATIO || ratio < 1 / VA_LABEL_RATIO) &&
        job->unmatched == VA_LABELS_REFUSE)
        return va_error("%s: found %lld rows%s for %lld frames of video '%.200s' (%.6g per "
                        "second), %.3g times as many: %s, "
                        "--unmatched allow uses them as they are",
                        v->path, (long long)t->count, rate, (long long)f->count, v->name,
                        f->fps, ratio,
                        by_rows     ? "--from-fps or --time says when rows are"
                        : job->time ? "check --time-unit and the features"
                                    : "check --from-fps and the features");
    if (ours == *told)
        return 0;
    *told = ours;
    say_longer(ours, theirs, by_rows, longer, sizeof(longer));
    va_info("%s: %lld rows%s for %lld frames of video '%.200s' (%.6g per second): %s", v->path,
            (long long)t->count, rate, (long long)f->count, v->name, f->fps, longer);
    return 0;
}

/* The times that get a label: of the frames, or of the rows, which all annotators then share. */
static int frames_of(const struct va_label_convert *job, const struct va_rated_video *v,
                     struct va_frame_times *f)
{
    const struct va_trace *first = &v->traces[0][0];
    double told = -1;

    for (int d = 0; d < 2; d++)
        for (int64_t i = 0; i < v->count[d]; i++) {
            const struct va_trace *t = &v->traces[d][i];

            if (!job->to && t->count != first->count)
                return va_error(
                    "%s: video '%.200s': found %lld rows of %s of %s and %lld of valence "
                    "of %s, expected as many: --to FEATURES resamples them",
                    v->path, v->name, (long long)t->count, va_dimension_names[d], t->name,
                    (long long)first->count, first->name);
        }
    if (!job->to)
        return va_frame_times_rows(f, first->count, job->fps > 0 ? job->fps : 1);
    if (va_frame_times_read(f, job->to, v->name, v->path,
                            job->unnamed && !job->name && !job->video ? job->unnamed : "") < 0)
        return -1;
    if ((job->time || job->fps > 0) && !(f->fps > 0))
        return va_error(
            "%s: found features of video '%.200s' without frames per second or times, "
            "which labels at other times need",
            job->to, v->name);
    if (!job->time && !(job->fps > 0)) /* a row is a frame, whenever that is */
        for (int64_t k = 0; k < f->count; k++)
            f->time[k] = (double)k;
    for (int d = 0; d < 2; d++)
        for (int64_t i = 0; i < v->count[d]; i++)
            if (compare(job, v, &v->traces[d][i], f, &told) < 0)
                return -1;
    return 0;
}

/* ---- annotators ------------------------------------------------------------------------ */

/* One dimension of a video: what each annotator says of each frame. */
struct said {
    double *x;     /* [n, T] */
    double *delay; /* [n] */
    int limited;   /* delays that may be longer than --align */
    struct va_agreement agreement;
};

/* How many delays lie at the limit, or -1. */
static int find_delays(const struct va_label_convert *job, const struct va_trace *traces,
                       int64_t n, double *delay)
{
    double step = 0, finest = INFINITY;

    if (!(job->align > 0) || n < 2)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        if (va_trace_step(&traces[i], &step) < 0)
            return -1;
        if (step > 0)
            finest = fmin(finest, step);
    }
    return isfinite(finest) ? va_traces_delay(traces, n, finest, job->align, job->gap, delay)
                            : 0;
}

/* Who has no delay is not shifted. */
static void keep_unshifted(const struct va_rated_video *v, int d, double *delay)
{
    for (int64_t i = 0; i < v->count[d]; i++) {
        if (!isnan(delay[i]))
            continue;
        delay[i] = 0;
        va_info(
            "%s: video '%.200s': found no delay of %s of '%s': this or the mean of the others "
            "does not vary, or they share less than half of the time",
            v->path, v->name, va_dimension_names[d], v->traces[d][i].name);
    }
}

static int listen(const struct va_label_convert *job, const struct va_rated_video *v, int d,
                  const struct va_frame_times *f, struct said *s)
{
    const struct va_trace *traces = v->traces[d];
    int64_t n = v->count[d];

    s->x = va_new(n * f->count, sizeof(*s->x));
    s->delay = va_new(n, sizeof(*s->delay));
    s->agreement.ccc = va_new(n, sizeof(double));
    if (!s->x || !s->delay || !s->agreement.ccc ||
        (s->limited = find_delays(job, traces, n, s->delay)) < 0)
        return -1;
    keep_unshifted(v, d, s->delay);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < f->count; k++)
            s->x[i * f->count + k] = va_trace_at(&traces[i],
                                                 f->time[k] + job->lag + s->delay[i], job->gap);
    return n > 1 ? va_traces_agree(&s->agreement, s->x, n, f->count) : 0;
}

/* The mean of those who rate a frame. */
static float mean(const struct said *s, int64_t n, int64_t T, int64_t k)
{
    double sum = 0;
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++)
        if (!isnan(s->x[i * T + k])) {
            sum += s->x[i * T + k];
            count++;
        }
    return count ? (float)(sum / (double)count) : (float)NAN;
}

/* What is printed as 0 has no sign. */
static double no_sign(double x, double half)
{
    return fabs(x) <= half ? 0 : x;
}

static void put_agreement(FILE *table, bool *begun, const struct va_rated_video *v, int d,
                          const struct said *s, double align)
{
    const struct va_agreement *a = &s->agreement;

    if (v->count[d] < 2)
        return;
    if (!*begun)
        fputs("video\tdimension\tannotator\tdelay\tccc\ticc\ticc_mean\tframes\n", table);
    *begun = true;
    for (int64_t i = 0; i < v->count[d]; i++)
        fprintf(table, "%s\t%s\t%s\t%.3f\t%.4f\t-\t-\t%lld\n", v->name, va_dimension_names[d],
                v->traces[d][i].name, no_sign(s->delay[i], 5e-4), no_sign(a->ccc[i], 5e-5),
                (long long)a->moments);
    fprintf(table, "%s\t%s\tall\t-\t%.4f\t%.4f\t%.4f\t%lld\n", v->name, va_dimension_names[d],
            no_sign(a->pairs, 5e-5), no_sign(a->single, 5e-5), no_sign(a->mean, 5e-5),
            (long long)a->moments);
    if (s->limited)
        va_info(
            "%s: video '%.200s': %d of %lld delays of %s are at the limit: --align %.6g may be "
            "too small",
            v->path, v->name, s->limited, (long long)v->count[d], va_dimension_names[d], align);
}

/* ---- one video ------------------------------------------------------------------------- */

static int write_labels(const struct va_label_convert *job, const struct va_rated_video *v,
                        const struct said *said, int64_t T)
{
    float *va = va_new(T, 2 * sizeof(*va));
    char *path = va_format("%s/%s.txt", job->output, v->name);
    int64_t labelled = 0;
    int result = -1;

    if (!va || !path)
        goto done;
    for (int64_t k = 0; k < T; k++) {
        float valence = mean(&said[0], v->count[0], T, k),
              arousal = mean(&said[1], v->count[1], T, k);
        bool none = isnan(valence) || isnan(arousal);

        va[2 * k] = none ? (float)VA_UNLABELLED : valence;
        va[2 * k + 1] = none ? (float)VA_UNLABELLED : arousal;
        labelled += !none;
    }
    if (!labelled)
        va_error(
            "%s: found no label for the %lld frames of video '%.200s': do the times of rows "
            "begin with the video, in the unit of --time-unit?",
            v->path, (long long)T, v->name);
    else if (va_make_folder(job->output) == 0)
        result = va_labels_write_new(path, T, va);
    if (result == 0 && labelled < T)
        va_info("%s: %lld of %lld frames %s unlabelled", path, (long long)(T - labelled),
                (long long)T, T - labelled == 1 ? "is" : "are");
done:
    va_free(va);
    va_free(path);
    return result;
}

static int convert(const struct va_label_convert *job, const struct va_rated_video *v,
                   FILE *table, bool *begun)
{
    struct va_frame_times f = { 0 };
    struct said said[2] = { 0 };
    int result = -1;

    for (int d = 0; d < 2; d++)
        if (!v->count[d])
            return va_error("%s: found no %s of video '%.200s', expected both dimensions",
                            v->path, va_dimension_names[d], v->name);
    if (frames_of(job, v, &f) < 0)
        goto done;
    for (int d = 0; d < 2; d++)
        if (listen(job, v, d, &f, &said[d]) < 0)
            goto done;
    result = write_labels(job, v, said, f.count);
    for (int d = 0; result == 0 && d < 2; d++)
        put_agreement(table, begun, v, d, &said[d], job->align);
done:
    for (int d = 0; d < 2; d++) {
        va_free(said[d].x);
        va_free(said[d].delay);
        va_free(said[d].agreement.ccc);
    }
    va_frame_times_release(&f);
    return result;
}

/* ---- all of them ----------------------------------------------------------------------- */

static int read_input(const struct va_label_convert *job, const char *input,
                      struct va_ratings *ratings)
{
    bool wanted[2] = { true, true };
    int d;

    input = file_of(input, &d);
    if (d >= 0)
        wanted[1 - d] = false;
    return va_ratings_read(ratings, input, wanted, job);
}

int va_label_convert(const struct va_label_convert *job, char **inputs, FILE *table)
{
    struct va_ratings ratings = { 0 };
    bool begun = false;
    int result = 0;

    for (char **in = inputs; result == 0 && *in; in++)
        result = read_input(job, *in, &ratings);
    for (int64_t i = 0; result == 0 && i < ratings.count; i++)
        result = convert(job, &ratings.videos[i], table, &begun);
    if (result == 0 && begun && job->align > 0)
        va_info(
            "delays are relative to the mean of the annotators; --lag is for the delay that "
            "they share");
    va_ratings_release(&ratings);
    return result;
}
