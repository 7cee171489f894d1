/*
 * va_cpu_ops.h - the operation table on CPUs: float32, and products in bf16 and int8.
 */
#ifndef VA_CPU_OPS_H
#define VA_CPU_OPS_H

#include "ops/va_device.h"

/* A backend on this machine's cores (va_threads_count()), or NULL after reporting. */
VA_MUST_USE struct va_backend *va_cpu_backend_new(void);

extern const struct va_device va_cpu_device; /* one, always here */

#endif
