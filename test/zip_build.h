/*
 * zip_build.h - a zip archive of stored entries, written front to back, for tests: with the records of
 * zip64 wherever a size or an offset is `large` or more.
 */
#ifndef ZIP_BUILD_H
#define ZIP_BUILD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZIP_ENTRIES_MAX = 8 };

struct zip_build {
    FILE *stream;
    uint64_t at, large; /* bytes written; see above */
    int count;
    struct zip_build_entry {
        char name[64];
        uint64_t size, at;
        uint32_t crc;
    } entries[ZIP_ENTRIES_MAX];
};

static inline void zip_build_begin(struct zip_build *z, FILE *stream)
{
    *z = (struct zip_build){ .stream = stream, .large = 0xffffffff };
}

static inline void zip_put(struct zip_build *z, uint64_t number, int width)
{
    for (int i = 0; i < width; i++)
        putc((int)(number >> 8 * i & 255), z->stream);
    z->at += (uint64_t)width;
}

static inline void zip_put_bytes(struct zip_build *z, const void *data, uint64_t size)
{
    fwrite(data, 1, size, z->stream);
    z->at += size;
}

/* 32 bits of a number, or the mark that it stands in a record of zip64. */
static inline void zip_put_small(struct zip_build *z, uint64_t number)
{
    zip_put(z, number >= z->large ? 0xffffffff : number, 4);
}

static inline uint32_t zip_crc(const unsigned char *p, uint64_t size)
{
    uint32_t crc = 0xffffffff;

    for (uint64_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* What the header of an entry and its line in the directory have in common. */
static inline void zip_put_facts(struct zip_build *z, const struct zip_build_entry *e)
{
    zip_put(z, 45, 2);   /* version needed */
    zip_put(z, 0, 2);    /* flags */
    zip_put(z, 0, 2);    /* stored */
    zip_put(z, 0, 2);    /* time */
    zip_put(z, 0x21, 2); /* 1980-01-01, the first date */
    zip_put(z, e->crc, 4);
    zip_put_small(z, e->size);
    zip_put_small(z, e->size);
    zip_put(z, strlen(e->name), 2);
}

static inline void zip_build_add(struct zip_build *z, const char *name, const void *data,
                                 uint64_t size)
{
    struct zip_build_entry *e = &z->entries[z->count++];

    if (z->count > ZIP_ENTRIES_MAX || strlen(name) >= sizeof(e->name))
        abort();
    strcpy(e->name, name);
    e->size = size;
    e->at = z->at;
    e->crc = zip_crc(data, size);
    zip_put(z, 0x04034b50, 4);
    zip_put_facts(z, e);
    zip_put(z, size >= z->large ? 20 : 0, 2);
    zip_put_bytes(z, name, strlen(name));
    if (size >= z->large) {
        zip_put(z, 1 | 16 << 16, 4);
        zip_put(z, size, 8);
        zip_put(z, size, 8);
    }
    zip_put_bytes(z, data, size);
}

static inline void zip_put_line(struct zip_build *z, const struct zip_build_entry *e)
{
    int numbers = (e->size >= z->large ? 2 : 0) + (e->at >= z->large ? 1 : 0);

    zip_put(z, 0x02014b50, 4);
    zip_put(z, 45, 2);
    zip_put_facts(z, e);
    zip_put(z, numbers ? 4 + 8 * (uint64_t)numbers : 0, 2);
    zip_put(z, 0, 8); /* comment, disk, internal attributes; half of the external ones */
    zip_put(z, 0, 2);
    zip_put_small(z, e->at);
    zip_put_bytes(z, e->name, strlen(e->name));
    if (numbers)
        zip_put(z, 1 | (uint64_t)numbers << 19, 4);
    if (e->size >= z->large) {
        zip_put(z, e->size, 8);
        zip_put(z, e->size, 8);
    }
    if (e->at >= z->large)
        zip_put(z, e->at, 8);
}

static inline void zip_build_finish(struct zip_build *z)
{
    uint64_t begin = z->at, end, count = (uint64_t)z->count;

    for (int i = 0; i < z->count; i++)
        zip_put_line(z, &z->entries[i]);
    end = z->at;
    if (begin >= z->large || end - begin >= z->large) {
        zip_put(z, 0x06064b50, 4); /* the end record of zip64 */
        zip_put(z, 44, 8);
        zip_put(z, 45 | 45 << 16, 4);
        zip_put(z, 0, 8);
        zip_put(z, count, 8);
        zip_put(z, count, 8);
        zip_put(z, end - begin, 8);
        zip_put(z, begin, 8);
        zip_put(z, 0x07064b50, 4); /* where it is */
        zip_put(z, 0, 4);
        zip_put(z, end, 8);
        zip_put(z, 1, 4);
    }
    zip_put(z, 0x06054b50, 4);
    zip_put(z, 0, 4);
    zip_put(z, count, 2);
    zip_put(z, count, 2);
    zip_put_small(z, end - begin);
    zip_put_small(z, begin);
    zip_put(z, 0, 2); /* comment */
}

#endif
