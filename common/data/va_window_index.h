/*
 * va_window_index.h - timelines of videos and the windows cut from them: what va.windows/1 holds.
 *
 * The timeline of a video has one entry per frame (or per label, if there are more). An entry holds
 * the feature row to use, whether the frame itself has features, its label and whether it is labelled. A window is
 * a run of W timeline entries; beyond the end it is padded with zero features and no labels. Nothing is copied: rows are gathered from the mapped feature
 * files when a batch is made.
 *
 * Named streams (base/va_streams.h) are several such files for a video, each with a policy of its own for
 * what is missing. Each stream is an index of its own; the rows of the whole have the columns of all.
 *
 * For training: read, open_features, gather (data/va_window_gather.h). For features without windows: new, add with no
 * label folders, open_features, gather whole timelines.
 *
 * Ownership: an index owns everything in it
 * Threads:   one
 */
#ifndef VA_WINDOW_INDEX_H
#define VA_WINDOW_INDEX_H

#include "base/va_attr.h"
#include "base/va_name_map.h"
#include "base/va_streams.h"
#include "data/va_label_fit.h"
#include <stdbool.h>
#include <stdint.h>

enum va_tail { VA_TAIL_PAD, VA_TAIL_SHIFT, VA_TAIL_DROP };
/* Features of a frame without a face (before the first face and after the last there is only one
 * neighbour). */
enum va_missing {
    VA_MISSING_PREVIOUS, /* the last frame before it with a face; a zero vector before the first */
    VA_MISSING_NEAREST, /* the nearer one; the earlier at a tie */
    VA_MISSING_LINEAR,  /* a mix of the two neighbours; the only one at the ends */
    VA_MISSING_ZERO,    /* a zero vector */
    VA_MISSING_DROP,    /* a zero vector, and its label does not count */
};
/* Whether windows begin with the video, or with its first frame that has features. */
enum va_leading { VA_LEADING_KEEP, VA_LEADING_CUT };
extern const char *const va_tail_names[]; /* in enum order, NULL last */
extern const char *const va_missing_names[];
extern const char *const va_leading_names[];

struct va_window {
    int32_t video;         /* index into videos */
    int32_t start, length; /* entries [start, start + length) of that video's timeline */
};

struct va_timeline_entry {
    int32_t row, next; /* feature rows; -1: zero vector / none */
    float mix;         /* weight of `next`, 0 where there is none */
    uint8_t present, valid;
    float label[2]; /* valence, arousal; -5 where not labelled */
};

/* Frames [frame, frame + count), from 1, that have the rows from `row` on. A video without gaps has one run. */
struct va_index_run {
    int32_t frame, row, count;
};

struct va_index_video {
    char *name;
    char *features; /* path of its feature file as opened from here; of a stream that lacks the
                          video NULL, of named streams that of the first which has it */
    char *features_id; /* content id, likewise */
    char *encoder; /* that made them; NULL: not known, or not open in an index that was read */
    char *input;   /* what its pictures show (io/va_pictured.h); NULL as encoder */
    double fps;    /* average frames per second; 0: not known */
    int64_t first, frames; /* its entries in the timeline */
    int64_t frame_count;   /* frames the video itself has; 0 in an index that was read */
    int64_t label_count;   /* labels in its file; 0 where none, or when read */
    int64_t first_window, window_count;
    /* what its entries follow from, in an index without a list of them */
    struct va_index_run *runs; /* [run_count] ascending */
    int64_t run_count;
    double *labels; /* [label_count, 2] */
};

struct va_index_source; /* opaque: a feature file opened and mapped */
struct va_window_index;

/* A named stream: an index without labels and windows, of the same videos and entries. */
struct va_index_stream {
    char name[VA_STREAM_NAME];
    struct va_window_index *files; /* NULL: absent, rows are zeros (va_window_index_arrange) */
    int64_t dim;                   /* 0: not known */
};

struct va_window_index {
    char *path; /* file it was read from, NULL if made here */
    int64_t window, stride;
    enum va_tail tail;
    enum va_missing missing;
    enum va_leading leading;
    struct va_label_rule label_rule; /* for labels of files that are added: zero unless set */
    struct va_index_video *videos;   /* [video_count] */
    int64_t video_count, video_room;
    struct va_name_map names; /* videos by their names; of a stream none */
    struct va_timeline_entry
        *timeline; /* [entry_count] of an index that was read, or of streams; else NULL */
    int64_t entry_count, entry_room;
    bool listed;               /* files that are added get entries in `timeline` */
    struct va_window *windows; /* [window_count], by video, then by start */
    int64_t window_count, window_room;
    int64_t dim; /* D of the features, the same in all videos; 0: not known. Of named
                                     streams their columns (va_streams_columns) */
    struct va_index_stream streams[VA_STREAMS_MAX];
    int64_t stream_count; /* 0: one stream without a name. Of several, entries have no rows */
    bool frames;          /* videos are va.frames/1 files, without features */
    struct va_index_source *open; /* [video_count] after va_window_index_open_features */
};

/*
 * Windows of W frames over a timeline of T, `stride` from start to start: calls add(arg, start,
 * length) for each. PAD: starts 0, s, 2s, ... while start < T. DROP: while start + W <= T.
 * SHIFT: as DROP, then one more that ends at T if frames remain (a track shorter than W gives
 * one padded window). length = min(W, T - start). Returns 0, or the first -1 of add.
 */
VA_MUST_USE int va_window_plan(int64_t T, int64_t W, int64_t stride, enum va_tail tail,
                               int (*add)(void *arg, int64_t start, int64_t length), void *arg);

/* An empty index with these settings, without windows if `window` is 0; NULL after reporting. */
VA_MUST_USE struct va_window_index *va_window_index_new(int64_t window, int64_t stride,
                                                        enum va_tail tail,
                                                        enum va_missing missing,
                                                        enum va_leading leading);
void va_window_index_free(struct va_window_index *index); /* NULL is fine */

/*
 * Add the video of feature file `path`, or the videos of a shard, their windows and their labels: `labels` is searched for
 * the name (NULL: no labels wanted); a video that has none there counts as unlabelled. -1 after
 * reporting: a bad file, a name that is already in the index, another width than that of earlier videos, labels that
 * do not fit the frames by the index's rule (data/va_label_fit.h).
 */
VA_MUST_USE int va_window_index_add(struct va_window_index *index, const char *path,
                                    const struct va_label_files *labels);

/*
 * Add the videos of named streams, all at once: `streams` are NAME=PATH, a folder of feature files or one
 * file; `policies` are NAME=POLICY, for streams that do not follow index->missing. Both hold what
 * va_streams_check_options has checked. A frame is there if any stream has it. Where a stream has no file for a
 * video, one line says so and all its frames are missing. -1 after reporting: as above, also streams of one video
 * with another number of frames, frame rate or time stamps.
 */
VA_MUST_USE int va_window_index_add_streams(struct va_window_index *index,
                                            const struct va_strings *streams,
                                            const struct va_strings *policies,
                                            const struct va_label_files *labels);
#define VA_OPT_STREAMS(streams_, policies_)                                                   \
    VA_OPT_LIST(0, "stream", streams_, "NAME=DIR",                                            \
                "named stream of features: a folder of files, or one file; may be repeated"), \
        VA_OPT_LIST(0, "stream-missing", policies_, "NAME=POLICY",                            \
                    "policy of one stream in the place of --missing; may be repeated")
/* false after reporting a mistake of the command line, with *status set. */
bool va_streams_check_options(const struct va_strings *streams,
                              const struct va_strings *policies, int *status);

/* Names and widths of the streams; needs opened features. */
void va_window_index_shape(const struct va_window_index *index, struct va_streams *shape);

/*
 * Bring the columns of rows into the order that `wanted` has, for a model from file `path`. A stream that is not
 * there is absent, if `may_lack`. -1 after reporting: it may not; a stream that the model does not have, another
 * width, names on one side only. Needs opened features.
 */
VA_MUST_USE int va_window_index_arrange(struct va_window_index *index,
                                        const struct va_streams *wanted, bool may_lack,
                                        const char *path);

/* The same for a va.frames/1 file. An index has frames or features; with frames there is nothing to
 * gather, and `row` of an entry is that of a picture. */
VA_MUST_USE int va_window_index_add_frames(struct va_window_index *index, const char *path,
                                           const struct va_label_files *labels);

/* To and from va.windows/1. Feature paths are stored relative to the index file; reading makes
 * them openable from here, and checks offsets, rows and windows against each other. `id`, if
 * not NULL, gets the content id (a new string). */
VA_MUST_USE int va_window_index_write(const struct va_window_index *index, const char *path);
VA_MUST_USE struct va_window_index *va_window_index_read(const char *path, char **id);

/* Open and map all feature files (or open frames files), check their ids, widths and row numbers. -1 after reporting,
 * also for a file that has changed since the index was made. */
VA_MUST_USE int va_window_index_open_features(struct va_window_index *index);

/* Whether what was read of them since then can be believed: -1 after reporting a file that somebody wrote to meanwhile. */
VA_MUST_USE int va_window_index_unchanged(const struct va_window_index *index);

/* Entry t of a video's timeline, from its list or from its runs. */
struct va_timeline_entry va_window_index_entry(const struct va_window_index *index,
                                               int64_t video, int64_t t);

/* Video number of `name`, or -1 (not reported). */
int64_t va_window_index_find(const struct va_window_index *index, const char *name);

/* Video numbers of the names in a list file (data/va_lists.h), in its order; *videos [*count] is
 * freed with va_free. -1 after reporting: a bad list, or a name that is not in the index. */
VA_MUST_USE int va_window_index_select(const struct va_window_index *index, const char *list,
                                       int64_t **videos, int64_t *count);

#endif
