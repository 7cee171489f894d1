/*
 * va_rated.h - pictures with their annotations, and which of them make which batch.
 *
 * The picture of number k of a video goes with row k of the video's label file (data/va_labels.h),
 * and of its file of expressions where those are given (data/va_expressions.h). A picture without
 * either annotation is left out.
 *
 * Ownership: a set keeps no pointer to the collection; a sampler keeps that to its set
 * Threads:   nothing changes a set or a sampler once made
 */
#ifndef VA_RATED_H
#define VA_RATED_H

#include "base/va_hash.h"
#include "data/va_label_fit.h"
#include "feed/va_pictures.h"

/* What to do with a picture whose number has no line in the label file. */
enum va_unmatched {
    VA_UNMATCHED_REFUSE,
    VA_UNMATCHED_SKIP,  /* unless the label file does not fit at all (data/va_label_fit.h) */
    VA_UNMATCHED_ALLOW, /* skip, whether it fits or not */
};
extern const char *const va_unmatched_names[]; /* in enum order, NULL last */

struct va_rated_item {
    int64_t picture;    /* in the collection */
    float va[2];        /* valence, arousal; 0 where not valid */
    float valid;        /* 1 where they are annotated */
    int32_t expression; /* -1: not annotated */
};

struct va_rated_video {
    int32_t video;        /* in the collection */
    int64_t first, count; /* its items */
};

struct va_rated {
    struct va_rated_item *items; /* [count], by video, then by number */
    struct va_rated_video
        *videos; /* [video_count] with an item each, in the order of the list */
    int64_t count, room, video_count, video_room;
    int64_t unmatched; /* pictures that were skipped */
    struct va_hash hash;
    char digest[VA_HASH_TEXT]; /* of names, numbers and annotations, and ids of frames files */
};

struct va_rated_sources {
    struct va_pictures *pictures;
    const struct va_label_files *labels;
    const struct va_label_files *expressions; /* or NULL */
    int64_t classes;                          /* of expressions */
    enum va_unmatched unmatched;
    double label_fps; /* rows per second of the labels; 0: a row is a frame */
    int64_t every;    /* of the annotated pictures of a video 1, 1 + every, ... */
};

/*
 * The pictures of the videos that a list file names. -1 after reporting: a video that the
 * collection or the labels lack, a picture without a number, nothing annotated at all.
 */
VA_MUST_USE int va_rated_read(struct va_rated *set, const char *list,
                              const struct va_rated_sources *from);
void va_rated_release(struct va_rated *set); /* also when zeroed */

/* A video that is in both, or NULL. Its name lives as long as the collection. */
const char *va_rated_common(const struct va_rated *a, const struct va_rated *b,
                            const struct va_pictures *pictures);

/* Pictures of each class [classes], and the class weights that balance them: a class of n pictures
 * gets (all annotated) / (classes that occur * n), one that does not occur 0. */
void va_rated_balance(const struct va_rated *set, int64_t classes, double *weight);

/* ---- sampling --------------------------------------------------------------------------------- */

/*
 * An epoch takes the same number of pictures from each video: its pictures in their order are cut
 * into so many equal parts, and one of each is drawn. All of an epoch are shuffled, then cut into
 * batches of one size; what is left over is not used in that epoch.
 */
struct va_sampler {
    const struct va_rated *set;
    int64_t per_video, batch;
    int64_t per_epoch; /* batches */
    uint64_t seed;
};

void va_sampler_init(struct va_sampler *s, const struct va_rated *set, int64_t per_video,
                     int64_t batch, uint64_t seed);
/* Item i of [0, batch) of batch k = 0, 1, ... of the run. */
int64_t va_sampler_at(const struct va_sampler *s, int64_t k, int64_t i);

#endif
