/*
 * Counter layout: words 0-1 the element, words 2-3 the step with the purpose in its top byte;
 * key: the seed. Dropout uses one block for four neighbouring elements (see va_ops.h).
 */
#include "base/va_rand.h"

#include "base/va_libm.h"
#include <math.h>

void va_philox(uint64_t seed, uint32_t purpose, uint64_t step, uint64_t element,
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

double va_rand_uniform(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i)
{
    uint32_t w[4];

    va_philox(seed, purpose, step, i, w);
    return w[0] * 0x1p-32;
}

double va_rand_normal(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i)
{
    uint32_t w[4];
    double u, v;

    va_philox(seed, purpose, step, i, w);
    u = ((double)w[0] + 0.5) * 0x1p-32; /* never 0 */
    v = w[1] * 0x1p-32;
    return sqrt(-2 * va_log(u)) * va_cos(6.283185307179586 * v);
}

uint64_t va_rand_below(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i,
                       uint64_t n)
{
    uint64_t limit = UINT64_MAX -
                     (UINT64_MAX % n + 1) % n; /* last value of a whole number of n */

    for (uint64_t attempt = 0;; attempt++) {
        uint32_t w[4];
        uint64_t x;

        va_philox(seed, purpose, step, i + (attempt << 48), w);
        x = (uint64_t)w[0] << 32 | w[1];
        if (x <= limit)
            return x % n;
    }
}

void va_rand_shuffle(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, int64_t *order,
                     int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)va_rand_below(seed, purpose, step, (uint64_t)i, (uint64_t)i + 1);
        int64_t t = order[i];

        order[i] = order[j];
        order[j] = t;
    }
}

uint64_t va_rand_permute(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i,
                         uint64_t n)
{
    enum { ROUNDS = 6 };
    int bits = 1; /* of each half */

    while (bits < 20 && (uint64_t)1 << 2 * bits < n)
        bits++;
    do {
        uint64_t mask = ((uint64_t)1 << bits) - 1, left = i >> bits, right = i & mask;

        for (uint64_t round = 0; round < ROUNDS; round++) {
            uint64_t next;
            uint32_t w[4];

            va_philox(seed, purpose, step, (uint64_t)1 << 63 | round << 40 | right, w);
            next = left ^ (w[0] & mask);
            left = right;
            right = next;
        }
        i = left << bits | right;
    } while (i >= n);
    return i;
}
