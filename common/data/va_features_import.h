/*
 * va_features_import.h - features between va.features/1 and the arrays and tables of other programs.
 *
 * Row r of an array is for frame r + 1, or for the frame that an index says; its time is given, or follows
 * from the frames per second. Values become float32 (those of a float16 array stay float16), and a value
 * that does not fit is refused. Files of any size are read in blocks.
 */
#ifndef VA_FEATURES_IMPORT_H
#define VA_FEATURES_IMPORT_H

#include "data/va_matrix.h"

enum va_import_missing { VA_IMPORT_REFUSE, VA_IMPORT_DROP };
extern const char *const va_import_missing_names[]; /* in enum order, NULL last */

struct va_features_import {
    struct va_matrix_how how;
    const char *name;          /* of the video; NULL: as the file */
    const char *encoder;       /* what made the features; NULL: not known */
    double fps;                /* 0: as the times tell */
    const char *times, *index; /* files with a value for each row, or NULL */
    int64_t frame_count;       /* 0: the last row is of the last frame */
    int missing;               /* enum va_import_missing: rows without numbers */
};

/* Write `from` (.npy or CSV) as va.features/1 to `to`. 0, or -1 after reporting. */
VA_MUST_USE int va_features_import(const struct va_features_import *job, const char *from,
                                   const char *to);

/*
 * Write the features of file `from` to `to`: as an array of their type or, where `csv`, as a table with
 * the columns frame, time, f0, f1, ... `index` and `times` (NULL: none) get int32 and float64 arrays. 0,
 * or -1 after reporting.
 */
VA_MUST_USE int va_features_export(const char *from, const char *to, bool csv,
                                   const char *index, const char *times);

#endif
