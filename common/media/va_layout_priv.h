/*
 * va_layout_priv.h - where a container's own lengths say that its file ends.
 *
 * The demuxers stop quietly at a part that is cut short, and at a second file joined behind the
 * first in formats that have one head. The chain of lengths tells: boxes of MP4 with fragments,
 * the file size in the head of ASF, RIFF chunks, tags of FLV, the last page of Ogg, packets of a
 * transport stream, blocks of GIF, frames of DV, the end of the last JPEG picture.
 */
#ifndef VA_LAYOUT_PRIV_H
#define VA_LAYOUT_PRIV_H

#include <stdint.h>

/* What is known of a file; all 0: nothing, or nothing is wrong. Offsets in bytes. */
struct va_layout {
    int64_t end;    /* where the last part should end, beyond the end of the file */
    int64_t second; /* where another file begins, of which nothing is read */
    int64_t astray; /* where a part should begin and none does */
};

/* Look at the file `fd` of `size` bytes; its offset stays where it is. */
struct va_layout va_layout_find(int fd, int64_t size);

#endif
