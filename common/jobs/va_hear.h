/*
 * va_hear.h - rows of features of sound for the frames of videos.
 *
 * A row is about the time of a frame and has its number, so that it can be joined with features of the picture. Its own window is as
 * long as the frame: half the time from the frame before to the frame after, within 0.02 and 1 s. Frames beyond the sound have no row.
 *
 * Schema:    writes va.features/1 (schemas/va.features.md); what columns are: sound/va_ear.h
 */
#ifndef VA_HEAR_H
#define VA_HEAR_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_hear_job {
    char *const *inputs;    /* video files, NULL last */
    const char *name;       /* of the only video; NULL: by its file */
    const char *frames;     /* a video whose frames are meant; NULL: those of the input */
    const char *output;     /* for one video, or NULL: */
    const char *output_dir; /* of VIDEO.h5 */
    int kind;               /* enum va_ear_kind */
    int64_t tolerate;       /* broken packets of sound, and of pictures, before giving up */
    int64_t track;          /* which stream of sound, from 1; 0: that of the pictures */
};

/* 0, or -1 after reporting: the files of videos before the failure are complete. Decoders are started
 * (va_decoder_start). */
VA_MUST_USE int va_hear(const struct va_hear_job *job);

#endif
