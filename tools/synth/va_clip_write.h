/*
 * va_clip_write.h - the files of one clip: video, crops, labels, truth.
 *
 * Threads:   clips may be written side by side; the caller's lock guards what may not
 */
#ifndef VA_CLIP_WRITE_H
#define VA_CLIP_WRITE_H

#include "tools/synth/va_cast.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { VA_CROP_SIZE = 112 };

struct va_clip_job {
    const char *root; /* of the corpus */
    const struct va_corpus_options *options;
    const struct va_clip *clip;
    pthread_mutex_t *lock;             /* held where files are begun and finished */
    const volatile sig_atomic_t *stop; /* not 0: a signal came */
    const atomic_bool *failed;         /* another clip failed */
};

/* Returns 0, or -1 after reporting (without a word after stop or failed). */
VA_MUST_USE int va_clip_write(const struct va_clip_job *job);

/* Write all of `text` to a new file root/name. */
VA_MUST_USE int va_plain_write(const char *root, const char *name, const void *bytes,
                               int64_t size);

#endif
