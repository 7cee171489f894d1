/*
 * va_nccl.h - sums between GPUs by NCCL (ops/va_ranks.h).
 *
 * libnccl.so.2 is opened when ranks look for it (cuda/va_find.h), and nothing of it is needed before: what is used of its
 * interface is declared in va_nccl.cc. VA_CUDA_NCCL=no in the environment leaves it alone; a path there names it.
 *
 * Order: NCCL's own, by rings and trees that follow from how the GPUs are connected. Sums inside of switches are turned off
 * (NCCL_NVLS_ENABLE=0, unless the environment has that variable), because nothing is said about their order.
 */
#ifndef VA_NCCL_H
#define VA_NCCL_H

#include "cuda/va_cuda.h"

extern const struct va_ranks va_nccl_ranks;

/* What va_ranks.moments has begun: those of each rank, on the device. */
const struct va_ccc_moments *va_nccl_moments(int *ranks);

/* At the end of the backend: what the ranks had in common is given back as soon as all of them have come to this, which they
 * do within seconds of each other; else, and after a failure, without the others. */
void va_nccl_end(struct va_backend *be);

#endif
