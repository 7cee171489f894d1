/*
 * va_rand.h - random numbers that depend on nothing but their address.
 *
 * A number is a function of (seed, purpose, step, element) by Philox (base/va_philox.h). So a dropout
 * mask is the same on every device, on one rank or eight, and after a resume. Dropout uses one
 * block for four neighbouring elements.
 */
#ifndef VA_RAND_H
#define VA_RAND_H

#include "base/va_philox.h"

/* What numbers are for: streams of different purposes never meet. */
enum va_rand_purpose {
    VA_RAND_INIT = 1, /* step: index of the parameter; element: index in it */
    VA_RAND_DROPOUT,  /* step: training step * 64 + layer; element: index in the activation */
    VA_RAND_SHUFFLE,  /* step: epoch */
    VA_RAND_FOLDS,
    VA_RAND_SYNTH,
    VA_RAND_AUGMENT, /* step: epoch; element: picture * 256 + which */
    VA_RAND_MASK,    /* step: batch; element: index of the patch in the batch */
    VA_RAND_TEST,
    VA_RAND_SAMPLE,      /* step: epoch; element: which picture of an epoch */
    VA_RAND_DROP_PATH,   /* step: training step; element: picture * 512 + branch */
    VA_RAND_DROP_STREAM, /* step: training step; element: window * VA_STREAMS_MAX + stream */
};

/* Element i of a stream: uniform in [0, 1) with 32 bits; normal with mean 0, deviation 1
 * (Box-Muller on one block, so each element is independent of its neighbours). */
double va_rand_uniform(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i);
double va_rand_normal(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i);

/* Uniform in [0, n) for n >= 1, by rejection: exact. */
uint64_t va_rand_below(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i,
                       uint64_t n);

/* Shuffle order [n] by Fisher and Yates with the stream of `step`. */
void va_rand_shuffle(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, int64_t *order,
                     int64_t n);

/* Element i of a random permutation of [0, n), n <= 2^40, which is nowhere in memory: a Feistel
 * network over the next power of 4, walked until it falls below n. */
uint64_t va_rand_permute(uint64_t seed, enum va_rand_purpose purpose, uint64_t step, uint64_t i,
                         uint64_t n);

#endif
