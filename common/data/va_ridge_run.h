/*
 * va_ridge_run.h - the baseline from windows and lists to predictions: what va-ridge does.
 */
#ifndef VA_RIDGE_RUN_H
#define VA_RIDGE_RUN_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

enum { VA_RIDGE_FEATURES_MAX = 64 };

struct va_ridge_job {
    const char *windows;   /* va.windows/1: videos, labels, feature files */
    const char *train;     /* list of videos to fit */
    const char *val;       /* of videos to predict */
    const char *output;    /* va.predictions */
    const char *groups;    /* table of videos that stay together (va_folds_group); or NULL */
    const char *pattern;   /* or by their names (va_folds_group_by); or NULL */
    int64_t context, step; /* as va_context.h has reach and step */
    int64_t features; /* at most so many are chosen, per dimension; 0: all of them, unchosen */
    double lambda;    /* below 0: chosen by an inner cross-validation */
    bool mean;        /* no map, but the mean of the training labels */
    bool any_encoder; /* features of several encoders */
};

/* 0, or -1 after reporting. */
VA_MUST_USE int va_ridge_run(const struct va_ridge_job *job);

#endif
