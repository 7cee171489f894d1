/*
 * Feature rows are taken from the mapped files, so a batch costs one copy and no library call; rows of float16
 * are widened as they are copied. Chunked files, which cannot be used where they lie, are read whole instead. A row is looked
 * at for numbers that are not finite when it is taken for the first time. The
 * files themselves rest, so that ten thousand of them take neither descriptors nor memory.
 */
#include "data/va_window_gather.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_track.h"
#include "data/va_window_index_priv.h"
#include "io/va_h5.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALL = 2048 }; /* floats: a copy of so few is less than the pages that map them */

struct va_index_source {
    struct va_h5_in *in;  /* resting */
    const float *rows;    /* [count, D], mapped or `copy`; NULL: they are float16, */
    const uint16_t *half; /* [count, D], mapped */
    float *copy;          /* NULL where rows are mapped */
    atomic_bool *finite;  /* [count] whether a row is known to be; from any thread */
    int64_t count;
};

void va_index_sources_close(struct va_window_index *index)
{
    for (int64_t i = 0; index->open && i < index->video_count; i++) {
        va_h5_close(index->open[i].in);
        va_free(index->open[i].copy);
        va_free((void *)index->open[i].finite);
    }
    va_free(index->open);
    index->open = NULL;
}

/* The rows of an index that was made of the file: their frames are as they were then. */
static int check_runs(const struct va_index_video *v, const struct va_index_source *s)
{
    int32_t frames[1024];
    int64_t run = 0;

    for (int64_t i = 0; i < s->count; i += VA_COUNT(frames)) {
        int64_t n = s->count - i < (int64_t)VA_COUNT(frames) ? s->count - i
                                                             : (int64_t)VA_COUNT(frames);

        if (va_h5_read_rows(s->in, "/index", VA_I32, i, n, frames) < 0)
            return -1;
        for (int64_t k = 0; k < n; k++) {
            while (run < v->run_count && i + k >= v->runs[run].row + v->runs[run].count)
                run++;
            if (run == v->run_count ||
                frames[k] != v->runs[run].frame + i + k - v->runs[run].row)
                return va_error("%s: was changed while it was in use", v->features);
        }
    }
    if (v->run_count &&
        s->count != v->runs[v->run_count - 1].row + v->runs[v->run_count - 1].count)
        return va_error("%s: was changed while it was in use", v->features);
    return 0;
}

/* Every entry of the timeline names a row that the file has, and the frames agree. */
static int check_rows(const struct va_window_index *index, const struct va_index_video *v,
                      const struct va_index_source *s, const int32_t *frames)
{
    for (int64_t i = 0; i < v->frames; i++) {
        const struct va_timeline_entry *e = &index->timeline[v->first + i];

        if (e->row >= s->count || e->next >= s->count)
            return va_error(
                "%s: /timeline/row: frame %lld of video '%s': found row %d, but %s has "
                "%lld",
                index->path ? index->path : v->features, (long long)i + 1, v->name,
                e->row > e->next ? e->row : e->next, v->features, (long long)s->count);
        if (e->present && frames[e->row] != i + 1)
            return va_error(
                "%s: /timeline/row: frame %lld of video '%s': found row %d, which is "
                "frame %d in %s",
                index->path ? index->path : v->features, (long long)i + 1, v->name, e->row,
                frames[e->row], v->features);
    }
    return 0;
}

/* What the features are, where they lie. */
static int open_rows(struct va_window_index *index, const struct va_index_video *v,
                     struct va_index_source *s)
{
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    int rank;

    if (va_h5_shape(s->in, "/features", &type, &rank, shape) < 0)
        return -1;
    if (shape[0] != s->count)
        return va_error("%s: /index: found %lld rows for %lld features", v->features,
                        (long long)s->count, (long long)shape[0]);
    if (shape[1] < 1)
        return va_error("%s: /features: found rows of %lld numbers, expected 1 or more",
                        v->features, (long long)shape[1]);
    if (!index->dim)
        index->dim = shape[1];
    if (shape[1] != index->dim)
        return va_error("%s: /features: found %lld columns, expected %lld as in %s",
                        v->features, (long long)shape[1], (long long)index->dim,
                        index->videos[0].features);
    if (shape[0] * shape[1] > SMALL)
        s->rows = va_h5_map(s->in, "/features", VA_F32);
    if (!s->rows && shape[0] * shape[1] > SMALL)
        s->half = va_h5_map(s->in, "/features", VA_F16);
    if (!s->rows && !s->half)
        s->rows = s->copy = va_h5_read(s->in, "/features", VA_F32);
    s->finite = va_new(s->count, sizeof(*s->finite));
    return (s->rows || s->half) && s->finite ? 0 : -1;
}

static int open_source(struct va_window_index *index, int64_t video)
{
    struct va_index_video *v = &index->videos[video];
    struct va_index_source *s = &index->open[video];
    int64_t shape[VA_RANK_MAX];
    enum va_dtype type;
    const char *id;
    int32_t *frames;
    int rank, status;

    if (!v->features)
        return 0; /* a stream that lacks the video */
    s->in = va_h5_open(v->features, index->frames ? "va.frames/1" : "va.features/1");
    if (!s->in || !(id = va_h5_id(s->in)))
        return -1;
    if (strcmp(id, v->features_id))
        return va_error(
            "%s: has changed since va-window read it: found id %s, expected %s; run "
            "va-window again",
            v->features, id, v->features_id);
    va_free(v->encoder); /* of a file that was added */
    va_free(v->input);
    if (va_track_origin(s->in, &v->encoder, &v->input, &v->fps) < 0 ||
        va_h5_shape(s->in, "/index", &type, &rank, shape) < 0)
        return -1;
    s->count = shape[0];
    if (!index->frames && open_rows(index, v, s) < 0)
        return -1;
    if (!index->timeline) {
        status = check_runs(v, s);
    } else {
        frames = va_h5_read(s->in, "/index", VA_I32);
        status = frames ? check_rows(index, v, s, frames) : -1;
        va_free(frames);
    }
    va_h5_rest(s->in);
    return status;
}

/* Each stream's files; the rates of the videos, the widths. */
static int open_streams(struct va_window_index *index)
{
    index->dim = 0;
    for (int64_t k = 0; k < index->stream_count; k++) {
        struct va_index_stream *s = &index->streams[k];

        if (va_window_index_open_features(s->files) < 0)
            return -1;
        for (int64_t i = 0; i < index->video_count; i++)
            if (!(index->videos[i].fps > 0))
                index->videos[i].fps = s->files->videos[i].fps;
        s->dim = s->files->dim;
        index->dim += s->dim + 1;
    }
    return 0;
}

int va_window_index_open_features(struct va_window_index *index)
{
    if (index->open)
        return 0;
    index->open = va_new(index->video_count, sizeof(*index->open));
    if (!index->open)
        return -1;
    if (index->stream_count)
        return open_streams(index);
    for (int64_t i = 0; i < index->video_count; i++)
        if (open_source(index, i) < 0) {
            va_index_sources_close(index);
            return -1;
        }
    return 0;
}

int va_window_index_unchanged(const struct va_window_index *index)
{
    for (int64_t k = 0; k < index->stream_count; k++)
        if (index->streams[k].files && va_window_index_unchanged(index->streams[k].files) < 0)
            return -1;
    for (int64_t i = 0; index->open && i < index->video_count; i++)
        if (index->open[i].in && va_h5_unchanged(index->open[i].in) < 0)
            return -1;
    return 0;
}

/* Of named streams, the first that has the video: its times are those of all. */
static const struct va_window_index *first_files(const struct va_window_index *index,
                                                 int64_t video)
{
    for (int64_t i = 0; i < index->stream_count; i++) {
        const struct va_window_index *files = index->streams[i].files;

        if (files && files->videos[video].features)
            return files;
    }
    return index;
}

/* Frame number of a row: the timeline has every row that a frame was found for. */
static int64_t frame_of(const struct va_window_index *index, int64_t video, int64_t row)
{
    for (int64_t i = 0; i < index->videos[video].frames; i++) {
        const struct va_timeline_entry e = va_window_index_entry(index, video, i);

        if (e.present && e.row == row)
            return i + 1;
    }
    return 0;
}

/* Numbers that are not finite in half [count]: exponents of ones only. */
static bool halves_finite(const uint16_t *half, int64_t count)
{
    int bad = 0;

    for (int64_t i = 0; i < count; i++)
        bad |= (half[i] & 0x7c00) == 0x7c00;
    return !bad;
}

static int not_finite(const struct va_window_index *index, int64_t video, int64_t row)
{
    float *x = va_new(index->dim, sizeof(*x));

    if (!x)
        return -1;
    va_window_index_copy(index, video, row, 1, x);
    va_not_finite(index->videos[video].features, (int32_t)frame_of(index, video, row), row, x,
                  index->dim);
    va_free(x);
    return -1;
}

/* -1 after reporting a number that is not finite. */
static int check_row(const struct va_window_index *index, int64_t video, int64_t row)
{
    const struct va_index_source *s = &index->open[video];
    const int64_t D = index->dim;

    if (atomic_load_explicit(&s->finite[row], memory_order_relaxed))
        return 0;
    if (s->rows ? !va_all_finite(s->rows + row * D, D) : !halves_finite(s->half + row * D, D))
        return not_finite(index, video, row);
    atomic_store_explicit(&s->finite[row], true, memory_order_relaxed);
    return 0;
}

/* x = row, or its mix with `next`. */
static int copy_row(const struct va_window_index *index, int64_t video,
                    const struct va_timeline_entry *e, float *x)
{
    const struct va_index_source *s = &index->open[video];
    const int64_t D = index->dim;

    if (check_row(index, video, e->row) < 0)
        return -1;
    va_window_index_copy(index, video, e->row, 1, x);
    if (e->next < 0)
        return 0;
    if (check_row(index, video, e->next) < 0)
        return -1;
    for (int64_t c = 0; c < D; c++) {
        float b = s->rows ? s->rows[e->next * D + c] : va_from_f16(s->half[e->next * D + c]);

        x[c] = (1 - e->mix) * x[c] + e->mix * b; /* this form cannot overflow */
    }
    return 0;
}

/* Also beyond the end of a timeline. */
static struct va_timeline_entry entry_at(const struct va_window_index *index, int64_t video,
                                         int64_t i)
{
    static const struct va_timeline_entry beyond = { .row = -1,
                                                     .next = -1,
                                                     .label = { -5, -5 } };

    return i < index->videos[video].frames ? va_window_index_entry(index, video, i) : beyond;
}

/* Features [count, dim] of rows [start, start + count) of one stream, ldx numbers apart. */
static int gather_rows(const struct va_window_index *index, int64_t video, int64_t start,
                       int64_t count, float *x, int64_t ldx)
{
    for (int64_t i = 0; i < count; i++) {
        const struct va_timeline_entry e = entry_at(index, video, start + i);

        if (e.row < 0)
            memset(x + i * ldx, 0, (size_t)index->dim * sizeof(*x));
        else if (copy_row(index, video, &e, x + i * ldx) < 0)
            return -1;
    }
    return 0;
}

/* Those of all streams side by side, each with the column that tells whether it has the frame. */
static int gather_streams(const struct va_window_index *index, int64_t video, int64_t start,
                          int64_t count, float *x)
{
    const struct va_index_stream *s = index->streams;

    for (int64_t k = 0; k < index->stream_count; x += s[k++].dim + 1) {
        const struct va_window_index *files = s[k].files;

        if (files && gather_rows(files, video, start, count, x, index->dim) < 0)
            return -1;
        for (int64_t i = 0; i < count; i++) {
            float *row = x + i * index->dim;

            if (!files)
                memset(row, 0, (size_t)s[k].dim * sizeof(*row));
            row[s[k].dim] = files && entry_at(files, video, start + i).present;
        }
    }
    return 0;
}

int va_window_gather(const struct va_window_index *index, int64_t video, int64_t start,
                     int64_t count, float *x, float *label, float *valid)
{
    int status = index->stream_count ? gather_streams(index, video, start, count, x)
                                     : gather_rows(index, video, start, count, x, index->dim);

    for (int64_t i = 0; status == 0 && (label || valid) && i < count; i++) {
        const struct va_timeline_entry e = entry_at(index, video, start + i);

        if (label) {
            label[2 * i] = e.label[0];
            label[2 * i + 1] = e.label[1];
        }
        if (valid)
            valid[i] = e.valid;
    }
    return status;
}

int va_window_gather_ahead(const struct va_window_index *index, int64_t video, int64_t start,
                           int64_t count, int64_t end, int64_t ahead, float *x)
{
    int64_t D = index->dim, rows = count + ahead,
            real = end - start < rows ? end - start : rows;

    if (real > 0 && va_window_gather(index, video, start, real, x, NULL, NULL) < 0)
        return -1;
    for (int64_t i = real > 0 ? real : 0; i < rows; i++)
        if (start + i >= end + ahead || end < 1)
            memset(x + i * D, 0, (size_t)D * sizeof(*x));
        else if (i > 0)
            memcpy(x + i * D, x + (i - 1) * D, (size_t)D * sizeof(*x));
        else if (va_window_gather(index, video, end - 1, 1, x, NULL, NULL) < 0)
            return -1;
    return 0;
}

int va_window_rows_ahead(const struct va_window_index *index, int64_t video, int64_t start,
                         int64_t count, int64_t end, int64_t ahead, struct va_window_row *rows)
{
    for (int64_t i = 0; i < count + ahead; i++) {
        int64_t at = start + i < end ? start + i : end - 1;
        bool real = end >= 1 && start + i < end + ahead;
        struct va_timeline_entry e = { .row = -1, .next = -1 };

        if (real)
            e = va_window_index_entry(index, video, at);
        rows[i] = e.row < 0 ? (struct va_window_row){ -1, -1, 0 }
                            : (struct va_window_row){ e.row, e.next, e.mix };
        if (e.row >= 0 && (check_row(index, video, e.row) < 0 ||
                           (e.next >= 0 && check_row(index, video, e.next) < 0)))
            return -1;
    }
    return 0;
}

int64_t va_window_index_rows(const struct va_window_index *index, int64_t video)
{
    return index->open[video].count;
}

void va_window_index_copy(const struct va_window_index *index, int64_t video, int64_t first,
                          int64_t count, float *x)
{
    const struct va_index_source *s = &index->open[video];
    const int64_t at = first * index->dim, n = count * index->dim;

    if (s->rows)
        memcpy(x, s->rows + at, (size_t)n * sizeof(*x));
    else
        va_from_f16s(s->half + at, n, x);
}

/* ---- time ------------------------------------------------------------------------------ */

/* Stamps of rows, stamp [count] at frames [count], to entries [start, start + T): between two in equal steps,
 * beyond the ends by `step` seconds a frame. */
static void spread_times(int64_t count, const int32_t *frames, const double *stamp,
                         int64_t start, int64_t T, double step, double *pts)
{
    int64_t after = 0; /* first row whose frame is not before frame f */

    for (int64_t i = 0; i < T; i++) {
        const int64_t f = start + i + 1;

        while (after < count && frames[after] < f)
            after++;
        if (after < count && (after == 0 || frames[after] == f)) {
            pts[i] = stamp[after] - step * (double)(frames[after] - f);
        } else if (after == count) {
            pts[i] = stamp[after - 1] + step * (double)(f - frames[after - 1]);
        } else {
            double gap = frames[after] - frames[after - 1];

            pts[i] = stamp[after - 1] +
                     (stamp[after] - stamp[after - 1]) * (double)(f - frames[after - 1]) / gap;
        }
    }
}

/* The first row whose frame is not before `frame`, or the number of rows. */
static int find_row(const struct va_index_source *s, int64_t frame, int64_t *row)
{
    int64_t high = s->count;

    for (*row = 0; *row < high;) {
        int64_t middle = *row + (high - *row) / 2;
        int32_t found;

        if (va_h5_read_rows(s->in, "/index", VA_I32, middle, 1, &found) < 0)
            return -1;
        if (found < frame)
            *row = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* Seconds from frame to frame; 0: crops of which no rate was given have no times. */
static int read_step(const struct va_index_source *s, double *step)
{
    const int64_t last = s->count - 1;
    double fps = 0, stamp[2];
    int32_t frames[2];

    *step = 0;
    if (va_h5_has_attribute(s->in, NULL, "fps") && va_h5_get_real(s->in, NULL, "fps", &fps) < 0)
        return -1;
    if (fps > 0 && isfinite(fps))
        *step = 1 / fps;
    if (*step > 0 || last <= 0)
        return 0;
    for (int i = 0; i < 2; i++)
        if (va_h5_read_rows(s->in, "/pts", VA_F64, i * last, 1, &stamp[i]) < 0 ||
            va_h5_read_rows(s->in, "/index", VA_I32, i * last, 1, &frames[i]) < 0)
            return -1;
    *step = (stamp[1] - stamp[0]) / (double)(frames[1] - frames[0]);
    return 0;
}

/* Times of entries from rows [low, high) of a file, which hold one before and one after them if there are such. */
static int fill_times(const struct va_window_index *index, int64_t video, int64_t low,
                      int64_t high, int64_t start, int64_t count, double *pts)
{
    const struct va_index_source *s = &index->open[video];
    double *stamp = va_new(high - low, sizeof(*stamp)), step;
    int32_t *frames = va_new(high - low, sizeof(*frames));
    int status = stamp && frames ? 0 : -1;

    if (status < 0 || va_h5_read_rows(s->in, "/pts", VA_F64, low, high - low, stamp) < 0 ||
        va_h5_read_rows(s->in, "/index", VA_I32, low, high - low, frames) < 0 ||
        read_step(s, &step) < 0)
        status = -1;
    for (int64_t i = 0; status == 0 && i < high - low; i++)
        if (!isfinite(stamp[i]))
            status = va_error("%s: /pts: row %lld: found %g, expected a finite number",
                              index->videos[video].features, (long long)(low + i), stamp[i]);
    if (status == 0 && step != 0)
        spread_times(high - low, frames, stamp, start, count, step, pts);
    va_free(frames);
    va_free(stamp);
    return status < 0 ? -1 : step != 0;
}

static int read_times(const struct va_window_index *index, int64_t video, int64_t start,
                      int64_t count, double *pts)
{
    const struct va_index_source *s = &index->open[video];
    int64_t shape[VA_RANK_MAX], low = 0, high = s->count;
    enum va_dtype type;
    int rank;

    if (!va_h5_has(s->in, "/pts"))
        return 0;
    if (va_h5_shape(s->in, "/pts", &type, &rank, shape) < 0)
        return -1;
    if (shape[0] != s->count)
        return va_error("%s: /pts: found %lld rows, expected %lld as in /index",
                        index->videos[video].features, (long long)shape[0],
                        (long long)s->count);
    if (count < index->videos[video].frames &&
        (find_row(s, start + 1, &low) < 0 || find_row(s, start + count, &high) < 0))
        return -1;
    low -= low > 0;
    high += high < s->count;
    return fill_times(index, video, low, high, start, count, pts);
}

int va_window_index_pts(const struct va_window_index *whole, int64_t video, int64_t start,
                        int64_t count, double *pts)
{
    const struct va_window_index *index = first_files(whole, video);
    const struct va_index_source *s = &index->open[video];
    const struct va_index_video *v = &index->videos[video];
    int status;

    for (int64_t t = 0; s->count == 0 && v->fps > 0 && t < count; t++)
        pts[t] = (double)(start + t) / v->fps;
    if (s->count == 0)
        return v->fps > 0;
    if (va_h5_wake(s->in) < 0)
        return -1;
    status = read_times(index, video, start, count, pts);
    va_h5_rest(s->in);
    return status;
}

/* Scores [high - low] of rows [low, high), to the frames that have one. */
static int spread_scores(const struct va_window_index *index, int64_t video, int64_t start,
                         int64_t count, int64_t low, const float *score, float *confidence)
{
    for (int64_t t = 0; t < count; t++) {
        const struct va_timeline_entry e = va_window_index_entry(index, video, start + t);

        confidence[t] = e.present ? score[e.row - low] : 0;
        if (!(confidence[t] >= 0 && confidence[t] <= 1))
            return va_error("%s: /score: row %d: found %g, expected 0 to 1",
                            index->videos[video].features, e.row, (double)confidence[t]);
    }
    return 1;
}

static int read_scores(const struct va_window_index *index, int64_t video, int64_t start,
                       int64_t count, float *confidence)
{
    const struct va_index_source *s = &index->open[video];
    int64_t shape[VA_RANK_MAX], low = s->count, high = 0;
    enum va_dtype type;
    float *score;
    int rank, status = -1;

    if (!va_h5_has(s->in, "/score"))
        return 0;
    if (va_h5_shape(s->in, "/score", &type, &rank, shape) < 0)
        return -1;
    if (shape[0] != s->count)
        return va_error("%s: /score: found %lld rows, expected %lld as in /index",
                        index->videos[video].features, (long long)shape[0],
                        (long long)s->count);
    for (int64_t t = 0; t < count; t++) {
        const struct va_timeline_entry e = va_window_index_entry(index, video, start + t);

        if (e.present && e.row < low)
            low = e.row;
        if (e.present && e.row >= high)
            high = e.row + 1;
    }
    score = va_new(high > low ? high - low : 0, sizeof(*score));
    if (score &&
        (high <= low || va_h5_read_rows(s->in, "/score", VA_F32, low, high - low, score) == 0))
        status = spread_scores(index, video, start, count, low, score, confidence);
    va_free(score);
    return status;
}

/* From the scores of one stream. */
static int add_scores(const struct va_window_index *index, int64_t video, int64_t start,
                      int64_t count, float *confidence)
{
    const struct va_index_source *s = &index->open[video];
    int status;

    if (s->count == 0)
        return 1;
    if (va_h5_wake(s->in) < 0)
        return -1;
    status = read_scores(index, video, start, count, confidence);
    va_h5_rest(s->in);
    return status;
}

int va_window_index_face(const struct va_window_index *index, int64_t video, int64_t start,
                         int64_t count, uint8_t *face, float *confidence)
{
    int status = 0;

    for (int64_t t = 0; t < count; t++) {
        face[t] = va_window_index_entry(index, video, start + t).present;
        confidence[t] = 0;
    }
    if (!index->stream_count)
        return add_scores(index, video, start, count, confidence);
    for (int64_t i = 0; status == 0 && i < index->stream_count; i++) {
        const struct va_window_index *files = index->streams[i].files;

        if (files && files->videos[video].features)
            status = add_scores(files, video, start, count, confidence);
    }
    return status;
}

void va_window_index_forget(const struct va_window_index *index, int64_t video)
{
    const struct va_index_source *s = &index->open[video];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin, end;

    for (int64_t i = 0; i < index->stream_count; i++)
        if (index->streams[i].files)
            va_window_index_forget(index->streams[i].files, video);
    if (s->copy || !(s->rows || s->half))
        return;
    begin = s->rows ? (uintptr_t)s->rows : (uintptr_t)s->half;
    end = begin +
          (uintptr_t)(s->count * index->dim) * (s->rows ? sizeof(*s->rows) : sizeof(*s->half));
    begin = (begin + page - 1) / page * page; /* whole pages only */
    end = end / page * page;
    if (end > begin)
        (void)!madvise((void *)begin, end - begin, MADV_DONTNEED);
}
