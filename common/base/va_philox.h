/*
 * va_philox.h - Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
 * for hosts and devices alike: a dropout mask is the same on all of them (base/va_rand.h).
 *
 * Counter layout: words 0-1 the element, words 2-3 the step with the purpose in its top byte;
 * key: the seed.
 */
#ifndef VA_PHILOX_H
#define VA_PHILOX_H

#include "base/va_attr.h"
#include <stdint.h>

/* Four words of the block at counter (step, element) under key (seed, purpose). */
VA_SHARED void va_philox(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t element,
                         uint32_t out[4])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)element, c1 = (uint32_t)(element >> 32);
    uint32_t c2 = (uint32_t)step, c3 = ((uint32_t)(step >> 32) & 0xffffff) | purpose << 24;

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c0, p1 = (uint64_t)0xCD9E8D57 * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;

        c0 = n0;
        c1 = (uint32_t)p1;
        c2 = n2;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

#endif
