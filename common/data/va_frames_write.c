#include "data/va_frames_write.h"

int va_frames_create(struct va_frames_writer *w, const char *path, int64_t likely)
{
    *w = (struct va_frames_writer){ .out = va_h5_create(path, "va.frames/1"),
                                    .likely = likely };
    return w->out ? 0 : -1;
}

static int begin_rows(struct va_frames_writer *w, int64_t height, int64_t width)
{
    const int64_t frames[] = { -1, height, width, 3 }, rows[] = { -1 };

    w->frames = va_h5_rows_begin_likely(w->out, "/frames", VA_U8, 4, frames, w->likely);
    w->index = w->frames ? va_h5_rows_begin(w->out, "/index", VA_I32, 1, rows) : NULL;
    w->pts = w->index ? va_h5_rows_begin(w->out, "/pts", VA_F64, 1, rows) : NULL;
    return w->pts ? 0 : -1;
}

int va_frames_append(struct va_frames_writer *w, const uint8_t *pixels, int64_t height,
                     int64_t width, int32_t index, double pts)
{
    if (!w->frames && begin_rows(w, height, width) < 0)
        return -1;
    if (va_h5_rows_append(w->frames, 1, pixels) < 0 ||
        va_h5_rows_append(w->index, 1, &index) < 0 || va_h5_rows_append(w->pts, 1, &pts) < 0)
        return -1;
    return 0;
}

int va_frames_append_score(struct va_frames_writer *w, float score)
{
    const int64_t rows[] = { -1 };

    if (!w->score && !(w->score = va_h5_rows_begin(w->out, "/score", VA_F32, 1, rows)))
        return -1;
    return va_h5_rows_append(w->score, 1, &score);
}

int va_frames_commit(struct va_frames_writer *w, const char *video, double fps,
                     int64_t frame_count)
{
    if (va_h5_rows_finish(&w->frames) < 0 || va_h5_rows_finish(&w->index) < 0 ||
        va_h5_rows_finish(&w->pts) < 0 || (w->score && va_h5_rows_finish(&w->score) < 0) ||
        va_h5_put_string(w->out, NULL, "video", video) < 0 ||
        va_h5_put_real(w->out, NULL, "fps", fps) < 0 ||
        va_h5_put_int(w->out, NULL, "frame_count", frame_count) < 0)
        return -1;
    return va_h5_commit(&w->out);
}

void va_frames_abort(struct va_frames_writer *w)
{
    va_h5_abort(w->out);
    w->out = NULL;
}
