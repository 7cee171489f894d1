#include "tools/run/va_set.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_nearest.h"
#include "base/va_program.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind { WORDS, COUNT, YESNO };

/* Variables of pipelines/video.mk and params.mk that va-run has no option for. */
static const struct variable {
    const char *name;
    enum kind kind;
    const char *tool; /* that takes these words as options; NULL: they go before commands */
} variables[] = {
    { "CROP_OPTIONS", WORDS, "va-embed" },
    { "DECODE_OPTIONS", WORDS, "va-decode" },
    { "EMBED_OPTIONS", WORDS, "va-embed" },
    { "FACES_OPTIONS", WORDS, "va-faces" },
    { "LAUNCH", WORDS, NULL },
    { "OVERLAY", YESNO, NULL },
    { "OVERLAY_OPTIONS", WORDS, "va-overlay" },
    { "PREDICT_OPTIONS", WORDS, "va-predict" },
    { "SMOOTH_OPTIONS", WORDS, "va-smooth" },
    { "THREADS", COUNT, NULL },
};

static bool is_setting(const char *setting, const char *name)
{
    size_t length = strlen(name);

    return !strncmp(setting, name, length) && setting[length] == '=';
}

/* The last one, or NULL. */
static const char *given_value(const struct va_strings *set, const char *name)
{
    const char *value = NULL;

    for (int64_t i = 0; i < set->count; i++)
        if (is_setting(set->items[i], name))
            value = set->items[i] + strlen(name) + 1;
    return value;
}

const char *va_set_value(const struct va_strings *set, const char *name)
{
    const char *given = given_value(set, name), *value = given ? given : getenv(name);

    return value && *value ? value : NULL;
}

/* ---- names ------------------------------------------------------------------------------ */

static bool check_name(const char *setting, int *status)
{
    size_t length = strcspn(setting, "=");
    struct va_nearest near = va_nearest_to(setting, length);
    char list[512] = "";

    if (!length || !setting[length])
        return va_usage_error(status, "--set %s: expected NAME=VALUE", setting);
    for (size_t i = 0, used = 0; i < VA_COUNT(variables) && used < sizeof(list); i++) {
        if (is_setting(setting, variables[i].name))
            return true;
        va_nearest_offer(&near, variables[i].name);
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
                                 variables[i].name);
    }
    if (near.name)
        return va_usage_error(status, "--set %s: unknown variable %.*s, did you mean %s?",
                              setting, (int)length, setting, near.name);
    return va_usage_error(status, "--set %s: unknown variable %.*s, expected one of %s",
                          setting, (int)length, setting, list);
}

/* ---- values ----------------------------------------------------------------------------- */

/* Errors are what is printed, of the shell that reads the next line, too. */
#define HEAR "exec 2>&1 >/dev/null\n"

/* Run a command of the shell. Copies the first line that it prints to line [size]. Its exit code, or -1 where it has
 * none. */
static int ask_shell(const char *command, char *line, int size)
{
    FILE *from = popen(command, "r");
    int status;

    *line = 0;
    if (!from)
        return -1;
    if (fgets(line, size, from))
        line[strcspn(line, "\n")] = 0;
    while (fgetc(from) != EOF)
        ;
    status = pclose(from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A tool that prints its version could read all options before. What goes before commands is only parsed. */
static bool check_words(const struct variable *v, const char *value, int *status)
{
    static const char hint[] = " (try --help)"; /* which is added again */
    char *bin = va_program_folder(), line[512], *end;
    char *path = bin && v->tool ? va_format("%s/%s", bin, v->tool) : NULL;
    char *command = !v->tool ? va_format(HEAR "false && %s true || :", value)
                    : path   ? va_format(HEAR "'%s' %s --version",
                                       access(path, X_OK) == 0 ? path : v->tool, value)
                             : NULL;
    int code = command ? ask_shell(command, line, sizeof(line)) : -1;

    va_free(command);
    va_free(path);
    va_free(bin);
    if (code == 0)
        return true;
    if (code < 0) {
        va_error_machine("%s: cannot be checked: %s", v->name, strerror(errno));
        *status = VA_EXIT_MACHINE;
        return false;
    }
    if ((end = strstr(line, hint)) && !end[sizeof(hint) - 1])
        *end = 0;
    return va_usage_error(status, "%s=%s: %s", v->name, value, line);
}

static bool is_count(const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);

    return value[0] >= '0' && value[0] <= '9' && !*end && n <= 1024;
}

static bool check_value(const struct variable *v, const char *value, int *status)
{
    if (strchr(value, '\n'))
        return va_usage_error(status, "%s: found a line break, expected one line", v->name);
    switch (v->kind) {
    case WORDS: return check_words(v, value, status);
    case COUNT:
        return is_count(value) ||
               va_usage_error(status, "%s=%s: expected a whole number from 0 to 1024", v->name,
                              value);
    case YESNO:
        return !strcmp(value, "yes") || !strcmp(value, "no") ||
               va_usage_error(status, "%s=%s: expected yes or no", v->name, value);
    }
    return true;
}

/* va-run always gives make a number of threads: that of the environment does not count. */
bool va_set_check(const struct va_strings *set, int *status)
{
    for (int64_t i = 0; i < set->count; i++)
        if (!check_name(set->items[i], status))
            return false;
    for (size_t i = 0; i < VA_COUNT(variables); i++) {
        const struct variable *v = &variables[i];
        const char *value = v->kind == COUNT ? given_value(set, v->name)
                                             : va_set_value(set, v->name);

        if (value && *value && !check_value(v, value, status))
            return false;
    }
    return true;
}

/* ---- options in a value ----------------------------------------------------------------- */

/* "--weights", or what is enough of it, perhaps with "=VALUE"; "-w", perhaps with the value. The value that the
 * word holds, "" for none; NULL: it is another option. */
static const char *match(const char *word, char letter, const char *option)
{
    size_t length = strcspn(word, "=");

    if (letter && word[0] == '-' && word[1] == letter)
        return word + 2;
    if (length < 3 || strncmp(word, "--", 2) || strncmp(word + 2, option, length - 2))
        return NULL;
    return word[length] ? word + length + 1 : "";
}

/* The shell says which words there are. */
bool va_set_option(const struct va_strings *set, const char *name, char letter,
                   const char *option, char *value, int size)
{
    const char *words = va_set_value(set, name), *held;
    char *command = words ? va_format("printf '%%s\\n' %s", words) : NULL;
    FILE *from = command ? popen(command, "r") : NULL;
    bool found = false, next = false;
    char line[4096];

    *value = 0;
    while (from && fgets(line, sizeof(line), from)) {
        line[strcspn(line, "\n")] = 0;
        held = next ? line : match(line, letter, option);
        if (held)
            snprintf(value, (size_t)size, "%s", held);
        next = !next && held && !*held;
        found |= held != NULL;
    }
    if (from)
        pclose(from);
    va_free(command);
    return found;
}
