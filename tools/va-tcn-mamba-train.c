/*
 * va-tcn-mamba-train - train the temporal model on windows of features.
 *
 * Reads va.windows/1 (and the features it names), two lists of videos and perhaps va.model/1;
 * writes va.model/1, train.tsv, val.tsv and, until it is done, a checkpoint va.state/1. The loop
 * is in common/jobs.
 */
#include "comm/va_comm.h"
#include "data/va_origin.h"
#include "jobs/va_train.h"
#include "run/va_run_tool.h"

struct args {
    struct va_train_job job;
    struct va_train_config options; /* what the options say, before the preset */
    struct va_run_args run;
};

enum { OPTIONS_MAX = 64 };

static int64_t add_files(struct args *a, struct va_option *table, int64_t n)
{
    struct va_train_job *job = &a->job;
    const struct va_option options[] = {
        VA_OPT_FILE(0, "windows", &job->windows, "windows with labels (va.windows/1)"),
        VA_OPT_FILE(0, "train", &job->train, "list of training videos, one name per line"),
        VA_OPT_FILE(0, "val", &job->val, "list of validation videos, one name per line"),
        VA_OPT_OUTPUT('o', "output", &job->run.output, "MODEL.h5",
                      "model to write (va.model/1); appears only when complete"),
        VA_OPT_FILE(0, "init", &job->init, "model whose weights training starts from"),
        VA_OPT_ANY_ENCODER(&job->any_encoder),
        VA_OPT_OUTPUT(0, "log-dir", &job->run.log_dir, "DIR",
                      "folder to write train.tsv and val.tsv into"),
    };

    return va_run_add(options, VA_COUNT(options), table, n);
}

static bool check(struct args *a, int *status)
{
    const struct va_train_job *job = &a->job;

    if (!va_run_check(&a->run, status))
        return false;
    if (va_option_given("loss-eps") && job->config.loss != VA_CCC_SAMPLE)
        return va_usage_error(status, "--loss-eps is only for --moments sample");
    if (a->run.print_config)
        return true;
    if (!job->windows)
        return va_usage_error(status, "missing --windows W.h5");
    if (!job->train)
        return va_usage_error(status, "missing --train LIST");
    if (!job->val)
        return va_usage_error(status, "missing --val LIST");
    if (!va_run_check_output(&a->run, status))
        return false;
    return true;
}

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    static const struct va_usage usage = {
        .synopsis = "[options] --windows W.h5 --train LIST --val LIST -o MODEL.h5",
        .brief = "train the temporal model (TCN and Mamba) on windows of features",
        .details =
            "A preset sets all options; single options override it. The same options, inputs, "
            "device and number of ranks give the same bytes, for any number of threads, also when "
            "the run was interrupted and continued with --resume. SIGINT and SIGTERM end training after "
            "the current step and write a checkpoint. Without --resume or --restart, an "
            "unfinished run is left alone and the exit code is 3.\n\n"
            "Under an MPI launcher (mpirun -n 4, srun -K --mpi=pmix), all ranks share each "
            "batch: --batch is the total over all ranks, and loss and dropout masks are "
            "those of the whole batch. The training curve is therefore that of one process "
            "up to rounding. Rank 0 writes all files. If a rank is lost, the job ends; "
            "--resume continues from the checkpoint, also with another number of ranks.\n\n"
            "--precision bf16 rounds the operands of matrix products and convolutions to bfloat16. " VA_BF16_COST
            "Sums, states, weights, the loss and the optimiser stay float32, and so do "
            "the scan of Mamba, the recurrence of GRU and LSTM, and attention. Validations round as "
            "training does. va-predict computes in float32 unless it gets --precision, too.\n\n" VA_RUN_AUTO_PRECISION,
        .examples =
            "va-tcn-mamba-train --windows w.h5 --train folds/0/train.txt --val folds/0/val.txt \\\n"
            "    --resume --log-dir log -o model.h5\n"
            "va-tcn-mamba-train --windows w.h5 --train folds/0/train.txt --val folds/0/val.txt \\\n"
            "    --temporal gru --channels 64,64 --kernel 5 --epochs 20 -o gru.h5\n"
            "va-tcn-mamba-train --windows streams.h5 --train folds/0/train.txt --val folds/0/val.txt \\\n"
            "    --fusion concat -o both.h5",
    };
    char **operands;
    int64_t n = add_files(a, table, 0);

    n = va_run_add_checkpoint(&a->run, table, n);
    n = va_settings_options(&va_train_training, &a->options, table, n);
    a->run.precision = &a->options.precision;
    n = va_run_add_machine(&a->run, table, n);
    va_train_config_preset(&a->options, VA_PRESET_PAPER);
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    if (operands[0])
        return va_usage_error(status, "unexpected operand %s", operands[0]);
    va_train_config_preset(&a->job.config, (enum va_preset)a->options.preset);
    va_settings_override(&va_train_settings, &a->job.config, a->job.config.source, &a->options,
                         va_option_given);
    a->run.precision = &a->job.config.precision; /* where auto becomes the one that is used */
    return check(a, status);
}

static struct args args;

static bool parse(int argc, char **argv, int *status)
{
    return parse_args(&args, argc, argv, status);
}

static int run(void)
{
    return args.run.print_config ? va_comm_agree(va_train_config_show(&args.job))
                                 : va_train_run(&args.job);
}

static int64_t breadth(void)
{
    return va_train_breadth(&args.job);
}

int main(int argc, char **argv)
{
    args.run.job = &args.job.run;
    args.run.device = &args.job.device;
    args.run.breadth = breadth;
    return va_run_main("va-tcn-mamba-train", &args.run, argc, argv, parse, run);
}
