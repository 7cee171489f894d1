/*
 * device.h - the device that unit tests are about: the CPU, or the one that VA_TEST_DEVICE names.
 */
#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H

#include "ops/va_device.h"
#include <stdlib.h>
#include <string.h>

static inline const char *va_test_device_name(void)
{
    const char *device = getenv("VA_TEST_DEVICE");

    return device && *device ? device : "cpu";
}

/* Whether it is the CPU: what is said of its levels of instructions and its threads holds for no other. */
static inline bool va_test_of_cpu(void)
{
    return strcmp(va_test_device_name(), "cpu") == 0;
}

/* A backend of it; NULL after reporting. */
static inline struct va_backend *va_test_device(void)
{
    return va_device_open(va_test_device_name());
}

/* Wait for it; a failure, which was reported, ends the program. */
static inline void va_test_wait(struct va_backend *be)
{
    if (va_backend_check(be) < 0)
        exit(4);
}

#endif
