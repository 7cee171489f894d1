/*
 * va_clip_write.h - the files of one clip: video, crops, labels, truth.
 *
 * Threads:   clips may be written side by side; the caller's lock guards what may not
 */
#ifndef VA_CLIP_WRITE_H
#define VA_CLIP_WRITE_H

#include "tools/synth/va_act.h"
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

/* A clip with the acts of its people. */
struct va_scene {
    const struct va_clip_job *job;
    struct va_act *acts[VA_TRACKS_MAX];
};

/* Size of the picture, and the left edge of person i in frame t (from 1). */
int64_t va_scene_width(const struct va_clip_job *job);
double va_scene_left(const struct va_clip_job *job, int i, int64_t t);

/*
 * Whether frame t shows the face of person i, and where: not turned away; of somebody who moves about, at
 * least half of the box lies in the picture and not behind who walks in front.
 */
bool va_scene_face(const struct va_scene *s, int i, int64_t t, struct va_face *face);

/* The file of faces (va.faces/1) of the clip. Under the lock of the job: HDF5 wants one thread. */
VA_MUST_USE int va_scene_write_faces(const struct va_scene *s);

/* Write all of `text` to a new file root/name. */
VA_MUST_USE int va_plain_write(const char *root, const char *name, const void *bytes,
                               int64_t size);

#endif
