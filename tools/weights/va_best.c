/*
 * va-weights best - the best model so far of a run that has not ended.
 */
#include "tools/weights/va_weights.h"

#include "base/va_mem.h"
#include "base/va_tool.h"
#include "weights/va_keymap.h"
#include "weights/va_model_file.h"
#include <string.h>

const struct va_usage va_weights_best_usage = {
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
    bool validated = false;
    char *id = NULL;
    struct va_tensors *set = va_model_read_best(state, &id, &step, &validated);
    int result = set && drop_decoder(set, state) == 0
                     ? va_model_save(output, set, NULL,
                                     &(struct va_model_source){ .path = state, .id = id }, 1)
                     : -1;

    if (result == 0)
        va_info("%s: the weights %s %lld", output,
                validated ? "of the best validation, at step"
                          : "of the last checkpoint, at step",
                (long long)step);
    va_tensors_free(set);
    va_free(id);
    return result;
}

int va_weights_best(int argc, char **argv)
{
    const char *output = NULL;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &output, "MODEL.h5", "model to write"),
        VA_OPT_END,
    };
    int status;
    char **rest = va_options_parse(table, &va_weights_best_usage, argc, argv, &status);

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
