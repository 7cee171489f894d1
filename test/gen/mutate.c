/*
 * mutate SEED IN OUT - a damaged copy of a file: cut off, bytes changed, bits turned near the
 * beginning, a size made enormous, bytes put in, one word copied over another.
 */
#include "base/va_rand.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 26, INSERTED = 5000 };

static uint64_t seed, drawn;

static size_t below(size_t n)
{
    return (size_t)va_rand_below(seed, VA_RAND_TEST, 0, drawn++, n ? n : 1);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Change data [n], which has room for INSERTED more; returns its new length. */
static size_t mutate(unsigned char *data, size_t n)
{
    size_t at, count;

    switch (below(6)) {
    case 0: return below(n);
    case 1:
        for (count = (size_t)1 << 2 * below(4); count; count--)
            data[below(n)] = (unsigned char)below(256);
        return n;
    case 2:
        for (count = 4; count; count--)
            data[below(smaller(n, 2048))] ^= (unsigned char)(1u << below(8));
        return n;
    case 3: memset(data + below(smaller(n, 4096)), 0xff, 8); return n;
    case 4:
        at = below(n);
        count = below(3) ? 1 + below(8) : INSERTED;
        memmove(data + at + count, data + at, n - at);
        for (size_t i = 0; i < count; i++)
            data[at + i] = (unsigned char)below(256);
        return n + count;
    default:
        at = below(smaller(n, 8192) / 8);
        memcpy(data + 8 * at, data + 8 * below(smaller(n, 8192) / 8), 8);
        return n;
    }
}

int main(int argc, char **argv)
{
    unsigned char *data = calloc(MOST + INSERTED + 8, 1);
    FILE *in = argc == 4 ? fopen(argv[2], "rb") : NULL;
    FILE *out = in ? fopen(argv[3], "wb") : NULL;
    size_t n;
    int failed;

    if (!data || !in || !out) {
        fprintf(stderr, "usage: mutate SEED IN OUT\n");
        return 2;
    }
    seed = strtoull(argv[1], NULL, 10);
    n = fread(data, 1, MOST, in);
    n = mutate(data, n);
    failed = fwrite(data, 1, n, out) != n;
    failed |= fclose(out) != 0;
    fclose(in);
    free(data);
    return failed;
}
