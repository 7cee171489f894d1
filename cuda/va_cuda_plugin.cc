/* The symbol of the library, and what stands behind it (ops/va_plugin.h). */
#include "cuda/va_cuda.h"

static const struct va_plugin_host *host;

static struct va_backend *open_device(int number)
{
    if (va_gpu_open(number))
        return va_cuda_backend_new(host);
    host->fail("--device cuda:%d: %s", number, va_gpu_error());
    return NULL;
}

extern "C" __attribute__((visibility("default"))) const struct va_plugin *va_cuda_plugin(
    const struct va_plugin_host *of)
{
    static const struct va_plugin plugin = { VA_PLUGIN_ABI, sizeof(struct va_ops), va_gpu_count,
                                             open_device };

    host = of;
    return &plugin;
}
