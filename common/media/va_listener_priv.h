/*
 * va_listener_priv.h - decodes the sound of a file and resamples it, in the process that calls.
 *
 * Times of packets are rough in many formats (milliseconds in Matroska), while samples follow each other without a
 * seam. So samples are counted, and the time of a packet is believed only where it differs from the count
 * by more than a slack; the resampler then starts anew.
 */
#ifndef VA_LISTENER_PRIV_H
#define VA_LISTENER_PRIV_H

#include "media/va_samples.h"
#include "media/va_series_priv.h"
#include "media/va_sound_priv.h"
#include <libswresample/swresample.h>

enum { VA_LISTENER_BLOCK = VA_SERIES_MAX / 2 / sizeof(float) }; /* samples of a block at most */

/* What the resampler was made for. */
struct va_listener_format {
    int sample, rate, channels;
    uint64_t layout; /* 0: not known */
};

struct va_listener {
    const char *path;
    struct va_samples_options options;
    struct va_sound_reader reader;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    bool held; /* the frame waits until the resampler is empty */
    bool sent_all, ended, hurt;
    struct va_libav_log log;
    SwrContext *swr; /* NULL: the next frame begins anew */
    struct va_listener_format format;
    int64_t packets, broken;
    int64_t senseless; /* samples that were no finite numbers */
    double time;       /* seconds: of the next decoded sample, by count */
    int64_t next;      /* number of the next sample that comes out */
    float *out;        /* [room] */
    int64_t room;
};

/* 1, 0: no sound, -1 after reporting. Close it in any case. */
VA_MUST_USE int va_listener_open(struct va_listener *l, const char *path,
                                 struct va_bytes_input *input,
                                 const struct va_samples_options *options);
void va_listener_close(struct va_listener *l);

/* 1 and a block, 0 at the end, -1 after reporting. */
VA_MUST_USE int va_listener_next(struct va_listener *l, struct va_samples_block *block);

#endif
