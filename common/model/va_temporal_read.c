#include "model/va_temporal_read.h"

#include "base/va_error.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int va_temporal_check_range(const char *where, const char *what, int64_t value, int64_t low,
                            int64_t high)
{
    if (value >= low && value <= high)
        return 0;
    return va_error("%s: %s: found %" PRId64 ", expected %" PRId64 " to %" PRId64, where, what,
                    value, low, high);
}

const struct va_tensor *va_temporal_tensor(const struct va_tensors *set, const char *path,
                                           int rank, const char *name)
{
    const struct va_tensor *t = va_tensors_find(set, name);
    char shape[128];

    if (!t)
        va_error("%s: %s: tensor is missing, expected one of rank %d", path, name, rank);
    else if (t->rank != rank) {
        va_error("%s: %s: shape %s, expected %d dimensions", path, name,
                 va_shape_text(t->rank, t->shape, shape, sizeof(shape)), rank);
        t = NULL;
    }
    return t;
}

int va_temporal_number(const struct va_tensors *set, const char *path, const char *key,
                       int64_t *value)
{
    const char *text = va_tensors_meta(set, key);
    char *end;

    if (!text)
        return 0;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (end == text || *end || errno)
        return va_error("%s: %s: found %s, expected a whole number", path, key, text);
    return 0;
}
