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

/* Where reading is: the rows before, and blocks of them. */
struct reading {
    const struct va_track *t;
    struct va_h5_in *in;
    va_track_block_fn *fn;
    void *arg;
    int32_t *frames; /* [BLOCK], as the next two; NULL: the file has none */
    double *pts;
    float *score;
    float *x; /* rows of BLOCK numbers, or one */
    int32_t last_frame;
    double last_time;
};

static int check_frames(struct reading *r, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t low = r->last_frame + 1;

        if (r->frames[i] < low || r->frames[i] > r->t->frame_count)
            return va_error("%s: /index: row %lld: found frame %d, expected %d to %lld",
                            va_h5_path(r->in), (long long)(first + i), r->frames[i], low,
                            (long long)r->t->frame_count);
        r->last_frame = r->frames[i];
    }
    return 0;
}

static int check_times(struct reading *r, int64_t first, int64_t count)
{
    for (int64_t i = 0; r->pts && i < count; i++) {
        if (!isfinite(r->pts[i]))
            return va_error("%s: /pts: row %lld: found %g, expected a finite number",
                            va_h5_path(r->in), (long long)(first + i), r->pts[i]);
        if (first + i && r->pts[i] < r->last_time)
            return va_error(
                "%s: /pts: row %lld: found the time %g after %g, expected a later one",
                va_h5_path(r->in), (long long)(first + i), r->pts[i], r->last_time);
        r->last_time = r->pts[i];
    }
    return 0;
}

static int check_scores(const struct reading *r, int64_t first, int64_t count)
{
    for (int64_t i = 0; r->score && i < count; i++)
        if (!(r->score[i] >= 0 && r->score[i] <= 1))
            return va_error("%s: /score: row %lld: found %g, expected 0 to 1",
                            va_h5_path(r->in), (long long)(first + i), (double)r->score[i]);
    return 0;
}

static int check_features(const struct reading *r, int64_t first, int64_t count,
                          const int32_t *frames)
{
    const int64_t dim = r->t->dim;

    if (va_all_finite(r->x, count * dim))
        return 0;
    for (int64_t i = 0; i < count; i++)
        if (!va_all_finite(r->x + i * dim, dim))
            return va_not_finite(va_h5_path(r->in), frames[i], first + i, r->x + i * dim, dim);
    return 0;
}

/* Features of rows whose numbers and times are known. */
static int read_features(struct reading *r, int64_t first, int64_t count)
{
    const int64_t dim = r->t->dim, step = dim == 0 ? count : dim < BLOCK ? BLOCK / dim : 1;
    int status = 0;

    for (int64_t i = 0; status == 0 && i < count; i += step) {
        int64_t n = count - i < step ? count - i : step;

        if (dim && (va_h5_read_rows(r->in, "/features", VA_F32, first + i, n, r->x) < 0 ||
                    check_features(r, first + i, n, r->frames + i) < 0))
            return -1;
        status = r->fn(r->arg,
                       &(struct va_track_block){ .first = first + i,
                                                 .count = n,
                                                 .frames = r->frames + i,
                                                 .pts = r->pts ? r->pts + i : NULL,
                                                 .score = r->score ? r->score + i : NULL,
                                                 .x = r->x });
    }
    return status;
}

static int read_blocks(struct reading *r)
{
    int status = 0;

    for (int64_t i = 0; status == 0 && i < r->t->rows; i += BLOCK) {
        int64_t n = r->t->rows - i < BLOCK ? r->t->rows - i : BLOCK;

        if (va_h5_read_rows(r->in, "/index", VA_I32, i, n, r->frames) < 0 ||
            (r->pts && va_h5_read_rows(r->in, "/pts", VA_F64, i, n, r->pts) < 0) ||
            (r->score && va_h5_read_rows(r->in, "/score", VA_F32, i, n, r->score) < 0) ||
            check_frames(r, i, n) < 0 || check_times(r, i, n) < 0 || check_scores(r, i, n) < 0)
            return -1;
        status = read_features(r, i, n);
    }
    return status;
}

/* Whether a dataset has as many rows as the track: 1; 0: it is not there; -1 after reporting another number. */
static int has_rows(const struct va_track *t, struct va_h5_in *in, const char *name)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    if (!va_h5_has(in, name))
        return 0;
    if (va_h5_shape(in, name, &type, &rank, shape) < 0)
        return -1;
    if (shape[0] != t->rows)
        return va_error("%s: %s: found %lld rows, expected %lld as in /index", va_h5_path(in),
                        name, (long long)shape[0], (long long)t->rows);
    return 1;
}

int va_track_each(const struct va_track *t, struct va_h5_in *in, bool score,
                  va_track_block_fn *fn, void *arg)
{
    struct reading r = { .t = t, .in = in, .fn = fn, .arg = arg };
    const int64_t n = t->rows < BLOCK ? t->rows : BLOCK;
    int pts = has_rows(t, in, "/pts"), scored = score ? has_rows(t, in, "/score") : 0,
        status = -1;

    if (pts < 0 || scored < 0)
        return -1;
    r.frames = va_new_unset(n, sizeof(*r.frames));
    r.pts = r.frames && pts ? va_new_unset(n, sizeof(*r.pts)) : NULL;
    r.score = r.frames && scored ? va_new_unset(n, sizeof(*r.score)) : NULL;
    r.x = r.frames ? va_new_unset(t->dim > BLOCK       ? t->dim
                                  : n * t->dim < BLOCK ? n * t->dim
                                                       : BLOCK,
                                  sizeof(*r.x))
                   : NULL;
    if (r.x && (r.pts || !pts) && (r.score || !scored))
        status = read_blocks(&r);
    va_free(r.frames);
    va_free(r.pts);
    va_free(r.score);
    va_free(r.x);
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

int va_track_head(struct va_track *t, struct va_h5_in *in, bool frames)
{
    const char *path = va_h5_path(in);
    int64_t shape[VA_RANK_MAX], index_shape[VA_RANK_MAX];
    enum va_dtype type;
    const char *id;
    int rank;

    *t = (struct va_track){ 0 };
    if (va_h5_shape(in, frames ? "/frames" : "/features", &type, &rank, shape) < 0 ||
        va_h5_shape(in, "/index", &type, &rank, index_shape) < 0)
        return -1;
    t->rows = shape[0];
    t->dim = frames ? 0 : shape[1];
    if (index_shape[0] != t->rows || t->rows > VA_FRAMES_MAX)
        return va_error("%s: /index: found %lld rows for %lld %s, at most %d", path,
                        (long long)index_shape[0], (long long)t->rows,
                        frames ? "frames" : "features", VA_FRAMES_MAX);
    if (!frames && t->dim < 1)
        return va_error("%s: /features: found rows of %lld numbers, expected 1 or more", path,
                        (long long)t->dim);
    if (va_track_origin(in, &t->encoder, &t->input, &t->fps) < 0 ||
        va_h5_get_int(in, NULL, "frame_count", &t->frame_count) < 0 ||
        !(t->name = va_h5_get_string(in, NULL, "video")) || !(id = va_h5_id(in)) ||
        !(t->id = va_strdup(id)))
        return -1;
    if (!va_video_name_valid(t->name))
        return va_error("%s: video: found '%.80s', expected the name of a video", path,
                        t->name);
    if (t->frame_count < 0 || t->frame_count > VA_FRAMES_MAX)
        return va_error("%s: frame_count: found %lld, expected 0 to %d", path,
                        (long long)t->frame_count, VA_FRAMES_MAX);
    return 0;
}

static int keep_frames(void *arg, const struct va_track_block *b)
{
    struct va_track *t = arg;

    memcpy(t->frames + b->first, b->frames, (size_t)b->count * sizeof(*b->frames));
    return 0;
}

int va_track_read(struct va_track *t, struct va_h5_in *in, bool frames)
{
    if (va_track_head(t, in, frames) < 0)
        return -1;
    t->frames = va_new_unset(t->rows, sizeof(*t->frames));
    return t->frames ? va_track_each(t, in, false, keep_frames, t) : -1;
}

int va_track_times(const struct va_track *t, struct va_h5_in *in, double **pts)
{
    int has = has_rows(t, in, "/pts");

    *pts = has > 0 ? va_h5_read(in, "/pts", VA_F64) : NULL;
    return has < 0 || (has && !*pts) ? -1 : 0;
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
