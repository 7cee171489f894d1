/*
 * va-weights export - a model as safetensors.
 */
#include "tools/weights/va_weights.h"

#include "base/va_tool.h"
#include "weights/va_keymap.h"
#include "weights/va_model_file.h"
#include <string.h>
#include <strings.h>

static const char *const names_names[] = { "ours", "authors", NULL };
enum names { OURS, AUTHORS_NAMES };

#define LOAD "safetensors.torch.load_file(\"OUT.safetensors\")"

struct export_args {
    int names;
    const char *output, *input;
};

const struct va_usage va_weights_export_usage = {
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
    rest = va_options_parse(table, &va_weights_export_usage, argc, argv, status);
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

int va_weights_export(int argc, char **argv)
{
    struct export_args a;
    int status;

    if (parse_export(&a, argc, argv, &status))
        status = va_tool_status(run_export(&a));
    return status;
}
