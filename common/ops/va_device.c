#include "ops/va_device.h"

#include "base/va_computed.h"
#include "base/va_error.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const va_precision_names[] = { "f32", "bf16", "int8", "auto", NULL };
const char *const va_float_precision_names[] = { "f32", "bf16", "auto", NULL };

bool va_device_is_name(const char *device)
{
    size_t digits;

    if (!strcmp(device, "auto") || !strcmp(device, "cpu") || !strcmp(device, "cuda"))
        return true;
    if (strncmp(device, "cuda:", 5) != 0)
        return false;
    digits = strspn(device + 5, "0123456789");
    return digits >= 1 && digits <= 9 && !device[5 + digits];
}

static _Atomic bool told; /* why auto left a device out */
static int local;         /* va_device_spread */

void va_device_spread(int rank)
{
    local = rank;
}

/* The kind that `device` names, and its number; NULL after reporting that it is not here. */
static const struct va_device *find(const char *device, int *number)
{
    const char *colon = strchr(device, ':');
    size_t length = colon ? (size_t)(colon - device) : strlen(device);
    bool any = strcmp(device, "auto") == 0;
    char why[PATH_MAX + 200] = "this build has no GPU support, expected cpu";

    *number = colon ? atoi(colon + 1) : 0;
    for (int i = 0; va_devices[i]; i++) {
        const struct va_device *d = va_devices[i];
        int found;

        if (!any && (strncmp(d->name, device, length) != 0 || d->name[length]))
            continue;
        found = d->count(why, sizeof(why));
        if (*number < found) {
            told = true;
            if (!colon)
                *number = local % found;
            return d;
        }
        if (any && !told)
            va_debug("--device auto: no %s: %s", d->name, why);
        else if (found > 0)
            snprintf(why, sizeof(why), "found %d such device%s here, counted from 0", found,
                     found == 1 ? "" : "s");
    }
    va_error_machine("--device %s: %s", device, why);
    return NULL;
}

bool va_device_check_name(const char *device, int *status)
{
    int number;

    if (!va_device_is_name(device))
        return va_usage_error(status, "--device %s: expected auto, cpu, cuda or cuda:N",
                              device);
    if (find(device, &number))
        return true;
    *status = VA_EXIT_MACHINE;
    return false;
}

struct va_backend *va_device_open(const char *device)
{
    int number;
    const struct va_device *d = find(device, &number);
    struct va_backend *be;

    if (!d)
        return NULL;
    va_computed_on(d->name);
    be = d->open(number);
    if (be)
        be->number = number;
    return be;
}
