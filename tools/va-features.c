/*
 * va-features - features of other programs, and ours for them; its commands are in tools/features.
 */
#include "base/va_tool.h"
#include "tools/features/va_features.h"

static const struct va_usage usage = {
    .synopsis = "COMMAND [options] ...",
    .brief = "import, export and describe features",
    .examples =
        "va-features export --index clip.index.npy -o clip.npy holiday.h5\n"
        "va-features import --fps 25 --index clip.index.npy --name holiday -o clip.h5 clip.npy\n"
        "va-features info clip.h5 holiday.h5",
};

int main(int argc, char **argv)
{
    const struct va_command commands[] = {
        { "import", va_features_import_main, va_features_import_usage.brief },
        { "export", va_features_export_main, va_features_export_usage.brief },
        { "info", va_features_info_main, va_features_info_usage.brief },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-features");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
