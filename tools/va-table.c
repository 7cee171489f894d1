/*
 * va-table - predictions as a table for other programs.
 *
 * Reads va.predictions, one video in memory at a time. The formats are in
 * common/data/va_frame_table.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "data/va_frame_files.h"
#include "data/va_predictions.h"

static struct args {
    struct va_frame_files text;
    const char *input;
} args = { .text = { .where = { [VA_FRAME_TABLE] = "-" } } };

static const struct va_option table[] = {
    VA_OPT_STREAM('o', "output", &args.text.where[VA_FRAME_TABLE], "FILE|DIR",
                  "write to FILE, DIR/<video>.tsv or standard output (-)"),
    VA_OPT_CHOICE(0, "format", &args.text.format, va_table_format_names,
                  "format of the table; auto: as the ending of FILE says, else tsv"),
    VA_OPT_END,
};
static const struct va_usage usage = {
    .synopsis = "[options] PRED.h5",
    .brief = "print predictions as a table",
    .details =
        "The table has a row for every frame of every video: frame, time in seconds, person "
        "(the name of the video), face (1, or 0 where the frame has none and the values were "
        "filled in), confidence of the face, valence and arousal. A value that is not known is "
        "empty. Where nobody searched for faces, face is 1 and confidence empty.\n\n"
        "Predictions of va-ensemble --spread add valence_spread and arousal_spread. Those of "
        "va-ensemble --interval also add valence_lower, arousal_lower, valence_upper and "
        "arousal_upper. openface, vtt and eaf do not have them.\n\n"
        "  csv       separated by commas\n"
        "  tsv       separated by tabs\n"
        "  jsonl     an object per line\n"
        "  openface  csv with the column names of OpenFace; face_id counts the persons from 0\n"
        "  vtt       subtitles: a cue for each second in which the face is seen, with the means\n"
        "  eaf       the same cues as segments for ELAN, a tier for each person\n\n"
        "The name of a folder ends in /. It gets a table for each video.",
    .examples = "va-table holiday.pred.h5 | head\n"
                "va-table -o holiday.vtt holiday.pred.h5\n"
                "va-table --format openface -o tables/ val.pred.h5",
};

static bool parse_args(int argc, char **argv, int *status)
{
    char **operands = va_options_parse(table, &usage, argc, argv, status);

    if (!operands)
        return false;
    if (!operands[0] || operands[1])
        return va_usage_error(status, "expected one file of predictions");
    args.input = operands[0];
    return true;
}

static int write_video(const struct va_predictions_in *in, const char *name)
{
    struct va_predicted v;
    struct va_frame_values values;
    float *va;
    int status = va_predictions_read(in, name, &v);

    if (status < 0)
        return -1;
    va = va_new(v.frames, 2 * sizeof(*va));
    for (int64_t i = 0; va && i < 2 * v.frames; i++)
        va[i] = (float)v.va[i];
    values = va_predicted_with(&v, name, va);
    values.spread = v.spread;
    values.lower = v.lower;
    values.upper = v.upper;
    status = va ? va_frame_files_write(&args.text, args.input, &values) : -1;
    va_predicted_release(&v);
    va_free(va);
    return status;
}

static int run(void)
{
    struct va_predictions_in *in = va_predictions_open(args.input);
    int status = in ? 0 : -1;

    for (int64_t i = 0; status == 0 && i < in->count; i++)
        status = va_frame_files_may(&args.text, args.input, in->names[i]);
    for (int64_t i = 0; status == 0 && i < in->count; i++)
        status = write_video(in, in->names[i]);
    if (status == 0)
        status = va_frame_files_commit(&args.text);
    va_frame_files_abort(&args.text);
    va_predictions_close(in);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    va_tool_init("va-table");
    if (parse_args(argc, argv, &status))
        status = va_tool_status(run());
    return va_tool_finish(status);
}
