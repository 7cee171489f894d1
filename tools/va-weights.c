/*
 * va-weights - make, import, export and describe the weights of models; its commands are in tools/weights.
 */
#include "base/va_tool.h"
#include "tools/weights/va_weights.h"

const char *const va_weights_presets[] = { "paper", "authors", NULL };

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
        { "init", va_weights_init, va_weights_init_usage.brief },
        { "import", va_weights_import, va_weights_import_usage.brief },
        { "export", va_weights_export, va_weights_export_usage.brief },
        { "best", va_weights_best, va_weights_best_usage.brief },
        { "info", va_weights_info, va_weights_info_usage.brief },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-weights");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
