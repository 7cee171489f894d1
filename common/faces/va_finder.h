/*
 * va_finder.h - the faces of a video, from its first frame to its last.
 *
 * The calling thread takes frames from the source, finds cuts, and follows faces; `threads` others look
 * for faces, a frame each, so that decoding and detection overlap. Results are used in the order of
 * frames, so they do not depend on the number of threads. Memory does not grow with the length of the
 * video, but for 4 bytes a face and what va_tracks.h says.
 */
#ifndef VA_FINDER_H
#define VA_FINDER_H

#include "faces/va_detect.h"
#include "faces/va_faces_write.h"
#include "media/va_source.h"

struct va_finder_options {
    struct va_detect_options detect;
    struct va_people_options people;
    double gap; /* seconds for which a face may be lost within a track */
    int64_t
        every; /* look for faces in every N-th frame, and in the first and last of a shot; between
                      two of them faces of a track are interpolated */
    int threads;
};

/* What was seen. */
struct va_finder_result {
    int64_t frames, width, height, cuts;
    struct va_people people; /* released by the caller */
};

/*
 * Find the faces of a source with a detector from `set` (arch = yunet, from file `path`) and append them
 * to a writer that was created. `video` names it. 0, or -1 after reporting.
 */
VA_MUST_USE int va_finder_run(struct va_source *source, const struct va_tensors *set,
                              const char *path, const char *video,
                              const struct va_finder_options *options,
                              struct va_faces_writer *writer, struct va_finder_result *result);

#endif
