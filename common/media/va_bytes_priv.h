/*
 * va_bytes_priv.h - the bytes of a file or a pipe, as libavformat wants to read them.
 *
 * MP4 and its kin often end with the index that is needed first. When such a file comes through
 * a pipe, what was read is kept in a nameless temporary file, so that the demuxer can go back;
 * other formats are read as they come, without end if need be.
 */
#ifndef VA_BYTES_PRIV_H
#define VA_BYTES_PRIV_H

#include "base/va_attr.h"
#include <libavformat/avformat.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { VA_BYTES_HEAD = 12 }; /* enough to know an MP4 */

/* What is read: found where files may be opened, then used there or in a confined process. */
struct va_bytes_input {
    int fd;             /* -1: none */
    int spool;          /* for a pipe: an empty file without a name; -1: none */
    int no_spool;       /* errno: why there is none */
    int64_t size;       /* bytes; -1: a pipe */
    const char *camera; /* a device that has pictures, and no bytes; else NULL */
    /* While reading waits, end it when this is true; NULL: never, as in a confined process. */
    const atomic_bool *stop;
};

/* Open `path` ("-" is stdin). -1 after reporting. */
VA_MUST_USE int va_bytes_find(struct va_bytes_input *input, const char *path);
void va_bytes_leave(struct va_bytes_input *input); /* close what is still open */

struct va_bytes {
    int fd;    /* -1 when closed */
    int spool; /* the temporary file; -1: none */
    int no_spool;
    uint8_t head[VA_BYTES_HEAD];
    int head_size;           /* of a pipe: bytes looked at first */
    int64_t size;            /* of a file; -1: a pipe */
    int64_t position;        /* of the next byte to give */
    int64_t taken;           /* bytes got from a pipe; of a file, the furthest byte read */
    int64_t asked;           /* the furthest place that was wanted, there or not */
    int failure;             /* errno of a read that failed */
    const atomic_bool *stop; /* as in va_bytes_input */
    AVIOContext *io;
};

/* Read `input`, named `shown` in messages, whose descriptors go over to `b`. -1 after reporting;
 * close it all the same. */
VA_MUST_USE int va_bytes_open(struct va_bytes *b, struct va_bytes_input *input,
                              const char *shown);
void va_bytes_close(struct va_bytes *b);

/* Whether all bytes are still there, and then: read from the first one again, with a new `io`. -1 after reporting. */
bool va_bytes_kept(const struct va_bytes *b);
VA_MUST_USE int va_bytes_again(struct va_bytes *b, const char *shown);

/* How many bytes there are; of a pipe, as far as it was read. */
int64_t va_bytes_end(const struct va_bytes *b);

#endif
