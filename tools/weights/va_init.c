/*
 * va-weights init - a model with initial weights; what it is made of is model/va_arch.h's business.
 */
#include "tools/weights/va_weights.h"

#include "base/va_tool.h"
#include "cpu/va_cpu_ops.h"
#include "model/va_arch.h"
#include "ref/va_ref_ops.h"
#include "weights/va_model_file.h"
#include <string.h>

enum { OPTIONS_MAX = 32 };

struct init_args {
    int arch, preset;
    int64_t seed;
    const char *output, *streams;
    struct va_temporal_config model;
};

const struct va_usage va_weights_init_usage = {
    .synopsis = "--arch NAME [options] -o MODEL.h5",
    .brief = "make a model with initial weights",
    .details =
        "The encoders vit_base_patch16_224, vit_large_patch16_224 and "
        "vit_huge_patch14_224 get the initial weights for masked-autoencoder training; "
        "before training they are of no use. vit_tiny is for demonstrations: without "
        "training, it computes a random linear map of a coarse picture. mamba-va is the "
        "temporal model, by default in the published size.\n\n"
        "yunet_s and yunet_n are detectors of faces, in two sizes; before training they are "
        "of no use.",
};

/* An option that is only for mamba-va and was given, or NULL. */
static const char *head_option_given(void)
{
    return va_option_given("preset")    ? "preset"
           : va_option_given("in-dim")  ? "in-dim"
           : va_option_given("streams") ? "streams"
                                        : va_settings_given(&va_temporal_settings);
}

static bool parse_init(struct init_args *a, int argc, char **argv, int *status)
{
    struct va_temporal_config *h = &a->model;
    const struct va_option options[] = {
        VA_OPT_CHOICE(0, "arch", &a->arch, va_arch_names, "architecture of the model"),
        VA_OPT_OUTPUT('o', "output", &a->output, "MODEL.h5",
                      "model to write (va.model/1); appears only when complete"),
        VA_OPT_SEED(&a->seed),
        VA_OPT_GROUP("for mamba-va only"),
        VA_OPT_CHOICE(
            0, "preset", &a->preset, va_weights_presets,
            "source of initial weights and --in-norm: the paper, or the authors' code"),
        VA_OPT_INT(0, "in-dim", &h->in_dim, 1, 65536, "number of features of a frame"),
        VA_OPT_STRING(0, "streams", &a->streams, "NAME=N,...",
                      "named streams of features with their widths, in the place of --in-dim"),
    };
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    int64_t n = VA_COUNT(options);
    char **rest;

    *a = (struct init_args){ .arch = -1, .preset = VA_WEIGHTS_PAPER, .seed = 42 };
    va_temporal_config_default(h);
    memcpy(table, options, sizeof(options));
    n = va_settings_options(&va_temporal_settings, h, table, n);
    table[n] = (struct va_option)VA_OPT_END;
    rest = va_options_parse(table, &va_weights_init_usage, argc, argv, status);
    if (!rest)
        return false;
    if (rest[0])
        return va_usage_error(status, "%s: expected no operand", rest[0]);
    if (a->arch < 0)
        return va_usage_error(status, "missing --arch NAME");
    if (!a->output)
        return va_usage_error(status, "missing --output MODEL.h5");
    if (a->arch != VA_ARCH_MAMBA_VA && head_option_given())
        return va_usage_error(status, "--%s is only for --arch mamba-va, found --arch %s",
                              head_option_given(), va_arch_names[a->arch]);
    h->width = h->channels[h->blocks - 1]; /* also without a TCN */
    if (!va_option_given("in-norm"))
        h->in_norm = a->preset == VA_WEIGHTS_AUTHORS;
    return true;
}

static int take_streams(struct init_args *a)
{
    if (!a->streams)
        return 0;
    if (va_streams_parse(&a->model.streams, a->streams, 65536, "--streams") < 0)
        return -1;
    a->model.in_dim = va_streams_columns(&a->model.streams);
    return 0;
}

static int run_init(struct init_args *a)
{
    /* a forward pass is part of vit_tiny's: in double its floats do not depend on the processor */
    struct va_backend *be = a->arch == VA_ARCH_VIT_TINY ? va_ref_backend_new()
                                                        : va_cpu_backend_new();
    struct va_tensors *set = NULL;
    int result = -1;

    if (!be)
        return -1;
    if (a->arch >= VA_ARCH_YUNET_S)
        set = va_arch_init_yunet(be, (enum va_arch)a->arch, (uint64_t)a->seed);
    else if (a->arch != VA_ARCH_MAMBA_VA)
        set = va_arch_init_encoder(be, (enum va_arch)a->arch, (uint64_t)a->seed);
    else if (take_streams(a) == 0 && va_temporal_config_check(&a->model, "mamba-va") == 0)
        set = va_arch_init_temporal(be, &a->model,
                                    a->preset == VA_WEIGHTS_AUTHORS ? VA_TEMPORAL_INIT_AUTHORS
                                                                    : VA_TEMPORAL_INIT_PAPER,
                                    (uint64_t)a->seed);
    if (set)
        result = va_model_save(a->output, set, &a->seed, NULL, 0);
    va_tensors_free(set);
    va_backend_free(be);
    return result;
}

int va_weights_init(int argc, char **argv)
{
    struct init_args a;
    int status;

    if (!parse_init(&a, argc, argv, &status))
        return status;
    return va_tool_status(run_init(&a));
}
