/*
 * va_cast.h - which videos a synthetic corpus has, who is in them, and what is odd about each.
 *
 * A clip is one video file; a track is one person in it, with labels and crops of their own.
 * Frames are numbered from 1, as in file names.
 */
#ifndef VA_CAST_H
#define VA_CAST_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include <stdbool.h>
#include <stdint.h>

struct va_corpus_options {
    uint64_t seed;
    int64_t videos;         /* plain ones of training and validation */
    int64_t test;           /* plain ones of the test set */
    int64_t crossing;       /* videos in which two people cross, leave and return */
    int64_t frames;         /* mean length of the plain ones */
    int64_t size;           /* height of a video, and width for each person in it */
    int64_t window, stride; /* what the lengths of odd videos are built around */
    struct va_ints fps;     /* rates of the plain ones, in turn */
    bool traps;             /* the odd videos */
    bool voices;            /* videos have sound: their people speak */
    bool all_crops;         /* crops of every video, not only where they are the input */
};

enum va_set { VA_SET_TRAIN, VA_SET_VALIDATION, VA_SET_TEST };
extern const char *const va_set_names[]; /* train, validation, test; NULL last */

enum va_label_style {
    VA_LABELS_PLAIN,
    VA_LABELS_CRLF,
    VA_LABELS_LOOSE, /* blanks, integers, -5.0, no newline at the end */
};

enum { VA_TRACKS_MAX = 2, VA_NAME_SIZE = 64, VA_CROSSING_WIDTH = 4 };

struct va_track {
    char name[VA_NAME_SIZE]; /* of the labels and the crops */
    uint64_t person;         /* no two tracks have the same */
    int64_t labels;          /* lines of labels; the video may be longer or shorter */
    int64_t first_crop, last_crop;
    bool gaps;                 /* the face turns away now and then: no crop */
    int64_t silent, silent_to; /* frames [silent, silent_to) carry -5; equal: none */
    enum va_label_style style;
    const char *suffix; /* of the label file */
    bool junk;          /* files among the crops that are no crops */
};

struct va_clip {
    char base[VA_NAME_SIZE]; /* the video is BASE.mp4 */
    enum va_set set;
    int64_t frames;
    double fps;
    int people;
    bool from_crops; /* the pipeline reads the crops, not the video */
    bool crossing;   /* people move about in a picture as wide as VA_CROSSING_WIDTH of them */
    struct va_track tracks[VA_TRACKS_MAX];
};

struct va_cast {
    struct va_clip *clips; /* [count] */
    int64_t count;
};

VA_MUST_USE int va_cast_init(struct va_cast *cast, const struct va_corpus_options *o);
void va_cast_release(struct va_cast *cast);

/* Where person i of a crossing stands in frame t (from 1): the middle, in widths of a person from the left
 * edge. Person 0 goes to the right in front of person 1. Each leaves the picture once and returns. */
double va_crossing_place(const struct va_clip *c, int i, int64_t t);

/* Whether the face of track k is turned away in frame t (from 1). */
bool va_track_away(const struct va_track *k, uint64_t seed, int64_t t);

#endif
