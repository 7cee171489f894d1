/*
 * va_buffer.h - host memory of the CPU backends: zeroed, aligned, counted in be->held.
 */
#ifndef VA_BUFFER_H
#define VA_BUFFER_H

#include "ops/va_ops.h"

/* `count` numbers of be->ops->elem bytes; NULL after reporting, and the backend has then not
 * failed: the caller of alloc decides. */
VA_MUST_USE void *va_buffer_new(struct va_backend *be, int64_t count);
void va_buffer_free(struct va_backend *be, void *buffer); /* NULL is fine */
void va_buffer_move(struct va_backend *be, void *dst, const void *src, int64_t bytes);

#endif
