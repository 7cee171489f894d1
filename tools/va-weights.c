/*
 * va-weights - make, import, export and describe the weights of models.
 *
 * What a model is made of is common/nn/va_arch's business, what others call its tensors
 * common/nn/va_keymap's; here are command lines and files.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "cpu/va_cpu_ops.h"
#include "model/va_arch.h"
#include "ref/va_ref_ops.h"
#include "weights/va_model_file.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const preset_names[] = { "paper", "authors", NULL };
enum preset { PAPER, AUTHORS };

/* ---- init ------------------------------------------------------------------------------ */

enum { OPTIONS_MAX = 32 };

struct init_args {
    int arch, preset;
    int64_t seed;
    const char *output;
    struct va_temporal_config model;
};

static const struct va_usage init_usage = {
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
    return va_option_given("preset")   ? "preset"
           : va_option_given("in-dim") ? "in-dim"
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
            0, "preset", &a->preset, preset_names,
            "source of initial weights and --in-norm: the paper, or the authors' code"),
        VA_OPT_INT(0, "in-dim", &h->in_dim, 1, 65536, "number of features of a frame"),
    };
    static struct va_option table[OPTIONS_MAX]; /* the provenance is made from it later */
    int64_t n = VA_COUNT(options);
    char **rest;

    *a = (struct init_args){ .arch = -1, .preset = PAPER, .seed = 42 };
    va_temporal_config_default(h);
    memcpy(table, options, sizeof(options));
    n = va_settings_options(&va_temporal_settings, h, table, n);
    table[n] = (struct va_option)VA_OPT_END;
    rest = va_options_parse(table, &init_usage, argc, argv, status);
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
        h->in_norm = a->preset == AUTHORS;
    return true;
}

static int run_init(const struct init_args *a)
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
    else if (va_temporal_config_check(&a->model, "mamba-va") == 0)
        set = va_arch_init_temporal(be, &a->model,
                                    a->preset == AUTHORS ? VA_TEMPORAL_INIT_AUTHORS
                                                         : VA_TEMPORAL_INIT_PAPER,
                                    (uint64_t)a->seed);
    if (set)
        result = va_model_save(a->output, set, &a->seed, NULL, 0);
    va_tensors_free(set);
    va_backend_free(be);
    return result;
}

static int main_init(int argc, char **argv)
{
    struct init_args a;
    int status;

    if (!parse_init(&a, argc, argv, &status))
        return status;
    return va_tool_status(run_init(&a));
}

/* ---- import ---------------------------------------------------------------------------- */

struct import_args {
    int preset;
    bool keep_decoder;
    int64_t image; /* 0: as it is */
    const char *output, *input, *from;
    struct va_strings set;  /* KEY=VALUE */
    struct va_strings drop; /* patterns of names */
};

static const struct va_usage import_usage = {
    .synopsis = "[options] -o MODEL.h5 IN",
    .brief = "convert weights of other programs to a model",
    .details =
        "IN is a safetensors file, a checkpoint of PyTorch (.pth, any version), an ONNX model "
        "or a va.model/1 file; its contents determine which. A checkpoint is read without "
        "running the code in it, and objects other than tensors are skipped. From a "
        "checkpoint, the first dict that holds tensors is taken: model, state_dict, "
        "model_state_dict, model_ema, net or module, else the whole file. --from selects "
        "another dict by its key, or one of several encoders by the prefix of its "
        "tensors (--from teacher.backbone).\n\n"
        "Tensors of a vision transformer have the names of timm or of facebook's MAE, "
        "with or without a common prefix. Heads are left out if their names show it "
        "(head, classifier, au_head, projector, ...); --drop leaves out other tensors. "
        "The decoder of a masked autoencoder is left out without --keep-decoder. Integer "
        "tensors beside the weights are left out.\n\n"
        "Only plain vision transformers with a CLS token are accepted; any other kind "
        "(LayerScale, register tokens, averages instead of the CLS row, ...) is refused "
        "with its name. A mamba-va model has the names of this program or of the "
        "authors' code. YuNet, which finds faces, is taken from ONNX and from checkpoints of "
        "its training code; batch norms are folded into the convolutions.\n\n"
        "Sizes follow from the shapes of the tensors. Other settings come from --set, "
        "else from the metadata of IN, else from --preset, else from the defaults:\n\n"
        "  heads              width / 64; 16 for the widths 1152, 1280, 1408 and 1664\n"
        "  mean, std          of pixels from 0 to 1: three numbers each; by default those of faces,\n"
        "                     .471,.363,.333 and .220,.193,.180; for ImageNet\n"
        "                     .485,.456,.406 and .229,.224,.225\n"
        "  image-size         size of pictures for which the positions were made\n"
        "  decoder-heads      16\n"
        "  in-norm            of mamba-va: yes with the authors' names or --preset authors\n"
        "  encoder            of mamba-va: content id of the encoder of its training features\n"
        "  fps-min, fps-max   of mamba-va: range of frame rates of its training videos\n\n"
        "--image N makes an encoder for pictures of N pixels per side from one for "
        "another size: its positions are resampled as timm does (bicubic, antialiased).",
};

static bool parse_import(struct import_args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "MODEL.h5",
                      "model to write (va.model/1); appears only when complete"),
        VA_OPT_CHOICE(0, "preset", &a->preset, preset_names,
                      "default of --set in-norm: no (paper) or yes (authors)"),
        VA_OPT_STRING(0, "from", &a->from, "KEY",
                      "key of the dict, or prefix of the encoder, to take from the file"),
        VA_OPT_LIST(0, "drop", &a->drop, "PATTERN",
                    "leave out tensors whose name matches, such as 'neck.*'; may be repeated"),
        VA_OPT_LIST(0, "set", &a->set, "KEY=VALUE",
                    "value of a setting that the file does not give; may be repeated"),
        VA_OPT_INT(0, "image", &a->image, 0, 4096,
                   "resample the encoder for pictures of N pixels per side; 0: keep its size"),
        VA_OPT_FLAG(0, "keep-decoder", &a->keep_decoder,
                    "keep the decoder of a masked autoencoder"),
        VA_OPT_END,
    };
    char **rest;

    *a = (struct import_args){ .preset = PAPER };
    rest = va_options_parse(table, &import_usage, argc, argv, status);
    if (!rest)
        return false;
    if (!a->output)
        return va_usage_error(status, "missing --output MODEL.h5");
    if (!rest[0] || rest[1])
        return va_usage_error(status, "expected one file to import");
    a->input = rest[0];
    for (int64_t i = 0; i < a->set.count; i++) {
        char *key = va_strdup(a->set.items[i]);
        bool known;

        if (!key)
            return *status = VA_EXIT_MACHINE, false;
        key[strcspn(key, "=")] = '\0';
        known = va_arch_setting(VA_MODEL_MAE, key) || va_arch_setting(VA_MODEL_HEAD, key);
        va_free(key);
        if (!known || !strchr(a->set.items[i], '='))
            return va_usage_error(status,
                                  "--set %s: expected heads=, mean=, std=, image-size=, "
                                  "decoder-heads=, in-norm=, encoder=, fps-min= or fps-max= "
                                  "and a value",
                                  a->set.items[i]);
    }
    return true;
}

/* What an encoder needs and its file does not say: one flag each. */
static const char *const unsaid_keys[] = { "heads", "mean", "std" };

static unsigned unsaid_of(const struct va_tensors *set)
{
    unsigned unsaid = 0;

    for (size_t i = 0; i < VA_COUNT(unsaid_keys); i++)
        if (!va_tensors_meta(set, unsaid_keys[i]))
            unsaid |= 1u << i;
    return unsaid;
}

/* Tell what was supposed. */
static void say_unsaid(const struct va_tensors *set, const char *path, unsigned unsaid)
{
    char text[512] = "";
    size_t n = 0;

    for (size_t i = 0; i < VA_COUNT(unsaid_keys); i++)
        if (unsaid & 1u << i)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%s", unsaid_keys[i],
                                  va_tensors_meta(set, unsaid_keys[i]));
    if (n > 0)
        va_info("%s: the file does not give these; assuming%s (override with --set)", path,
                text);
}

static int run_import(const struct import_args *a)
{
    char *id = NULL;
    struct va_tensors *set = va_model_read_any(a->input, a->from, &id);
    enum va_model_kind kind;
    bool authors, in_norm;
    unsigned unsaid;
    int result = -1;

    if (!set || va_keymap_drop(set, a->input, a->drop.items, a->drop.count) < 0 ||
        va_keymap_apply(set, a->input, a->keep_decoder, &kind, &authors) < 0)
        goto done;
    in_norm = va_option_given("preset") ? a->preset == AUTHORS : authors;
    if (va_arch_apply_settings(set, &a->set, kind) < 0 ||
        (a->image && va_arch_resize(set, a->input, kind, a->image) < 0))
        goto done;
    unsaid = kind == VA_MODEL_ENCODER || kind == VA_MODEL_MAE ? unsaid_of(set) : 0;
    if (va_arch_complete(set, a->input, kind, in_norm) < 0)
        goto done;
    say_unsaid(set, a->input, unsaid);
    result = va_model_save(a->output, set, NULL,
                           &(const struct va_model_source){ a->input, id }, 1);
done:
    va_tensors_free(set);
    va_free(id);
    return result;
}

static int main_import(int argc, char **argv)
{
    struct import_args a;
    int status;

    if (parse_import(&a, argc, argv, &status))
        status = va_tool_status(run_import(&a));
    va_free(a.set.items);
    va_free(a.drop.items);
    return status;
}

/* ---- export ---------------------------------------------------------------------------- */

static const char *const names_names[] = { "ours", "authors", NULL };
enum names { OURS, AUTHORS_NAMES };

#define LOAD "safetensors.torch.load_file(\"OUT.safetensors\")"

struct export_args {
    int names;
    const char *output, *input;
};

static const struct va_usage export_usage = {
    .synopsis = "[options] -o OUT.safetensors MODEL.h5",
    .brief = "write a model as safetensors, which PyTorch and others read",
    .details =
        "In Python, " LOAD
        " gives the dict of tensors that load_state_dict takes. An extension "
        "of another format (.pth, .onnx, .bin, .h5) is refused. Settings become metadata with the "
        "keys of va-weights import.\n\n"
        "--names authors is for a mamba-va model for load_state_dict of the authors' "
        "code, which expects additional tensors. These are also written: the layers of "
        "each block under the second names temporal.network.0.net.0 and so on, and "
        "mamba.adaptor.0, which receives no input, as a "
        "weight of ones and a bias of zeros.",
};

/* Whether the ending of a name means a format that is not written here. */
static bool means_another_format(const char *path)
{
    static const char *const others[] = { ".pth",  ".pt",      ".pt2",   ".ckpt", ".bin",
                                          ".onnx", ".h5",      ".hdf5",  ".pkl",  ".npz",
                                          ".npy",  ".pb",      ".gguf",  ".zip",  ".json",
                                          ".mar",  ".mlmodel", ".tflite" };
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

    for (size_t i = 0; dot && i < VA_COUNT(others); i++)
        if (!strcasecmp(dot, others[i]))
            return true;
    return false;
}

static bool parse_export(struct export_args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_STREAM('o', "output", &a->output, "OUT", "file to write; -: standard output"),
        VA_OPT_CHOICE(0, "names", &a->names, names_names,
                      "names of the tensors: of this program, or of the authors' code"),
        VA_OPT_END,
    };
    char **rest;

    *a = (struct export_args){ .names = OURS };
    rest = va_options_parse(table, &export_usage, argc, argv, status);
    if (!rest)
        return false;
    if (!a->output)
        return va_usage_error(status, "missing --output OUT.safetensors");
    if (!rest[0] || rest[1])
        return va_usage_error(status, "expected one model to export");
    a->input = rest[0];
    if (means_another_format(a->output))
        return va_usage_error(status,
                              "--output %s: found the extension of another format: write "
                              "OUT.safetensors, which PyTorch loads with " LOAD,
                              a->output);
    return true;
}

static int run_export(const struct export_args *a)
{
    struct va_tensors *set = va_model_read(a->input, NULL);
    struct va_aliases more = { 0 };
    const char *norm;
    int result = set ? 0 : -1;

    for (int64_t i = 0; set && i < set->meta_count; i++)
        for (char *c = set->meta[i].key; *c; c++)
            if (*c == '_')
                *c = '-';
    if (result == 0 && a->names == AUTHORS_NAMES) {
        result = va_keymap_to_authors(set, a->input, &more);
        norm = va_tensors_meta(set, "in-norm");
        if (result == 0 && norm && !strcmp(norm, "no"))
            va_warn("%s: in-norm is no, but the authors' code always applies layer norm: its "
                    "results will differ",
                    a->input);
    }
    if (result == 0)
        result = va_tensors_add_aliases(set, &more);
    if (result == 0)
        result = va_safetensors_write(a->output, set);
    va_aliases_release(&more);
    va_tensors_free(set);
    return result;
}

static int main_export(int argc, char **argv)
{
    struct export_args a;
    int status;

    if (parse_export(&a, argc, argv, &status))
        status = va_tool_status(run_export(&a));
    return status;
}

/* ---- best ------------------------------------------------------------------------------ */

static const struct va_usage best_usage = {
    .synopsis = "-o MODEL.h5 STATE",
    .brief = "take the best model so far out of the checkpoint of a run that has not ended",
    .details =
        "STATE is the checkpoint that a trainer keeps beside its output (MODEL.h5.state). The "
        "model is the one of the run's best validation so far; without validation, the last "
        "one. The run can go on afterwards.",
};

/* Of a masked autoencoder, what its trainer would write: the encoder, unless it was told otherwise. */
static int drop_decoder(struct va_tensors *set, const char *path)
{
    const char *decoder[] = { "mask_token", "decoder_*" };
    const char *keep = va_tensors_meta(set, "train.keep-decoder");

    if (!va_tensors_find(set, decoder[0]) || (keep && !strcmp(keep, "yes")))
        return 0;
    return va_keymap_drop(set, path, decoder, VA_COUNT(decoder));
}

static int run_best(const char *state, const char *output)
{
    int64_t step = 0;
    char *id = NULL;
    struct va_tensors *set = va_model_read_best(state, &id, &step);
    int result = set && drop_decoder(set, state) == 0
                     ? va_model_save(output, set, NULL,
                                     &(struct va_model_source){ .path = state, .id = id }, 1)
                     : -1;

    if (result == 0)
        va_info("%s: the weights of step %lld", output, (long long)step);
    va_tensors_free(set);
    va_free(id);
    return result;
}

static int main_best(int argc, char **argv)
{
    const char *output = NULL;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &output, "MODEL.h5", "model to write"),
        VA_OPT_END,
    };
    int status;
    char **rest = va_options_parse(table, &best_usage, argc, argv, &status);

    if (!rest)
        return status;
    if (!output)
        va_usage_error(&status, "missing --output FILE");
    else if (!rest[0] || rest[1])
        va_usage_error(&status, "expected one checkpoint");
    else
        status = va_tool_status(run_best(rest[0], output));
    return status;
}

/* ---- info ------------------------------------------------------------------------------ */

static const struct va_usage info_usage = {
    .synopsis = "[options] MODEL",
    .brief = "list settings, tensors, shapes and sums of a model",
    .details =
        "MODEL is a va.model/1 file, a safetensors file, a checkpoint of PyTorch or an ONNX model; "
        "va-weights import explains --from. The output has lines of columns separated by "
        "tabs: setting KEY VALUE; tensor NAME SHAPE TYPE SUM, with the sum of its values "
        "in float64; total NUMBER, the number of parameters.",
};

static int main_info(int argc, char **argv)
{
    const char *from = NULL;
    const struct va_option table[] = {
        VA_OPT_STRING(0, "from", &from, "KEY",
                      "key of the dict, or prefix of the encoder, to take from the file"),
        VA_OPT_END,
    };
    struct va_tensors *set;
    int status;
    char **rest = va_options_parse(table, &info_usage, argc, argv, &status);

    if (!rest)
        return status;
    if (!rest[0] || rest[1]) {
        va_usage_error(&status, "expected one model");
        return status;
    }
    set = va_model_read_any(rest[0], from, NULL);
    if (set)
        va_model_list(set, stdout);
    status = va_tool_status(set ? 0 : -1);
    va_tensors_free(set);
    return status;
}

/* ---------------------------------------------------------------------------------------- */

static const struct va_usage usage = {
    .synopsis = "COMMAND [options] ...",
    .brief = "make, import, export and describe models",
    .examples =
        "va-weights init --arch vit_tiny -o tiny.h5\n"
        "va-weights import --set mean=.485,.456,.406 --set std=.229,.224,.225 -o mae.h5 mae_pretrain_vit_base.pth\n"
        "va-weights export -o for_timm.safetensors mae.h5\n"
        "va-weights info mae.h5",
};

int main(int argc, char **argv)
{
    const struct va_command commands[] = {
        { "init", main_init, init_usage.brief },
        { "import", main_import, import_usage.brief },
        { "export", main_export, export_usage.brief },
        { "best", main_best, best_usage.brief },
        { "info", main_info, info_usage.brief },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-weights");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
