/*
 * make_features - a va.features/1 file for tests: normal numbers, a function of seed, frame
 * number and column alone, so that files with other gaps agree where both have a row.
 */
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_tool.h"
#include "io/va_h5.h"
#include <math.h>

struct args {
    int64_t frames, dim, first, frame_count, seed;
    double fps;
    struct va_ints gaps;
    const char *video, *encoder, *output;
    bool nan, back, half, stream, score;
};

static bool parse_args(struct args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_INT(0, "frames", &a->frames, 0, 1 << 24, "frames from the first to the last"),
        VA_OPT_INT(0, "dim", &a->dim, 1, 1 << 20, "numbers per frame"),
        VA_OPT_INT(0, "first", &a->first, 1, 1 << 24, "number of the first frame"),
        VA_OPT_INT(0, "frame-count", &a->frame_count, 0, 1 << 24,
                   "frames of the video (0: last)"),
        VA_OPT_INTS(0, "gaps", &a->gaps, 1, 1 << 24, "frame numbers without a row"),
        VA_OPT_REAL(0, "fps", &a->fps, 0, 1e6, "frames per second"),
        VA_OPT_STRING(0, "video", &a->video, "NAME", "name of the video"),
        VA_OPT_STRING(0, "encoder", &a->encoder, "ID", "what made them (none)"),
        VA_OPT_FLAG(0, "back", &a->back, "let the time of the last row be before all others"),
        VA_OPT_FLAG(0, "nan", &a->nan, "make one value of the middle row a NaN"),
        VA_OPT_FLAG(0, "half", &a->half, "store float16"),
        VA_OPT_FLAG(0, "stream", &a->stream, "write as if the number of rows were not known"),
        VA_OPT_FLAG(0, "score", &a->score, "with confidence 1 / (1 + frame)"),
        VA_OPT_SEED(&a->seed),
        VA_OPT_END,
    };
    static const struct va_usage usage = { .synopsis = "[options] OUT.h5",
                                           .brief = "features for tests" };
    char **operands;

    *a = (struct args){
        .frames = 10, .dim = 4, .first = 1, .seed = 42, .fps = 30, .video = "v"
    };
    operands = va_options_parse(table, &usage, argc, argv, status);
    if (!operands)
        return false;
    if (!operands[0] || operands[1])
        return va_usage_error(status, "expected one output file");
    a->output = operands[0];
    return true;
}

static bool is_gap(const struct args *a, int64_t frame)
{
    for (int64_t i = 0; i < a->gaps.count; i++)
        if (a->gaps.items[i] == frame)
            return true;
    return false;
}

static int append_row(const struct args *a, struct va_h5_rows *rows, int64_t frame, bool bad,
                      float *row, uint16_t *half)
{
    for (int64_t d = 0; d < a->dim; d++) {
        row[d] = (float)va_rand_normal((uint64_t)a->seed, VA_RAND_TEST, (uint64_t)frame,
                                       (uint64_t)d);
        if (bad && d == a->dim - 1)
            row[d] = NAN;
        half[d] = va_to_f16(row[d]);
    }
    return va_h5_rows_append(rows, 1, a->half ? (void *)half : row);
}

static int write_all(const struct args *a, struct va_h5_out *out)
{
    int32_t *index = va_new(a->frames, sizeof(*index));
    double *pts = va_new(a->frames, sizeof(*pts));
    float *row = va_new(a->dim, sizeof(*row));
    uint16_t *half = va_new(a->dim, sizeof(*half));
    float *score = va_new(a->frames, sizeof(*score));
    int64_t shape[2] = { 0, a->dim }, T = 0, last = a->first + a->frames - 1;
    struct va_h5_rows *rows;
    int result = -1;

    if (!index || !pts || !row || !half || !score)
        goto done;
    for (int64_t frame = a->first; frame <= last; frame++)
        if (!is_gap(a, frame)) {
            index[T] = (int32_t)frame;
            score[T] = 1 / (1 + (float)frame);
            pts[T++] = a->fps > 0 ? (double)(frame - 1) / a->fps : 0;
        }
    if (a->back && T > 0)
        pts[T - 1] = -1;
    shape[0] = a->stream ? -1 : T;
    rows = va_h5_rows_begin(out, "/features", a->half ? VA_F16 : VA_F32, 2, shape);
    if (!rows)
        goto done;
    for (int64_t t = 0; t < T; t++)
        if (append_row(a, rows, index[t], a->nan && t == T / 2, row, half) < 0)
            goto done;
    if (va_h5_rows_finish(&rows) == 0 &&
        va_h5_write(out, "/index", VA_I32, 1, &T, index) == 0 &&
        va_h5_write(out, "/pts", VA_F64, 1, &T, pts) == 0 &&
        (!a->score || va_h5_write(out, "/score", VA_F32, 1, &T, score) == 0) &&
        va_h5_put_string(out, NULL, "video", a->video) == 0 &&
        (!a->encoder || va_h5_put_string(out, NULL, "encoder", a->encoder) == 0) &&
        va_h5_put_real(out, NULL, "fps", a->fps) == 0)
        result = va_h5_put_int(out, NULL, "frame_count",
                               a->frame_count ? a->frame_count : last);
done:
    va_free(index);
    va_free(pts);
    va_free(row);
    va_free(half);
    va_free(score);
    return result;
}

int main(int argc, char **argv)
{
    struct args a;
    struct va_h5_out *out;
    int status, result = -1;

    va_tool_init("make_features");
    if (parse_args(&a, argc, argv, &status)) {
        out = va_h5_create(a.output, "va.features/1");
        if (out && (result = write_all(&a, out)) == 0)
            result = va_h5_commit(&out);
        va_h5_abort(out);
        status = va_tool_status(result);
    }
    return va_tool_finish(status);
}
