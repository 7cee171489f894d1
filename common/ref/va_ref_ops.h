/*
 * va_ref_ops.h - the operation table in plain loops and doubles: slow, simple, the judge.
 *
 * Tests compare other backends with it, and its own gradients with finite differences. Tools use
 * it where a result must not depend on the processor: in the initial weights of vit_tiny.
 */
#ifndef VA_REF_OPS_H
#define VA_REF_OPS_H

#include "ops/va_ops.h"

VA_MUST_USE struct va_backend *va_ref_backend_new(void); /* NULL after reporting */

#endif
