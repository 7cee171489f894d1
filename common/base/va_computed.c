#include "base/va_computed.h"

#include <stddef.h>
#include <string.h>

static const char *_Atomic computed;

void va_computed_on(const char *device)
{
    if (strcmp(device, "cpu") != 0)
        computed = device;
}

const char *va_computed_by(void)
{
    return computed;
}
