/*
 * va_generated.h - large weights and pictures of the golden data, which are formulas, not files.
 *
 *     bits(i)  = mix(key + (i + 1) * golden ratio), key = mix(seed + fnv(name))
 *     value(i) = c + s * t, t in [-1, 1) from the upper 24 bits;  byte(i) = the uppermost 8
 *
 * c and s of each tensor stand in a table beside its first and last element, which are checked.
 */
#ifndef VA_GENERATED_H
#define VA_GENERATED_H

#include "base/va_error.h"
#include "test/va_golden.h"

static inline uint64_t va_generated_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Key of a name under seed 1. */
static inline uint64_t va_generated_key(const char *name)
{
    uint64_t h = 0xCBF29CE484222325u;

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001B3u;
    return va_generated_mix(1 + h);
}

static inline uint64_t va_generated_bits(uint64_t key, int64_t i)
{
    return va_generated_mix(key + ((uint64_t)i + 1) * 0x9E3779B97F4A7C15u);
}

static inline void va_generated_bytes(const char *name, int64_t count, uint8_t *out)
{
    uint64_t key = va_generated_key(name);

    for (int64_t i = 0; i < count; i++)
        out[i] = (uint8_t)(va_generated_bits(key, i) >> 56);
}

/* Add the tensor of one line: name, shape, c, s, first, last, sum. */
static inline int va_generated_add(struct va_tensors *set, char *line)
{
    char *field[7], *at = line;
    int64_t shape[VA_RANK_MAX];
    struct va_tensor *t;
    float *value, c, s;
    uint64_t key;
    int rank = 0;

    for (int i = 0; i < 7; i++)
        if (!(field[i] = strsep(&at, "\t\n")))
            return va_error("table of weights: a line of fewer than 7 columns");
    for (char *size = field[1]; size && rank < VA_RANK_MAX; rank++)
        shape[rank] = strtoll(strsep(&size, "x"), NULL, 10);
    t = va_tensors_add(set, field[0], VA_F32, rank, shape);
    if (!t)
        return -1;
    value = t->data;
    key = va_generated_key(field[0]);
    c = strtof(field[2], NULL);
    s = strtof(field[3], NULL);
    for (int64_t i = 0; i < t->count; i++)
        value[i] = (float)((double)c +
                           (double)s *
                               ((double)(va_generated_bits(key, i) >> 40) * 0x1p-23 - 1));
    if (value[0] != strtof(field[4], NULL) || value[t->count - 1] != strtof(field[5], NULL))
        return va_error("%s: first %a, last %a, expected %s, %s", field[0], (double)value[0],
                        (double)value[t->count - 1], field[4], field[5]);
    return 0;
}

/* All tensors of a table (a golden file), or NULL: it is absent, or (reported) wrong. */
static inline struct va_tensors *va_generated_weights(const char *table)
{
    char path[512], line[512];
    FILE *f = va_golden_path(table, path) ? fopen(path, "r") : NULL;
    struct va_tensors *set = f ? va_tensors_new() : NULL;
    int result = set && fgets(line, sizeof(line), f) ? 0 : -1; /* the header */

    while (result == 0 && fgets(line, sizeof(line), f))
        result = va_generated_add(set, line);
    if (f)
        fclose(f);
    if (result < 0) {
        va_tensors_free(set);
        return NULL;
    }
    return set;
}

#endif
