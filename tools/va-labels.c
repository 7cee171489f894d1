/*
 * va-labels - check label files, and make them of ratings in other forms; its commands are in tools/labels.
 */
#include "base/va_tool.h"
#include "tools/labels/va_labels_tool.h"

static const struct va_usage usage = {
    .synopsis = "COMMAND [options] ...",
    .brief = "check labels, resample them, and make them of tables of ratings",
    .examples =
        "va-labels check --to features Train_Set/*.txt\n"
        "va-labels resample --from-fps 4 --to holiday.h5 -o at_frames coarse/holiday.txt\n"
        "va-labels convert --valence pleasure --arousal activation --range 1..9 --time seconds \\\n"
        "    --to holiday.h5 -o from_csv ratings/holiday.csv",
};

int main(int argc, char **argv)
{
    const struct va_command commands[] = {
        { "check", va_labels_check_main, va_labels_check_usage.brief },
        { "resample", va_labels_resample_main, va_labels_resample_usage.brief },
        { "convert", va_labels_convert_main, va_labels_convert_usage.brief },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-labels");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
