/*
 * va_zip_write.h - a zip archive of stored entries, written front to back.
 *
 * No times, users or modes are written: equal entries give equal bytes. The bytes of every
 * entry begin at a multiple of 64, as PyTorch has it (the extra field of the entry is filled up),
 * so that they can be mapped. Sizes and offsets beyond 4 GiB go to zip64 records.
 *
 * Ownership: the stream is the caller's; a failed write leaves its mark there (ferror)
 */
#ifndef VA_ZIP_WRITE_H
#define VA_ZIP_WRITE_H

#include "base/va_attr.h"
#include <stdint.h>
#include <stdio.h>

struct va_zip_entry;

struct va_zip {
    FILE *stream;
    struct va_zip_entry *entries; /* [count] */
    int64_t count, room;
    uint64_t at;    /* bytes written */
    uint64_t large; /* sizes and offsets from here on are written in zip64 records */
};

void va_zip_init(struct va_zip *z, FILE *stream); /* at the beginning of a file */
/* One entry; 0, or -1 after reporting that memory is short. */
VA_MUST_USE int va_zip_add(struct va_zip *z, const char *name, const void *data, uint64_t size);
void va_zip_finish(struct va_zip *z); /* the directory */
void va_zip_release(struct va_zip *z);

/* The CRC-32 of zip and gzip over more bytes, beginning with 0. */
uint32_t va_crc32(uint32_t crc, const void *data, uint64_t size);

#endif
