/*
 * va_batch.h - which windows make which batch, and their data on the device.
 *
 * The order of an epoch is a function of (seed, epoch) alone, so a resumed run needs to know
 * nothing but how many batches it has done. The last batch of an epoch may be smaller.
 *
 * Ownership: an order and a batch keep pointers to the index they were made for
 */
#ifndef VA_BATCH_H
#define VA_BATCH_H

#include "data/va_window_index.h"
#include "ops/va_ops.h"

/* ---- the order ------------------------------------------------------------------------- */

struct va_batch_order {
    int64_t *windows; /* [count] numbers in the index, ascending */
    int64_t count;
    int64_t batch;     /* windows in a batch */
    int64_t per_epoch; /* batches: ceil(count / batch) */
    bool shuffle;
    uint64_t seed;
    int64_t *order; /* [count] the windows in the order of `epoch` */
    int64_t epoch;  /* -1: none yet */
};

/* All windows of the videos marked in `chosen` [video_count]. -1 after reporting. */
VA_MUST_USE int va_batch_order_init(struct va_batch_order *o,
                                    const struct va_window_index *index, const bool *chosen,
                                    int64_t batch, bool shuffle, uint64_t seed);
void va_batch_order_release(struct va_batch_order *o);

/* Batch k = 0, 1, ... of the run (epoch k / per_epoch): its windows, valid until the next call,
 * and how many they are. */
int64_t va_batch_order_at(struct va_batch_order *o, int64_t k, const int64_t **windows);

/* ---- the data -------------------------------------------------------------------------- */

struct va_batch {
    const struct va_window_index *index;
    struct va_backend *be;
    int64_t size;                     /* room, in windows */
    int64_t ahead;                    /* frames that the model looks ahead */
    int64_t rows, D;                  /* of a window: its frames and `ahead` more; features */
    float *host_x, *host_y, *host_ok; /* [size, rows, D], [size, rows, 2], [size, rows] */
    void *x, *label, *valid;          /* the same on the device */
    /* With va_batch_reside: all features on the device, the first row of each video, and which rows the windows have
     * [size, rows], on the device in three parts. */
    void *features;
    bool halves; /* they are in bfloat16 */
    int64_t *first_row;
    struct va_window_row *host_rows;
    int32_t *host_part; /* [size, rows] */
    void *row, *next, *mix;
};

/* Row ahead + t of a window is about its frame t; the first `ahead` rows are about none, and not
 * valid (va_window_gather_ahead). */
VA_MUST_USE int va_batch_init(struct va_batch *b, struct va_backend *be,
                              const struct va_window_index *index, int64_t size, int64_t ahead);
void va_batch_release(struct va_batch *b);

/* Bring the features of all videos to the device, if it has memory to spare for them, so that a batch is gathered there;
 * -v says so. Where products are in bfloat16 and only half of the memory is there, features are rounded to bfloat16: a model
 * that adds them to what it makes of them is trained on the rounded ones. Named streams stay on the host. Once,
 * when all else has its memory. -1 after reporting. */
VA_MUST_USE int va_batch_reside(struct va_batch *b);

/*
 * Dropout of whole named streams: all columns of a stream become zeros in a window, as if it were absent, with
 * probability p by (seed, VA_RAND_DROP_STREAM, step, number of the window in the batch). Nothing is scaled, since
 * the model sees which streams there are. A window that would lose all its streams keeps them.
 */
struct va_batch_drop {
    double p;
    uint64_t seed;
    int64_t step, first; /* number of the first window loaded in the whole batch */
};

/* Gather `count` <= size windows and put them on the device; drop NULL: with all streams. -1 after
 * reporting. */
VA_MUST_USE int va_batch_load(struct va_batch *b, const int64_t *windows, int64_t count,
                              const struct va_batch_drop *drop);

#endif
