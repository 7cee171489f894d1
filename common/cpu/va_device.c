#include "cpu/va_device.h"

#include "base/va_error.h"
#include "cpu/va_cpu_ops.h"
#include <string.h>

const char *const va_precision_names[] = { "f32", "bf16", NULL };

static bool is_cuda(const char *device)
{
    size_t digits;

    if (!strcmp(device, "cuda"))
        return true;
    if (strncmp(device, "cuda:", 5) != 0)
        return false;
    digits = strspn(device + 5, "0123456789");
    return digits >= 1 && digits <= 4 && !device[5 + digits];
}

bool va_device_check_name(const char *device, int *status)
{
    if (strcmp(device, "auto") != 0 && strcmp(device, "cpu") != 0 && !is_cuda(device))
        return va_usage_error(status, "--device %s: expected auto, cpu, cuda or cuda:N",
                              device);
    return true;
}

bool va_device_check(const char *device, int precision, int *status)
{
    if (!va_device_check_name(device, status))
        return false;
    if (precision != VA_F32_PRODUCTS) {
        *status = VA_EXIT_MACHINE;
        va_error_machine("--precision %s: this tool computes in f32 only",
                         va_precision_names[precision]);
        return false;
    }
    return true;
}

struct va_backend *va_device_open(const char *device)
{
    if (is_cuda(device))
        return va_error_machine("--device %s: this build has no GPU support, expected cpu",
                                device),
               NULL;
    return va_cpu_backend_new();
}
