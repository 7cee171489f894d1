/*
 * va_interval_run.h - intervals calibrated on labelled videos, from predictions of several models to a table:
 * what va-ensemble calibrate does.
 */
#ifndef VA_INTERVAL_RUN_H
#define VA_INTERVAL_RUN_H

#include "data/va_blend_labels.h"
#include "data/va_combine.h"

/* Write the intervals of `count` levels (percent) to the table `output` (va_interval.h), for files that are
 * combined as `combine` says. 0, or -1 after reporting. */
VA_MUST_USE int va_interval_run(struct va_combine_job *combine,
                                const struct va_blend_job *labels, const int64_t *level,
                                int64_t count, const char *output);

#endif
