/*
 * va-mae-pretrain - make an encoder learn from pictures without labels, as a masked autoencoder.
 *
 * Reads va.frames/1 files, folders of images and videos, and perhaps va.model/1; writes va.model/1,
 * train.tsv, contact sheets and, until it is done, a checkpoint va.state/1. The work is done in
 * common/jobs.
 */
#include "comm/va_comm.h"
#include "jobs/va_pretrain.h"
#include "media/va_source.h"
#include "model/va_arch.h"
#include "run/va_run_tool.h"

struct args {
    struct va_pretrain_job job;
    struct va_run_args run;
};

enum { OPTIONS_MAX = 64 };

static int64_t add_files(struct args *a, struct va_option *table, int64_t n)
{
    struct va_pretrain_job *job = &a->job;
    const struct va_option options[] = {
        VA_OPT_OUTPUT('o', "output", &job->run.output, "MODEL.h5",
                      "encoder to write (va.model/1); appears only when complete"),
        VA_OPT_FILES_FROM(),
        va_settings_option(&va_pretrain_settings, "keep-decoder", &a->job.config),
        VA_OPT_FILE(0, "init", &job->init,
                    "encoder, or encoder with decoder, whose weights training starts from"),
        VA_OPT_OUTPUT(0, "cache", &job->cache, "DIR",
                      "folder to keep decoded videos in; later runs reuse them"),
        va_settings_option(&va_pretrain_settings, "every", &a->job.config),
        VA_OPT_INT(0, "tolerate", &job->tolerate, 0, VA_NUMBER_MAX,
                   "number of broken images and packets to skip before giving up"),
        VA_OPT_OUTPUT(0, "log-dir", &job->run.log_dir, "DIR",
                      "folder to write train.tsv and contact sheets into"),
        VA_OPT_RUN_INT(
            0, "sheet-every", &job->sheet_every, 0, 1e6,
            "write sheet-NNNN.png every N epochs: original, masked, reconstruction; 0: "
            "never"),
    };

    return va_run_add(options, VA_COUNT(options), table, n);
}

/* The encoders of va_arch_names, which come first there. */
static const char *encoder_names[VA_ARCH_MAMBA_VA + 1];

static int64_t add_model(struct va_pretrain_config *c, struct va_option *table, int64_t n)
{
    const struct va_option options[] = {
        VA_OPT_GROUP("model (with --init: from the file)"),
        VA_OPT_CHOICE(0, "arch", &c->arch, encoder_names,
                      "encoder architecture, which sets the sizes below"),
    };

    for (int i = 0; i < VA_ARCH_MAMBA_VA; i++)
        encoder_names[i] = va_arch_names[i];
    n = va_run_add(options, VA_COUNT(options), table, n);
    return va_settings_options(&va_pretrain_sizes, &c->model, table, n);
}

static bool check_settings(const struct args *a, int *status)
{
    const struct va_pretrain_job *job = &a->job;

    if (job->init && va_option_given("arch"))
        return va_usage_error(status,
                              "--arch conflicts with --init: the file fixes the architecture");
    if (va_option_given("warmup-epochs") && job->config.warmup_epochs >= job->config.epochs)
        return va_usage_error(status, "--warmup-epochs %lld: expected fewer than --epochs %lld",
                              (long long)job->config.warmup_epochs,
                              (long long)job->config.epochs);
    if (job->sheet_every && !job->run.log_dir)
        return va_usage_error(status, "--sheet-every needs --log-dir");
    return true;
}

static bool check(struct args *a, int *status)
{
    const struct va_pretrain_job *job = &a->job;

    if (!va_run_check(&a->run, status) || !check_settings(a, status))
        return false;
    if (a->run.print_config)
        return true;
    if (!va_run_check_output(&a->run, status))
        return false;
    if (!job->input_count)
        return va_usage_error(status, "expected frames files, folders of images or videos");
    return true;
}

static const struct va_usage usage = {
    .synopsis = "[options] -o MODEL.h5 PICTURES...",
    .brief = "train an encoder on pictures without labels (masked autoencoder)",
    .details =
        "PICTURES are va.frames/1 files, folders with JPEG and PNG files (searched with "
        "all their subfolders and zip archives), or videos, which --cache DIR keeps decoded. Most patches "
        "of a picture are hidden. The encoder sees the visible patches, and a decoder, "
        "which is discarded after training, reconstructs the hidden ones (masked "
        "autoencoder, He et al. 2022, whose settings are the defaults). MODEL.h5 is an "
        "encoder for va-embed --weights.\n\n"
        "For a size other than those of --arch: --width 64 --depth 4 --image 48 --patch "
        "8 --decoder-width 32 --decoder-depth 2 --decoder-heads 4 trains in minutes on a "
        "laptop.\n\n"
        "The same options, pictures, device and number of ranks give the same bytes, for any number of "
        "threads, also when the run was interrupted and continued with --resume. SIGINT and "
        "SIGTERM end training after the current update and write a checkpoint. Without "
        "--resume or --restart, an unfinished run is left alone and the exit code is 3. "
        "Under an MPI launcher (mpirun, srun), all ranks share each batch: --batch is "
        "the total over all ranks.\n\n"
        "--precision bf16 rounds the operands of linear layers, and in their gradients, to "
        "bfloat16; attention, sums and weights stay float32.\n\n" VA_RUN_AUTO_PRECISION,
    .examples =
        "va-mae-pretrain --batch 64 --accumulate 16 --epochs 400 --resume --log-dir log \\\n"
        "    --sheet-every 10 -o mae.h5 cropped_aligned\n"
        "va-mae-pretrain --init mae.h5 --epochs 100 --cache decoded --every 5 -o more.h5 holiday.mp4",
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    struct va_pretrain_config *c = &a->job.config;
    char **operands;
    int64_t n = add_files(a, table, 0);

    n = va_run_add_checkpoint(&a->run, table, n);
    n = va_settings_options(&va_pretrain_training, c, table, n);
    n = va_settings_options(&va_augment_settings, &c->augment, table, n);
    n = add_model(c, table, n);
    n = va_run_add_machine(&a->run, table, n);
    va_pretrain_config_default(c);
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    a->job.inputs = operands;
    while (operands[a->job.input_count])
        a->job.input_count++;
    va_settings_override(&va_pretrain_settings, c, c->source, c, va_option_given);
    return check(a, status);
}

static struct args args;

static bool parse(int argc, char **argv, int *status)
{
    return parse_args(&args, argc, argv, status);
}

static int run(void)
{
    return args.run.print_config ? va_comm_agree(va_pretrain_config_show(&args.job))
                                 : va_pretrain_run(&args.job);
}

int main(int argc, char **argv)
{
    args.run.job = &args.job.run;
    args.run.device = &args.job.device;
    args.run.precision = &args.job.config.precision;
    args.run.readers = &args.job.readers;
    return va_run_main("va-mae-pretrain", &args.run, argc, argv, parse, run);
}
