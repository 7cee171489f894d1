#include "base/va_hash.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

static const uint64_t C1 = 0x87c37b91114253d5u, C2 = 0x4cf5ad432745937fu;

static uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static uint64_t mix1(uint64_t k)
{
    return rotl(k * C1, 31) * C2;
}

static uint64_t mix2(uint64_t k)
{
    return rotl(k * C2, 33) * C1;
}

/* Eight bytes, first one lowest. */
static uint64_t load(const uint8_t *p)
{
    uint64_t k;

    memcpy(&k, p, sizeof(k));
    return le64toh(k);
}

/* Whole blocks; the two sums stay in registers meanwhile. */
static void add_blocks(struct va_hash *h, const uint8_t *p, size_t blocks)
{
    uint64_t h1 = h->h1, h2 = h->h2;

    for (size_t i = 0; i < blocks; i++, p += 16) {
        h1 = (rotl(h1 ^ mix1(load(p)), 27) + h2) * 5 + 0x52dce729;
        h2 = (rotl(h2 ^ mix2(load(p + 8)), 31) + h1) * 5 + 0x38495ab5;
    }
    h->h1 = h1;
    h->h2 = h2;
}

void va_hash_init(struct va_hash *h)
{
    memset(h, 0, sizeof(*h));
}

void va_hash_add(struct va_hash *h, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    size_t held = h->total % 16;

    h->total += bytes;
    if (held && bytes) {
        size_t n = bytes < 16 - held ? bytes : 16 - held;

        memcpy(h->tail + held, p, n);
        p += n;
        bytes -= n;
        if (held + n < 16)
            return;
        add_blocks(h, h->tail, 1);
    }
    add_blocks(h, p, bytes / 16);
    if (bytes % 16)
        memcpy(h->tail, p + bytes / 16 * 16, bytes % 16);
}

static uint64_t last_mix(uint64_t k)
{
    k = (k ^ k >> 33) * 0xff51afd7ed558ccdu;
    k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53u;
    return k ^ k >> 33;
}

void va_hash_finish(struct va_hash *h, char text[VA_HASH_TEXT])
{
    size_t held = h->total % 16;

    memset(h->tail + held, 0, 16 - held);
    if (held > 8)
        h->h2 ^= mix2(load(h->tail + 8));
    if (held)
        h->h1 ^= mix1(load(h->tail));
    h->h1 ^= h->total;
    h->h2 ^= h->total;
    h->h1 += h->h2;
    h->h2 += h->h1;
    h->h1 = last_mix(h->h1);
    h->h2 = last_mix(h->h2);
    h->h1 += h->h2;
    h->h2 += h->h1;
    snprintf(text, VA_HASH_TEXT, "%016llx%016llx", (unsigned long long)h->h1,
             (unsigned long long)h->h2);
}
