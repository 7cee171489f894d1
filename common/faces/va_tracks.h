/*
 * va_tracks.h - which faces of successive frames belong together.
 *
 * A tracklet is a face followed within a shot: a box goes to the tracklet whose expected box it overlaps
 * most; the expected box moves on with the tracklet's mean velocity. Where several overlap, as where one
 * person passes another, the look of the face counts, too. A tracklet that is not seen for longer
 * than `gap` seconds ends, and a cut ends all. Who is who is another question (va_people.h).
 *
 * Memory grows by some 2.5 kB a tracklet, not with the length of the video.
 */
#ifndef VA_TRACKS_H
#define VA_TRACKS_H

#include "faces/va_look.h"

struct va_tracklet {
    int32_t first, last; /* numbers of frames */
    int64_t count;       /* faces */
    double x, area;      /* sums over faces: centre of the box, its area */
    int64_t looks;
    float look[VA_LOOK]; /* sum of looks */
};

struct va_tracks; /* opaque */

/* `brief`: keep nothing of tracklets that have ended, so that memory does not grow; va_tracks_all then
 * has none. NULL after reporting. */
VA_MUST_USE struct va_tracks *va_tracks_new(double gap, bool brief);
void va_tracks_free(struct va_tracks *t); /* NULL is fine */

/*
 * The faces of the next frame, number `index` at `time` seconds, with their looks [n, VA_LOOK]. `cut`: the
 * frame begins a shot. tracklets [n] gets the number of each one's tracklet, from 0. 0, or -1 after
 * reporting.
 */
VA_MUST_USE int va_tracks_add(struct va_tracks *t, int32_t index, double time, bool cut,
                              int64_t n, const struct va_face *faces, const float *looks,
                              int32_t *tracklets);

/* One more face of a tracklet, between two that were added. */
void va_tracks_count(struct va_tracks *t, int32_t tracklet, const struct va_face *face);

/* All tracklets so far, in order of appearance; valid until the next call. */
const struct va_tracklet *va_tracks_all(const struct va_tracks *t, int64_t *count);

/* How unlike two pictures are, from 0 to 255, by their thumbnails [VA_THUMB]; a cut is more than
 * VA_CUT. */
enum { VA_THUMB_SIDE = 16, VA_THUMB = VA_THUMB_SIDE * VA_THUMB_SIDE * 3, VA_CUT = 20 };
void va_thumbnail(const uint8_t *rgb, int64_t width, int64_t height, float thumb[VA_THUMB]);
double va_thumbnail_jump(const float a[VA_THUMB], const float b[VA_THUMB]);

#endif
