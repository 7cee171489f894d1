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
    struct va_libav_log log; /* complaints of the demuxer */
    bool camera;             /* it has no bytes, and packets come when they are filmed */
    bool begun;              /* a camera, */
    int64_t origin;          /* which calls the time of its first packet so */
    bool hurt;               /* data was passed over: see va_stream_read */
    bool tiled; /* packets of all streams are read and leave no byte between them */
    bool avi;
    bool indexed; /* an AVI file with its whole index, which is better than its length */
    bool exact;   /* the last packet is in the index of an AVI file, and its time is right */
    int entry;    /* of an AVI's index: the first that has not been passed */
    double end;   /* seconds: where the last packet of all streams ends */
    int64_t page, page_end; /* bytes: of the last packet; the end of what packets hold so far */
    unsigned complaints;    /* in the log when packets began, or at the last packet */
    AVPacket **early; /* [early_count], of them early_next are given: read by va_stream_plain */
    int early_count, early_next, early_error;
};

/* Open a zeroed stream over `input`, whose descriptors it takes; `shown` names it in messages; `live` as
 * in media/va_source.h. -1 after reporting. Close it in any case. */
VA_MUST_USE int va_stream_open(struct va_stream *s, struct va_bytes_input *input,
                               const char *shown, bool live);
void va_stream_close(struct va_stream *s);

/* Open it anew at its first byte, as if nothing had been read; only where va_bytes_kept. -1 after reporting. */
VA_MUST_USE int va_stream_again(struct va_stream *s);

/* Report that the libraries answered `error`: the machine's fault if a read failed or memory is
 * short, else the file's. Returns -1. */
int va_stream_failed(struct va_stream *s, const char *verb, int error);

/*
 * The next packet of the video stream in `p`: 0, or an error number of the libraries, AVERROR_EOF
 * at the end. Becomes `hurt`, for good: when the demuxer complains and goes on, when bytes belong
 * to no packet although the format leaves none over, when it wants bytes beyond the end, when the
 * index of an AVI file has packets that did not come; those after them keep the times they have
 * there.
 */
VA_MUST_USE int va_stream_read(struct va_stream *s, AVPacket *p);

/* Whether the packets of the video tell which frames there are and when, without a decoder: the format gives each its time
 * of showing, and the first to be read is the first to be shown. Before the first packet; codecs whose packets are no pictures are the caller's
 * affair. */
bool va_stream_plain(struct va_stream *s);

int64_t va_stream_frames(
    const struct va_stream *s); /* by the container, shown ones; 0 unknown */

/* Packets of the video stream in the index of an MP4 or QuickTime file, else 0. */
int64_t va_stream_packets(const struct va_stream *s);

/* Seconds that the container counts from the start to its end; 0 where it does not say so. To be
 * compared with `end`. */
double va_stream_length(const struct va_stream *s);

/* Video packets that the container's index places beyond the end of what was read: not 0 when
 * the file was cut. To be asked at the end. */
int64_t va_stream_missing(const struct va_stream *s);

#endif
