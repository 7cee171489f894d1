#include "base/va_settings.h"

#include "base/va_error.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table -------------------------------------------------------------------------- */

/* Add the settings of a table to the n of a list in order. `outer` is the entry that embeds it. */
static int64_t add(const struct va_settings *t, const struct va_setting *outer,
                   struct va_setting *list, int64_t n)
{
    for (int64_t i = 0; i < t->count; i++) {
        struct va_setting s = t->items[i];
        int64_t at = n;

        if (outer) {
            s.offset += outer->offset;
            s.shape = outer->shape;
            s.otherwise = outer->otherwise;
        }
        if (s.sub) {
            n = add(s.sub, &s, list, n);
            continue;
        }
        if (s.option.kind == VA_OPTION_GROUP)
            continue;
        for (n++; at > 0 && list[at - 1].offset > s.offset; at--)
            list[at] = list[at - 1];
        list[at] = s;
    }
    return n;
}

int64_t va_settings_list(const struct va_settings *t, struct va_setting list[VA_SETTINGS_MAX])
{
    return add(t, NULL, list, 0);
}

/* ---- options ---------------------------------------------------------------------------- */

static struct va_option option_of(const struct va_setting *s, void *config)
{
    struct va_option option = s->option;

    option.target = (char *)config + s->offset;
    return option;
}

int64_t va_settings_options(const struct va_settings *t, void *config,
                            struct va_option *options, int64_t n)
{
    for (int64_t i = 0; i < t->count; i++) {
        const struct va_setting *s = &t->items[i];

        if (s->sub)
            n = va_settings_options(s->sub, (char *)config + s->offset, options, n);
        else if (s->option.help || s->option.kind == VA_OPTION_GROUP)
            options[n++] = option_of(s, config);
    }
    return n;
}

struct va_option va_settings_option(const struct va_settings *t, const char *name, void *config)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t i = va_settings_list(t, list);

    while (i > 0)
        if (!strcmp(list[--i].option.name, name))
            return option_of(&list[i], config);
    return (struct va_option)VA_OPT_END;
}

const char *va_settings_given(const struct va_settings *t)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t i = va_settings_list(t, list);

    while (i > 0)
        if (va_option_given(list[--i].option.name))
            return list[i].option.name;
    return NULL;
}

/* ---- values ----------------------------------------------------------------------------- */

static const void *at(const struct va_setting *s, const void *config)
{
    return (const char *)config + s->offset;
}

static void ints_text(const struct va_ints *list, char *buffer, size_t size)
{
    size_t n = 0;

    for (int64_t i = 0; i < list->count && n < size; i++)
        n += (size_t)snprintf(buffer + n, size - n, "%s%lld", i ? "," : "",
                              (long long)list->items[i]);
}

const char *va_setting_text(const struct va_setting *s, const void *config, char *buffer,
                            size_t size)
{
    const void *value = at(s, config);
    double x;

    buffer[0] = 0;
    switch (s->option.kind) {
    case VA_OPTION_INT:
        snprintf(buffer, size, "%lld", (long long)*(const int64_t *)value);
        break;
    case VA_OPTION_REAL:
        x = *(const double *)value;
        snprintf(buffer, size, "%.15g", x);
        if (strtod(buffer, NULL) != x)
            snprintf(buffer, size, "%.17g", x);
        break;
    case VA_OPTION_FLAG:
    case VA_OPTION_YESNO:
        snprintf(buffer, size, "%s", *(const bool *)value ? "yes" : "no");
        break;
    case VA_OPTION_CHOICE:
        snprintf(buffer, size, "%s", s->option.names[*(const int *)value]);
        break;
    case VA_OPTION_INTS: ints_text(value, buffer, size); break;
    default: break; /* no field */
    }
    return buffer;
}

int va_settings_check_sizes(const struct va_settings *t, const void *config, const char *where)
{
    for (int64_t i = 0; i < t->count; i++) {
        int64_t value = *(const int64_t *)at(&t->items[i], config);

        if (value < 1 || value > (int64_t)t->items[i].option.hi)
            return va_error("%s: %s is %lld, expected 1 to %.0f", where,
                            t->items[i].option.name, (long long)value, t->items[i].option.hi);
    }
    return 0;
}

void va_setting_copy(const struct va_setting *s, void *to, const void *from)
{
    static const size_t sizes[] = {
        [VA_OPTION_INT] = sizeof(int64_t), [VA_OPTION_REAL] = sizeof(double),
        [VA_OPTION_FLAG] = sizeof(bool),   [VA_OPTION_YESNO] = sizeof(bool),
        [VA_OPTION_CHOICE] = sizeof(int),  [VA_OPTION_INTS] = sizeof(struct va_ints),
    };

    memmove((char *)to + s->offset, at(s, from), sizes[s->option.kind]);
}

void va_settings_begin(const struct va_settings *t, unsigned char *source)
{
    struct va_setting list[VA_SETTINGS_MAX];

    for (int64_t i = va_settings_list(t, list) - 1; i >= 0; i--)
        source[i] = (unsigned char)list[i].otherwise;
}

void va_settings_override(const struct va_settings *t, void *config, unsigned char *source,
                          const void *options, bool (*given)(const char *name))
{
    struct va_setting list[VA_SETTINGS_MAX];

    for (int64_t i = va_settings_list(t, list) - 1; i >= 0; i--)
        if (list[i].option.help && given(list[i].option.name)) {
            va_setting_copy(&list[i], config, options);
            source[i] = VA_SOURCE_OPTION;
        }
}

bool va_settings_named(const struct va_settings *t, const unsigned char *source,
                       const char *name)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t i = va_settings_list(t, list);

    while (i > 0)
        if (!strcmp(list[--i].option.name, name))
            return source[i] == VA_SOURCE_OPTION;
    return false;
}

void va_settings_print(const struct va_settings *t, const void *config,
                       const unsigned char *source, const char *init, FILE *stream)
{
    static const char *const sources[] = { "preset", "default", "option" };
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(t, list);
    char value[256];

    for (int64_t i = 0; i < count; i++)
        if (list[i].option.help)
            fprintf(stream, "%s\t%s\t%s\n", list[i].option.name,
                    va_setting_text(&list[i], config, value, sizeof(value)),
                    source[i] == VA_SOURCE_FILE ? init : sources[source[i]]);
}

int va_settings_store(const struct va_settings *t, const void *config, struct va_tensors *set)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(t, list);
    char key[64], value[256];

    for (int64_t i = 0; i < count; i++) {
        if (list[i].shape || !list[i].option.help)
            continue;
        snprintf(key, sizeof(key), "train.%s", list[i].option.name);
        if (va_tensors_set_meta(set, key,
                                va_setting_text(&list[i], config, value, sizeof(value))) < 0)
            return -1;
    }
    return 0;
}
