/*
 * pth_build.h - checkpoints of PyTorch byte by byte, well-formed or not, for tests.
 */
#ifndef PTH_BUILD_H
#define PTH_BUILD_H

#include "test/zip_build.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pth_bytes {
    unsigned char *data;
    size_t size, room;
};

static inline void pth_raw(struct pth_bytes *b, const void *bytes, size_t n)
{
    if (b->size + n >= b->room) {
        b->room = 2 * (b->size + n) + 64;
        b->data = realloc(b->data, b->room);
        if (!b->data)
            abort();
    }
    memcpy(b->data + b->size, bytes, n);
    b->size += n;
}

/* Opcodes as a literal; begin a new one after \x.. where a letter follows. */
#define PTH(b, literal) pth_raw(b, literal, sizeof(literal) - 1)

static inline void pth_little(struct pth_bytes *b, uint64_t n, int width)
{
    for (int i = 0; i < width; i++, n >>= 8)
        pth_raw(b, &(unsigned char){ (unsigned char)n }, 1);
}

static inline void pth_text(struct pth_bytes *b, const char *text)
{
    PTH(b, "X");
    pth_little(b, strlen(text), 4);
    pth_raw(b, text, strlen(text));
}

static inline void pth_number(struct pth_bytes *b, long long n)
{
    PTH(b, "\x8a\x08");
    pth_little(b, (uint64_t)n, 8);
}

/* A tensor: class and key of its storage, elements of that, offset, sizes and strides. */
struct pth_spec {
    const char *class_, *key;
    long long count, offset;
    int rank;
    long long size[8], stride[8];
};

static inline void pth_storage(struct pth_bytes *b, const char *class_, const char *key,
                               long long count)
{
    PTH(b, "(");
    pth_text(b, "storage");
    PTH(b, "ctorch\n");
    pth_raw(b, class_, strlen(class_));
    PTH(b, "\n");
    pth_text(b, key);
    pth_text(b, "cpu");
    pth_number(b, count);
    PTH(b, "tQ");
}

static inline void pth_tensor(struct pth_bytes *b, const struct pth_spec *s)
{
    PTH(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
    pth_storage(b, s->class_, s->key, s->count);
    pth_number(b, s->offset);
    PTH(b, "(");
    for (int i = 0; i < s->rank; i++)
        pth_number(b, s->size[i]);
    PTH(b, "t(");
    for (int i = 0; i < s->rank; i++)
        pth_number(b, s->stride[i]);
    PTH(b, "t\x89"
           "ccollections\nOrderedDict\n)RtR");
}

/* Write an archive: the pickle, "little", and a storage of `count` floats 0, 1, ... as data/0. */
static inline void pth_write_zip(FILE *f, const struct pth_bytes *pickle, int count)
{
    float *numbers = calloc((size_t)count + 1, sizeof(*numbers));
    struct zip_build zip;

    for (int i = 0; numbers && i < count; i++)
        numbers[i] = (float)i;
    if (!numbers)
        abort();
    zip_build_begin(&zip, f);
    zip_build_add(&zip, "archive/data.pkl", pickle->data, pickle->size);
    zip_build_add(&zip, "archive/byteorder", "little", 6);
    zip_build_add(&zip, "archive/data/0", numbers, 4 * (uint64_t)count);
    zip_build_add(&zip, "archive/version", "3\n", 2);
    zip_build_finish(&zip);
    free(numbers);
}

#endif
