#include "model/va_meta.h"

#include "base/va_error.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int va_meta_store_int(struct va_tensors *set, const char *key, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    return va_tensors_set_meta(set, key, text);
}

int va_meta_store_reals(struct va_tensors *set, const char *key, int count, const double *value)
{
    char text[128];
    size_t n = 0;

    for (int i = 0; i < count; i++) {
        char number[32];

        for (int digits = 1; digits <= 17; digits++) {
            snprintf(number, sizeof(number), "%.*g", digits, value[i]);
            if (strtod(number, NULL) == value[i])
                break;
        }
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "," : "", number);
    }
    return va_tensors_set_meta(set, key, text);
}

int va_meta_load_int(const struct va_tensors *set, const char *path, const char *key,
                     int64_t *value)
{
    const char *text = va_tensors_meta(set, key);
    char *end;
    long long n;

    if (!text)
        return 0;
    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || *end || errno)
        return va_error("%s: %s is %s, expected a whole number", path, key, text);
    *value = n;
    return 0;
}

int va_meta_load_reals(const struct va_tensors *set, const char *path, const char *key,
                       int count, double *value)
{
    const char *text = va_tensors_meta(set, key), *at = text;

    for (int i = 0; text && i < count; i++) {
        char *end;

        value[i] = strtod(at, &end);
        if (end == at || *end != (i + 1 < count ? ',' : '\0'))
            return va_error("%s: %s is %s, expected %s", path, key, text,
                            count == 1 ? "a number" : "three numbers");
        at = end + 1;
    }
    return 0;
}

int va_meta_need(const struct va_tensors *set, const char *path, const char *const *keys)
{
    for (; *keys; keys++)
        if (va_tensors_need_meta(set, path, *keys) < 0)
            return -1;
    return 0;
}

int va_meta_load_choice(const struct va_tensors *set, const char *path, const char *key,
                        const char *const *names, int *value)
{
    const char *text = va_tensors_meta(set, key);

    if (!text)
        return 0;
    for (int i = 0; names[i]; i++)
        if (!strcmp(text, names[i])) {
            *value = i;
            return 0;
        }
    return va_error("%s: %s is %s, expected %s or %s", path, key, text, names[0], names[1]);
}

int va_meta_check_pixels(const char *where, const double *mean, const double *std)
{
    for (int i = 0; i < 3; i++)
        if (!(isfinite(mean[i]) && std[i] >= 1e-6 && std[i] <= 1e6))
            return va_error("%s: mean %g, std %g of channel %d, expected a finite mean and a "
                            "std from 1e-6",
                            where, mean[i], std[i], i);
    return 0;
}

void va_meta_pixel_table(const double *mean, const double *std, float table[3][256])
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c][v] = ((float)v / 255.0f - (float)mean[c]) / (float)std[c];
}
