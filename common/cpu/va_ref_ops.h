/*
 * va_ref_ops.h - the operation table in plain loops and doubles: slow, simple, the judge.
 *
 * Not used by any tool: tests compare other backends with it, and its own gradients with
 * finite differences.
 */
#ifndef VA_REF_OPS_H
#define VA_REF_OPS_H

#include "base/va_ops.h"

VA_MUST_USE struct va_backend *va_ref_backend_new(void); /* NULL after reporting */

#endif
