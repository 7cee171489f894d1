/*
 * va_crop_points.h - where crops of faces have their eyes, nose and mouth: which template they follow.
 */
#ifndef VA_CROP_POINTS_H
#define VA_CROP_POINTS_H

#include "faces/va_detect.h"
#include "media/va_source.h"

/* Means and standard deviations over the crops in which a face was found, of x and y, as shares of width
 * and height. */
struct va_crop_points {
    int64_t crops, faces;
    double mean[VA_YUNET_POINTS][2], deviation[VA_YUNET_POINTS][2];
};

/* Of all pictures of a source; the best face of each counts. 0, or -1 after reporting. */
VA_MUST_USE int va_crop_points_find(struct va_source *source, struct va_detector *detector,
                                    struct va_crop_points *out);

#endif
