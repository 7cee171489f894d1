/*
 * va_libav_priv.h - what decoding and encoding share: the FFmpeg libraries' own log, their error
 * numbers, and the few calls that differ between versions 5 and 7 of them.
 *
 * The libraries like to talk on stderr. Here they talk into a buffer, and their last complaint
 * becomes the reason in our one line.
 */
#ifndef VA_LIBAV_PRIV_H
#define VA_LIBAV_PRIV_H

#include "base/va_attr.h"
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The parameter of an AVIO write callback became const in libavformat 61. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define VA_AVIO_WRITE_CONST const
#else
#define VA_AVIO_WRITE_CONST
#endif

/* Exact and equal on every processor, chroma interpolated at full width. */
enum {
    VA_SWS_EXACT = SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT
};

/* Complaints of one file's demuxer and decoder threads: `opaque` of their contexts points here.
 * Contexts without it share one of the process. */
struct va_libav_log {
    char last[256];
    bool open; /* `last` has not seen the end of its line */
    unsigned count;
    unsigned lines; /* those that are no complaints too: warnings, concealed damage */
};

/* Catch the libraries' log from now on. Any thread. */
void va_libav_quiet(void);
unsigned va_libav_complaints(const struct va_libav_log *log); /* so far */
unsigned va_libav_lines(const struct va_libav_log *log);

/* "invalid data found when processing input (moov atom not found)" for error number `error`
 * (0: the complaint alone), with the last complaint if there is one, which is then forgotten.
 * log NULL: of the process. Returns buffer. */
const char *va_libav_why(struct va_libav_log *log, int error, char *buffer, size_t size);

/* Threads, sizes and memory for a decoder whose parameters are set: see va_decoder_threads. */
struct AVCodecContext;
void va_decoder_plan(struct AVCodecContext *codec, int threads);
/* Before it is opened: what it does not decode of a picture is zero. */
void va_decoder_clear(struct AVCodecContext *codec);

/* The 3x3 display matrix of a stream, or NULL. */
const int32_t *va_libav_matrix(const AVStream *stream);
/* Give a stream being written a display matrix: a clockwise turn. -1 when memory is short. */
VA_MUST_USE int va_libav_put_turn(AVStream *stream, int degrees);

#endif
