#include "train/va_settings.h"

#include <stdlib.h>
#include <string.h>

static const void *at(const struct va_setting *s, const void *config)
{
    return (const char *)config + s->offset;
}

const char *va_setting_text(const struct va_setting *s, const void *config, char *buffer,
                            size_t size)
{
    const void *value = at(s, config);
    size_t n = 0;

    buffer[0] = 0;
    switch (s->kind) {
    case VA_SETTING_INT:
        snprintf(buffer, size, "%lld", (long long)*(const int64_t *)value);
        break;
    case VA_SETTING_REAL: {
        double x = *(const double *)value;

        snprintf(buffer, size, "%.15g", x);
        if (strtod(buffer, NULL) != x)
            snprintf(buffer, size, "%.17g", x);
        break;
    }
    case VA_SETTING_YESNO:
        snprintf(buffer, size, "%s", *(const bool *)value ? "yes" : "no");
        break;
    case VA_SETTING_CHOICE: snprintf(buffer, size, "%s", s->names[*(const int *)value]); break;
    case VA_SETTING_INTS: {
        const struct va_ints *list = value;

        for (int64_t i = 0; i < list->count && n < size; i++)
            n += (size_t)snprintf(buffer + n, size - n, "%s%lld", i ? "," : "",
                                  (long long)list->items[i]);
        break;
    }
    }
    return buffer;
}

void va_setting_copy(const struct va_setting *s, void *to, const void *from)
{
    static const size_t sizes[] = {
        [VA_SETTING_INT] = sizeof(int64_t),         [VA_SETTING_REAL] = sizeof(double),
        [VA_SETTING_YESNO] = sizeof(bool),          [VA_SETTING_CHOICE] = sizeof(int),
        [VA_SETTING_INTS] = sizeof(struct va_ints),
    };

    memcpy((char *)to + s->offset, at(s, from), sizes[s->kind]);
}

void va_settings_begin(const struct va_settings *t, unsigned char *source)
{
    for (int64_t i = 0; i < t->count; i++)
        source[i] = (unsigned char)t->items[i].otherwise;
}

void va_settings_override(const struct va_settings *t, void *config, unsigned char *source,
                          const void *options, bool (*given)(const char *name))
{
    for (int64_t i = 0; i < t->count; i++)
        if (given(t->items[i].name)) {
            va_setting_copy(&t->items[i], config, options);
            source[i] = VA_SOURCE_OPTION;
        }
}

bool va_settings_named(const struct va_settings *t, const unsigned char *source,
                       const char *name)
{
    for (int64_t i = 0; i < t->count; i++)
        if (strcmp(t->items[i].name, name) == 0)
            return source[i] == VA_SOURCE_OPTION;
    return false;
}

void va_settings_print(const struct va_settings *t, const void *config,
                       const unsigned char *source, const char *init, FILE *stream)
{
    static const char *const sources[] = { "preset", "default", "option" };
    char value[256];

    for (int64_t i = 0; i < t->count; i++)
        fprintf(stream, "%s\t%s\t%s\n", t->items[i].name,
                va_setting_text(&t->items[i], config, value, sizeof(value)),
                source[i] == VA_SOURCE_FILE ? init : sources[source[i]]);
}

int va_settings_store(const struct va_settings *t, const void *config, struct va_tensors *set)
{
    char key[64], value[256];

    for (int64_t i = 0; i < t->count; i++) {
        if (t->items[i].shape)
            continue;
        snprintf(key, sizeof(key), "train.%s", t->items[i].name);
        if (va_tensors_set_meta(
                set, key, va_setting_text(&t->items[i], config, value, sizeof(value))) < 0)
            return -1;
    }
    return 0;
}
