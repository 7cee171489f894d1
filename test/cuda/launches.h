/*
 * launches.h - a device that computes nothing: an entry of the operation table says which launches the GPU's library
 * makes of the call, and what they cost (cost.h). Those whose kernels are not named are counted by their bytes.
 */
#ifndef LAUNCHES_H
#define LAUNCHES_H

#include "ops/va_ops.h"
#include "test/cuda/cost.h"

/* What one operation took since the list was cleared; the first without a name ends it. */
enum { OPERATIONS = 64 };

extern struct operation {
    const char *name;
    long calls, launches;
    double seconds[GPUS], limits[GPUS][LIMITS], bytes;
} operations[OPERATIONS];

struct va_backend *launches_device(void); /* one, as it was at first */
extern bool launches_library;             /* linear layers in bfloat16 by cublasLt */

#endif
