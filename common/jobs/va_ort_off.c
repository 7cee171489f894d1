/* Where the header of ONNX Runtime was not found when this was built. */
#include "jobs/va_ort_priv.h"

#include <stddef.h>

const struct va_ort_library *const va_ort_library = NULL;
