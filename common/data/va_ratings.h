/*
 * va_ratings.h - the ratings of videos, read from tables and ELAN files: for each video and dimension a trace per annotator.
 *
 * Ownership: the struct is the caller's and begins as { 0 }; release frees what it owns
 */
#ifndef VA_RATINGS_H
#define VA_RATINGS_H

#include "data/va_label_convert.h"
#include "data/va_trace.h"

struct va_rated_video {
    char *name;
    char *value;      /* of the column of the video, which gives the name; NULL without one */
    const char *path; /* the first file that has it, for messages */
    int64_t line;     /* and where */
    struct va_trace *traces[2]; /* [count] of valence, of arousal */
    int64_t count[2], room[2];
    int64_t since[2]; /* the first trace of the file that is being read */
    int64_t file;     /* its number */
};

struct va_ratings {
    struct va_rated_video *videos; /* [count], in the order they were met */
    int64_t count, room, files;
};

/* Add the ratings of a table, or of an ELAN file (va_elan.h), whose tiers are called as columns: dimensions with
 * `wanted` only. 0, or -1 after reporting. */
VA_MUST_USE int va_ratings_read(struct va_ratings *r, const char *path, const bool wanted[2],
                                const struct va_label_convert *job);
void va_ratings_release(struct va_ratings *r);

#endif
