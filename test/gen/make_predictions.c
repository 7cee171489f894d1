/*
 * make_predictions - a va.predictions file for tests from text files <video>.txt.
 */
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_tool.h"
#include "data/va_labels.h"
#include "data/va_predictions.h"
#include <math.h>

static struct args {
    const char *output, *model, *name;
    double fps;
    bool mute; /* of the first frame's time */
    bool face; /* every third frame shows none */
    bool flat;
} args = { .model = "model" };

static const struct va_option table[] = {
    VA_OPT_OUTPUT('o', "output", &args.output, "FILE", "file to write"),
    VA_OPT_STRING(0, "model", &args.model, "ID", "content id of the model"),
    VA_OPT_STRING(0, "name", &args.name, "NAME", "call the video so, whatever that is"),
    VA_OPT_REAL(0, "fps", &args.fps, 0, 1e6, "frames per second; 0: no time stamps"),
    VA_OPT_FLAG(0, "unknown-first", &args.mute, "the time of the first frame is not known"),
    VA_OPT_FLAG(0, "face", &args.face, "frames 3, 6, ... have no face; with confidence"),
    VA_OPT_FLAG(0, "flat", &args.flat, "all videos in the same datasets"),
    VA_OPT_END,
};
static const struct va_usage usage = { .synopsis = "[options] -o PRED.h5 VIDEO.txt...",
                                       .brief = "predictions for tests" };

static int add_video(struct va_predictions_out *out, const char *path)
{
    struct va_labels rows;
    char *name = args.name ? va_strdup(args.name) : va_video_name(path);
    float *va = NULL;
    double *pts = NULL;
    uint8_t *face = NULL;
    float *confidence = NULL;
    int status = -1;

    if (!name || va_labels_read(&rows, path, VA_LABELS_PREDICTION) < 0)
        goto done;
    va = va_new(rows.count, 2 * sizeof(*va));
    pts = va_new(rows.count, sizeof(*pts));
    face = va_new(rows.count, sizeof(*face));
    confidence = va_new(rows.count, sizeof(*confidence));
    if (!va || !pts || !face || !confidence)
        goto done;
    for (int64_t i = 0; i < rows.count; i++) {
        va[2 * i] = (float)rows.va[2 * i];
        va[2 * i + 1] = (float)rows.va[2 * i + 1];
        face[i] = i % 3 != 2;
        confidence[i] = face[i] ? .875f : 0;
        pts[i] = args.mute && i == 0 ? (double)NAN : (double)i / args.fps;
    }
    status = va_predictions_put(
        out, &(struct va_frame_values){ .name = name,
                                        .T = rows.count,
                                        .va = va,
                                        .pts = args.fps > 0 ? pts : NULL,
                                        .face = args.face ? face : NULL,
                                        .confidence = args.face ? confidence : NULL });
    va_labels_release(&rows);
done:
    va_free(name);
    va_free(va);
    va_free(pts);
    va_free(face);
    va_free(confidence);
    return status;
}

int main(int argc, char **argv)
{
    struct va_predictions_out *out = NULL;
    char **inputs;
    int status;

    va_tool_init("make_predictions");
    inputs = va_options_parse(table, &usage, argc, argv, &status);
    if (inputs && (!args.output || !inputs[0])) {
        va_usage_error(&status, "expected -o PRED.h5 and text files");
    } else if (inputs) {
        int result = -1;

        out = va_predictions_create(
            args.output, &args.model, 1,
            args.flat ? VA_PREDICTIONS_LAYOUT_FLAT : VA_PREDICTIONS_LAYOUT_AUTO, 0);
        if (out)
            result = 0;
        for (char **p = inputs; result == 0 && *p; p++)
            result = add_video(out, *p);
        if (result == 0)
            result = va_predictions_commit(&out);
        va_predictions_abort(out);
        status = va_tool_status(result);
    }
    return va_tool_finish(status);
}
