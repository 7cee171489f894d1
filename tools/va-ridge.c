/*
 * va-ridge - the baseline: each frame predicted from features around it by a linear map.
 *
 * Reads va.windows/1 and lists, writes va.predictions/1. The fit is in common/data/va_ridge.
 */
#include "base/va_hash.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_context.h"
#include "data/va_folds.h"
#include "data/va_origin.h"
#include "data/va_predictions.h"
#include "data/va_ridge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum method { METHOD_RIDGE, METHOD_MEAN };
static const char *const method_names[] = { "ridge", "mean", NULL };
enum select { SELECT_ALL, SELECT_FORWARD };
static const char *const select_names[] = { "all", "forward", NULL };
enum { PARTS = 5, BLOCK = 256, FEATURES_MAX = 64 };

static struct args {
    const char *output, *windows, *train, *val, *lambda, *groups;
    double value; /* of lambda, -1 for auto */
    int method, select;
    int64_t context, step, features;
    bool any_encoder;
} args = { .lambda = "auto", .step = 1, .features = 8 };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.output, "FILE",
                  "predictions to write (va.predictions/1); appear only when complete"),
    VA_OPT_FILE(0, "windows", &args.windows, "videos and labels (va.windows/1)"),
    VA_OPT_FILE(0, "train", &args.train, "list of videos to fit, one name per line"),
    VA_OPT_FILE(0, "val", &args.val, "list of videos to predict, one name per line"),
    VA_OPT_INT(0, "context", &args.context, 0, 1 << 16, "frames of context on each side"),
    VA_OPT_INT(0, "step", &args.step, 1, 1 << 16, "frames of context averaged into one value"),
    VA_OPT_CHOICE(0, "select", &args.select, select_names,
                  "use all features, or select useful ones one by one for each dimension"),
    VA_OPT_INT(0, "features", &args.features, 1, FEATURES_MAX,
               "largest number of features that --select forward selects"),
    VA_OPT_FILE(0, "groups", &args.groups,
                "table of videos that stay together: columns clip (or video) and group"),
    VA_OPT_STRING(0, "lambda", &args.lambda, "auto|X",
                  "strength of the penalty; auto: chosen by inner cross-validation"),
    VA_OPT_CHOICE(0, "method", &args.method, method_names,
                  "ridge regression, or the mean of the training labels"),
    VA_OPT_ANY_ENCODER(&args.any_encoder),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] --windows W.h5 --train LIST --val LIST -o PRED.h5",
    .brief = "predict valence and arousal of each frame by ridge regression",
    .details =
        "This is a baseline for models with memory. Features are standardised, and each "
        "labelled frame of the training videos counts once. Each frame of the videos of "
        "--val is predicted; predictions are limited to [-1, 1].\n\n"
        "With --lambda auto, the penalty is selected for each dimension from 1e-4 .. 10 "
        "by the CCC of an inner cross-validation over the training videos. People, or "
        "the groups of --groups, stay in one inner fold.\n\n"
        "With --context 50 --step 5, the model sees each feature at 21 moments: every fifth "
        "frame from 50 frames before to 50 frames after, each as the mean of the 5 frames "
        "around it. Beyond the ends of a video, its first and "
        "last frame are repeated.\n\n"
        "--select forward adds features one by one. Each time it adds the feature that "
        "increases the correlation in the inner cross-validation most, until no feature "
        "increases it by .005.",
    .examples =
        "va-ridge --windows w.h5 --train folds/0/train.txt --val folds/0/val.txt -o ridge.h5\n"
        "va-ridge --windows w.h5 --train folds/0/train.txt --val folds/0/val.txt \\\n"
        "    --context 50 --step 5 --lambda 1 -o context.h5",
};

static bool parse_args(int argc, char **argv, int *status)
{
    char **operands = va_options_parse(table, &usage, argc, argv, status), *end;

    if (!operands)
        return false;
    if (!args.output)
        return va_usage_error(status, "missing --output FILE");
    if (!args.windows || !args.train || !args.val)
        return va_usage_error(status, "missing --windows FILE, --train LIST or --val LIST");
    if (operands[0])
        return va_usage_error(status, "expected no operand, found %s", operands[0]);
    args.value = -1;
    if (strcmp(args.lambda, "auto")) {
        args.value = strtod(args.lambda, &end);
        if (*end || end == args.lambda || !(args.value >= 0 && args.value <= 1e9))
            return va_usage_error(status,
                                  "--lambda: found %s, expected auto or a number of at least 0",
                                  args.lambda);
    }
    return true;
}

/* Buffers for BLOCK frames. */
struct block {
    struct va_context context;
    float *x, *label, *valid; /* x [BLOCK, D, L] */
};

static int add_video(struct va_moments *m, const struct va_window_index *index, int64_t video,
                     struct block *b)
{
    int64_t T = index->videos[video].frames;

    for (int64_t i = 0; i < T; i += BLOCK) {
        int64_t n = T - i < BLOCK ? T - i : BLOCK;

        if (va_context_gather(&b->context, video, i, n, b->x, b->label, b->valid) < 0 ||
            va_moments_add(m, n, b->x, b->label, b->valid) < 0)
            return -1;
    }
    va_window_index_forget(index, video);
    return 0;
}

/* Put the training videos into at most PARTS parts, people kept together. */
static int deal(const struct va_window_index *index, const int64_t *videos, int64_t count,
                struct va_fold_plan *plan, int64_t *parts)
{
    *parts = 0;
    for (int64_t i = 0; i < count; i++)
        if (va_folds_add_video(plan, index->videos[videos[i]].name,
                               index->videos[videos[i]].frames, false) < 0)
            return -1;
    if (args.groups && va_folds_group(plan, args.groups) < 0)
        return -1;
    return va_folds_parts(plan, PARTS, parts);
}

/* Dimension d by a few features, chosen among all; the others get weights of zero. */
static int fit_selected(struct va_ridge *ridge, struct va_moments *part, int64_t parts,
                        int64_t run, int d, double *lambda)
{
    struct va_moments picked[PARTS] = { 0 }, all = { 0 };
    int64_t features[FEATURES_MAX], n = 0;
    double both[2] = { *lambda, *lambda };
    struct va_ridge few = { 0 };
    int status = va_ridge_select(part, parts, run, d, args.features, features, &n);

    for (int64_t i = 0; status == 0 && i < parts; i++)
        status = va_moments_pick(&picked[i], &part[i], run, features, n);
    if (status == 0 && args.value < 0)
        status = va_ridge_choose(picked, parts, both);
    if (status == 0)
        status = va_moments_init(&all, n * run);
    for (int64_t i = 0; status == 0 && i < parts; i++)
        va_moments_sum(&all, &picked[i], 1);
    if (status == 0)
        status = va_ridge_fit(&few, &all, both);
    for (int64_t i = 0; status == 0 && i < n; i++) {
        memcpy(ridge->w + d * ridge->D + features[i] * run, few.w + d * few.D + i * run,
               (size_t)run * sizeof(*few.w));
        va_debug("%s: feature %lld", d ? "arousal" : "valence", (long long)features[i]);
    }
    if (status == 0)
        ridge->b[d] = few.b[d];
    *lambda = both[d];
    va_ridge_release(&few);
    va_moments_release(&all);
    for (int64_t i = 0; i < parts; i++)
        va_moments_release(&picked[i]);
    return status;
}

static int fit_parts(struct va_ridge *ridge, struct va_moments *part, int64_t parts,
                     int64_t run, double lambda[2])
{
    struct va_moments all;
    int status = va_moments_init(&all, part[0].D);

    for (int64_t i = 0; status == 0 && i < parts; i++)
        va_moments_sum(&all, &part[i], 1);
    lambda[0] = lambda[1] = args.value;
    if (status == 0 && args.method == METHOD_RIDGE && args.select == SELECT_FORWARD) {
        if (parts < 2)
            status = va_error("%s: found one group of videos, but --select forward needs two",
                              args.train);
        else if ((status = va_ridge_constant(ridge, &all)) == 0)
            for (int d = 0; d < 2 && status == 0; d++)
                status = fit_selected(ridge, part, parts, run, d, &lambda[d]);
        va_moments_release(&all);
        return status;
    }
    if (status == 0 && args.method == METHOD_RIDGE && args.value < 0) {
        lambda[0] = lambda[1] = .1;
        if (parts > 1)
            status = va_ridge_choose(part, parts, lambda);
        else
            va_info("%s: found one group of videos, so no inner cross-validation: lambda is .1",
                    args.train);
    }
    if (status == 0)
        status = args.method == METHOD_MEAN ? va_ridge_constant(ridge, &all)
                                            : va_ridge_fit(ridge, &all, lambda);
    va_moments_release(&all);
    return status;
}

static int fit(struct va_ridge *ridge, const struct va_window_index *index, struct block *b,
               double lambda[2])
{
    struct va_moments part[PARTS] = { 0 };
    struct va_fold_plan plan = { 0 };
    int64_t *videos = NULL, count, parts = 0, frames = 0;
    int status = va_window_index_select(index, args.train, &videos, &count);

    if (status == 0)
        status = deal(index, videos, count, &plan, &parts);
    for (int64_t i = 0; status == 0 && i < parts; i++)
        status = va_moments_init(&part[i], index->dim * b->context.L);
    for (int64_t i = 0; status == 0 && i < plan.count; i++)
        status = add_video(&part[plan.videos[i].fold - 1], index,
                           va_window_index_find(index, plan.videos[i].name), b);
    for (int64_t i = 0; i < parts; i++)
        frames += part[i].frames;
    if (status == 0 && frames == 0)
        status = va_error("%s: found no labelled frame in these videos", args.train);
    if (status == 0)
        status = fit_parts(ridge, part, parts, b->context.L, lambda);
    for (int64_t i = 0; i < PARTS; i++)
        va_moments_release(&part[i]);
    va_folds_release(&plan);
    va_free(videos);
    return status;
}

static int predict_video(struct va_predictions_out *out, const struct va_ridge *ridge,
                         const struct va_window_index *index, int64_t video, struct block *b)
{
    const struct va_index_video *v = &index->videos[video];
    double *pts = va_new(v->frames, sizeof(*pts));
    float *va = va_new(v->frames, 2 * sizeof(*va));
    int known = pts && va ? va_window_index_pts(index, video, pts) : -1,
        status = known < 0 ? -1 : 0;

    for (int64_t i = 0; status == 0 && i < v->frames; i += BLOCK) {
        int64_t n = v->frames - i < BLOCK ? v->frames - i : BLOCK;

        status = va_context_gather(&b->context, video, i, n, b->x, NULL, NULL);
        for (int64_t k = 0; status == 0 && k < n; k++)
            va_ridge_predict(ridge, b->x + k * ridge->D, va + 2 * (i + k));
    }
    if (status == 0)
        status = va_predictions_put(
            out, &(struct va_frame_values){
                     .name = v->name, .T = v->frames, .va = va, .pts = known ? pts : NULL });
    va_window_index_forget(index, video);
    va_free(pts);
    va_free(va);
    return status;
}

/* What predictions call the model: with a fingerprint of the map, so that two fits are not taken for
 * one. A new string. */
static char *model_name(const struct va_ridge *ridge, const double lambda[2])
{
    char text[VA_HASH_TEXT];
    struct va_hash h;

    va_hash_init(&h);
    va_hash_add(&h, ridge->w, 2 * (size_t)ridge->D * sizeof(*ridge->w));
    va_hash_add(&h, ridge->b, sizeof(ridge->b));
    va_hash_finish(&h, text);
    return args.method == METHOD_MEAN
               ? va_format("mean %.16s", text)
               : va_format("ridge %.16s lambda=%g,%g", text, lambda[0], lambda[1]);
}

static int predict(const struct va_ridge *ridge, const double lambda[2],
                   const struct va_window_index *index, const char *id, struct block *b)
{
    struct va_predictions_out *out = NULL;
    int64_t *videos = NULL, count;
    char *model = model_name(ridge, lambda);
    int status = model ? va_window_index_select(index, args.val, &videos, &count) : -1;

    if (status == 0)
        out = va_predictions_create(args.output, (const char *const[]){ model }, 1);
    if (!out || va_h5_add_input(va_predictions_file(out), args.windows, id) < 0)
        status = -1;
    for (int64_t i = 0; status == 0 && i < count; i++)
        status = predict_video(out, ridge, index, videos[i], b);
    if (status == 0)
        status = va_predictions_commit(&out);
    va_predictions_abort(out);
    if (status == 0)
        va_debug("%s", model);
    va_free(model);
    va_free(videos);
    return status;
}

/* Features of both lists are those of one encoder. */
static int check_encoders(const struct va_window_index *index)
{
    const char *lists[] = { args.train, args.val };
    bool *chosen = va_new(index->video_count, sizeof(*chosen));
    struct va_origin origin = { 0 };
    int status = chosen ? 0 : -1;

    for (size_t i = 0; status == 0 && i < VA_COUNT(lists); i++) {
        int64_t *videos, count;

        status = va_window_index_select(index, lists[i], &videos, &count);
        for (int64_t k = 0; status == 0 && k < count; k++)
            chosen[videos[k]] = true;
        va_free(videos);
    }
    if (status == 0)
        status = va_origin_add(&origin, index, chosen, args.any_encoder);
    va_free(chosen);
    return status;
}

static int run(void)
{
    char *id = NULL;
    struct va_window_index *index = va_window_index_read(args.windows, &id);
    struct va_ridge ridge = { 0 };
    struct block b = { 0 };
    double lambda[2];
    int status = index ? va_window_index_open_features(index) : -1;

    if (status == 0)
        status = check_encoders(index);
    if (status == 0)
        status = va_context_init(&b.context, index, args.context, args.step, BLOCK);
    if (status == 0) {
        b.x = va_new(BLOCK * index->dim * b.context.L, sizeof(float));
        b.label = va_new(2 * BLOCK, sizeof(float));
        b.valid = va_new(BLOCK, sizeof(float));
        if (!b.x || !b.label || !b.valid)
            status = -1;
    }
    if (status == 0)
        status = fit(&ridge, index, &b, lambda);
    if (status == 0)
        status = predict(&ridge, lambda, index, id, &b);
    va_context_release(&b.context);
    va_free(b.x);
    va_free(b.label);
    va_free(b.valid);
    va_ridge_release(&ridge);
    va_window_index_free(index);
    va_free(id);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-ridge");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(run());
    va_options_free(table);
    return va_tool_finish(status);
}
