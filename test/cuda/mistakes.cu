/*
 * mistakes NAME - a kernel with one mistake, in the order of VA_EMU_ORDER; prints a sum of what it made.
 * mistakes.sh tries who notices which. right and right_warp have none.
 */
#include "cuda/va_kernel.h"
#include <stdio.h>
#include <stdlib.h>

enum { N = 256 };

struct row {
    float x[N];
};
struct two {
    float a[N / 2], b[N / 2];
};

__global__ void right(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);

    s.x[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = s.x[N - 1 - threadIdx.x];
}

__global__ void no_barrier(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);

    s.x[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = s.x[N - 1 - threadIdx.x];
}

/* The second round overwrites what others still read. */
__global__ void one_barrier_of_two(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);
    float sum = 0;

    for (int i = 0; i < 3; i++) {
        s.x[threadIdx.x] = in[threadIdx.x] * (float)(i + 1);
        __syncthreads();
        sum += s.x[(threadIdx.x + 1) % N];
    }
    out[threadIdx.x] = sum;
}

/* Same value from all: no order shows it, the thread sanitizer does. */
__global__ void benign_race(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);

    s.x[0] = in[0];
    __syncthreads();
    out[threadIdx.x] = s.x[0];
}

/* As before Volta: lanes of a warp were in step. */
__global__ void warp_in_step(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);
    int i = threadIdx.x;

    s.x[i] = in[i];
    __syncthreads();
    if (i < 32)
        for (int step = 32; step > 0; step /= 2)
            s.x[i] += s.x[i + step];
    __syncthreads();
    out[i] = s.x[0];
}

/* The same with what it takes. */
__global__ void right_warp(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);
    int i = threadIdx.x;

    s.x[i] = in[i];
    __syncthreads();
    if (i < 32)
        for (int step = 32; step > 0; step /= 2) {
            float other = s.x[i + step];

            __syncwarp();
            s.x[i] += other;
            __syncwarp();
        }
    __syncthreads();
    out[i] = s.x[0];
}

__global__ void outside_shared(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);

    s.x[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = (&s.x[0])[threadIdx.x + 1];
}

__global__ void outside_member(const float *in, float *out)
{
    VA_SHARED_MEMORY(two, s);

    s.a[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = s.a[threadIdx.x];
}

__global__ void outside_global(const float *in, float *out)
{
    out[blockIdx.x * blockDim.x + threadIdx.x] = in[threadIdx.x];
}

__global__ void unaligned_vector(const float *in, float *out)
{
    float4 v = *(const float4 *)(in + threadIdx.x % 4);

    out[threadIdx.x] = v.x;
}

__global__ void uninitialised_shared(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);

    if (threadIdx.x < N - 1)
        s.x[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = s.x[N - 1 - threadIdx.x];
}

__global__ void barrier_in_branch(const float *in, float *out)
{
    VA_SHARED_MEMORY(row, s);

    s.x[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x < 200)
        __syncthreads();
    out[threadIdx.x] = s.x[threadIdx.x];
}

__global__ void two_barriers(const float *in, float *out)
{
    if (threadIdx.x < 200)
        __syncthreads();
    else
        __syncthreads();
    out[threadIdx.x] = in[threadIdx.x];
}

__global__ void shuffle_in_branch(const float *in, float *out)
{
    float x = in[threadIdx.x];

    if (threadIdx.x % 32 < 20)
        x += __shfl_xor_sync(0xffffffff, x, 1);
    out[threadIdx.x] = x;
}

__global__ void shuffle_beside_mask(const float *in, float *out)
{
    float x = in[threadIdx.x];

    if (threadIdx.x % 32 < 16)
        x += __shfl_xor_sync(0xffff, x, 16);
    out[threadIdx.x] = x;
}

struct quads {
    float4 v[N];
};

__global__ void copy_not_waited_for(const float *in, float *out)
{
    VA_SHARED_MEMORY(quads, s);

    va_copy_async16(&s.v[threadIdx.x], in, true);
    va_copy_commit();
    __syncthreads();
    out[threadIdx.x] = s.v[threadIdx.x].x;
    va_copy_wait<0>();
}

/* The wait alone is for this thread's copies: others' need a barrier as well. */
__global__ void copy_without_barrier(const float *in, float *out)
{
    VA_SHARED_MEMORY(quads, s);

    va_copy_async16(&s.v[threadIdx.x], in, true);
    va_copy_commit();
    va_copy_wait<0>();
    out[threadIdx.x] = s.v[(threadIdx.x + 33) % N].x;
}

/* Blocks of a grid add to one number without an atomic. */
__global__ void blocks_meet(const float *in, float *out)
{
    if (threadIdx.x == blockIdx.x)
        out[0] += in[threadIdx.x];
}

#define CASE(name, grid, bytes)  \
    if (!strcmp(argv[1], #name)) \
    VA_LAUNCH(nullptr, dim3(grid), dim3(N), (size_t)(bytes), name, in, out)

int main(int argc, char **argv)
{
    float *in = (float *)aligned_alloc(16, sizeof(float) * N),
          *out = (float *)aligned_alloc(16, sizeof(float) * N);
    double sum = 0;

    if (argc != 2)
        return 2;
    for (int i = 0; i < N; i++) {
        in[i] = (float)(i * i % 61);
        out[i] = 0;
    }
    CASE(right, 1, sizeof(row));
    CASE(no_barrier, 1, sizeof(row));
    CASE(one_barrier_of_two, 1, sizeof(row));
    CASE(benign_race, 1, sizeof(row));
    CASE(warp_in_step, 1, sizeof(row));
    CASE(right_warp, 1, sizeof(row));
    CASE(outside_shared, 1, sizeof(row));
    CASE(outside_member, 1, sizeof(two));
    CASE(outside_global, 2, 0);
    CASE(unaligned_vector, 1, 0);
    CASE(uninitialised_shared, 1, sizeof(row));
    CASE(barrier_in_branch, 1, sizeof(row));
    CASE(two_barriers, 1, 0);
    CASE(shuffle_in_branch, 1, 0);
    CASE(shuffle_beside_mask, 1, 0);
    CASE(copy_not_waited_for, 1, sizeof(quads));
    CASE(copy_without_barrier, 1, sizeof(quads));
    CASE(blocks_meet, 4, 0);
    for (int i = 0; i < N; i++)
        sum += out[i] * (1 + i % 7);
    printf("%.9g\n", sum);
    free(in);
    free(out);
    return 0;
}
