#include "data/va_features_import.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "data/va_features_write.h"
#include "data/va_label_fit.h"
#include "data/va_labels.h"
#include <math.h>
#include <string.h>

const char *const va_import_missing_names[] = { "refuse", "drop", NULL };

struct import {
    const struct va_features_import *job;
    struct va_matrix m;
    double *index, *times; /* of files; NULL: none */
    int64_t index_count, time_count;
    double *x, *block_index, *block_times; /* a block of rows */
    float *y;
    int32_t *frames;
    double *pts;
    int64_t last;               /* frame of the row before, 0: none */
    double last_time;           /* of it */
    int32_t first, kept_last;   /* frames of the first and last kept row, */
    double first_pts, last_pts; /* and their times */
    int64_t dropped;
    struct va_features_writer out;
    struct va_hash hash; /* of all that was read: what the content of the input is */
};

/* ---- one row --------------------------------------------------------------------------- */

/* Frame and time of row r, k of its block; checked. */
static int place_row(struct import *im, int64_t r, int64_t k)
{
    const struct va_features_import *job = im->job;
    const char *by = im->index ? job->index : im->m.path;
    double frame = im->index             ? im->index[r]
                   : im->m.index_at >= 0 ? im->block_index[k]
                                         : (double)(r + 1);
    double time = im->times            ? im->times[r]
                  : im->m.time_at >= 0 ? im->block_times[k]
                                       : (frame - 1) / job->fps;

    if (!(frame >= 1 && frame <= VA_FRAMES_MAX) || frame != floor(frame))
        return va_error("%s: row %lld: found frame %.9g, expected a whole number from 1 to %d: "
                        "frames are counted from 1",
                        by, (long long)r + 1, frame, VA_FRAMES_MAX);
    if (frame <= (double)im->last)
        return va_error("%s: row %lld: found frame %.9g after frame %lld, expected a later one",
                        by, (long long)r + 1, frame, (long long)im->last);
    if (!isfinite(time) || (im->last && time <= im->last_time))
        return va_error("%s: row %lld: found the time %.9g after %.9g, expected a later one",
                        im->times ? job->times : im->m.path, (long long)r + 1, time,
                        im->last ? im->last_time : (double)-INFINITY);
    im->frames[k] = (int32_t)frame;
    im->pts[k] = time;
    im->last = (int64_t)frame;
    im->last_time = time;
    return 0;
}

/* Row k of a block as float32; *kept: it has numbers. */
static int take_row(struct import *im, int64_t r, int64_t k, bool *kept)
{
    const double *x = im->x + k * im->m.columns;
    float *y = im->y + k * im->m.columns;
    char place[160];

    *kept = true;
    for (int64_t c = 0; c < im->m.columns; c++) {
        y[c] = (float)x[c];
        if (isfinite(y[c]))
            continue;
        if (!isfinite(x[c]) && im->job->missing == VA_IMPORT_DROP)
            return *kept = false, 0;
        va_matrix_place(&im->m, r, c, place, sizeof(place));
        if (isnan(x[c]))
            return va_error("%s: %s: found %s: --missing drop takes such a row for a frame "
                            "without a face",
                            im->m.path, place, im->m.is_npy ? "NaN" : "no number");
        return va_error("%s: %s: found %g, expected a number within the range of float32",
                        im->m.path, place, x[c]);
    }
    return 0;
}

/* Rows [k] of a block that are kept move to the front; how many, or -1 after reporting. */
static int64_t take_rows(struct import *im, int64_t n)
{
    int64_t D = im->m.columns, kept = 0;

    for (int64_t k = 0; k < n; k++) {
        int64_t r = im->m.done - n + k;
        bool keep;

        if ((im->index && r >= im->index_count) || (im->times && r >= im->time_count))
            return va_error(
                "%s: found %lld rows, expected one for each row of %s, which has more",
                im->index && r >= im->index_count ? im->job->index : im->job->times,
                (long long)r, im->m.path);
        if (place_row(im, r, k) < 0 || take_row(im, r, k, &keep) < 0)
            return -1;
        if (!keep)
            continue;
        memmove(im->y + kept * D, im->y + k * D, (size_t)D * sizeof(*im->y));
        im->frames[kept] = im->frames[k];
        im->pts[kept++] = im->pts[k];
    }
    im->dropped += n - kept;
    return kept;
}

/* ---- all rows -------------------------------------------------------------------------- */

static int copy_rows(struct import *im)
{
    int64_t n, kept = 0, rows = va_matrix_block(&im->m);

    while ((n = va_matrix_next(&im->m, rows, im->x, im->block_index, im->block_times)) > 0) {
        va_hash_add(&im->hash, im->x, (size_t)(n * im->m.columns) * sizeof(*im->x));
        if (im->m.done > VA_FRAMES_MAX)
            return va_error("%s: more than %d rows", im->m.path, VA_FRAMES_MAX);
        if ((kept = take_rows(im, n)) < 0)
            return -1;
        if (kept && va_features_append(&im->out, kept, im->y, im->frames, im->pts, NULL) < 0)
            return -1;
        if (kept && !im->first) {
            im->first = im->frames[0];
            im->first_pts = im->pts[0];
        }
        if (kept) {
            im->kept_last = im->frames[kept - 1];
            im->last_pts = im->pts[kept - 1];
        }
    }
    if (n == 0 && im->index && im->index_count != im->m.done)
        return va_error("%s: found %lld rows, expected %lld as in %s", im->job->index,
                        (long long)im->index_count, (long long)im->m.done, im->m.path);
    if (n == 0 && im->times && im->time_count != im->m.done)
        return va_error("%s: found %lld rows, expected %lld as in %s", im->job->times,
                        (long long)im->time_count, (long long)im->m.done, im->m.path);
    if (n == 0 && !im->m.done)
        return va_error("%s: found no rows, expected features", im->m.path);
    return n < 0 ? -1 : 0;
}

static int open_all(struct import *im, const char *from, const char *to)
{
    const struct va_features_import *job = im->job;
    int64_t n, D;

    if (va_matrix_open(&im->m, from, &job->how) < 0 ||
        (job->index && va_matrix_column(job->index, &im->index, &im->index_count) < 0) ||
        (job->times && va_matrix_column(job->times, &im->times, &im->time_count) < 0))
        return -1;
    n = va_matrix_block(&im->m);
    D = im->m.columns;
    im->x = va_new(n * D, sizeof(*im->x));
    im->y = va_new(n * D, sizeof(*im->y));
    im->block_index = va_new(n, sizeof(*im->block_index));
    im->block_times = va_new(n, sizeof(*im->block_times));
    im->frames = va_new(n, sizeof(*im->frames));
    im->pts = va_new(n, sizeof(*im->pts));
    if (!im->x || !im->y || !im->block_index || !im->block_times || !im->frames || !im->pts)
        return -1;
    n = job->missing == VA_IMPORT_DROP ? -1 : im->m.rows;
    return va_features_create(&im->out, to, n, D,
                              im->m.is_npy && !strcmp(im->m.npy.kind, "f2"));
}

/* The rest of the file: what is known after the last row. */
static int finish(struct import *im, const char *name)
{
    const struct va_features_import *job = im->job;
    int64_t count = job->frame_count ? job->frame_count : im->last;
    double fps = job->fps;
    char id[VA_HASH_TEXT];

    if (count < im->last)
        return va_error("%s: found frame %lld, expected at most %lld, the number of frames",
                        im->m.path, (long long)im->last, (long long)count);
    if (!(fps > 0) && im->last_pts > im->first_pts)
        fps = (im->kept_last - im->first) / (im->last_pts - im->first_pts);
    if (im->dropped)
        va_info("%s: %lld of %lld rows have NaN or a missing number: frames without a face",
                im->m.path, (long long)im->dropped, (long long)im->m.done);
    va_hash_finish(&im->hash, id);
    if (va_h5_add_input(im->out.out, im->m.path, id) < 0)
        return -1;
    return va_features_commit(&im->out, name, fps, count, job->encoder);
}

int va_features_import(const struct va_features_import *job, const char *from, const char *to)
{
    struct import im = { .job = job };
    char *name = va_video_name_enter(job->name ? job->name : from, "give --name NAME");
    int result = -1;

    va_hash_init(&im.hash);
    if (name && open_all(&im, from, to) == 0 && copy_rows(&im) == 0)
        result = finish(&im, name);
    va_features_abort(&im.out);
    va_matrix_close(&im.m);
    va_free(im.index);
    va_free(im.times);
    va_free(im.x);
    va_free(im.y);
    va_free(im.block_index);
    va_free(im.block_times);
    va_free(im.frames);
    va_free(im.pts);
    va_free(name);
    return result;
}
