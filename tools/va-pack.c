/*
 * va-pack - features of many videos in few large files, and back.
 *
 * Reads va.features/1 and va.corpus/1, writes the one or the other. The work is done in common/data.
 */
#include "base/va_tool.h"
#include "data/va_pack.h"

enum store { STORE_F32, STORE_F16 };
static const char *const store_names[] = { "f32", "f16", NULL };

enum { MEGABYTE = 1000000 };

static struct args {
    struct va_pack_job job;
    int64_t shard_size; /* megabytes */
    int store;
    bool unpack;
} args = { .shard_size = 4000, .store = STORE_F16 };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.job.output, "DIR",
                  "folder to write shards into, or with --unpack a file per video"),
    VA_OPT_FILES_FROM(),
    VA_OPT_INT(0, "shard-size", &args.shard_size, 1, 1 << 20,
               "largest size of a shard in megabytes; a longer video has a shard of its own"),
    VA_OPT_CHOICE(0, "store", &args.store, store_names, "number type of the stored features"),
    VA_OPT_FLAG(0, "unpack", &args.unpack,
                "write a features file for each video of the shards"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] -o DIR FEATURES.h5...",
    .brief = "pack the features of many videos into few large files",
    .details =
        "The shards DIR/shard-00001.h5, DIR/shard-00002.h5 and so on hold the videos in the order of "
        "the inputs, va.corpus(5). Earlier shards in DIR are an error; with --force they "
        "are removed first, and only one of a higher number than the new ones is an error. va-window, va-predict, va-features and va-check take a shard in the place "
        "of the files of its videos. SHARD.h5/NAME names one video of a shard.\n\n"
        "An input is a features file, a shard, or a video of a shard. All have the same columns, and each video is "
        "there once.\n\n"
        "With --store f32 all results are those of the separate files. --store f16 halves the size; the "
        "features then have 11 bits instead of 24, and the largest is 65504.\n\n"
        "--unpack writes DIR/NAME.h5 with the number type of the shard. Packed as f32, or made as float16, "
        "these files have the contents and the content ids of the original ones; the provenance is that of "
        "va-pack.",
    .examples =
        "va-pack -o shards features/*.h5\n"
        "ls features/*.h5 | va-pack --store f32 --shard-size 8000 --force --files-from - -o shards\n"
        "va-pack --unpack -o features shards/*.h5",
};

static bool parse_args(int argc, char **argv, int *status)
{
    args.job.inputs = va_options_parse(table, &usage, argc, argv, status);
    if (!args.job.inputs)
        return false;
    args.job.half = args.store == STORE_F16;
    args.job.shard_bytes = args.shard_size * MEGABYTE;
    if (!args.job.output)
        return va_usage_error(status, "missing --output DIR");
    if (!args.job.inputs[0])
        return va_usage_error(status, "expected at least one file of features");
    if (args.unpack && (va_option_given("store") || va_option_given("shard-size")))
        return va_usage_error(status, "--store and --shard-size are not for --unpack");
    return true;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-pack");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(args.unpack ? va_unpack(&args.job) : va_pack(&args.job));
    return va_tool_finish(status);
}
