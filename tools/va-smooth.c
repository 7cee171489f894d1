/*
 * va-smooth - predictions filtered over time, each video and dimension for itself.
 *
 * Reads and writes va.predictions and, if asked, tables, one video in memory at a time. The work is in
 * data/va_smooth.h.
 */
#include "base/va_tool.h"
#include "data/va_smooth.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct args {
    struct va_smooth_job job;
    int filter, edge; /* edge -1: that of SciPy's function */
    const char *window, *sigma, *half_life, *alpha;
    struct va_ints order;
} args = { .edge = -1,
           .window = "25",
           .order = { { 2 }, 1 },
           .sigma = "5",
           .half_life = "5",
           .job = { .clip = true } };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.job.output, "FILE",
                  "predictions to write (va.predictions); appear only when complete"),
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
    VA_OPT_YESNO(0, "clip", &args.job.clip, "limit predictions to [-1, 1]"),
    VA_OPT_TABLE(&args.job.text),
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

static enum va_smooth_size size_of(void)
{
    if (args.filter == VA_FILTER_GAUSSIAN)
        return VA_SMOOTH_SIGMA;
    if (args.filter == VA_FILTER_EXPONENTIAL)
        return args.alpha ? VA_SMOOTH_ALPHA : VA_SMOOTH_HALF_LIFE;
    return VA_SMOOTH_WINDOW;
}

/* One of "X" or "X,Y"; false after reporting. */
static bool parse_amount(const char *text, struct va_smooth_amount *a, int *status)
{
    const bool timed = args.job.size != VA_SMOOTH_ALPHA;
    double most = va_smooth_most(args.job.size);
    char *end;

    a->value = strtod(text, &end);
    a->seconds = timed && end > text && *end == 's';
    if (end > text && *text != ' ' && !end[a->seconds] && a->value >= 0 &&
        a->value <= (a->seconds ? 1e6 : most))
        return true;
    return va_usage_error(status, "--%s: found %s, expected a number from 0 to %g%s",
                          va_smooth_size_names[args.job.size], text, most,
                          timed ? ", or seconds as 0.5s" : "");
}

static bool parse_pair(int *status)
{
    const char *texts[] = { args.window, args.sigma, args.half_life, args.alpha };
    const char *given = texts[args.job.size], *comma = strchr(given, ',');
    struct va_smooth_amount *pair = args.job.amount;
    char first[64] = "";
    size_t n = comma ? (size_t)(comma - given) : strlen(given);

    if (n < sizeof(first))
        memcpy(first, given, n);
    if (!parse_amount(first, &pair[0], status))
        return false;
    pair[1] = pair[0];
    return !comma || parse_amount(comma + 1, &pair[1], status);
}

/* Options that the filter has no use for, and what does not go together. */
static bool check_options(int *status)
{
    const char *filter = va_filter_names[args.filter];

    if (args.alpha && va_option_given("half-life"))
        return va_usage_error(status, "expected --half-life or --alpha, found both");
    for (int k = 0; va_smooth_size_names[k]; k++)
        if (va_option_given(va_smooth_size_names[k]) && k != (int)args.job.size)
            return va_usage_error(status, "--filter %s has no --%s", filter,
                                  va_smooth_size_names[k]);
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
    const struct va_smooth_amount *a = &args.job.amount[d];

    if (args.job.size == VA_SMOOTH_ALPHA && a->value == 0)
        return va_usage_error(status, "--alpha: found 0, expected a number above 0");
    if (args.job.size != VA_SMOOTH_WINDOW || a->seconds)
        return true;
    if (a->value < 1 || a->value != floor(a->value))
        return va_usage_error(status, "--window: found %g, expected whole frames from 1 to %d",
                              a->value, VA_FILTER_WINDOW_MAX);
    if (args.filter == VA_FILTER_SAVGOL && fmod(a->value, 2) != 1)
        return va_usage_error(status, "--window: found %g, expected an odd number for savgol",
                              a->value);
    if (args.filter == VA_FILTER_SAVGOL && a->value <= (double)args.job.filter[d].order)
        return va_usage_error(status,
                              "--order: found %lld, expected less than the window of %g",
                              (long long)args.job.filter[d].order, a->value);
    return true;
}

static bool parse_args(int argc, char **argv, int *status)
{
    char **operands = va_options_parse(table, &usage, argc, argv, status);

    if (!operands)
        return false;
    if (!args.job.output)
        return va_usage_error(status, "missing --output FILE");
    if (!operands[0] || operands[1])
        return va_usage_error(status, "expected one file of predictions");
    args.job.input = operands[0];
    args.job.size = size_of();
    if (!check_options(status) || !va_frame_files_check_options(&args.job.text, status) ||
        !parse_pair(status))
        return false;
    for (int d = 0; d < 2; d++) {
        struct va_filter *f = &args.job.filter[d];

        f->kind = (enum va_filter_kind)args.filter;
        f->edge = args.edge < 0 ? va_filter_default_edge(f->kind) : (enum va_edge)args.edge;
        f->order = args.order.items[d < args.order.count ? d : 0];
        if (!check_amount(d, status))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-smooth");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(va_smooth_run(&args.job));
    va_options_free(table);
    return va_tool_finish(status);
}
