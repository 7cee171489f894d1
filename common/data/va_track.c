/*
 * Rows are read in blocks that stay in the cache, whatever the file holds: mapped, chunked, float16.
 */
#include "data/va_track.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_labels.h"
#include "io/va_h5.h"
#include "io/va_pictured.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 1 << 16 }; /* numbers in a block */

int va_not_finite(const char *path, int32_t frame, int64_t row, const float *x, int64_t dim)
{
    int64_t c = 0;

    while (c + 1 < dim && isfinite(x[c]))
        c++;
    return va_error("%s: /features: frame %d (row %lld), column %lld: found %g, expected a "
                    "finite number",
                    path, frame, (long long)row, (long long)c, (double)x[c]);
}

static int check_frames(const struct va_track *t, const char *path)
{
    if (t->frame_count < 0 || t->frame_count > VA_FRAMES_MAX)
        return va_error("%s: frame_count: found %lld, expected 0 to %d", path,
                        (long long)t->frame_count, VA_FRAMES_MAX);
    for (int64_t i = 0; i < t->rows; i++) {
        int32_t low = i ? t->frames[i - 1] + 1 : 1;

        if (t->frames[i] < low || t->frames[i] > t->frame_count)
            return va_error("%s: /index: row %lld: found frame %d, expected %d to %lld", path,
                            (long long)i, t->frames[i], low, (long long)t->frame_count);
    }
    return 0;
}

static int check_block(const struct va_track *t, const char *path, int64_t first, int64_t count,
                       const float *x)
{
    if (va_all_finite(x, count * t->dim))
        return 0;
    for (int64_t i = 0; i < count; i++)
        if (!va_all_finite(x + i * t->dim, t->dim))
            return va_not_finite(path, t->frames[first + i], first + i, x + i * t->dim, t->dim);
    return 0;
}

static int check_features(const struct va_track *t, struct va_h5_in *in)
{
    int64_t rows = t->dim && t->dim < BLOCK ? BLOCK / t->dim : 1;
    float *x = t->dim ? va_new(rows, (size_t)t->dim * sizeof(*x)) : NULL;
    int status = x || !t->dim ? 0 : -1;

    for (int64_t i = 0; x && status == 0 && i < t->rows; i += rows) {
        int64_t n = t->rows - i < rows ? t->rows - i : rows;

        status = va_h5_read_rows(in, "/features", VA_F32, i, n, x) < 0
                     ? -1
                     : check_block(t, va_h5_path(in), i, n, x);
    }
    va_free(x);
    return status;
}

int va_track_origin(struct va_h5_in *in, char **encoder, char **input, double *fps)
{
    *encoder = NULL;
    *fps = 0;
    if (va_pictured_read(in, input) < 0)
        return -1;
    if (va_h5_has_attribute(in, NULL, "fps") && va_h5_get_real(in, NULL, "fps", fps) < 0)
        return -1;
    if (!(*fps > 0) || !isfinite(*fps))
        *fps = 0;
    if (!va_h5_has_attribute(in, NULL, "encoder"))
        return 0;
    *encoder = va_h5_get_string(in, NULL, "encoder");
    if (*encoder && !**encoder) {
        va_free(*encoder);
        *encoder = NULL;
        return 0;
    }
    return *encoder ? 0 : -1;
}

/* Times of rows, where the file has them, do not go back. */
static int check_times(const struct va_track *t, struct va_h5_in *in, const char *path)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    double *pts;
    int rank, status = 0;

    if (!va_h5_has(in, "/pts"))
        return 0;
    if (va_h5_shape(in, "/pts", &type, &rank, shape) < 0)
        return -1;
    if (shape[0] != t->rows)
        return va_error("%s: /pts: found %lld rows, expected %lld as in /index", path,
                        (long long)shape[0], (long long)t->rows);
    pts = va_h5_read(in, "/pts", VA_F64);
    if (!pts)
        return -1;
    for (int64_t i = 1; status == 0 && i < t->rows; i++)
        if (pts[i] < pts[i - 1])
            status = va_error(
                "%s: /pts: row %lld: found the time %g after %g, expected a later one", path,
                (long long)i, pts[i], pts[i - 1]);
    va_free(pts);
    return status;
}

int va_track_read(struct va_track *t, const char *path, bool frames)
{
    struct va_h5_in *in = va_h5_open(path, frames ? "va.frames/1" : "va.features/1");
    int64_t shape[VA_RANK_MAX], index_shape[VA_RANK_MAX];
    enum va_dtype type;
    const char *id;
    int rank, status = -1;

    *t = (struct va_track){ 0 };
    if (!in)
        return -1;
    if (va_h5_shape(in, frames ? "/frames" : "/features", &type, &rank, shape) < 0 ||
        va_h5_shape(in, "/index", &type, &rank, index_shape) < 0)
        goto done;
    t->rows = shape[0];
    t->dim = frames ? 0 : shape[1];
    if (index_shape[0] != t->rows || t->rows > VA_FRAMES_MAX) {
        va_error("%s: /index: found %lld rows for %lld %s, at most %d", path,
                 (long long)index_shape[0], (long long)t->rows, frames ? "frames" : "features",
                 VA_FRAMES_MAX);
        goto done;
    }
    if (!frames && t->dim < 1) {
        va_error("%s: /features: found rows of %lld numbers, expected 1 or more", path,
                 (long long)t->dim);
        goto done;
    }
    if (va_track_origin(in, &t->encoder, &t->input, &t->fps) < 0 ||
        va_h5_get_int(in, NULL, "frame_count", &t->frame_count) < 0 ||
        !(t->name = va_h5_get_string(in, NULL, "video")) ||
        !(t->frames = va_h5_read(in, "/index", VA_I32)) || !(id = va_h5_id(in)) ||
        !(t->id = va_strdup(id)))
        goto done;
    if (!va_video_name_valid(t->name)) {
        va_error("%s: video: found '%.80s', expected the name of a video", path, t->name);
        goto done;
    }
    if (check_frames(t, path) == 0 && check_times(t, in, path) == 0)
        status = frames ? 0 : check_features(t, in);
done:
    va_h5_close(in);
    return status;
}

int va_track_times(const struct va_track *t, const char *path, double **pts)
{
    struct va_h5_in *in = va_h5_open(path, "va.features/1");
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank, status = in ? 0 : -1;

    *pts = NULL;
    if (in && va_h5_has(in, "/pts")) {
        status = va_h5_shape(in, "/pts", &type, &rank, shape);
        if (status == 0 && shape[0] != t->rows)
            status = va_error("%s: /pts: found %lld rows, expected %lld as in /index", path,
                              (long long)shape[0], (long long)t->rows);
        if (status == 0 && !(*pts = va_h5_read(in, "/pts", VA_F64)))
            status = -1;
    }
    va_h5_close(in);
    return status;
}

void va_track_release(struct va_track *t)
{
    va_free(t->name);
    va_free(t->id);
    va_free(t->encoder);
    va_free(t->input);
    va_free(t->frames);
    *t = (struct va_track){ 0 };
}
