/*
 * va-finetune - train an encoder further, on pictures of faces with valence and arousal.
 *
 * Reads va.model/1, va.frames/1 files or folders of crops, label files and two lists of videos;
 * writes va.model/1, train.tsv, val.tsv and, until it is done, a checkpoint va.state/1. The work is
 * done in common/train.
 */
#include "base/va_comm.h"
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "cpu/va_device.h"
#include "nn/va_rater.h"
#include "train/va_finetune.h"
#include "train/va_rated.h"
#include "train/va_train_config.h"
#include <signal.h>
#include <string.h>

struct args {
    struct va_finetune_job job;
    struct va_finetune_config options;
    const char *save_every;
    int64_t threads;
    int precision;
    bool print_config;
};

enum { OPTIONS_MAX = 64 };

static int64_t add_files(struct args *a, struct va_option *table, int64_t n)
{
    struct va_finetune_job *job = &a->job;
    const struct va_option options[] = {
        VA_OPT_FILE('w', "weights", &job->weights, "the encoder to begin with, va.model/1"),
        VA_OPT_LIST(
            0, "labels", &job->labels, "DIR",
            "folder with VIDEO.txt, valence and arousal of each frame; may be given again"),
        VA_OPT_LIST(0, "expressions", &job->expressions, "DIR",
                    "folder with VIDEO.txt, the expression of each frame; may be given again"),
        VA_OPT_FILE(0, "train", &job->train, "videos to train on, one name a line"),
        VA_OPT_FILE(0, "val", &job->val, "videos to validate on, one name a line"),
        VA_OPT_OUTPUT('o', "output", &job->run.output, "MODEL.h5",
                      "encoder with heads to write; appears only when complete"),
        VA_OPT_OUTPUT(0, "log-dir", &job->run.log_dir, "DIR",
                      "write train.tsv and val.tsv there"),
        VA_OPT_GROUP("checkpoint"),
        VA_OPT_OUTPUT(0, "state", &job->run.state, "FILE",
                      "checkpoint, removed at the end (default: MODEL.h5.state)"),
        VA_OPT_RUN_STRING(0, "save-every", &a->save_every, "N|Ns|Nm|Nh",
                          "write it every N batches, or seconds, minutes, hours"),
        VA_OPT_RUN_FLAG(0, "resume", &job->run.resume,
                        "go on from the checkpoint if it exists"),
    };

    for (size_t i = 0; i < VA_COUNT(options); i++)
        table[n++] = options[i];
    return n;
}

static int64_t add_training(struct va_finetune_config *c, struct va_option *table, int64_t n)
{
    const struct va_option options[] = {
        VA_OPT_GROUP("training"),
        VA_OPT_INT(0, "freeze-blocks", &c->freeze, -1, VA_VIT_DEPTH_MAX,
                   "lower blocks that stay as they are, with what is below them; 0: all is "
                   "trained; -1: two thirds of the blocks"),
        VA_OPT_INT(0, "epochs", &c->epochs, 1, 1e6, "epochs"),
        VA_OPT_INT(0, "warmup-epochs", &c->warmup_epochs, 0, 1e6,
                   "epochs in which the rate rises"),
        VA_OPT_INT(0, "per-video", &c->per_video, 1, 1e6,
                   "pictures of each video in an epoch, spread over its length"),
        VA_OPT_INT(0, "batch", &c->batch, 2, 65536, "pictures in a batch"),
        VA_OPT_INT(0, "steps", &c->steps, 0, 1e12, "stop after so many updates; 0: never"),
        VA_OPT_REAL(0, "lr", &c->lr, 0, 1e30, "learning rate of the heads"),
        VA_OPT_REAL(0, "min-lr", &c->min_lr, 0, 1e30, "where it ends"),
        VA_OPT_REAL(0, "layer-decay", &c->layer_decay, 1e-6, 1,
                    "rate of a block over that of the one above"),
        VA_OPT_REAL(0, "weight-decay", &c->weight_decay, 0, 1e6,
                    "decay of AdamW, not of norms and biases"),
        VA_OPT_REAL(0, "drop-path", &c->drop_path, 0, .999,
                    "how often the branches of the last block are left out"),
        VA_OPT_REAL(0, "clip", &c->clip, 0, 1e30, "bound on the gradient's L2 norm; 0: none"),
        VA_OPT_CHOICE(0, "loss", &c->loss, va_finetune_loss_names,
                      "1 - CCC of the batch, mean squared error, or both"),
        VA_OPT_REAL(0, "mix", &c->mix, 0, 1, "share of the CCC in loss mix"),
        VA_OPT_INT(0, "classes", &c->classes, 2, VA_CLASSES_MAX, "expressions there are"),
        VA_OPT_REAL(0, "expr-weight", &c->expr_weight, 0, 1e6,
                    "weight of their cross-entropy in the loss"),
        VA_OPT_CHOICE(0, "unmatched", &c->unmatched, va_unmatched_names,
                      "pictures whose number has no line in the label file"),
        VA_OPT_INT(0, "val-every", &c->val_every, 1, 1e6,
                   "of each validation video rate annotated pictures 1, 1 + N, ..."),
        VA_OPT_CHOICE(0, "select", &c->select, va_select_names,
                      "weights of the best validation (mean CCC), or the last ones"),
        VA_OPT_SEED(&c->seed),
    };

    for (size_t i = 0; i < VA_COUNT(options); i++)
        table[n++] = options[i];
    return n;
}

static int64_t add_augmentation(struct va_augment_options *o, struct va_option *table,
                                int64_t n)
{
    const struct va_option options[] = {
        VA_OPT_GROUP("augmentation of training pictures"),
        VA_OPT_REAL(0, "crop", &o->scale[0], 1e-3, 1,
                    "smallest part of the area that a picture keeps; 1: all of it"),
        VA_OPT_REAL(0, "flip", &o->flip, 0, 1, "how often it is mirrored"),
        VA_OPT_REAL(0, "brightness", &o->brightness, 0, 10,
                    "jitter: factors of 1 - X to 1 + X"),
        VA_OPT_REAL(0, "contrast", &o->contrast, 0, 10, "likewise"),
        VA_OPT_REAL(0, "saturation", &o->saturation, 0, 10, "likewise"),
        VA_OPT_REAL(0, "hue", &o->hue, 0, .5, "turns of the colour circle, -X to X"),
    };

    for (size_t i = 0; i < VA_COUNT(options); i++)
        table[n++] = options[i];
    return n;
}

static int64_t add_machine(struct args *a, struct va_option *table, int64_t n)
{
    const struct va_option options[] = {
        VA_OPT_GROUP("machine"),
        VA_OPT_RUN_INT(0, "readers", &a->job.readers, 0, 64,
                       "threads that read pictures (0: half of the compute threads)"),
        VA_OPT_DEVICE(&a->job.device),
        VA_OPT_PRECISION(&a->precision),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_RUN_FLAG(0, "print-config", &a->print_config,
                        "print every setting and where it came from, and exit"),
        VA_OPT_END,
    };

    for (size_t i = 0; i < VA_COUNT(options); i++)
        table[n++] = options[i];
    return n;
}

static bool check(struct args *a, int *status)
{
    const struct va_finetune_job *job = &a->job;

    if (!va_run_save_every(&a->job.run, a->save_every))
        return va_usage_error(status, "--save-every %s: expected N, Ns, Nm or Nh",
                              a->save_every);
    if (!va_device_check(job->device, a->precision, status))
        return false;
    if (va_option_given("mix") && a->options.loss != VA_FINETUNE_MIX)
        return va_usage_error(status, "--mix is for --loss mix");
    if (a->print_config)
        return true;
    if (!job->weights)
        return va_usage_error(status, "missing --weights ENCODER.h5");
    if (!job->labels.count)
        return va_usage_error(status, "missing --labels DIR");
    if (!job->train)
        return va_usage_error(status, "missing --train LIST");
    if (!job->val)
        return va_usage_error(status, "missing --val LIST");
    if (!job->run.output)
        return va_usage_error(status, "missing --output MODEL.h5");
    if (job->run.state && !strcmp(job->run.state, job->run.output))
        return va_usage_error(status, "--state and --output are the same file");
    if (!job->input_count)
        return va_usage_error(status, "expected frames files or folders of crops");
    return true;
}

static const struct va_usage usage = {
    .synopsis =
        "[options] -w ENCODER.h5 --labels DIR --train LIST --val LIST -o MODEL.h5 FRAMES...",
    .brief = "train an encoder further, on faces with valence and arousal",
    .details =
        "FRAMES are va.frames/1 files, one a video, or folders in which each folder of crops "
        "NNNNN.jpg is a video; picture NNNNN goes with row NNNNN of the label file. The CLS row gets "
        "a linear head for valence and arousal, with --expressions another for classes. MODEL.h5 is "
        "the whole encoder with its heads: va-embed takes it as weights, va-predict rates frames with "
        "it.\n\n"
        "Patch embedding and lower blocks stay as they are. Rows of -5 never count. After each epoch "
        "the validation videos are rated, and the weights of the best mean CCC are kept.\n\n"
        "The same options, inputs and number of threads and ranks give the same bytes, also when the "
        "run was stopped in between and went on with --resume. SIGINT and SIGTERM end it after the "
        "current step with a checkpoint. Started by an MPI launcher (mpirun, srun) it shares every "
        "batch among the ranks.\n\n"
        "  va-finetune -w mae.h5 --labels Train_Set --labels Validation_Set --train train.txt \\\n"
        "      --val val.txt --unmatched skip --log-dir log -o tuned.h5 cropped_aligned",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    char **operands;
    int64_t n = add_files(a, table, 0);

    n = add_training(&a->options, table, n);
    n = add_augmentation(&a->options.augment, table, n);
    n = add_machine(a, table, n);
    a->job.device = "auto";
    a->save_every = "5m";
    va_finetune_config_default(&a->options);
    va_finetune_config_default(&a->job.config);
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    a->job.inputs = operands;
    while (operands[a->job.input_count])
        a->job.input_count++;
    va_settings_override(&va_finetune_settings, &a->job.config, a->job.config.source,
                         &a->options, va_option_given);
    return check(a, status);
}

static int print_config(const struct args *a)
{
    printf("setting\tvalue\tsource\n");
    va_settings_print(&va_finetune_settings, &a->job.config, a->job.config.source, NULL,
                      stdout);
    return 0;
}

/* With several ranks all do the same here; the library sees to it that they end the same way. */
static int run(const struct args *a)
{
    va_threads_share(va_comm_sharers());
    va_threads_set((int)a->threads);
    return a->print_config ? print_config(a) : va_finetune_run(&a->job);
}

int main(int argc, char **argv)
{
    static struct args a;
    int status = VA_EXIT_OK, result = 0;
    bool parsed;

    va_tool_init("va-finetune");
    if (va_comm_begin() < 0)
        return va_tool_finish(va_error_status());
    parsed = parse_args(&a, argc, argv, &status);
    if (va_comm_agree(status) < 0)
        status = status ? status : va_error_status();
    else if (parsed)
        status = va_tool_status((result = run(&a)) > 0 ? 0 : result);
    va_comm_end();
    va_tool_cost();
    status = va_tool_finish(status);
    if (result > 0) { /* stopped by a signal: end by it, so that a shell sees it */
        signal(result, SIG_DFL);
        raise(result);
    }
    return status;
}
