/*
 * va-ensemble - predictions of several models for the same videos made into one.
 *
 * Reads and writes va.predictions/1, one video in memory at a time. Averages and centring are in
 * common/data/va_ensemble, the fit of weights in common/data/va_blend.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_blend.h"
#include "data/va_blend_labels.h"
#include "data/va_blend_table.h"
#include "data/va_ensemble.h"
#include "data/va_frame_files.h"
#include "data/va_metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum method { MEAN, CENTRED, WEIGHTS };
static const char *const method_names[] = { "mean", "centred", "weights", NULL };
static const char *const missing_names[] = { "error", "skip", "average", NULL };

/* How many files there are; false after reporting that there are none or too many. */
static bool count_inputs(char **inputs, int64_t *count, int *status)
{
    *count = 0;
    while (inputs[*count])
        ++*count;
    if (*count == 0)
        return va_usage_error(status, "expected files of predictions");
    if (*count > VA_ENSEMBLE_MAX)
        return va_usage_error(status, "found %lld files of predictions, at most %d",
                              (long long)*count, VA_ENSEMBLE_MAX);
    return true;
}

/* ---- combine --------------------------------------------------------------------------- */

static struct combine {
    const char *output, *weight;
    const char *fitted; /* table of weights */
    struct va_frame_files text;
    int method, missing;
    bool clip;
    char **inputs;
    int64_t count;
    double weights[VA_ENSEMBLE_MAX][2];
    double scale[2], shift[2]; /* of the weighted sum */
    char digest[VA_HASH_TEXT]; /* of `fitted` */
} combine = { .clip = true, .scale = { 1, 1 } };

static const struct va_option combine_table[] = {
    VA_OPT_OUTPUT('o', "output", &combine.output, "FILE",
                  "predictions to write (va.predictions/1); appear only when complete"),
    VA_OPT_CHOICE(0, "method", &combine.method, method_names,
                  "plain average, average after CCC centring, or weighted sum"),
    VA_OPT_STRING(
        0, "weight", &combine.weight, "W,W,...",
        "relative weight of each file for --method mean; their sum may be any (default: equal)"),
    VA_OPT_FILE(0, "weight-table", &combine.fitted,
                "table of weights from va-ensemble fit; implies --method weights"),
    VA_OPT_CHOICE(0, "missing", &combine.missing, missing_names,
                  "videos without predictions in some files: refuse them, leave them out, or "
                  "average the rest"),
    VA_OPT_YESNO(0, "clip", &combine.clip, "limit predictions to [-1, 1]"),
    VA_OPT_TABLE(&combine.text),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[fit] [options] -o OUT PRED.h5...",
    .brief = "combine predictions of several models for the same videos",
    .details =
        "--method mean averages frame by frame, with equal weights or those of --weight.\n\n"
        "--method centred first shifts each model's predictions of a video to a common "
        "mean. The agreement of a model is the mean of its CCCs with the other models "
        "over that video; agreements below 0 count as 0. The common mean is the mean of "
        "the models' means, weighted by agreement. Without an agreement above 0, the "
        "result is the plain average.\n\n"
        "--method weights computes a weighted sum with the table that va-ensemble fit "
        "wrote. The files must be in the same order as for fit.\n\n"
        "All files must contain all videos, with equal numbers of frames. Time stamps "
        "are those of the first file that has them. --missing average joins files of "
        "different videos, such as the validation videos of each fold. The attribute "
        "models names the models of all files.\n\n"
        "The command fit fits weights: see va-ensemble fit --help. To name a file \"fit\", "
        "write ./fit.",
    .examples = "va-ensemble --method centred -o all.h5 fold0.h5 fold1.h5 fold2.h5\n"
                "va-ensemble fit --labels Validation_Set -o weights.tsv a.val.h5 b.val.h5\n"
                "va-ensemble --weight-table weights.tsv -o test.h5 a.test.h5 b.test.h5",
};

/* The numbers of --weight. */
static bool parse_weight(int *status)
{
    const char *text = combine.weight;
    double total = 0;
    int64_t n = 0;
    char *end = NULL;

    for (;; text = end + 1) {
        double w = strtod(text, &end);

        if (end == text || (*end && *end != ',') || *text == ' ' || !(w >= 0 && w <= 1e9))
            return va_usage_error(
                status,
                "--weight: found %s, expected numbers of at least 0, separated by commas",
                combine.weight);
        if (n < combine.count)
            combine.weights[n][0] = combine.weights[n][1] = w;
        n++;
        total += w;
        if (!*end)
            break;
    }
    if (n != combine.count)
        return va_usage_error(status,
                              "--weight: found %lld numbers, expected %lld, one for each file",
                              (long long)n, (long long)combine.count);
    return total > 0 ||
           va_usage_error(status, "--weight: all weights are 0, expected at least one above 0");
}

static bool parse_combine(int argc, char **argv, int *status)
{
    combine.inputs = va_options_parse(combine_table, &usage, argc, argv, status);
    if (!combine.inputs)
        return false;
    if (!combine.output)
        return va_usage_error(status, "missing --output FILE");
    if (!count_inputs(combine.inputs, &combine.count, status))
        return false;
    if (combine.fitted && !va_option_given("method"))
        combine.method = WEIGHTS;
    if ((combine.method == WEIGHTS) != (combine.fitted != NULL))
        return va_usage_error(
            status, combine.fitted ? "--weight-table conflicts with --method mean and centred"
                                   : "--method weights needs --weight-table FILE");
    if (combine.weight && combine.method != MEAN)
        return va_usage_error(status, "--weight is only for --method mean");
    if (combine.fitted && combine.missing == VA_ENSEMBLE_AVERAGE)
        return va_usage_error(
            status, "--missing average conflicts with --weight-table: its weights are for all "
                    "files together");
    return va_frame_files_check_options(&combine.text, status) &&
           (!combine.weight || parse_weight(status));
}

static int combine_video(struct va_predictions_out *out, struct va_ensemble *e,
                         const char *name)
{
    const bool weighted = combine.weight || combine.method == WEIGHTS;
    double shift[2] = { combine.shift[0], combine.shift[1] };
    int loaded = va_ensemble_load(e, name, (enum va_ensemble_missing)combine.missing);
    struct va_frame_values values;
    double *mean = NULL;
    float *va = NULL;
    int status = -1;

    if (loaded <= 0)
        return loaded;
    mean = va_new(e->frames, 2 * sizeof(*mean));
    va = va_new(e->frames, 2 * sizeof(*va));
    if (!mean || !va ||
        va_ensemble_mean(e, name, weighted ? (const double(*)[2])combine.weights : NULL, mean) <
            0)
        goto done;
    if (combine.method == CENTRED)
        va_ensemble_centre(e->present, e->frames, e->va, shift);
    for (int64_t i = 0; i < 2 * e->frames; i++) {
        double x = combine.scale[i % 2] * mean[i] + shift[i % 2];

        va[i] = (float)(combine.clip ? fmin(1, fmax(-1, x)) : x);
    }
    values = va_predicted_with(&e->known, name, va);
    if (va_predictions_put(out, &values) == 0 &&
        va_frame_files_write(&combine.text, combine.inputs[e->from[0]], &values) == 0)
        status = 1;
done:
    va_free(mean);
    va_free(va);
    return status;
}

/* Begin the output: ids of all models, each once, in the order of the files. */
static struct va_predictions_out *create(const struct va_ensemble *e)
{
    struct va_predictions_out *out = NULL;
    const char **models;
    int64_t n = 0;

    for (int64_t k = 0; k < e->count; k++)
        n += e->files[k]->model_count;
    models = va_new(n, sizeof(*models));
    n = 0;
    for (int64_t k = 0; models && k < e->count; k++)
        for (int64_t i = 0; i < e->files[k]->model_count; i++) {
            int64_t j = 0;

            while (j < n && strcmp(models[j], e->files[k]->models[i]))
                j++;
            models[j] = e->files[k]->models[i];
            n += j == n;
        }
    if (models)
        out = va_predictions_create(combine.output, models, n);
    va_free(models);
    return out;
}

static int add_inputs(struct va_predictions_out *out, const struct va_ensemble *e)
{
    const char *note = NULL;

    for (int64_t k = e->count; k-- > 0;)
        note = e->files[k]->note ? e->files[k]->note : note;
    if (va_predictions_put_note(out, note) < 0)
        return -1;
    for (int64_t k = 0; k < e->count; k++) {
        const char *id = va_h5_id(e->files[k]->in);

        if (!id || va_h5_add_input(va_predictions_file(out), combine.inputs[k], id) < 0)
            return -1;
    }
    return combine.fitted
               ? va_h5_add_input(va_predictions_file(out), combine.fitted, combine.digest)
               : 0;
}

static int take_table(const struct va_ensemble *e)
{
    struct va_blend_table t;
    int status = va_blend_table_read(&t, combine.fitted);

    if (status < 0)
        return -1;
    status = va_blend_table_check(&t, e);
    memcpy(combine.weights, t.weight, sizeof(t.weight));
    memcpy(combine.scale, t.scale, sizeof(t.scale));
    memcpy(combine.shift, t.shift, sizeof(t.shift));
    memcpy(combine.digest, t.digest, sizeof(t.digest));
    va_blend_table_release(&t);
    return status;
}

static int run_combine(void)
{
    struct va_ensemble e = { 0 };
    struct va_predictions_out *out = NULL;
    int64_t written = 0;
    int status = va_ensemble_open(&e, combine.inputs, combine.count);

    if (status == 0 && combine.fitted)
        status = take_table(&e);
    if (status == 0 && (!(out = create(&e)) || add_inputs(out, &e) < 0))
        status = -1;
    for (int64_t i = 0; status >= 0 && i < e.name_count; i++) {
        status = combine_video(out, &e, e.names[i]);
        written += status > 0;
    }
    if (status >= 0 && written == 0)
        status = va_error("%s: found no video that all files have", combine.inputs[0]);
    if (status >= 0)
        status = va_frame_files_commit(&combine.text);
    if (status >= 0)
        status = va_predictions_commit(&out);
    va_frame_files_abort(&combine.text);
    va_predictions_abort(out);
    va_ensemble_release(&e);
    return status;
}

static int combine_main(int argc, char **argv)
{
    int status;

    if (parse_combine(argc, argv, &status))
        status = va_tool_status(run_combine());
    return status;
}

/* ---- fit ------------------------------------------------------------------------------- */

struct fit {
    const char *output;
    struct va_blend_job job;
    int missing;
    bool affine;
    struct va_ensemble e;
    struct va_blend blend[2]; /* of valence and arousal */
};

/* Fit dimension d and note what is reached. */
static void fit_dimension(const struct fit *f, int d, struct va_blend_table *t)
{
    const struct va_blend *b = &f->blend[d];
    double w[VA_BLEND_MAX], equal[VA_BLEND_MAX];

    va_blend_fit(b, f->affine, w);
    t->scale[d] = 1;
    if (f->affine)
        va_blend_affine(b, w, &t->scale[d], &t->shift[d]);
    t->combined[d] = va_blend_ccc(b, w, t->scale[d], t->shift[d]);
    for (int64_t k = 0; k < b->K; k++) {
        double one[VA_BLEND_MAX] = { 0 };

        one[k] = 1;
        equal[k] = 1 / (double)b->K;
        t->weight[k][d] = w[k];
        t->single[k][d] = va_blend_ccc(b, one, 1, 0);
    }
    t->equal[d] = va_blend_ccc(b, equal, 1, 0);
    va_info("%s: ccc %.4f, with equal weights %.4f", va_dimension_names[d], t->combined[d],
            t->equal[d]);
}

static int run_fit(struct fit *f, char **inputs, int64_t count)
{
    struct va_blend_table t = { 0 };
    int status = va_ensemble_open(&f->e, inputs, count);

    for (int d = 0; status == 0 && d < 2; d++)
        status = va_blend_init(&f->blend[d], count);
    if (status == 0)
        status = va_blend_add_labels(f->blend, &f->e, &f->job);
    if (status == 0)
        status = va_blend_table_init(&t, &f->e);
    if (status == 0) {
        t.frames = f->blend[0].frames;
        for (int d = 0; d < 2; d++)
            fit_dimension(f, d, &t);
        status = va_blend_table_write(&t, f->output);
    }
    va_blend_table_release(&t);
    for (int d = 0; d < 2; d++)
        va_blend_release(&f->blend[d]);
    va_ensemble_release(&f->e);
    return status;
}

static int fit_main(int argc, char **argv)
{
    struct fit f = { .missing = VA_ENSEMBLE_ERROR, .job = { .rule = { .silent = true } } };
    static const char *const fit_missing_names[] = { "error", "skip", NULL };
    const struct va_option table[] = {
        VA_OPT_STREAM(
            'o', "output", &f.output, "FILE",
            "table of weights to write; appears only when complete; -: standard output"),
        VA_OPT_LIST(0, "labels", &f.job.folders, "DIR",
                    "folder of label files <video>.txt; may be repeated"),
        VA_OPT_LABEL_FPS(&f.job.rule.fps),
        VA_OPT_LABELS_UNMATCHED(&f.job.rule.unmatched),
        VA_OPT_FILE(0, "list", &f.job.list,
                    "fit only on the videos in this list, one name per line"),
        VA_OPT_CHOICE(0, "missing", &f.missing, fit_missing_names,
                      "labelled frames and videos without predictions: refuse them, or leave "
                      "them out"),
        VA_OPT_YESNO(0, "affine", &f.affine,
                     "also fit a scale and a shift, to match the mean and deviation of the "
                     "labels"),
        VA_OPT_END,
    };
    static const struct va_usage fit_usage = {
        .synopsis = "[options] --labels DIR -o WEIGHTS.tsv PRED.h5...",
        .brief = "fit the weights of a weighted sum to labelled videos",
        .details =
            "For valence and for arousal, the fitted weights are at least 0 and have the sum "
            "1. Their weighted sum of the files has the highest CCC over all labelled frames "
            "together. With --affine yes it has the highest CCC after scale and shift; this "
            "helps because averages vary less than their parts, and CCC compares deviations.\n\n"
            "On the videos of the fit, the result is never worse than the best single file "
            "or equal weights. Score it on other videos, and fit on videos on which no model "
            "was trained.\n\n"
            "The table has the columns what, name, id, valence and arousal. Its rows give "
            "the number of frames, the CCC of each file, of equal weights (equal) and of the "
            "result (combined, not limited to [-1, 1]), scale, shift, and the weight of each "
            "file in the given order.",
    };
    int64_t count;
    int status;
    char **inputs = va_options_parse(table, &fit_usage, argc, argv, &status);

    if (!inputs)
        return status;
    if (!f.output)
        va_usage_error(&status, "missing --output FILE");
    else if (!f.job.folders.count)
        va_usage_error(&status, "missing --labels DIR");
    else if (count_inputs(inputs, &count, &status)) {
        f.job.skip = f.missing == VA_ENSEMBLE_SKIP;
        status = va_tool_status(run_fit(&f, inputs, count));
    }
    va_options_free(table);
    return status;
}

int main(int argc, char **argv)
{
    static const struct va_command commands[] = {
        { "", combine_main, "" },
        { "fit", fit_main, "fit weights to labelled videos" },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-ensemble");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
