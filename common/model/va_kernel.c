#include "model/va_kernel.h"

#include "base/va_error.h"
#include <math.h>

enum { CHANNELS_MAX = 4096 };

int64_t va_kernel_declare(struct va_params *list, int64_t out, int64_t in, int64_t K,
                          const char *name)
{
    struct va_param w = { .rank = 4,
                          .shape = { out, in, K, K },
                          .init = VA_INIT_NORMAL,
                          .a = sqrt(2 / (double)(in * K * K)) };
    struct va_param bias = { .rank = 1, .shape = { out }, .init = VA_INIT_ZERO };
    int64_t kernel = va_params_add(list, &w, "%s.weight", name);

    return kernel < 0 || va_params_add(list, &bias, "%s.bias", name) < 0 ? -1 : kernel;
}

int64_t va_kernel_channels(const struct va_tensors *set, const char *path, const char *net,
                           const char *name)
{
    const struct va_tensor *t = va_tensors_find(set, name);
    char shape[128];

    if (!t)
        return va_error(
                   "%s: %s: tensor is missing, or of whole numbers (quantised), expected one of %s in floating point",
                   path, name, net),
               0;
    if (t->rank != 4 || t->shape[0] < 1 || t->shape[0] > CHANNELS_MAX)
        return va_error("%s: %s: shape %s, expected 4 sizes and 1 to %d channels", path, name,
                        va_shape_text(t->rank, t->shape, shape, sizeof(shape)), CHANNELS_MAX),
               0;
    return t->shape[0];
}
