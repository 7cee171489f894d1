/*
 * va-weights info - settings, tensors, shapes and sums of a model.
 */
#include "tools/weights/va_weights.h"

#include "base/va_error.h"
#include "base/va_tool.h"
#include "model/va_embedder.h"
#include "model/va_vit.h"
#include "weights/va_model_file.h"
#include <stdio.h>

const struct va_usage va_weights_info_usage = {
    .synopsis = "[options] MODEL",
    .brief = "list settings, tensors, shapes and sums of a model",
    .details =
        "MODEL is a va.model/1 file, a safetensors file or the index of several, a checkpoint of PyTorch or an ONNX model; "
        "va-weights import explains --from. The output has lines of columns separated by "
        "tabs: setting KEY VALUE; tensor NAME SHAPE TYPE SUM, with the sum of its values "
        "in float64; total NUMBER, the number of parameters.\n\n"
        "Settings of an encoder are all "
        "there, also where the file leaves them at their usual value: pool, eps, act, "
        "prefix_tokens (CLS and registers), norm_pre, mean and std of the pixels, and features, the "
        "numbers that va-embed writes for a frame.",
};

/* The numbers of a row of features, where it is an encoder. */
static int tell_features(struct va_tensors *set, const char *path)
{
    struct va_embedding_config c;
    char line[256], text[32];
    int status;

    va_error_catch_begin(line, sizeof(line));
    status = va_embedder_config_load(&c, set, path);
    va_error_catch_end();
    if (status < 0)
        return 0; /* another model, or a file of others */
    snprintf(text, sizeof(text), "%lld", (long long)c.width);
    return va_tensors_set_meta(set, "features", text);
}

int va_weights_info(int argc, char **argv)
{
    const char *from = NULL;
    const struct va_option table[] = {
        VA_OPT_STRING(0, "from", &from, "KEY",
                      "key of the dict, or prefix of the encoder, to take from the file"),
        VA_OPT_END,
    };
    struct va_tensors *set;
    int status;
    char **rest = va_options_parse(table, &va_weights_info_usage, argc, argv, &status);

    if (!rest)
        return status;
    if (!rest[0] || rest[1]) {
        va_usage_error(&status, "expected one model");
        return status;
    }
    set = va_model_read_any(rest[0], from, NULL);
    status = va_tool_status(set && va_tensors_read(set, rest[0], true) == 0 &&
                                    va_vit_config_tell(set) == 0 &&
                                    tell_features(set, rest[0]) == 0
                                ? 0
                                : -1);
    if (status == VA_EXIT_OK)
        va_model_list(set, stdout);
    va_tensors_free(set);
    return status;
}
