/*
 * va_predictions.h - valence and arousal that a model gave to each frame of each video.
 *
 * As va.predictions, with times, faces and confidence where they are known; or as a folder of
 * text files (data/va_labels.h). A file has a group for each video (version 1) or is flat (version 2):
 * schemas/va.predictions.md. Only the layout that is written can be chosen; what is read is the same.
 *
 * Writing goes video by video:
 *     out = va_predictions_create(path, models, count);
 *     va_predictions_put(out, &values); ... va_predictions_commit(&out);
 *
 * Ownership: a set owns names and values
 */
#ifndef VA_PREDICTIONS_H
#define VA_PREDICTIONS_H

#include "base/va_attr.h"
#include "data/va_frame_values.h"
#include "io/va_h5.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- writing --------------------------------------------------------------------------- */

struct va_predictions_out; /* opaque */

/* AUTO: a group for each video, up to 1,000 videos; FLAT above. */
enum va_predictions_layout {
    VA_PREDICTIONS_LAYOUT_AUTO,
    VA_PREDICTIONS_LAYOUT_GROUPS,
    VA_PREDICTIONS_LAYOUT_FLAT
};
extern const char *const va_predictions_layout_names[]; /* in enum order, NULL last */

/* Begin `path`; `models` [count] are the content ids of the models, `videos` is how many videos are to follow, or a
 * bound of that, for AUTO. NULL after reporting. */
VA_MUST_USE struct va_predictions_out *va_predictions_create(const char *path,
                                                             const char *const *models,
                                                             int64_t count,
                                                             enum va_predictions_layout layout,
                                                             int64_t videos);

/* What readers of the values have to know, such as that they are rough. NULL: nothing. -1 after
 * reporting. */
VA_MUST_USE int va_predictions_put_note(struct va_predictions_out *out, const char *note);

/* The share of frames, in percent, for which the intervals of the videos are meant. -1 after reporting. */
VA_MUST_USE int va_predictions_put_level(struct va_predictions_out *out, double level);

/* The file itself, for va_h5_add_input and va_h5_set_seed. */
struct va_h5_out *va_predictions_file(struct va_predictions_out *out);

/*
 * Add a video. Names must differ. -1 after reporting; a value of va that is not finite is the
 * machine's failure, reported with video and frame.
 */
VA_MUST_USE int va_predictions_put(struct va_predictions_out *out,
                                   const struct va_frame_values *v);

/*
 * The same for a long video, a few rows at a time: begin with its T and whether times and confidence are known, then
 * append rows in order (T of `v` is their number; spread and intervals are not taken), then end.
 */
VA_MUST_USE int va_predictions_begin(struct va_predictions_out *out, const char *name,
                                     int64_t T, bool timed, bool scored);
VA_MUST_USE int va_predictions_append(struct va_predictions_out *out,
                                      const struct va_frame_values *v);
VA_MUST_USE int va_predictions_end(struct va_predictions_out *out);

/* Complete the file. Frees *out and sets it to NULL in any case. */
VA_MUST_USE int va_predictions_commit(struct va_predictions_out **out);
void va_predictions_abort(struct va_predictions_out *out); /* NULL is fine */

/* ---- reading video by video ------------------------------------------------------------ */

struct va_predictions_in {
    struct va_h5_in *in;
    char **names; /* [count] of the videos, bytewise sorted */
    int64_t count;
    char **models; /* [model_count] content ids */
    int64_t model_count;
    char *note;                         /* or NULL */
    double level;                       /* of the intervals, in percent; 0: there are none */
    struct va_predictions_table *table; /* private: of a flat file */
};

/* Open a va.predictions file; nothing of its videos is read but their table. NULL after reporting. */
VA_MUST_USE struct va_predictions_in *va_predictions_open(const char *path);
void va_predictions_close(struct va_predictions_in *p); /* NULL is fine */
bool va_predictions_has(const struct va_predictions_in *p, const char *name);

/* A video of the file. Begins as { 0 }; release frees its arrays. */
struct va_predicted {
    int64_t frames;    /* T */
    double *va;        /* [T, 2], finite */
    double *pts;       /* [T] seconds, NaN where not known; NULL: the file has none */
    uint8_t *face;     /* [T] 1 or 0; NULL: the file does not tell */
    float *confidence; /* [T] 0 to 1, NaN where not known; NULL: the file has none */
    float *spread;     /* [T, 2] standard deviation of the models; NULL: the file has none */
    float *lower,
        *upper; /* [T, 2] ends of the interval, both or neither; NULL: the file has none */
};

/* -1 after reporting; nothing is to be released then. */
VA_MUST_USE int va_predictions_read(const struct va_predictions_in *p, const char *name,
                                    struct va_predicted *v);
void va_predicted_release(struct va_predicted *v);
/* The same with other values va [T, 2], to write it; without spread and interval, which belong to v's
 * own. Points into v. */
struct va_frame_values va_predicted_with(const struct va_predicted *v, const char *name,
                                         const float *va);

/* Read all videos of a file, each by itself, for va-check: 0, or -1 after reporting. */
VA_MUST_USE int va_predictions_check(const char *path);

/* ---- reading all at once --------------------------------------------------------------- */

struct va_prediction {
    char *name;
    char *path;           /* the file it came from, for messages */
    int64_t frames;       /* T */
    double *va;           /* [T, 2]; NULL: in the file `in`, see va_prediction_rows */
    double fps;           /* that its times tell; 0: not known */
    float *lower, *upper; /* [T, 2] ends of the interval; NULL: there is none, or va is NULL */
    double level;         /* of it, in percent; 0: there is none */
    const struct va_predictions_in *in;
};
struct va_predictions {
    struct va_prediction *items; /* [count], bytewise sorted by name */
    int64_t count, room;
    bool in_files; /* set before: values of videos stay in their va.predictions files, */
    struct va_predictions_in **files; /* [file_count] which stay open */
    int64_t file_count, file_room;
    char **inputs, **ids; /* [input_count] va.predictions files read, and their content ids */
    int64_t input_count, input_room;
};

/* Add a va.predictions file, a folder of text files, or one text file (named *.txt). A video
 * that is there already is an error. 0, or -1 after reporting; the set begins as { 0 }. */
VA_MUST_USE int va_predictions_add(struct va_predictions *set, const char *path);
const struct va_prediction *va_predictions_find(const struct va_predictions *set,
                                                const char *name); /* or NULL */
/* Rows [first, first + count): va [count, 2]; lower and upper likewise, and meant only if it has a level. -1 after reporting,
 * also a value that is not finite. */
VA_MUST_USE int va_prediction_rows(const struct va_prediction *p, int64_t first, int64_t count,
                                   double *va, float *lower, float *upper);
void va_predictions_release(struct va_predictions *set);

#endif
