/*
 * va-smooth - predictions filtered over time, each video and dimension for itself.
 *
 * Reads and writes va.predictions/1 and, if asked, tables, one video in memory at a time. The filters are in
 * common/data/va_filter.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_filter.h"
#include "data/va_frame_files.h"
#include "data/va_predictions.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A parameter of one dimension: frames, or seconds that each video turns into frames. */
struct amount {
    double value;
    bool seconds;
};

static struct args {
    const char *output, *input;
    struct va_frame_files text;
    int filter, edge; /* edge -1: that of SciPy's function */
    const char *window, *sigma, *half_life, *alpha;
    struct va_ints order;
    bool clip;
    struct amount size[2];  /* window, sigma, half-life or alpha of valence and arousal */
    struct va_filter of[2]; /* what does not depend on the video */
} args = { .edge = -1,
           .window = "25",
           .order = { { 2 }, 1 },
           .sigma = "5",
           .half_life = "5",
           .clip = true };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.output, "FILE",
                  "predictions to write (va.predictions/1); appear only when complete"),
    VA_OPT_CHOICE(0, "filter", &args.filter, va_filter_names, "smoothing filter"),
    VA_OPT_STRING(0, "window", &args.window, "W[,W]",
                  "window of mean, median or savgol, in frames or in seconds (0.5s); odd for "
                  "savgol"),
    VA_OPT_INTS(0, "order", &args.order, 0, VA_FILTER_ORDER_MAX,
                "savgol: degree of the polynomial, less than the window"),
    VA_OPT_STRING(0, "sigma", &args.sigma, "S[,S]",
                  "gaussian: standard deviation, in frames or in seconds (0.2s)"),
    VA_OPT_STRING(0, "half-life", &args.half_life, "H[,H]",
                  "exponential: age at which the weight of a value halves, in frames or in "
                  "seconds (0.2s)"),
    VA_OPT_STRING(0, "alpha", &args.alpha, "A[,A]",
                  "exponential: weight of the newest frame, instead of --half-life"),
    VA_OPT_CHOICE(0, "edge", &args.edge, va_edge_names,
                  "values assumed beyond the ends of a video (default: interp for savgol, "
                  "else reflect)"),
    VA_OPT_YESNO(0, "clip", &args.clip, "limit predictions to [-1, 1]"),
    VA_OPT_TABLE(&args.text),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] -o OUT.h5 PRED.h5",
    .brief = "smooth predictions over time",
    .details =
        "A parameter is for both dimensions, or two are given as valence,arousal. "
        "--window, --sigma and --half-life are frames or seconds (0.5s). Seconds are "
        "converted to frames by the first and the last known time stamp of each video. A "
        "window in seconds is then rounded to a whole number of frames, at least 1; for "
        "savgol to the nearest odd number above the order. A window of 1, a sigma or "
        "half-life of 0 and an alpha of 1 change nothing.\n\n"
        "The filters equal those of SciPy: mean is ndimage.uniform_filter1d, gaussian is "
        "ndimage.gaussian_filter1d with a cut-off at 4 sigma, savgol is "
        "signal.savgol_filter, median is ndimage.median_filter. A window of W frames "
        "starts W/2 frames, rounded down, before its frame. All filters except "
        "exponential use future frames. exponential is y = alpha x + (1 - alpha) y of "
        "the frame before, where the first y is the first x; alpha is 1 - 2^(-1/H).\n\n"
        "Values beyond the ends of a video a b c d:\n\n"
        "  reflect   c b a | a b c d | d c b\n"
        "  mirror    d c b | a b c d | c b a\n"
        "  nearest   a a a | a b c d | d d d\n"
        "  shrink    none: the remaining values get the whole weight\n"
        "  interp    savgol: polynomial of the first or last full window; in a video\n"
        "            shorter than the window, polynomial of all its frames\n\n"
        "In a video shorter than the window, reflect and mirror repeat.",
    .examples =
        "va-smooth --filter gaussian --sigma 5,8 -o smooth.h5 pred.h5\n"
        "va-smooth --filter median --window 0.5s --table smooth.csv -o median.h5 pred.h5",
};

/* ---- the command line ------------------------------------------------------------------ */

/* The option that says how strongly a filter smooths. */
struct size_option {
    const char *name, **text;
    double most; /* frames */
    bool timed;  /* may be given in seconds */
};
enum { WINDOW, SIGMA, HALF_LIFE, ALPHA, SIZE_OPTIONS };
static const struct size_option size_options[] = {
    { "window", &args.window, VA_FILTER_WINDOW_MAX, true },
    { "sigma", &args.sigma, VA_FILTER_SIGMA_MAX, true },
    { "half-life", &args.half_life, 1e15, true },
    { "alpha", &args.alpha, 1, false },
};

static int size_option(void)
{
    if (args.filter == VA_FILTER_GAUSSIAN)
        return SIGMA;
    if (args.filter == VA_FILTER_EXPONENTIAL)
        return args.alpha ? ALPHA : HALF_LIFE;
    return WINDOW;
}

/* One of "X" or "X,Y"; false after reporting. */
static bool parse_amount(const struct size_option *o, const char *text, struct amount *a,
                         int *status)
{
    char *end;

    a->value = strtod(text, &end);
    a->seconds = o->timed && end > text && *end == 's';
    if (end > text && *text != ' ' && !end[a->seconds] && a->value >= 0 &&
        a->value <= (a->seconds ? 1e6 : o->most))
        return true;
    return va_usage_error(status, "--%s: found %s, expected a number from 0 to %g%s", o->name,
                          text, o->most, o->timed ? ", or seconds as 0.5s" : "");
}

static bool parse_pair(const struct size_option *o, struct amount pair[2], int *status)
{
    const char *given = *o->text, *comma = strchr(given, ',');
    char first[64] = "";
    size_t n = comma ? (size_t)(comma - given) : strlen(given);

    if (n < sizeof(first))
        memcpy(first, given, n);
    if (!parse_amount(o, first, &pair[0], status))
        return false;
    pair[1] = pair[0];
    return !comma || parse_amount(o, comma + 1, &pair[1], status);
}

/* Options that the filter has no use for, and what does not go together. */
static bool check_options(int *status)
{
    const char *filter = va_filter_names[args.filter];

    if (args.alpha && va_option_given("half-life"))
        return va_usage_error(status, "expected --half-life or --alpha, found both");
    for (int k = 0; k < SIZE_OPTIONS; k++)
        if (va_option_given(size_options[k].name) && k != size_option())
            return va_usage_error(status, "--filter %s has no --%s", filter,
                                  size_options[k].name);
    if (va_option_given("order") && args.filter != VA_FILTER_SAVGOL)
        return va_usage_error(status, "--filter %s has no --order", filter);
    if (args.edge >= 0 && args.filter == VA_FILTER_EXPONENTIAL)
        return va_usage_error(status, "--filter %s has no --edge", filter);
    if (args.edge >= 0 && args.edge != VA_EDGE_REFLECT && args.edge != VA_EDGE_MIRROR &&
        args.edge != VA_EDGE_NEAREST &&
        (args.filter == VA_FILTER_SAVGOL) != (args.edge == VA_EDGE_INTERP))
        return va_usage_error(status, "--filter %s has no --edge %s", filter,
                              va_edge_names[args.edge]);
    if (args.order.count > 2)
        return va_usage_error(status, "--order: expected one or two numbers");
    return true;
}

/* Windows in frames must be whole and fit the polynomial; alpha must not be 0. */
static bool check_amount(int d, int *status)
{
    const struct amount *a = &args.size[d];
    const int k = size_option();

    if (k == ALPHA && a->value == 0)
        return va_usage_error(status, "--alpha: found 0, expected a number above 0");
    if (k != WINDOW || a->seconds)
        return true;
    if (a->value < 1 || a->value != floor(a->value))
        return va_usage_error(status, "--window: found %g, expected whole frames from 1 to %d",
                              a->value, VA_FILTER_WINDOW_MAX);
    if (args.filter == VA_FILTER_SAVGOL && fmod(a->value, 2) != 1)
        return va_usage_error(status, "--window: found %g, expected an odd number for savgol",
                              a->value);
    if (args.filter == VA_FILTER_SAVGOL && a->value <= (double)args.of[d].order)
        return va_usage_error(status,
                              "--order: found %lld, expected less than the window of %g",
                              (long long)args.of[d].order, a->value);
    return true;
}

static bool parse_args(int argc, char **argv, int *status)
{
    char **operands = va_options_parse(table, &usage, argc, argv, status);

    if (!operands)
        return false;
    if (!args.output)
        return va_usage_error(status, "missing --output FILE");
    if (!operands[0] || operands[1])
        return va_usage_error(status, "expected one file of predictions");
    args.input = operands[0];
    if (!check_options(status) || !va_frame_files_check_options(&args.text, status) ||
        !parse_pair(&size_options[size_option()], args.size, status))
        return false;
    for (int d = 0; d < 2; d++) {
        struct va_filter *f = &args.of[d];

        f->kind = (enum va_filter_kind)args.filter;
        f->edge = args.edge < 0 ? va_filter_default_edge(f->kind) : (enum va_edge)args.edge;
        f->order = args.order.items[d < args.order.count ? d : 0];
        if (!check_amount(d, status))
            return false;
    }
    return true;
}

/* ---- one video ------------------------------------------------------------------------- */

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

/* The filter of dimension d for a video of T frames. */
static int filter_of(int d, const char *name, int64_t T, const double *pts, struct va_filter *f)
{
    const struct size_option *o = &size_options[size_option()];
    const struct amount *a = &args.size[d];
    double n = a->value;

    *f = args.of[d];
    if (a->seconds) {
        double rate = T > 1 ? frame_rate(T, pts) : 1; /* one frame stays what it is */

        if (!isfinite(rate) || rate <= 0)
            return va_error(
                "%s: video '%s': found no ascending time stamps; give --%s in frames",
                args.input, name, o->name);
        n *= rate;
        if (n > o->most)
            return va_error("%s: video '%s': --%s: found %gs, which are %g frames, at most %g",
                            args.input, name, o->name, a->value, n, o->most);
        if (f->kind == VA_FILTER_SAVGOL)
            n = fmax(2 * floor(n / 2) + 1, (double)(f->order + 1 + f->order % 2));
        else if (size_option() == WINDOW)
            n = fmax(1, round(n));
    }
    switch (size_option()) {
    case WINDOW: f->window = (int64_t)n; break;
    case SIGMA: f->sigma = n; break;
    case HALF_LIFE: f->alpha = n > 0 ? -expm1(-log(2) / n) : 1; break;
    default: f->alpha = n;
    }
    return 0;
}

/* smooth [T, 2] of va [T, 2]. */
static int smooth_values(const char *name, const struct va_predicted *v, float *smooth)
{
    const int64_t T = v->frames;
    double *x = va_new(T, 2 * sizeof(*x)), *y = x ? x + T : NULL;
    int status = x ? 0 : -1;

    for (int d = 0; status == 0 && d < 2; d++) {
        struct va_filter f;

        for (int64_t t = 0; t < T; t++)
            x[t] = v->va[2 * t + d];
        status = filter_of(d, name, T, v->pts, &f);
        if (status == 0)
            status = va_filter_run(&f, T, x, y);
        for (int64_t t = 0; status == 0 && t < T; t++)
            smooth[2 * t + d] = (float)(args.clip ? fmin(1, fmax(-1, y[t])) : y[t]);
    }
    va_free(x);
    return status;
}

static int smooth_video(struct va_predictions_out *out, const struct va_predictions_in *in,
                        const char *name)
{
    struct va_predicted v;
    float *smooth = NULL;
    int status = va_predictions_read(in, name, &v);

    if (status < 0)
        return -1;
    smooth = va_new(v.frames, 2 * sizeof(*smooth));
    status = smooth ? smooth_values(name, &v, smooth) : -1;
    if (status == 0) {
        struct va_frame_values values = va_predicted_with(&v, name, smooth);

        status = va_predictions_put(out, &values) < 0
                     ? -1
                     : va_frame_files_write(&args.text, args.input, &values);
    }
    va_predicted_release(&v);
    va_free(smooth);
    return status;
}

static int run(void)
{
    struct va_predictions_in *in = va_predictions_open(args.input);
    const char *id = in ? va_h5_id(in->in) : NULL;
    struct va_predictions_out *out = NULL;
    int status = -1;

    if (id)
        out = va_predictions_create(args.output, (const char *const *)in->models,
                                    in->model_count);
    if (out && va_predictions_put_note(out, in->note) == 0)
        status = va_h5_add_input(va_predictions_file(out), args.input, id);
    for (int64_t i = 0; status == 0 && i < in->count; i++)
        status = smooth_video(out, in, in->names[i]);
    if (status == 0 && va_frame_files_commit(&args.text) < 0)
        status = -1;
    if (status == 0)
        status = va_predictions_commit(&out);
    va_frame_files_abort(&args.text);
    va_predictions_abort(out);
    va_predictions_close(in);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-smooth");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(run());
    va_options_free(table);
    return va_tool_finish(status);
}
