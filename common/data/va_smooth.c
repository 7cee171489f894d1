#include "data/va_smooth.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_predictions.h"
#include <math.h>

const char *const va_smooth_size_names[] = { "window", "sigma", "half-life", "alpha", NULL };

double va_smooth_most(enum va_smooth_size size)
{
    static const double most[] = { VA_FILTER_WINDOW_MAX, VA_FILTER_SIGMA_MAX, 1e15, 1 };

    return most[size];
}

/* Frames per second from the first to the last time that is known; NaN where there are not two. */
static double frame_rate(int64_t T, const double *pts)
{
    int64_t first = 0, last = T - 1;

    if (!pts)
        return (double)NAN;
    while (first < T && !isfinite(pts[first]))
        first++;
    while (last > first && !isfinite(pts[last]))
        last--;
    return last > first ? (double)(last - first) / (pts[last] - pts[first]) : (double)NAN;
}

/* The filter of dimension d for a video of T frames. A window in seconds becomes whole frames, for savgol the
 * nearest odd number above the order. */
static int filter_of(const struct va_smooth_job *job, int d, const char *video, int64_t T,
                     const double *pts, struct va_filter *f)
{
    const struct va_smooth_amount *a = &job->amount[d];
    const char *name = va_smooth_size_names[job->size];
    double n = a->value;

    *f = job->filter[d];
    if (a->seconds) {
        double rate = T > 1 ? frame_rate(T, pts) : 1; /* one frame stays what it is */

        if (!isfinite(rate) || rate <= 0)
            return va_error(
                "%s: video '%s': found no ascending time stamps; give --%s in frames",
                job->input, video, name);
        n *= rate;
        if (n > va_smooth_most(job->size))
            return va_error("%s: video '%s': --%s: found %gs, which are %g frames, at most %g",
                            job->input, video, name, a->value, n, va_smooth_most(job->size));
        if (f->kind == VA_FILTER_SAVGOL)
            n = fmax(2 * floor(n / 2) + 1, (double)(f->order + 1 + f->order % 2));
        else if (job->size == VA_SMOOTH_WINDOW)
            n = fmax(1, round(n));
    }
    switch (job->size) {
    case VA_SMOOTH_WINDOW: f->window = (int64_t)n; break;
    case VA_SMOOTH_SIGMA: f->sigma = n; break;
    case VA_SMOOTH_HALF_LIFE: f->alpha = n > 0 ? -expm1(-log(2) / n) : 1; break;
    case VA_SMOOTH_ALPHA: f->alpha = n; break;
    }
    return 0;
}

/* smooth [T, 2] of va [T, 2]. */
static int smooth_values(const struct va_smooth_job *job, const char *name,
                         const struct va_predicted *v, float *smooth)
{
    const int64_t T = v->frames;
    double *x = va_new(T, 2 * sizeof(*x)), *y = x ? x + T : NULL;
    int status = x ? 0 : -1;

    for (int d = 0; status == 0 && d < 2; d++) {
        struct va_filter f;

        for (int64_t t = 0; t < T; t++)
            x[t] = v->va[2 * t + d];
        status = filter_of(job, d, name, T, v->pts, &f);
        if (status == 0)
            status = va_filter_run(&f, T, x, y);
        for (int64_t t = 0; status == 0 && t < T; t++)
            smooth[2 * t + d] = (float)(job->clip ? fmin(1, fmax(-1, y[t])) : y[t]);
    }
    va_free(x);
    return status;
}

static int smooth_video(struct va_smooth_job *job, struct va_predictions_out *out,
                        const struct va_predictions_in *in, const char *name)
{
    struct va_predicted v;
    float *smooth = NULL;
    int status = va_predictions_read(in, name, &v);

    if (status < 0)
        return -1;
    smooth = va_new(v.frames, 2 * sizeof(*smooth));
    status = smooth ? smooth_values(job, name, &v, smooth) : -1;
    if (status == 0) {
        struct va_frame_values values = va_predicted_with(&v, name, smooth);

        status = va_predictions_put(out, &values) < 0
                     ? -1
                     : va_frame_files_write(&job->text, job->input, &values);
    }
    va_predicted_release(&v);
    va_free(smooth);
    return status;
}

int va_smooth_run(struct va_smooth_job *job)
{
    struct va_predictions_in *in = va_predictions_open(job->input);
    const char *id = in ? va_h5_id(in->in) : NULL;
    struct va_predictions_out *out = NULL;
    int status = -1;

    if (id)
        out = va_predictions_create(job->output, (const char *const *)in->models,
                                    in->model_count, VA_PREDICTIONS_LAYOUT_AUTO, in->count);
    if (out && va_predictions_put_note(out, in->note) == 0)
        status = va_h5_add_input(va_predictions_file(out), job->input, id);
    for (int64_t i = 0; status == 0 && i < in->count; i++)
        status = smooth_video(job, out, in, in->names[i]);
    if (status == 0 && va_frame_files_commit(&job->text) < 0)
        status = -1;
    if (status == 0)
        status = va_predictions_commit(&out);
    va_frame_files_abort(&job->text);
    va_predictions_abort(out);
    va_predictions_close(in);
    return status;
}
