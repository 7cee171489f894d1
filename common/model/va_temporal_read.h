/*
 * va_temporal_read.h - numbers of a temporal model from a file, and their ranges.
 */
#ifndef VA_TEMPORAL_READ_H
#define VA_TEMPORAL_READ_H

#include "base/va_tensors.h"

enum { VA_TEMPORAL_SIZE_MAX = 1 << 16 }; /* of a width, kernel, ... */

/* 0, or -1 after reporting: "WHERE: WHAT: found 0, expected 1 to 64". */
VA_MUST_USE int va_temporal_check_range(const char *where, const char *what, int64_t value,
                                        int64_t low, int64_t high);

/* The tensor of this name and rank, or NULL after reporting. */
const struct va_tensor *va_temporal_tensor(const struct va_tensors *set, const char *path,
                                           int rank, const char *name);

/* A whole number of the metadata; `value` stays as it is when there is none. -1 after reporting. */
VA_MUST_USE int va_temporal_number(const struct va_tensors *set, const char *path,
                                   const char *key, int64_t *value);

#endif
