/*
 * va_hash.h - a 128-bit fingerprint of a stream of bytes.
 *
 * MurmurHash3, x64 variant with 128 bits (Austin Appleby, published algorithm): several GB/s,
 * good against accidents, no defence against somebody who wants a collision.
 */
#ifndef VA_HASH_H
#define VA_HASH_H

#include <stddef.h>
#include <stdint.h>

struct va_hash {
    uint64_t h1, h2, total;
    uint8_t tail[16]; /* bytes that do not fill a block yet: total % 16 of them */
};

enum { VA_HASH_TEXT = 33 }; /* 32 hexadecimal digits and the end */

void va_hash_init(struct va_hash *h);
void va_hash_add(struct va_hash *h, const void *data, size_t bytes);
/* The fingerprint of all bytes added; the stream ends here. */
void va_hash_finish(struct va_hash *h, char text[VA_HASH_TEXT]);

#endif
