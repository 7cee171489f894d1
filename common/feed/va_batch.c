#include "feed/va_batch.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_tensors.h"
#include "base/va_thread.h"
#include "data/va_window_gather.h"
#include <string.h>

int va_batch_order_init(struct va_batch_order *o, const struct va_window_index *index,
                        const bool *chosen, int64_t batch, bool shuffle, uint64_t seed)
{
    *o = (struct va_batch_order){
        .batch = batch, .shuffle = shuffle, .seed = seed, .epoch = -1
    };
    o->windows = va_new(index->window_count, sizeof(*o->windows));
    o->order = va_new(index->window_count, sizeof(*o->order));
    if (!o->windows || !o->order)
        return -1;
    for (int64_t i = 0; i < index->window_count; i++)
        if (chosen[index->windows[i].video])
            o->windows[o->count++] = i;
    o->per_epoch = (o->count + batch - 1) / batch;
    return 0;
}

void va_batch_order_release(struct va_batch_order *o)
{
    va_free(o->windows);
    va_free(o->order);
    *o = (struct va_batch_order){ 0 };
}

int64_t va_batch_order_at(struct va_batch_order *o, int64_t k, const int64_t **windows)
{
    int64_t epoch = k / o->per_epoch, first = k % o->per_epoch * o->batch;
    int64_t left = o->count - first;

    if (epoch != o->epoch) {
        memcpy(o->order, o->windows, sizeof(*o->order) * (size_t)o->count);
        if (o->shuffle)
            va_rand_shuffle(o->seed, VA_RAND_SHUFFLE, (uint64_t)epoch, o->order, o->count);
        o->epoch = epoch;
    }
    *windows = o->order + first;
    return left < o->batch ? left : o->batch;
}

int va_batch_init(struct va_batch *b, struct va_backend *be,
                  const struct va_window_index *index, int64_t size, int64_t ahead)
{
    int64_t frames = 0, numbers = 0;

    *b = (struct va_batch){ .index = index,
                            .be = be,
                            .size = size,
                            .ahead = ahead,
                            .rows = index->window + ahead,
                            .D = index->dim };
    if (va_mul(size, b->rows, &frames) < 0 || va_mul(frames, b->D, &numbers) < 0)
        numbers = INT64_MAX; /* va_new says that this is too much */
    b->host_x = va_new(numbers, sizeof(float));
    if (!b->host_x)
        return -1;
    b->host_y = va_new(frames, 2 * sizeof(float));
    b->host_ok = va_new(frames, sizeof(float));
    b->x = be->ops->alloc(be, numbers);
    b->label = be->ops->alloc(be, 2 * frames);
    b->valid = be->ops->alloc(be, frames);
    return b->host_y && b->host_ok && b->x && b->label && b->valid ? 0 : -1;
}

void va_batch_release(struct va_batch *b)
{
    va_free(b->host_x);
    va_free(b->host_y);
    va_free(b->host_ok);
    va_free(b->first_row);
    va_free(b->host_rows);
    va_free(b->host_part);
    if (b->be) {
        void *buffers[] = { b->x, b->label, b->valid, b->features, b->row, b->next, b->mix };

        for (size_t i = 0; i < VA_COUNT(buffers); i++)
            b->be->ops->free(b->be, buffers[i]);
    }
    *b = (struct va_batch){ 0 };
}

/* ---- features on the device ------------------------------------------------------------ */

/* Rows of all videos; 0 where there are too many for an index, or named streams. */
static int64_t rows_of_videos(const struct va_batch *b)
{
    int64_t rows = 0;

    for (int64_t i = 0; !b->index->stream_count && i < b->index->video_count; i++)
        rows += va_window_index_rows(b->index, i);
    return rows <= INT32_MAX ? rows : 0;
}

/* Numbers from row to row. */
static int64_t pitch_of(const struct va_batch *b, bool halves)
{
    return halves ? (b->D + 1) / 2 : b->D;
}

static bool fits(const struct va_batch *b, int64_t rows, bool halves)
{
    int64_t spare = b->be->ops->spare ? b->be->ops->spare(b->be) : 0, bytes;

    return va_mul(rows, pitch_of(b, halves) * (int64_t)b->be->ops->elem, &bytes) == 0 &&
           bytes <= spare;
}

/* Rows x [count, D] become those from row `first` on; `piece` holds as many, and a number more for each. */
static void put_rows(struct va_batch *b, const float *x, int64_t first, int64_t count,
                     uint16_t *piece)
{
    int64_t pitch = pitch_of(b, b->halves);

    if (!b->halves) {
        b->be->ops->put_f32(b->be, va_at(b->be, b->features, first * pitch), x, count * b->D);
        return;
    }
    for (int64_t r = 0; r < count; r++)
        for (int64_t c = 0; c < 2 * pitch; c++)
            piece[r * 2 * pitch + c] = c < b->D ? va_to_bf16(x[r * b->D + c]) : 0;
    b->be->ops->put_bytes(b->be, va_at(b->be, b->features, first * pitch), piece,
                          count * 2 * pitch * (int64_t)sizeof(*piece));
}

/* All rows of a video, from row `at` on; pieces of `most` rows go through b->host_x, which nothing else uses here. */
static void put_video(struct va_batch *b, int64_t video, int64_t at, uint16_t *piece)
{
    int64_t rows = va_window_index_rows(b->index, video), most = b->size * b->rows;

    for (int64_t i = 0; i < rows; i += most) {
        int64_t n = rows - i < most ? rows - i : most;

        va_window_index_copy(b->index, video, i, n, b->host_x);
        put_rows(b, b->host_x, at + i, n, piece);
    }
    va_window_index_forget(b->index, video);
}

int va_batch_reside(struct va_batch *b)
{
    const struct va_ops *ops = b->be->ops;
    int64_t frames = b->size * b->rows, rows = rows_of_videos(b), at = 0;
    uint16_t *piece;

    b->halves = b->be->precision == VA_BF16_PRODUCTS && !fits(b, rows, false);
    if (rows == 0 || !fits(b, rows, b->halves))
        return 0;
    b->first_row = va_new(b->index->video_count, sizeof(*b->first_row));
    b->host_rows = va_new(frames, sizeof(*b->host_rows));
    b->host_part = va_new(frames, sizeof(*b->host_part));
    if (!b->first_row || !b->host_rows || !b->host_part ||
        !(b->row = va_bytes_new(b->be, frames * (int64_t)sizeof(int32_t))) ||
        !(b->next = va_bytes_new(b->be, frames * (int64_t)sizeof(int32_t))) ||
        !(b->mix = ops->alloc(b->be, frames)) ||
        !(b->features = ops->alloc(b->be, rows * pitch_of(b, b->halves))))
        return -1;
    piece = va_new_unset(frames, (size_t)(b->D + 1) * sizeof(*piece));
    if (!piece)
        return -1;
    for (int64_t i = 0; i < b->index->video_count; i++) {
        put_video(b, i, at, piece);
        b->first_row[i] = at;
        at += va_window_index_rows(b->index, i);
    }
    va_free(piece);
    va_debug("features stay on the device%s: %lld rows of %lld",
             b->halves ? " in bfloat16, since only half of them fit" : "", (long long)rows,
             (long long)b->D);
    return 0;
}

/* What was found for `frames` rows goes to the device, and is gathered there. */
static void gather_there(struct va_batch *b, int64_t frames)
{
    const struct va_ops *ops = b->be->ops;
    struct va_gather p = { .rows = frames,
                           .C = b->D,
                           .x = b->features,
                           .index = b->row,
                           .y = b->x,
                           .halves = b->halves };

    for (int64_t i = 0; i < frames; i++) {
        b->host_part[i] = b->host_rows[i].row;
        if (b->host_rows[i].next >= 0)
            p.next = b->next, p.mix = b->mix;
    }
    ops->put_bytes(b->be, b->row, b->host_part, frames * (int64_t)sizeof(*b->host_part));
    if (p.next) {
        for (int64_t i = 0; i < frames; i++) {
            b->host_part[i] = b->host_rows[i].next;
            b->host_x[i] = b->host_rows[i].mix; /* nothing else uses it here */
        }
        ops->put_bytes(b->be, b->next, b->host_part, frames * (int64_t)sizeof(*b->host_part));
        ops->put_f32(b->be, b->mix, b->host_x, frames);
    }
    ops->gather(b->be, &p);
}

/* Rows of window i, in the features of all videos. */
static int find_rows(const struct va_batch *b, const struct va_window *w, int64_t end,
                     int64_t i)
{
    struct va_window_row *rows = b->host_rows + i * b->rows;
    int32_t first = (int32_t)b->first_row[w->video];

    if (va_window_rows_ahead(b->index, w->video, w->start, b->index->window, end, b->ahead,
                             rows) < 0)
        return -1;
    for (int64_t t = 0; t < b->rows; t++) {
        rows[t].row += rows[t].row < 0 ? 0 : first;
        rows[t].next += rows[t].next < 0 ? 0 : first;
    }
    return 0;
}

/* ---- a batch ------------------------------------------------------------------------------ */

struct gather {
    const struct va_batch *batch;
    const int64_t *windows;
    const struct va_batch_drop *drop;
    int failed; /* set to 1 by any task */
};

/* Zeros in the columns of dropped streams of window i, x [rows, D]. */
static void drop_streams(const struct va_batch *b, const struct va_batch_drop *drop, int64_t i,
                         float *x)
{
    const struct va_index_stream *s = b->index->streams;
    int64_t S = b->index->stream_count, kept = 0, at = 0;
    bool dropped[VA_STREAMS_MAX];

    for (int64_t k = 0; k < S; k++) {
        uint64_t element = (uint64_t)((drop->first + i) * VA_STREAMS_MAX + k);

        dropped[k] = va_rand_uniform(drop->seed, VA_RAND_DROP_STREAM, (uint64_t)drop->step,
                                     element) < drop->p;
        kept += !dropped[k];
    }
    for (int64_t k = 0; kept && k < S; at += s[k++].dim + 1)
        for (int64_t t = 0; dropped[k] && t < b->rows; t++)
            memset(x + t * b->D + at, 0, sizeof(*x) * (size_t)(s[k].dim + 1));
}

static void gather_window(void *arg, int64_t i, int thread)
{
    struct gather *g = arg;
    const struct va_batch *b = g->batch;
    const struct va_window *w = &b->index->windows[g->windows[i]];
    const struct va_index_video *v = &b->index->videos[w->video];
    const struct va_timeline_entry *e = b->index->timeline + v->first + w->start;
    int64_t W = b->index->window;
    /* a window that is cut short does not see what the timeline has behind */
    int64_t end = w->length < W ? w->start + w->length : v->frames;
    float *y = b->host_y + i * b->rows * 2, *ok = b->host_ok + i * b->rows;

    (void)thread;
    memset(y, 0, sizeof(*y) * (size_t)(b->rows * 2));
    memset(ok, 0, sizeof(*ok) * (size_t)b->rows);
    for (int64_t t = 0; t < w->length; t++) {
        y[2 * (b->ahead + t)] = e[t].label[0];
        y[2 * (b->ahead + t) + 1] = e[t].label[1];
        ok[b->ahead + t] = e[t].valid;
    }
    if ((b->features ? find_rows(b, w, end, i)
                     : va_window_gather_ahead(b->index, w->video, w->start, W, end, b->ahead,
                                              b->host_x + i * b->rows * b->D)) < 0)
        __atomic_store_n(&g->failed, 1, __ATOMIC_RELAXED);
    if (g->drop && g->drop->p > 0)
        drop_streams(b, g->drop, i, b->host_x + i * b->rows * b->D);
}

int va_batch_load(struct va_batch *b, const int64_t *windows, int64_t count,
                  const struct va_batch_drop *drop)
{
    struct gather g = { .batch = b, .windows = windows, .drop = drop };
    struct va_backend *be = b->be;

    va_parallel(count, gather_window, &g);
    if (g.failed)
        return -1;
    if (b->features)
        gather_there(b, count * b->rows);
    else
        be->ops->put_f32(be, b->x, b->host_x, count * b->rows * b->D);
    be->ops->put_f32(be, b->label, b->host_y, count * b->rows * 2);
    be->ops->put_f32(be, b->valid, b->host_ok, count * b->rows);
    return 0;
}
