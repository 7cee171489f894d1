/*
 * va_predict_run.h - from models and features to predictions in files: what va-predict does.
 */
#ifndef VA_PREDICT_RUN_H
#define VA_PREDICT_RUN_H

#include "base/va_option.h"
#include "data/va_frame_files.h"
#include "jobs/va_predict.h"

struct va_predict_job {
    const char *const *models; /* [model_count], averaged */
    int64_t model_count;
    const char *windows;         /* a va.windows/1 file, or NULL */
    const char *list;            /* of its videos; NULL: all */
    const char *const *features; /* [feature_count] va.features/1 files, without windows; for
                                    models that are encoders their own, or va.frames/1 files */
    int64_t feature_count;
    struct va_strings streams, policies; /* or named streams (va_window_index_add_streams) */
    struct va_strings labels; /* folders: a video has a frame for each label at least */
    struct va_label_rule label_rule;
    int missing;                 /* enum va_missing, for feature files */
    struct va_predict_plan plan; /* window 0: that of the windows file, with its stride */
    bool clip;                   /* to [-1, 1] */
    bool any_encoder;            /* take features of another encoder than a model's */
    const char *output;          /* va.predictions, */
    int layout;                  /* enum va_predictions_layout */
    struct va_frame_files *text; /* the same as text; its table is open meanwhile */
    const char *device;
    int precision; /* index into va_float_precision_names */
};

/* 0, or -1 after reporting. Nothing is written unless every prediction is finite. */
VA_MUST_USE int va_predict_run(const struct va_predict_job *job);

#endif
