/* Where cairo was not found when this was built: there are no PNG files. */
#include "plot/va_cairo.h"

const struct va_drawer *const va_cairo = NULL;
