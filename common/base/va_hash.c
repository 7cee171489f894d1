#include "base/va_hash.h"

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
    uint64_t k = 0;

    for (int i = 7; i >= 0; i--)
        k = k << 8 | p[i];
    return k;
}

static void block(struct va_hash *h, const uint8_t *p)
{
    h->h1 = (rotl(h->h1 ^ mix1(load(p)), 27) + h->h2) * 5 + 0x52dce729;
    h->h2 = (rotl(h->h2 ^ mix2(load(p + 8)), 31) + h->h1) * 5 + 0x38495ab5;
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
        block(h, h->tail);
    }
    for (; bytes >= 16; bytes -= 16, p += 16)
        block(h, p);
    if (bytes)
        memcpy(h->tail, p, bytes);
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
