/*
 * Which option a word of the command line means, and what was probably meant when it is none.
 */
#include "base/va_attr.h"
#include "base/va_nearest.h"
#include "base/va_option_priv.h"
#include <stdio.h>
#include <string.h>

static bool among(const struct va_option *table, const struct va_option *o)
{
    while (table->kind != VA_OPTION_END && table != o)
        table++;
    return table == o;
}

/* The option after `o`, in the tool's table and then among those that follow it; begins with NULL.
 * Headings are passed over. */
static const struct va_option *next(const struct va_option *table, const struct va_option *o)
{
    const struct va_option *tables[] = { table, va_common_options,
                                         va_option_writes(table) ? va_writer_options : NULL };
    size_t k = 0;

    while (o && !among(tables[k], o))
        k++;
    o = o ? o + 1 : table;
    for (;; o++) {
        while (o->kind == VA_OPTION_END) {
            if (++k == VA_COUNT(tables) || !tables[k])
                return NULL;
            o = tables[k];
        }
        if (o->kind != VA_OPTION_GROUP)
            return o;
    }
}

const struct va_option *va_option_by_letter(const struct va_option *table, char letter)
{
    for (const struct va_option *o = next(table, NULL); o; o = next(table, o))
        if (o->letter == letter)
            return o;
    return NULL;
}

/* Names of options of other tools: here, they would shorten one that means something else. */
static bool is_elsewhere(const char *name, size_t n)
{
    static const char *const names[] = { "clip",  "crop", "drop",  "from",   "loss",
                                         "mode",  "name", "time",  "to",     "step",
                                         "train", "val",  "video", "weight", "window" };

    for (size_t i = 0; i < VA_COUNT(names); i++)
        if (strlen(names[i]) == n && !strncmp(names[i], name, n))
            return true;
    return false;
}

const struct va_option *va_option_by_name(const struct va_option *table, const char *name,
                                          size_t n, int64_t *matches)
{
    const struct va_option *only = NULL;

    *matches = 0;
    for (const struct va_option *o = next(table, NULL); o && n; o = next(table, o)) {
        if (strncmp(o->name, name, n))
            continue;
        if (!o->name[n])
            return *matches = 1, o;
        only = o;
        ++*matches;
    }
    if (is_elsewhere(name, n))
        return *matches = 0, NULL;
    return *matches == 1 ? only : NULL;
}

bool va_option_unknown(const struct va_option *table, const char *name, size_t n, int *status)
{
    struct va_nearest near = va_nearest_to(name, n);
    char list[512] = "";
    size_t used = 0;
    int64_t candidates = 0;

    for (const struct va_option *o = next(table, NULL); o; o = next(table, o)) {
        va_nearest_offer(&near, o->name);
        if (!n || strncmp(o->name, name, n) || used >= sizeof(list))
            continue;
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s--%s", used ? ", " : "",
                                 o->name);
        candidates++;
    }
    if (candidates == 1)
        return va_usage_error(status, "unknown option --%.*s, did you mean %s?", (int)n, name,
                              list);
    if (candidates)
        return va_usage_error(status, "--%.*s is ambiguous: %s", (int)n, name, list);
    if (near.name)
        return va_usage_error(status, "unknown option --%.*s, did you mean --%s?", (int)n, name,
                              near.name);
    return va_usage_error(status, "unknown option --%.*s", (int)n, name);
}

bool va_option_not_choice(const struct va_option *o, const char *text, int *status)
{
    struct va_nearest near = va_nearest_to(text, strlen(text));
    char choices[512];

    for (int i = 0; o->names[i]; i++)
        va_nearest_offer(&near, o->names[i]);
    return va_usage_error(
        status, near.name ? "--%s %s: expected %s, did you mean %s?" : "--%s %s: expected %s",
        o->name, text, va_option_choices(o, choices, sizeof(choices)), near.name);
}
