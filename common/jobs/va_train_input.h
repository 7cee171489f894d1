/*
 * va_train_input.h - what a training run reads before it starts, checked against each other.
 *
 * Ownership: release frees all; the job is borrowed
 */
#ifndef VA_TRAIN_INPUT_H
#define VA_TRAIN_INPUT_H

#include "data/va_window_index.h"
#include "jobs/va_train_config.h"
#include "run/va_run.h"

/* The command line of a run. Paths are borrowed. */
struct va_train_job {
    struct va_train_config config;
    const char *windows, *train, *val; /* va.windows/1 and two lists of videos */
    const char *init;                  /* va.model/1 to start from, or NULL */
    bool any_encoder;                  /* take features of several encoders, or not of init's */
    const char *device;
    struct va_run_job run;
};

struct va_train_input {
    struct va_train_config config; /* with what the files decide */
    struct va_window_index *index;
    char *windows_id, *init_id;
    struct va_tensors *init; /* NULL without --init */
    bool *train, *val;       /* [video_count] */
    struct va_temporal_config model;
    struct va_tensors *identity; /* metadata of the run: see va_run_state.h */
};

/* Read index, lists and initial weights, open the features. -1 after reporting. */
VA_MUST_USE int va_train_input_open(struct va_train_input *in, const struct va_train_job *job);
void va_train_input_release(struct va_train_input *in);

/*
 * --print-config: "setting value source" of everything that decides the result, on stdout. Files
 * that the job names are read; it need not name any. -1 after reporting.
 */
VA_MUST_USE int va_train_config_show(const struct va_train_job *job);

#endif
