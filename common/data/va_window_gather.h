/*
 * va_window_gather.h - what the entries of a timeline stand for: features, labels, time stamps and faces of a video in an
 * index whose features are open (va_window_index_open_features).
 *
 * Memory:    features are mapped; rows are copied, widened and mixed as they are asked for
 * Threads:   va_window_gather, va_window_gather_ahead and va_window_rows_ahead may run in several at once
 */
#ifndef VA_WINDOW_GATHER_H
#define VA_WINDOW_GATHER_H

#include "data/va_window_index.h"

/*
 * Rows [start, start + count) of a video's timeline: x [count, D] float32; label [count, 2] and
 * valid [count] (0 or 1 as float) may be NULL. Entries at and beyond the end of the timeline are
 * zero, labelled -5 and not valid. -1 after reporting a feature that is not finite, with file
 * and frame. Needs opened features.
 */
VA_MUST_USE int va_window_gather(const struct va_window_index *index, int64_t video,
                                 int64_t start, int64_t count, float *x, float *label,
                                 float *valid);

/*
 * What a model that looks `ahead` frames ahead reads to speak of frames [start, start + count): x
 * [count + ahead, D], frames from `start` on as far as `end`; then the one before `end` again,
 * `ahead` times, and zeros. What it gives for row ahead + t is about frame start + t. `end` is at
 * most the length of the timeline. -1 after reporting as above.
 */
VA_MUST_USE int va_window_gather_ahead(const struct va_window_index *index, int64_t video,
                                       int64_t start, int64_t count, int64_t end, int64_t ahead,
                                       float *x);

/* The same as rows of the features of a video without named streams: row, or its mix with `next` where that is not -1. Row -1 stands for
 * zeros. The rows are looked at as above. */
struct va_window_row {
    int32_t row, next;
    float mix;
};
VA_MUST_USE int va_window_rows_ahead(const struct va_window_index *index, int64_t video,
                                     int64_t start, int64_t count, int64_t end, int64_t ahead,
                                     struct va_window_row *rows);

/* Rows that a video has in its features, and rows [first, first + count) of them to x [count, D], numbers that
 * are not finite among them. Needs opened features. */
int64_t va_window_index_rows(const struct va_window_index *index, int64_t video);
void va_window_index_copy(const struct va_window_index *index, int64_t video, int64_t first,
                          int64_t count, float *x);

/*
 * Time stamps pts [count] of entries [start, start + count) of a video's timeline in seconds: those of the features where the
 * frame is present, between and beyond them as the average rate says. 1, or 0 where the file
 * holds none or all are equal and no rate is known (crops), or -1 after reporting. One thread;
 * needs opened features.
 */
VA_MUST_USE int va_window_index_pts(const struct va_window_index *index, int64_t video,
                                    int64_t start, int64_t count, double *pts);

/*
 * Of entries [start, start + count) of a video's timeline: face [count], 1 where the frame itself has features; and
 * the confidence [count] of its face, 0 where there is none. 1, or 0 where the file does not tell
 * the confidence, or -1 after reporting. One thread; needs opened features.
 */
VA_MUST_USE int va_window_index_face(const struct va_window_index *index, int64_t video,
                                     int64_t start, int64_t count, uint8_t *face,
                                     float *confidence);

/* Let go of the memory that holds the mapped features of a video; they are read again when they
 * are needed. Keeps the memory of one pass over a long video bounded. */
void va_window_index_forget(const struct va_window_index *index, int64_t video);

#endif
