/*
 * va_samples.h - the sound of a video as samples: one channel, any rate, each sample with its time.
 *
 * Sample i is heard at i / rate seconds, on the clock of the video's frames (media/va_source.h). Channels are
 * mixed by libswresample, with weights that sum to 1 at most, so that nothing is clipped. Where the sound pauses, begins late or lost a
 * packet, samples are missing: their numbers are passed over. A change of rate or of channels on the way leaves no hole.
 *
 * Of several streams of sound it is the one that belongs to the pictures (media/va_sound.h), which a warning then says, or
 * the one that is asked for. It is decoded in a confined process, in blocks: memory does not depend on its length.
 * Samples that are no finite numbers become 0; a warning at the end says how many.
 *
 * Threads:   one thread per object
 */
#ifndef VA_SAMPLES_H
#define VA_SAMPLES_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_samples; /* opaque */

struct va_samples_options {
    int64_t rate;     /* samples a second that are wanted */
    int64_t tolerate; /* broken packets to pass over before giving up */
    int64_t track; /* which stream of sound, from 1; 0: the one that belongs to the pictures */
};

struct va_samples_block {
    const float *samples; /* [count], -1 to 1, valid until the next call */
    int64_t count;
    int64_t
        first; /* number of samples[0]; may be below 0; never less than that of earlier samples + 1 */
};

/* Open the sound of file `path`. 1; 0: it has none, *samples is NULL; -1 after reporting. */
VA_MUST_USE int va_samples_open(struct va_samples **samples, const char *path,
                                const struct va_samples_options *options);
void va_samples_close(struct va_samples *s); /* NULL is fine */

/* 1, 0 at the end, -1 after reporting. */
VA_MUST_USE int va_samples_next(struct va_samples *s, struct va_samples_block *block);

#endif
