/*
 * va_gpu.h - what the library asks of a GPU beside its kernels: memory, copies, waiting.
 *
 * va_gpu_cuda.cu is this on NVIDIA's runtime, va_gpu_emu.cc on the host executor (va_emu.h). One process
 * uses one device and one stream, in which everything happens in the order of the calls.
 *
 * Errors:    a call that fails says why in va_gpu_error(), in words; that sticks. Nothing is printed here
 */
#ifndef VA_GPU_H
#define VA_GPU_H

#include <stddef.h>
#include <stdint.h>

/* How many devices; 0: `why` says what is missing. */
int va_gpu_count(char *why, size_t room);

/* Use device `number`; false after an error. */
bool va_gpu_open(int number);

/* The stream that kernels are launched in (VA_LAUNCH). */
void *va_gpu_stream(void);

/* Memory, aligned to 256 bytes, not zeroed; NULL: there is none of this size, which is no error that
 * sticks. It may be freed with work outstanding that uses it. */
void *va_gpu_new(size_t bytes);
void va_gpu_free(void *memory); /* NULL is fine */

/* Half of the bytes that nobody has. */
size_t va_gpu_spare(void);

/* In the order of the calls; `put` has read its source when it returns, `get` waits. */
void va_gpu_zero(void *to, size_t bytes);
void va_gpu_copy(void *to, const void *from, size_t bytes); /* may overlap */
void va_gpu_put(void *to, const void *from, size_t bytes);
void va_gpu_get(void *to, const void *from, size_t bytes);

/* Something of another library is put into the stream next. Where that cannot be kept, a recording is given up. */
void va_gpu_foreign(void);

/* Whether a library of NVIDIA's can work here: on a GPU, and elsewhere if this environment variable names one
 * that stands in for it. */
bool va_gpu_takes(const char *variable);

/* After a kernel was launched: an error of the launch sticks. With VA_CUDA_CHECK=1 in the environment it
 * waits for the kernel, too, so that the operation `name` is to blame. */
void va_gpu_launched(const char *name);

void va_gpu_wait(void);

/* Whether there is nothing left to wait for, also after an error. */
bool va_gpu_idle(void);

/* Bytes that no other device anywhere has, [16]: false after an error. */
bool va_gpu_identity(unsigned char *id);

/*
 * From `record` to `recorded` launches, zero and copy are kept as well as done, with what they were given.
 * What the host has a part in gives the recording up: memory, put, get, wait, and give_up, which is
 * for what a launch was given that will not hold a second time. `recorded` is then NULL, and all has been done
 * nevertheless. `replay` does everything again; what was recorded may be forgotten while it is under way.
 */
void va_gpu_record(void);
void va_gpu_give_up(void); /* fine where nothing is recorded */
void *va_gpu_recorded(void);
void va_gpu_replay(void *calls);
void va_gpu_forget(void *calls); /* NULL is fine */

/* NULL while all is well, else the first error: "OPERATION: what the runtime says". */
const char *va_gpu_error(void);

#endif
