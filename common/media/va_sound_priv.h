/*
 * va_sound_priv.h - what a writer of videos (va_encode) takes from a sound.
 */
#ifndef VA_SOUND_PRIV_H
#define VA_SOUND_PRIV_H

#include "media/va_sound.h"
#include <libavcodec/avcodec.h>

/* How its packets are to be decoded, and the unit of their times. */
const AVCodecParameters *va_sound_codec(const struct va_sound *s);
AVRational va_sound_time_base(const struct va_sound *s);
const char *va_sound_path(const struct va_sound *s);

/* The next packet, which stays the sound's until the next call; times ascend. 1, 0 at the end, -1 after
 * reporting. */
VA_MUST_USE int va_sound_next(struct va_sound *s, AVPacket **packet);

#endif
