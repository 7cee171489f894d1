/*
 * make_frames - a va.frames/1 file for tests: noise, a function of seed, frame, pixel, channel.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_tool.h"
#include "io/va_h5.h"

struct args {
    int64_t frames, width, height, first, seed;
    const char *video, *output;
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_INT(0, "frames", &a->frames, 0, 1 << 20, "frames"),
        VA_OPT_INT(0, "width", &a->width, 1, 1 << 14, "pixels across"),
        VA_OPT_INT(0, "height", &a->height, 1, 1 << 14, "pixels down"),
        VA_OPT_INT(0, "first", &a->first, 1, 1 << 20, "number of the first frame"),
        VA_OPT_STRING(0, "video", &a->video, "NAME", "name of the video"),
        VA_OPT_SEED(&a->seed),
        VA_OPT_END,
    };
    static const struct va_usage usage = { .synopsis = "[options] OUT.h5",
                                           .brief = "frames for tests" };
    char **operands;

    *a = (struct args){ 3, 16, 12, 1, 42, "v", NULL };
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    if (!operands[0] || operands[1])
        return va_usage_error(status, "expected one output file");
    a->output = operands[0];
    return true;
}

static int write_all(const struct args *a, struct va_h5_out *out)
{
    const int64_t shape[] = { a->frames, a->height, a->width, 3 };
    int64_t bytes = a->height * a->width * 3;
    int32_t *index = va_new(a->frames, sizeof(*index));
    double *pts = va_new(a->frames, sizeof(*pts));
    uint8_t *frame = va_new(bytes, 1);
    struct va_h5_rows *rows = va_h5_rows_begin(out, "/frames", VA_U8, 4, shape);
    int result = -1;

    if (!index || !pts || !frame || !rows)
        goto done;
    for (int64_t t = 0; t < a->frames; t++) {
        index[t] = (int32_t)(a->first + t);
        pts[t] = (double)(index[t] - 1) / 25;
        for (int64_t i = 0; i < bytes; i++)
            frame[i] = (uint8_t)va_rand_below((uint64_t)a->seed, VA_RAND_TEST,
                                              (uint64_t)index[t], (uint64_t)i, 256);
        if (va_h5_rows_append(rows, 1, frame) < 0)
            goto done;
    }
    if (va_h5_rows_finish(&rows) == 0 &&
        va_h5_write(out, "/index", VA_I32, 1, shape, index) == 0 &&
        va_h5_write(out, "/pts", VA_F64, 1, shape, pts) == 0 &&
        va_h5_put_string(out, NULL, "video", a->video) == 0 &&
        va_h5_put_real(out, NULL, "fps", 25) == 0)
        result = va_h5_put_int(out, NULL, "frame_count", a->first + a->frames - 1);
done:
    va_free(index);
    va_free(pts);
    va_free(frame);
    return result;
}

int main(int argc, char **argv)
{
    struct args a;
    struct va_h5_out *out;
    int status, result = -1;

    va_tool_init("make_frames");
    if (parse_args(&a, argc, argv, &status)) {
        out = va_h5_create(a.output, "va.frames/1");
        if (out && (result = write_all(&a, out)) == 0)
            result = va_h5_commit(&out);
        va_h5_abort(out);
        status = va_tool_status(result);
    }
    return va_tool_finish(status);
}
