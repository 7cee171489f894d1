/*
 * va_predict_frames.h - valence and arousal of every frame by a model of single pictures alone.
 */
#ifndef VA_PREDICT_FRAMES_H
#define VA_PREDICT_FRAMES_H

#include "data/va_window_index.h"
#include "ops/va_ops.h"

/*
 * Add what the encoder `path` (va-finetune) gives to the frames of all videos of an index to sum [timeline,
 * 2]. The index is of frames files, or of features that this encoder made, which need its heads only. A frame without a picture gets what its timeline entry says, and 0
 * where that is none. *id gets the model's content id (a new string). Progress is counted from `done`.
 * -1 after reporting.
 */
VA_MUST_USE int va_predict_frames(struct va_backend *be, const char *path,
                                  const struct va_window_index *index, double *sum,
                                  int64_t done, char **id);

#endif
