/*
 * va-finetune - train an encoder further, on pictures of faces with valence and arousal.
 *
 * Reads va.model/1, va.frames/1 files or folders of crops, label files and two lists of videos;
 * writes va.model/1, train.tsv, val.tsv and, until it is done, a checkpoint va.state/1. The work is
 * done in common/jobs.
 */
#include "feed/va_rated.h"
#include "jobs/va_finetune.h"
#include "run/va_run_tool.h"

struct args {
    struct va_finetune_job job;
    struct va_run_args run;
};

enum { OPTIONS_MAX = 64 };

static int64_t add_files(struct args *a, struct va_option *table, int64_t n)
{
    struct va_finetune_job *job = &a->job;
    const struct va_option options[] = {
        VA_OPT_FILE('w', "weights", &job->weights, "encoder to start from (va.model/1)"),
        VA_OPT_LIST(0, "labels", &job->labels, "DIR",
                    "folder of label files <video>.txt; may be repeated"),
        VA_OPT_LABEL_FPS(&job->label_fps),
        VA_OPT_LIST(0, "expressions", &job->expressions, "DIR",
                    "folder of <video>.txt files with the expression of each frame; may be "
                    "repeated"),
        VA_OPT_FILE(0, "train", &job->train, "list of training videos, one name per line"),
        VA_OPT_FILE(0, "val", &job->val, "list of validation videos, one name per line"),
        VA_OPT_INT(0, "tolerate", &job->tolerate, 0, VA_NUMBER_MAX,
                   "number of broken images to skip before giving up; training ignores them"),
        VA_OPT_OUTPUT('o', "output", &job->run.output, "MODEL.h5",
                      "encoder with heads to write (va.model/1); appears only when complete"),
        VA_OPT_OUTPUT(0, "log-dir", &job->run.log_dir, "DIR",
                      "folder to write train.tsv and val.tsv into"),
        VA_OPT_FILES_FROM(),
    };

    return va_run_add(options, VA_COUNT(options), table, n);
}

static bool check(struct args *a, int *status)
{
    const struct va_finetune_job *job = &a->job;

    if (!va_run_check(&a->run, status))
        return false;
    if (va_option_given("mix") && job->config.loss != VA_FINETUNE_MIX)
        return va_usage_error(status, "--mix is only for --loss mix");
    if (a->run.print_config)
        return true;
    if (!job->weights)
        return va_usage_error(status, "missing --weights ENCODER.h5");
    if (!job->labels.count)
        return va_usage_error(status, "missing --labels DIR");
    if (!job->train)
        return va_usage_error(status, "missing --train LIST");
    if (!job->val)
        return va_usage_error(status, "missing --val LIST");
    if (va_option_given("min-lr") && job->config.min_lr > job->config.lr)
        return va_usage_error(status, "--min-lr %g is above --lr %g", job->config.min_lr,
                              job->config.lr);
    if (!va_run_check_output(&a->run, status))
        return false;
    if (!job->input_count)
        return va_usage_error(status, "expected frames files or folders of crops");
    return true;
}

static const struct va_usage usage = {
    .synopsis =
        "[options] -w ENCODER.h5 --labels DIR --train LIST --val LIST -o MODEL.h5 FRAMES...",
    .brief = "train an encoder further on faces with valence and arousal",
    .details =
        "FRAMES are va.frames/1 files, one per video, or folders. In a folder, each "
        "subfolder of crops is a video, with names as va-decode reads them (00001.jpg, "
        "img_00001.png, from 0 or 1). A zip archive is a folder, too. Picture N belongs to row N of the label file, "
        "counted from 1; rows of -5 are ignored.\n\n"
        "The CLS row gets a linear head for valence and arousal and, with --expressions, "
        "a second head for classes. The patch embedding and the lower blocks are not "
        "trained (--freeze-blocks). After each epoch the validation videos are rated, "
        "and the weights with the best mean CCC are kept. MODEL.h5 is the whole encoder "
        "with its heads: va-embed uses it as weights, and va-predict rates frames with "
        "it.\n\n"
        "The same options, inputs, device and number of ranks give the same bytes, for any number of "
        "threads, also when the run was interrupted and continued with --resume. SIGINT and "
        "SIGTERM end training after the current step and write a checkpoint. Without "
        "--resume or --restart, an unfinished run is left alone and the exit code is 3. "
        "Under an MPI launcher (mpirun, srun), all ranks share each batch: --batch is "
        "the total over all ranks.\n\n"
        "--precision bf16 rounds the operands of linear layers, and in their gradients, to "
        "bfloat16, and those of attention in frozen blocks. Attention in trained blocks, sums and weights "
        "stay float32.\n\n" VA_RUN_AUTO_PRECISION,
    .examples =
        "va-finetune -w encoder.h5 --labels Train_Set --labels Validation_Set --train folds/0/train.txt \\\n"
        "    --val folds/0/val.txt --unmatched skip --log-dir log -o tuned.h5 cropped_aligned",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    struct va_finetune_config *c = &a->job.config;
    char **operands;
    int64_t n = add_files(a, table, 0);

    n = va_run_add_checkpoint(&a->run, table, n);
    n = va_settings_options(&va_finetune_training, c, table, n);
    n = va_settings_options(&va_augment_settings, &c->augment, table, n);
    n = va_run_add_machine(&a->run, table, n);
    va_finetune_config_default(c);
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    a->job.inputs = operands;
    while (operands[a->job.input_count])
        a->job.input_count++;
    va_settings_override(&va_finetune_settings, c, c->source, c, va_option_given);
    return check(a, status);
}

static struct args args;

static bool parse(int argc, char **argv, int *status)
{
    return parse_args(&args, argc, argv, status);
}

static int print_config(void)
{
    printf("setting\tvalue\tsource\n");
    va_settings_print(&va_finetune_settings, &args.job.config, args.job.config.source, NULL,
                      stdout);
    return 0;
}

static int run(void)
{
    return args.run.print_config ? print_config() : va_finetune_run(&args.job);
}

int main(int argc, char **argv)
{
    args.run.job = &args.job.run;
    args.run.device = &args.job.device;
    args.run.precision = &args.job.config.precision;
    args.run.readers = &args.job.readers;
    return va_run_main("va-finetune", &args.run, argc, argv, parse, run);
}
