/*
 * va_blend_run.h - weights fitted to labelled videos, from predictions to a table: what va-ensemble fit does.
 */
#ifndef VA_BLEND_RUN_H
#define VA_BLEND_RUN_H

#include "data/va_blend_labels.h"

/* Write the best weights of `count` va.predictions files, with `affine` also scale and shift, to a table
 * (va_blend_table.h). 0, or -1 after reporting. */
VA_MUST_USE int va_blend_run(const struct va_blend_job *labels, char *const *inputs,
                             int64_t count, bool affine, const char *output);

#endif
