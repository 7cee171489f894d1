/*
 * va_detect.h - faces of pictures of any size.
 *
 * A picture whose longer side is above max_side is made smaller (the mean of the area of each pixel); a
 * smaller one is taken as it is. Boxes and points come back in pixels of the picture that was given.
 *
 * Threads:   one thread per detector at a time
 */
#ifndef VA_DETECT_H
#define VA_DETECT_H

#include "model/va_yunet.h"

struct va_detect_options {
    int64_t max_side; /* 640 */
    double min_score; /* .7 */
    double min_size;  /* 20: pixels of the shorter side of a box, in the picture given */
};

/* The file of weights: `given`, or where that is NULL the one that VA_FACES names, or share/mamba-va/yunet.h5
 * beside this program. A new string; NULL after reporting, with `option`, which gives one: "--weights yunet.h5". */
VA_MUST_USE char *va_detector_file(const char *given, const char *option);

struct va_detector; /* opaque */

/* A detector with weights of a set (arch = yunet), on a CPU; `path` names the set in messages. NULL
 * after reporting. */
VA_MUST_USE struct va_detector *va_detector_new(const struct va_tensors *set, const char *path,
                                                const struct va_detect_options *options);
void va_detector_free(struct va_detector *d); /* NULL is fine */

/* Faces of a picture [height, width, 3] of RGB, the best first, in *faces, which is the detector's until
 * the next call. Returns how many, or -1 after reporting. */
VA_MUST_USE int64_t va_detect(struct va_detector *d, const uint8_t *rgb, int64_t width,
                              int64_t height, const struct va_face **faces);

#endif
