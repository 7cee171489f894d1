/*
 * va_predict.h - valence and arousal of every frame of a video, by one model.
 *
 *   sequence  the whole timeline from its first frame, in blocks with carried state: memory
 *             does not grow with length
 *   overlap   windows of `window` frames, `stride` apart; where they overlap the mean counts
 *   chunk     windows of `window` frames one behind the other
 *
 * Windows begin without a past; the last one of a video is as long as what is left.
 * Ownership: keeps pointers to temporal model and index, which must outlive it
 */
#ifndef VA_PREDICT_H
#define VA_PREDICT_H

#include "data/va_preset.h"
#include "data/va_window_index.h"
#include "model/va_temporal.h"

enum va_predict_mode { VA_PREDICT_SEQUENCE, VA_PREDICT_OVERLAP, VA_PREDICT_CHUNK };
extern const char *const va_predict_mode_names[]; /* in enum order, NULL last */

struct va_predict_plan {
    int mode;               /* enum va_predict_mode */
    int64_t window, stride; /* frames; stride is not used by chunk, neither by sequence */
};

/* How a preset tests. */
struct va_predict_plan va_predict_plan_preset(enum va_preset preset);

/*
 * A temporal model loaded from a va.model/1 file, to predict the chosen videos of `index`. *id gets the model's
 * content id (a new string). Named streams of the index get the order of the model's (va_window_index_arrange). NULL after reporting: also when it expects features of another width, or
 * was trained on those of another encoder and not told to take any (data/va_origin.h).
 */
VA_MUST_USE struct va_temporal *va_predict_load(struct va_backend *be, const char *path,
                                                struct va_window_index *index,
                                                const bool *chosen, bool any_encoder,
                                                char **id);

struct va_predictor; /* opaque: room for one pass */

VA_MUST_USE struct va_predictor *va_predictor_new(struct va_backend *be,
                                                  struct va_temporal *model,
                                                  const struct va_window_index *index,
                                                  const struct va_predict_plan *plan);
void va_predictor_free(struct va_predictor *p); /* NULL is fine */

/* Add the predictions of a video's timeline to sum [frames, 2]: several models add up. -1 after
 * reporting. Values are not checked. */
VA_MUST_USE int va_predictor_add(struct va_predictor *p, int64_t video, double *sum);

/* In mode sequence, the same without sums, and without memory for the video: fn(arg, first, count, va [count, 2]) gets
 * frame after frame, a block at a time. 0, or -1 after reporting, the first of fn's too. */
enum { VA_PREDICT_BLOCK = 512 }; /* frames at most */
typedef int va_predict_block_fn(void *arg, int64_t first, int64_t count, const float *va);
VA_MUST_USE int va_predictor_each(struct va_predictor *p, int64_t video,
                                  va_predict_block_fn *fn, void *arg);

#endif
