#include "data/va_features_write.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>

int va_features_create(struct va_features_writer *w, const char *path, int64_t T, int64_t D,
                       bool half)
{
    const int64_t shape[] = { T, D };

    *w = (struct va_features_writer){ .path = path,
                                      .D = D,
                                      .out = va_h5_create(path, "va.features/1") };
    if (!w->out || (half && va_grow(&w->half, &w->room, D, sizeof(*w->half)) < 0))
        return -1;
    w->features = va_h5_rows_begin(w->out, "/features", half ? VA_F16 : VA_F32, 2, shape);
    w->index = w->features ? va_h5_rows_begin(w->out, "/index", VA_I32, 1, shape) : NULL;
    w->pts = w->index ? va_h5_rows_begin(w->out, "/pts", VA_F64, 1, shape) : NULL;
    return w->pts ? 0 : -1;
}

int va_features_halve(const char *path, int64_t count, int64_t D, const float *x,
                      const int32_t *index, uint16_t *half)
{
    for (int64_t i = 0; i < count * D; i++) {
        half[i] = va_to_f16(x[i]);
        if (!isfinite(va_from_f16(half[i])))
            return va_error("%s: frame %d: feature %lld is %g, too large for float16", path,
                            index[i / D], (long long)(i % D), (double)x[i]);
    }
    return 0;
}

int va_features_append(struct va_features_writer *w, int64_t count, const float *rows,
                       const int32_t *index, const double *pts, const float *score)
{
    const int64_t one[] = { -1 };

    if (w->half && (va_grow(&w->half, &w->room, count * w->D, sizeof(*w->half)) < 0 ||
                    va_features_halve(w->path, count, w->D, rows, index, w->half) < 0))
        return -1;
    if (va_h5_rows_append(w->features, count, w->half ? (const void *)w->half : rows) < 0 ||
        va_h5_rows_append(w->index, count, index) < 0 ||
        va_h5_rows_append(w->pts, count, pts) < 0)
        return -1;
    if (!score)
        return 0;
    if (!w->score && !(w->score = va_h5_rows_begin(w->out, "/score", VA_F32, 1, one)))
        return -1;
    return va_h5_rows_append(w->score, count, score);
}

int va_features_commit(struct va_features_writer *w, const char *video, double fps,
                       int64_t frame_count, const char *encoder)
{
    if (va_h5_rows_finish(&w->features) < 0 || va_h5_rows_finish(&w->index) < 0 ||
        va_h5_rows_finish(&w->pts) < 0 || (w->score && va_h5_rows_finish(&w->score) < 0) ||
        va_h5_put_string(w->out, NULL, "video", video) < 0 ||
        va_h5_put_real(w->out, NULL, "fps", fps) < 0 ||
        va_h5_put_int(w->out, NULL, "frame_count", frame_count) < 0 ||
        (encoder && va_h5_put_string(w->out, NULL, "encoder", encoder) < 0))
        return -1;
    return va_h5_commit(&w->out);
}

void va_features_abort(struct va_features_writer *w)
{
    va_h5_abort(w->out);
    w->out = NULL;
    va_free(w->half);
    w->half = NULL;
}
