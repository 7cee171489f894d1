#include "base/va_rand.h"

#include "base/va_libm.h"
#include <math.h>

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
