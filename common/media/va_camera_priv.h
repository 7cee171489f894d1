/*
 * va_camera_priv.h - cameras of Linux (v4l2), which libavdevice reads.
 *
 * One of two files is compiled: va_camera_on.c, or va_camera_off.c where libavdevice was not found.
 */
#ifndef VA_CAMERA_PRIV_H
#define VA_CAMERA_PRIV_H

#include <libavformat/avformat.h>

/* NULL: this build has none. */
const AVInputFormat *va_camera_format(void);

#endif
