/*
 * va_compose.h - operations that consist of others, for devices that have nothing better.
 *
 * An entry of the table that a backend leaves empty, and that is listed here, is filled when the
 * backend is made:  transformer_room, transformer, transformer_grad; weight_put, weight_get,
 *                    prepared_only
 */
#ifndef VA_COMPOSE_H
#define VA_COMPOSE_H

#include "ops/va_ops.h"

/* Give a backend its table: what it has of its own, and the rest from here. */
void va_backend_init(struct va_backend *be, const struct va_ops *own);

#endif
