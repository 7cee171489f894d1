/*
 * va_stream_priv.h - a container opened for reading, and its video stream.
 */
#ifndef VA_STREAM_PRIV_H
#define VA_STREAM_PRIV_H

#include "media/va_bytes_priv.h"
#include "media/va_libav_priv.h"
#include "media/va_source.h"

struct va_stream {
    const char *path; /* for messages; the owner's */
    struct va_bytes bytes;
    AVFormatContext *format;
    AVStream *video;
    struct va_libav_log log; /* complaints of demuxer and decoder */
};

/* Open a zeroed stream over `input`, whose descriptors it takes; `shown` names it in messages. -1
 * after reporting. Close it in any case. */
VA_MUST_USE int va_stream_open(struct va_stream *s, struct va_bytes_input *input,
                               const char *shown);
void va_stream_close(struct va_stream *s);

/* Report that the libraries answered `error`: the machine's fault if a read failed or memory is
 * short, else the file's. Returns -1. */
int va_stream_failed(struct va_stream *s, const char *verb, int error);

int64_t va_stream_frames(
    const struct va_stream *s); /* by the container, shown ones; 0 unknown */

/* Video packets that the container's index places beyond the end of what was read: not 0 when
 * the file was cut. To be asked at the end. */
int64_t va_stream_missing(const struct va_stream *s);

#endif
