#include "feed/va_batch.h"

#include "base/va_mem.h"
#include "base/va_rand.h"
#include "base/va_thread.h"
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
    if (b->be) {
        b->be->ops->free(b->be, b->x);
        b->be->ops->free(b->be, b->label);
        b->be->ops->free(b->be, b->valid);
    }
    *b = (struct va_batch){ 0 };
}

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
    if (va_window_gather_ahead(b->index, w->video, w->start, W, end, b->ahead,
                               b->host_x + i * b->rows * b->D) < 0)
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
    be->ops->put_f32(be, b->x, b->host_x, count * b->rows * b->D);
    be->ops->put_f32(be, b->label, b->host_y, count * b->rows * 2);
    be->ops->put_f32(be, b->valid, b->host_ok, count * b->rows);
    return 0;
}
