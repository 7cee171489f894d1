/*
 * va_trace.h - ratings over time: one annotator, one dimension.
 *
 * A trace has ascending times in seconds and a value at each, NaN where the annotator gave none. Between two
 * rows its value is their linear mix; the last row lasts as long as the one before it.
 *
 * Ownership: structs are the caller's and begin as { 0 }; release frees what they own
 */
#ifndef VA_TRACE_H
#define VA_TRACE_H

#include "base/va_attr.h"
#include <stdint.h>
#include <sys/types.h>

struct va_trace {
    char *name;   /* of the annotator, for tables */
    dev_t device; /* of its file */
    ino_t inode;
    double *time, *value; /* [count] */
    int64_t count, time_room, value_room;
};

/* Add a row; its time must be above the last one's. -1 after reporting that memory is short. */
VA_MUST_USE int va_trace_add(struct va_trace *trace, double time, double value);
void va_trace_release(struct va_trace *trace);

/* The value at a time; NaN before the first row, after the last one, beside a row without a value, and
 * between two rows that are more than `gap` seconds apart. */
double va_trace_at(const struct va_trace *trace, double time, double gap);

/* The median distance of two rows in seconds; 0 for fewer than two. -1 after reporting. */
VA_MUST_USE int va_trace_step(const struct va_trace *trace, double *step);

/*
 * How much later each of n annotators reacts than all of them on average, delay [n] in seconds: the shifts
 * of at most `most` seconds at which each trace correlates best (Pearson) with the mean of the others,
 * found in turns until none changes, in steps of `step` seconds, less their mean. So the mean is 0, a delay
 * that all annotators share does not show, and one may exceed `most`. NaN for an annotator who has none: the trace
 * or the mean of the others does not vary, or they share less than half of the time. Values are from -1 to 1.
 * Returns how many shifts are as long as they may be, the best perhaps longer, or -1 after reporting.
 */
VA_MUST_USE int va_traces_delay(const struct va_trace *traces, int64_t n, double step,
                                double most, double gap, double *delay);

/*
 * Agreement of n annotators who rate T moments, x [n, T], over the moments that all of them rate:
 *   ccc [n]   of each with the mean of the others
 *   pairs     mean CCC of all pairs
 *   single    ICC(2,1), mean ICC(2,n): two-way random effects, absolute agreement, of a single rating and
 *             of the mean (Shrout and Fleiss, Psychological Bulletin 86, 1979)
 * NaN where undefined, also but for rounding. Values are from -1 to 1. -1 after reporting that memory is short.
 */
struct va_agreement {
    double *ccc; /* the caller's */
    double pairs, single, mean;
    int64_t moments;
};
VA_MUST_USE int va_traces_agree(struct va_agreement *a, const double *x, int64_t n, int64_t T);

#endif
