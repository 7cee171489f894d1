/*
 * va_late.h - a device for tests: the cpu's operations, as far away as those of a GPU.
 *
 * A buffer is an address in memory that may not be touched; only this device knows where its numbers
 * are. An operation runs when somebody waits, and not before. So whatever looks into a buffer, or
 * counts on an operation having run, is found without a GPU.
 *
 * It keeps the contract of ops/va_ops.h and no more: what the host gives is read during the call.
 *
 * With VA_LATE_FINE in the environment it lacks what can be composed (ops/va_compose.h).
 *
 * With VA_LATE_REPLAY it can make the calls of a step again.
 *
 * VA_LATE_REPORT names a file to which a device appends what was asked of it, when it goes:
 * "name calls" a line, with the sums "calls" (operations), "waits", "allocations" first.
 */
#ifndef VA_LATE_H
#define VA_LATE_H

#include "ops/va_device.h"

VA_MUST_USE struct va_backend *va_late_backend_new(void); /* NULL after reporting */

extern const struct va_device va_late_device; /* instead of the cpu, and named as it is */

#endif
