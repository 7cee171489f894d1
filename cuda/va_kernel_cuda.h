/* The wrappers of va_kernel.h, as nvcc sees them. */
#ifndef VA_KERNEL_CUDA_H
#define VA_KERNEL_CUDA_H

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#define VA_SHARED_MEMORY(type, name)                          \
    extern __shared__ __align__(128) unsigned char va_smem[]; \
    type &name = *reinterpret_cast<type *>(va_smem)

/* More than 48 KiB of shared memory have to be asked for; the call is cheap (a table look-up). */
#define VA_LAUNCH(stream, grid, block, bytes, kernel, ...)                            \
    do {                                                                              \
        if ((bytes) > 48 * 1024)                                                      \
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, \
                                 (int)(bytes));                                       \
        kernel<<<grid, block, bytes, (cudaStream_t)(stream)>>>(__VA_ARGS__);          \
    } while (0)

static __device__ __forceinline__ float va_exp2(float x)
{
    float y;

    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* __frcp_rn and a division call a subroutine for denormals; this is one instruction, 1 ulp. */
static __device__ __forceinline__ float va_rcp(float x)
{
    float y;

    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* sqrtf likewise. */
static __device__ __forceinline__ float va_sqrt(float x)
{
    float y;

    asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* sum + the products of the four signed bytes of a and b */
static __device__ __forceinline__ int32_t va_dot4(uint32_t a, uint32_t b, int32_t sum)
{
    return __dp4a((int)a, (int)b, sum);
}

static __device__ __forceinline__ va_bf16 va_bf16_of(float x)
{
    __nv_bfloat16 h = __float2bfloat16_rn(x);

    return *reinterpret_cast<va_bf16 *>(&h);
}

/* Two of them, as operands of products have them. */
static __device__ __forceinline__ uint32_t va_bf16_pair(float low, float high)
{
    __nv_bfloat162 h = __floats2bfloat162_rn(low, high);

    return *reinterpret_cast<uint32_t *>(&h);
}

static __device__ __forceinline__ float va_f32_of(va_bf16 x)
{
    return __uint_as_float((uint32_t)x.bits << 16);
}

static __device__ __forceinline__ uint32_t va_shared_address(const void *p)
{
    return (uint32_t)__cvta_generic_to_shared(p);
}

/* d[16x8] += a[16x16] b[16x8], bf16 operands, float sums; fragments as the PTX manual lays them. */
static __device__ __forceinline__ void va_mma_bf16(float d[4], const uint32_t a[4],
                                                   const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Four 8x8 matrices of 16-bit numbers; lane i gives the address of row i % 8 of matrix i / 8. */
static __device__ __forceinline__ void va_ldmatrix_x4(uint32_t r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(va_shared_address(row))
                 : "memory");
}

/* The same of matrices that lie the other way: rows become columns. */
static __device__ __forceinline__ void va_ldmatrix_x4_across(uint32_t r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(va_shared_address(row))
                 : "memory");
}

/* 16 bytes to shared memory, or zeros where `there` is false. */
static __device__ __forceinline__ void va_copy_async16(void *shared, const void *global,
                                                       bool there)
{
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(va_shared_address(shared)),
        "l"(global), "r"(there ? 16 : 0)
        : "memory");
}

/* One number of 4 bytes, likewise. */
static __device__ __forceinline__ void va_copy_async4(void *shared, const void *global,
                                                      bool there)
{
    asm volatile(
        "cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(va_shared_address(shared)),
        "l"(global), "r"(there ? 4 : 0)
        : "memory");
}

static __device__ __forceinline__ void va_copy_commit()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Until at most `pending` of this thread's groups are under way. */
template <int pending>
static __device__ __forceinline__ void va_copy_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

#endif
