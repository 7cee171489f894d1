/*
 * va_sound_priv.h - what a writer of videos (va_encode) takes from a sound, and the stream that those read who
 * decode it (va_samples).
 */
#ifndef VA_SOUND_PRIV_H
#define VA_SOUND_PRIV_H

#include "media/va_order_priv.h"
#include "media/va_sound.h"
#include "media/va_stream_priv.h"
#include <libavcodec/avcodec.h>

/* The stream of sound of a file that is read in this process. Zeroed before it is opened. */
struct va_sound_reader {
    struct va_stream in;
    AVStream *stream; /* NULL: the video has no sound */
    struct va_clock clock;
    int64_t next; /* time of the next packet, where it has none */
};

/* Takes the descriptors of `input`; only packets of the sound will be read: of stream `track` of sound, from 1; 0: of
 * the one that belongs to the pictures, said where there are others; VA_SOUND_ITS_OWN: without a word. -1 after
 * reporting; va_stream_close(&r->in) in any case. */
enum { VA_SOUND_ITS_OWN = -1 };
VA_MUST_USE int va_sound_reader_open(struct va_sound_reader *r, struct va_bytes_input *input,
                                     const char *path, int64_t track);

/* How its packets are to be decoded, and the unit of their times. */
const AVCodecParameters *va_sound_codec(const struct va_sound *s);
AVRational va_sound_time_base(const struct va_sound *s);
const char *va_sound_path(const struct va_sound *s);

/* The next packet, which stays the sound's until the next call; times ascend. 1, 0 at the end, -1 after
 * reporting. */
VA_MUST_USE int va_sound_next(struct va_sound *s, AVPacket **packet);

#endif
