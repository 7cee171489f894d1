/*
 * va_kernel.h - what a kernel file includes: CUDA under nvcc, the host executor otherwise.
 *
 * A kernel is plain CUDA C++ but for four things, which have a wrapper so that both compilers see
 * the same meaning:
 *
 *   VA_SHARED_MEMORY(struct x, s);                        shared memory: one struct for the kernel
 *   VA_LAUNCH(stream, grid, block, bytes, k, ...)  instead of k<<<grid, block, bytes, stream>>>(...)
 *   va_mma_*, va_ldmatrix_*, va_copy_async*        inline assembler
 *   va_bf16                                        16 bits; conversions round to nearest even
 *
 * Rules:  threads of a warp run in no particular order between two __sync*; every lane of a mask
 *         is alive when it is used; shared memory is undefined when a block starts; what
 *         va_copy_async copies is there after va_copy_wait and a barrier. The executor checks all.
 */
#ifndef VA_KERNEL_H
#define VA_KERNEL_H

#include <stdint.h>

struct va_bf16 {
    uint16_t bits;
};

#ifdef __CUDACC__
#include "cuda/va_kernel_cuda.h"
#else
#include "cuda/va_emu.h"
#endif

#endif
