/*
 * The device of NVIDIA's runtime. Memory comes from the device's pool in stream order, so that freeing
 * waits for nobody; what the host gives goes through a ring of pinned memory.
 */
#include "cuda/va_gpu.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RING = 64 << 20,
    SLOTS = 4
}; /* bytes of the ring, and parts that are waited for one by one */

static cudaStream_t stream;
static bool careful;   /* wait after each kernel */
static bool recording; /* the stream is captured: nothing of it runs before the end */
static char error[300];
static struct {
    unsigned char *memory;
    size_t used; /* of the part in use */
    int part;
    cudaEvent_t free[SLOTS]; /* the copies from a part are made */
} ring;

static bool failed(const char *what, cudaError_t status)
{
    if (status == cudaSuccess)
        return false;
    if (!error[0])
        snprintf(error, sizeof(error), "%s: %s", what, cudaGetErrorString(status));
    return true;
}

int va_gpu_count(char *why, size_t room)
{
    int count = 0, driver = 0;
    cudaError_t status = cudaGetDeviceCount(&count);

    if (status == cudaSuccess && count > 0)
        return count;
    (void)cudaDriverGetVersion(&driver);
    if (driver == 0)
        snprintf(why, room, "no NVIDIA driver here (libcuda.so.1)");
    else if (status == cudaErrorInsufficientDriver)
        snprintf(why, room, "the NVIDIA driver here is for CUDA %d.%d, expected %d.%d or newer",
                 driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
                 CUDART_VERSION % 1000 / 10);
    else if (status == cudaSuccess || status == cudaErrorNoDevice)
        snprintf(why, room, "a driver but no NVIDIA GPU here, or none in CUDA_VISIBLE_DEVICES");
    else
        snprintf(why, room, "the driver says: %s", cudaGetErrorString(status));
    return 0;
}

bool va_gpu_open(int number)
{
    const char *check = getenv("VA_CUDA_CHECK");
    cudaMemPool_t pool;
    uint64_t keep = UINT64_MAX; /* freed memory stays ours */

    careful = check && !strcmp(check, "1");
    if (stream)
        return !error[0];
    if (failed("opening", cudaSetDevice(number)) ||
        failed("opening", cudaDeviceGetDefaultMemPool(&pool, number)) ||
        failed("opening",
               cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep)) ||
        failed("pinned memory", cudaMallocHost((void **)&ring.memory, RING)))
        return false;
    for (int i = 0; i < SLOTS; i++)
        if (failed("opening", cudaEventCreateWithFlags(&ring.free[i], cudaEventDisableTiming)))
            return false;
    return !failed("opening", cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
}

void *va_gpu_stream(void)
{
    return stream;
}

void *va_gpu_new(size_t bytes)
{
    void *memory = NULL;
    cudaError_t status;

    va_gpu_give_up();
    status = cudaMallocAsync(&memory, bytes + !bytes, stream);
    if (status == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError(); /* forgotten: the caller says what to do */
        return NULL;
    }
    return failed("memory", status) ? NULL : memory;
}

size_t va_gpu_spare(void)
{
    size_t left = 0, all;

    return failed("memory", cudaMemGetInfo(&left, &all)) ? 0 : left / 2;
}

void va_gpu_free(void *memory)
{
    if (!memory)
        return;
    va_gpu_give_up();
    (void)failed("memory", cudaFreeAsync(memory, stream));
}

void va_gpu_zero(void *to, size_t bytes)
{
    (void)failed("zero", cudaMemsetAsync(to, 0, bytes, stream));
}

/* Pieces that do not overlap are copied in the order that keeps what is still to be read. */
void va_gpu_copy(void *to, const void *from, size_t bytes)
{
    unsigned char *t = (unsigned char *)to;
    const unsigned char *f = (const unsigned char *)from;
    size_t gap = t < f ? (size_t)(f - t) : (size_t)(t - f), piece = gap < bytes ? gap : bytes;

    for (size_t i = 0; piece > 0 && i < bytes; i += piece) {
        size_t n = bytes - i < piece ? bytes - i : piece, at = t < f ? i : bytes - i - n;

        if (failed("copy",
                   cudaMemcpyAsync(t + at, f + at, n, cudaMemcpyDeviceToDevice, stream)))
            return;
    }
}

/* Room for n bytes of the ring, which nobody reads any more. */
static unsigned char *take(size_t n)
{
    enum { PART = RING / SLOTS };

    if (ring.used + n > PART) {
        if (failed("put", cudaEventRecord(ring.free[ring.part], stream)))
            return NULL;
        ring.part = (ring.part + 1) % SLOTS;
        ring.used = 0;
        if (failed("put", cudaEventSynchronize(ring.free[ring.part])))
            return NULL;
    }
    ring.used += (n + 255) / 256 * 256;
    return ring.memory + (size_t)ring.part * PART + ring.used - (n + 255) / 256 * 256;
}

void va_gpu_put(void *to, const void *from, size_t bytes)
{
    enum { PIECE = RING / SLOTS / 2 };

    va_gpu_give_up();
    for (size_t i = 0; i < bytes; i += PIECE) {
        size_t n = bytes - i < PIECE ? bytes - i : (size_t)PIECE;
        unsigned char *pinned = take(n);

        if (!pinned)
            return;
        memcpy(pinned, (const unsigned char *)from + i, n);
        if (failed("put", cudaMemcpyAsync((unsigned char *)to + i, pinned, n,
                                          cudaMemcpyHostToDevice, stream)))
            return;
    }
}

void va_gpu_get(void *to, const void *from, size_t bytes)
{
    va_gpu_give_up();
    if (!failed("get", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream)))
        va_gpu_wait();
}

void va_gpu_foreign(void)
{
}

bool va_gpu_takes(const char *variable)
{
    (void)variable;
    return true;
}

void va_gpu_launched(const char *name)
{
    if (!failed(name, cudaGetLastError()) && careful)
        (void)failed(name, cudaStreamSynchronize(stream));
}

void va_gpu_wait(void)
{
    va_gpu_give_up();
    (void)failed("waiting", cudaStreamSynchronize(stream));
}

bool va_gpu_idle(void)
{
    cudaError_t status;

    va_gpu_give_up();
    status = cudaStreamQuery(stream);
    return status != cudaErrorNotReady && (failed("waiting", status) || true);
}

bool va_gpu_identity(unsigned char *id)
{
    struct cudaDeviceProp device;
    int number;

    static_assert(sizeof(device.uuid) == 16);
    if (failed("identity", cudaGetDevice(&number)) ||
        failed("identity", cudaGetDeviceProperties(&device, number)))
        return false;
    memcpy(id, &device.uuid, sizeof(device.uuid));
    return true;
}

/* Of this thread: what others do with the device is none of it. Who waits after each kernel records nothing. */
void va_gpu_record(void)
{
    recording = !careful && !failed("record", cudaStreamBeginCapture(
                                                  stream, cudaStreamCaptureModeThreadLocal));
}

/* The end of the capture: what it holds is made now, once. */
void *va_gpu_recorded(void)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t calls = NULL;

    if (!recording)
        return NULL;
    recording = false;
    if (!failed("record", cudaStreamEndCapture(stream, &graph)) &&
        !failed("record", cudaGraphInstantiate(&calls, graph, 0)))
        va_gpu_replay(calls);
    if (graph)
        (void)failed("record", cudaGraphDestroy(graph));
    return calls;
}

void va_gpu_give_up(void)
{
    va_gpu_forget(va_gpu_recorded());
}

void va_gpu_replay(void *calls)
{
    (void)failed("replay", cudaGraphLaunch((cudaGraphExec_t)calls, stream));
}

/* Where it is under way, the runtime lets it end. */
void va_gpu_forget(void *calls)
{
    if (calls)
        (void)failed("forget", cudaGraphExecDestroy((cudaGraphExec_t)calls));
}

const char *va_gpu_error(void)
{
    return error[0] ? error : NULL;
}
