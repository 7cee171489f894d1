/*
 * va_encode_priv.h - encoders of videos and of images: what both do.
 *
 * Pixels:    [height, width, 3] RGB, 8 bits
 */
#ifndef VA_ENCODE_PRIV_H
#define VA_ENCODE_PRIV_H

#include "base/va_attr.h"
#include "media/va_libav_priv.h"
#include <libavcodec/avcodec.h>

enum { VA_ENCODE_SIDE_MAX = 16384 };

/* A context with what all encodings share; NULL when memory is short. */
AVCodecContext *va_codec_new(const AVCodec *codec, int64_t width, int64_t height,
                             enum AVPixelFormat pixels, AVRational time_base);

/* Quality 1..100, on the scale of this encoder. Before it is opened. */
void va_codec_rate(AVCodecContext *c, int quality);

/* A scaler from RGB to the encoder's pixels: BT.601, `full` range or video range. NULL when memory is
 * short. */
struct SwsContext *va_codec_scaler(const AVCodecContext *c, bool full);

/* A frame for the encoder's pixels. NULL when memory is short. */
AVFrame *va_codec_frame(const AVCodecContext *c);

/* Convert `rgb` into the frame, which the encoder may still hold. 0 or an error number. */
VA_MUST_USE int va_codec_fill(struct SwsContext *scaler, AVFrame *frame, const uint8_t *rgb);

#endif
