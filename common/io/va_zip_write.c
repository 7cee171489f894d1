#include "io/va_zip_write.h"

#include "base/va_mem.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum {
    LOCAL_BYTES = 30,   /* a header before an entry, without name and extra field */
    LOCAL64_BYTES = 20, /* its zip64 field */
    ALIGNMENT = 64,
    VERSION = 20, /* of zip, needed to read; 45 with zip64 */
    VERSION64 = 45,
    UTF8_NAMES = 1 << 11, /* general purpose bit */
};

struct va_zip_entry {
    char *name;
    uint64_t size, at; /* bytes; where its header begins */
    uint32_t crc;
};

/* ---- CRC-32, eight bytes at a step ------------------------------------------------------- */

static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        crc_table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            crc_table[k][i] = crc_table[k - 1][i] >> 8 ^
                              crc_table[0][crc_table[k - 1][i] & 255];
}

uint32_t va_crc32(uint32_t crc, const void *data, uint64_t size)
{
    const uint8_t *p = data;

    pthread_once(&crc_once, make_crc_table);
    crc = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint32_t low, high;

        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^
              crc_table[5][low >> 16 & 255] ^ crc_table[4][low >> 24] ^
              crc_table[3][high & 255] ^ crc_table[2][high >> 8 & 255] ^
              crc_table[1][high >> 16 & 255] ^ crc_table[0][high >> 24];
    }
    for (; size; size--, p++)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
    return ~crc;
}

/* ---- records ---------------------------------------------------------------------------- */

static void put(struct va_zip *z, uint64_t number, int width)
{
    for (int i = 0; i < width; i++)
        putc((int)(number >> 8 * i & 255), z->stream);
    z->at += (uint64_t)width;
}

static void put_bytes(struct va_zip *z, const void *data, uint64_t size)
{
    fwrite(data, 1, size, z->stream);
    z->at += size;
}

/* 32 bits of a number, or the sign that it stands elsewhere. */
static void put_small(struct va_zip *z, uint64_t number)
{
    put(z, number >= z->large ? 0xffffffff : number, 4);
}

/* What local header and directory have in common. */
static void put_facts(struct va_zip *z, const struct va_zip_entry *e, bool large)
{
    put(z, large ? VERSION64 : VERSION, 2);
    put(z, UTF8_NAMES, 2);
    put(z, 0, 2);    /* stored */
    put(z, 0, 2);    /* time */
    put(z, 0x21, 2); /* 1980-01-01, where dates begin */
    put(z, e->crc, 4);
}

static void put_local(struct va_zip *z, const struct va_zip_entry *e)
{
    size_t length = strlen(e->name);
    bool large = e->size >= z->large;
    uint64_t extra = large ? LOCAL64_BYTES : 0, padding;

    /* A field of its own ("FB") takes 4 bytes and what is missing to the next multiple. */
    padding = ALIGNMENT - (z->at + LOCAL_BYTES + length + extra + 4) % ALIGNMENT;
    padding %= ALIGNMENT;
    put(z, 0x04034b50, 4);
    put_facts(z, e, large);
    put(z, large ? 0xffffffff : e->size, 4);
    put(z, large ? 0xffffffff : e->size, 4);
    put(z, length, 2);
    put(z, extra + 4 + padding, 2);
    put_bytes(z, e->name, length);
    if (large) {
        put(z, 1, 2);
        put(z, 16, 2);
        put(z, e->size, 8);
        put(z, e->size, 8);
    }
    put(z, 0x4246, 2);
    put(z, padding, 2);
    while (padding--)
        put(z, 'Z', 1);
}

/* One line of the directory. The zip64 field holds only what has no room elsewhere. */
static void put_central(struct va_zip *z, const struct va_zip_entry *e)
{
    size_t length = strlen(e->name);
    bool size64 = e->size >= z->large, at64 = e->at >= z->large;
    int numbers = (size64 ? 2 : 0) + (at64 ? 1 : 0);

    put(z, 0x02014b50, 4);
    put(z, numbers ? VERSION64 : VERSION, 2); /* made by: no system that has modes */
    put_facts(z, e, numbers > 0);
    put_small(z, e->size);
    put_small(z, e->size);
    put(z, length, 2);
    put(z, numbers ? 4 + 8 * (uint64_t)numbers : 0, 2);
    put(z, 0, 2); /* comment */
    put(z, 0, 2); /* disk */
    put(z, 0, 2); /* internal attributes */
    put(z, 0, 4); /* external attributes */
    put_small(z, e->at);
    put_bytes(z, e->name, length);
    if (numbers) {
        put(z, 1, 2);
        put(z, 8 * (uint64_t)numbers, 2);
        if (size64) {
            put(z, e->size, 8);
            put(z, e->size, 8);
        }
        if (at64)
            put(z, e->at, 8);
    }
}

/* ---- the archive ------------------------------------------------------------------------ */

void va_zip_init(struct va_zip *z, FILE *stream)
{
    *z = (struct va_zip){ .stream = stream, .large = 0xffffffff };
}

int va_zip_add(struct va_zip *z, const char *name, const void *data, uint64_t size)
{
    struct va_zip_entry e = { .size = size, .at = z->at };

    if (va_grow(&z->entries, &z->room, z->count + 1, sizeof(e)) < 0 ||
        !(e.name = va_strdup(name)))
        return -1;
    e.crc = va_crc32(0, data, size);
    put_local(z, &e);
    put_bytes(z, data, size);
    z->entries[z->count++] = e;
    return 0;
}

void va_zip_finish(struct va_zip *z)
{
    uint64_t begin = z->at, end, count = (uint64_t)z->count;
    bool large;

    for (int64_t i = 0; i < z->count; i++)
        put_central(z, &z->entries[i]);
    end = z->at;
    large = count >= 0xffff || begin >= z->large || end - begin >= z->large;
    if (large) {
        put(z, 0x06064b50, 4); /* the end record of zip64 */
        put(z, 44, 8);         /* bytes of it that follow */
        put(z, VERSION64, 2);
        put(z, VERSION64, 2);
        put(z, 0, 8); /* disks */
        put(z, count, 8);
        put(z, count, 8);
        put(z, end - begin, 8);
        put(z, begin, 8);
        put(z, 0x07064b50, 4); /* where it is */
        put(z, 0, 4);
        put(z, end, 8);
        put(z, 1, 4);
    }
    put(z, 0x06054b50, 4);
    put(z, 0, 4); /* disks */
    put(z, count >= 0xffff ? 0xffff : count, 2);
    put(z, count >= 0xffff ? 0xffff : count, 2);
    put_small(z, end - begin);
    put_small(z, begin);
    put(z, 0, 2); /* comment */
}

void va_zip_release(struct va_zip *z)
{
    for (int64_t i = 0; i < z->count; i++)
        va_free(z->entries[i].name);
    va_free(z->entries);
    *z = (struct va_zip){ 0 };
}
