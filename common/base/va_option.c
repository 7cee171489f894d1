#include "base/va_option_priv.h"

#include "base/va_cpu.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_output.h"
#include "base/va_version.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 96 };

/* What the last parse saw, for va_option_given and va_options_record. The table itself may be
 * gone by then: it usually stands in a function that has returned. */
static struct {
    const char *verb; /* subcommand, or NULL */
    bool given[MAX_OPTIONS];
    const char *names[MAX_OPTIONS]; /* of the options, NULL after the last */
    char *said[MAX_OPTIONS];        /* what the provenance says of each, or NULL */
    char *operands;                 /* and after them */
    const char *output;             /* --output, else the first one, or NULL */
} seen;

/* ---- values ---------------------------------------------------------------------------- */

static bool parse_int(const char *text, double lo, double hi, int64_t *value)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || *end || errno || (double)n < lo || (double)n > hi || *text == ' ')
        return false;
    *value = n;
    return true;
}

static bool parse_real(const char *text, double lo, double hi, double *value)
{
    char *end;
    double x;

    errno = 0;
    x = strtod(text, &end);
    if (end == text || *end || !isfinite(x) || x < lo || x > hi || *text == ' ')
        return false;
    *value = x;
    return true;
}

static bool parse_ints(const char *text, double lo, double hi, struct va_ints *list)
{
    char item[32];
    struct va_ints got = { .count = 0 };

    for (;;) {
        size_t n = strcspn(text, ",");

        if (n >= sizeof(item) || got.count == VA_INTS_MAX)
            return false;
        memcpy(item, text, n);
        item[n] = 0;
        if (!parse_int(item, lo, hi, &got.items[got.count++]))
            return false;
        if (!text[n])
            break;
        text += n + 1;
    }
    *list = got;
    return true;
}

static bool append(struct va_strings *list, const char *text)
{
    const char **items = realloc(list->items, sizeof(*items) * (size_t)(list->count + 2));

    if (!items)
        return va_error_memory("out of memory"), false;
    items[list->count++] = text;
    items[list->count] = NULL;
    list->items = items;
    return true;
}

/* Store `text` in the option's target; false after reporting. */
static bool store(const struct va_option *o, const char *text, int *status)
{
    switch (o->kind) {
    case VA_OPTION_FLAG: *(bool *)o->target = true; return true;
    case VA_OPTION_YESNO:
        if (strcmp(text, "yes") && strcmp(text, "no"))
            return va_usage_error(status, "--%s %s: expected yes or no", o->name, text);
        *(bool *)o->target = text[0] == 'y';
        return true;
    case VA_OPTION_INT:
        if (parse_int(text, o->lo, o->hi, o->target))
            return true;
        return va_usage_error(status, "--%s %s: expected a whole number from %.0f to %.0f",
                              o->name, text, o->lo, o->hi);
    case VA_OPTION_REAL:
        if (parse_real(text, o->lo, o->hi, o->target))
            return true;
        return va_usage_error(status, "--%s %s: expected a number from %g to %g", o->name, text,
                              o->lo, o->hi);
    case VA_OPTION_INTS:
        if (parse_ints(text, o->lo, o->hi, o->target))
            return true;
        return va_usage_error(status,
                              "--%s %s: expected up to %d whole numbers from %.0f to %.0f, "
                              "separated by commas",
                              o->name, text, VA_INTS_MAX, o->lo, o->hi);
    case VA_OPTION_STRING:
    case VA_OPTION_FILE:
    case VA_OPTION_OUTPUT:
        if (!*text)
            return va_usage_error(status, "--%s: expected %s, found nothing", o->name,
                                  o->value);
        if (o->video && !va_video_name_valid(text))
            return va_usage_error(status,
                                  "--%s %s: cannot be the name of a video (see va.frames(5))",
                                  o->name, text);
        *(const char **)o->target = text;
        return true;
    case VA_OPTION_LIST:
        if (!*text)
            return va_usage_error(status, "--%s: expected %s, found nothing", o->name,
                                  o->value);
        if (append(o->target, text))
            return true;
        *status = VA_EXIT_MACHINE;
        return false;
    case VA_OPTION_CHOICE:
        for (int i = 0; o->names[i]; i++)
            if (!strcmp(text, o->names[i])) {
                *(int *)o->target = i;
                return true;
            }
        return va_option_not_choice(o, text, status);
    case VA_OPTION_END:
    case VA_OPTION_GROUP: break;
    }
    return va_usage_error(status, "--%s: not an option", o->name);
}

/* ---- options --------------------------------------------------------------------------- */

/* "--name" or "--name=VALUE" */
static const struct va_option *take_long(const struct va_option *table, char *arg, char **value,
                                         int *status)
{
    size_t n = strcspn(arg + 2, "=");
    int64_t matches;
    const struct va_option *o = va_option_by_name(table, arg + 2, n, &matches);

    if (!o)
        return va_option_unknown(table, arg + 2, n, status), NULL;
    if (arg[2 + n])
        *value = arg + 2 + n + 1;
    if (*value && o->kind == VA_OPTION_FLAG)
        return va_usage_error(status, "--%s takes no value", o->name), NULL;
    return o;
}

/* "-q", "-qv", "-j4": the last letter's option, after the flags before it are stored. */
static const struct va_option *take_letters(const struct va_option *table, char *arg,
                                            char **value, int *status)
{
    const struct va_option *o;
    size_t n = strlen(arg + 1);
    int64_t matches;

    o = n > 2 ? va_option_by_name(table, arg + 1, n, &matches) : NULL;
    if (o && !o->name[n]) /* -output FILE would write a file "utput" */
        return va_usage_error(status, "unknown option %s, did you mean --%s?", arg, o->name),
               NULL;
    for (arg++;; arg++) {
        o = va_option_by_letter(table, *arg);
        if (!o)
            return va_usage_error(status, "unknown option -%c", *arg), NULL;
        if (o->kind != VA_OPTION_FLAG || !arg[1])
            break;
        *(bool *)o->target = true;
    }
    if (o->kind != VA_OPTION_FLAG && arg[1])
        *value = arg + 1;
    return o;
}

/* Take in one option at argv[*i]. */
static bool take(const struct va_option *table, int argc, char **argv, int *i, int *status)
{
    char *arg = argv[*i], *value = NULL;
    const struct va_option *o = arg[1] == '-' ? take_long(table, arg, &value, status)
                                              : take_letters(table, arg, &value, status);

    if (!o)
        return false;
    if (o->kind != VA_OPTION_FLAG && !value) {
        if (*i + 1 >= argc)
            return va_usage_error(status, "--%s: expected a value", o->name);
        value = argv[++*i];
    }
    if (o >= table && o - table < MAX_OPTIONS)
        for (int k = 0; table[k].kind != VA_OPTION_END && k < MAX_OPTIONS; k++)
            if (&table[k] == o)
                seen.given[k] = true;
    if (o->kind == VA_OPTION_OUTPUT && (!seen.output || o->letter == 'o'))
        seen.output = value;
    return store(o, value, status);
}

/* ---- provenance ------------------------------------------------------------------------ */

/* An absolute path says where one machine keeps its files: only its last part is kept. */
static const char *neutral(const char *text)
{
    const char *slash = text[0] == '/' ? strrchr(text, '/') : NULL;

    return slash && slash[1] ? slash + 1 : text;
}

static char *join(char *left, const char *right)
{
    char *both = left ? va_format("%s%s%s", left, *left ? " " : "", right) : NULL;

    va_free(left);
    return both;
}

/* An option as given: "--name value", several times for a list. A new string. */
static char *say(const struct va_option *o)
{
    const struct va_strings *list = o->kind == VA_OPTION_LIST ? o->target : NULL;
    char *line = va_strdup(""), value[600];

    for (int64_t i = 0; list && i < list->count; i++) {
        snprintf(value, sizeof(value), "--%s %s", o->name, neutral(list->items[i]));
        line = join(line, value);
    }
    if (list)
        return line;
    snprintf(value, sizeof(value), "--%s", o->name);
    line = join(line, value);
    if (o->kind == VA_OPTION_FLAG)
        return line;
    va_option_value(o, value, sizeof(value));
    return join(line, neutral(value));
}

/* Note what the provenance will say. -1 after reporting. */
static int note(const struct va_option *table, char **operands)
{
    int status = 0;

    for (int k = 0; table[k].kind != VA_OPTION_END && k < MAX_OPTIONS; k++) {
        va_free(seen.said[k]);
        seen.said[k] = NULL;
        if (seen.given[k] && !table[k].run && !(seen.said[k] = say(&table[k])))
            status = -1;
    }
    va_free(seen.operands);
    seen.operands = va_strdup("");
    for (char **p = operands; *p; p++)
        seen.operands = join(seen.operands, neutral(*p));
    return seen.operands ? status : -1;
}

static int index_of(const char *name)
{
    for (int k = 0; k < MAX_OPTIONS && seen.names[k]; k++)
        if (!strcmp(seen.names[k], name))
            return k;
    return -1;
}

int va_options_settle(const char *name, const char *value)
{
    int k = index_of(name);
    char *said;

    if (k < 0 || !seen.said[k])
        return 0;
    said = va_format("--%s %s", name, value);
    if (!said)
        return -1;
    va_free(seen.said[k]);
    seen.said[k] = said;
    return 0;
}

int va_options_settle_input(const char *path)
{
    int list = index_of("files-from");

    if (list >= 0) {
        va_free(seen.said[list]);
        seen.said[list] = NULL;
    }
    va_free(seen.operands);
    seen.operands = va_strdup(neutral(path));
    return seen.operands ? 0 : -1;
}

char *va_options_record(void)
{
    char *line = va_strdup(seen.verb ? seen.verb : "");

    for (int k = 0; k < MAX_OPTIONS && seen.names[k]; k++)
        if (seen.said[k] && *seen.said[k])
            line = join(line, seen.said[k]);
    return seen.operands && *seen.operands ? join(line, seen.operands) : line;
}

/* ---- parsing a command line -------------------------------------------------------------- */

void va_option_verb(const char *verb)
{
    seen.verb = verb;
}

bool va_option_is_help(const struct va_option *table, const char *arg)
{
    int64_t matches;
    const struct va_option *o;

    if (arg[0] != '-' || arg[1] != '-')
        return !strcmp(arg, "-h");
    o = va_option_by_name(table, arg + 2, strlen(arg + 2), &matches);
    return o && o->target == &va_option_wants.help;
}

char **va_options_parse(const struct va_option *table, const struct va_usage *usage, int argc,
                        char **argv, int *status)
{
    const char *expected, *bad = va_cpu_bad_wish(&expected);
    char **operands;
    int count = 0;
    bool ended = false;

    if (bad) {
        va_usage_error(status, "%s=%s: expected %s", bad, getenv(bad), expected);
        return NULL;
    }
    va_option_files_from = seen.output = NULL;
    memset(seen.given, 0, sizeof(seen.given));
    memset(seen.names, 0, sizeof(seen.names));
    for (int k = 0; table[k].kind != VA_OPTION_END && k < MAX_OPTIONS - 1; k++)
        seen.names[k] = table[k].name;
    for (int i = 1; i < argc; i++) { /* an early --help shows the defaults before they change */
        if (!strcmp(argv[i], "--"))
            break;
        if (va_option_is_help(table, argv[i])) {
            va_help_print(table, usage, seen.verb);
            return *status = VA_EXIT_OK, NULL;
        }
        if (!strcmp(argv[i], "--help-table")) {
            va_table_print(table, seen.verb);
            return *status = VA_EXIT_OK, NULL;
        }
        if (!strcmp(argv[i], "--help-man")) {
            va_man_print(table, usage, seen.verb);
            return *status = VA_EXIT_OK, NULL;
        }
    }
    for (int i = 1; i < argc; i++) {
        if (ended || argv[i][0] != '-' || !argv[i][1])
            argv[++count] = argv[i];
        else if (!strcmp(argv[i], "--"))
            ended = true;
        else if (!take(table, argc, argv, &i, status))
            return NULL;
    }
    argv[count + 1] = NULL;
    if (va_option_wants.quiet || va_option_wants.verbose)
        va_set_verbosity(va_option_wants.verbose ? VA_VERBOSE : VA_QUIET);
    if (va_option_wants.help) { /* joined to other letters: -qh */
        va_help_print(table, usage, seen.verb);
        return *status = VA_EXIT_OK, NULL;
    }
    if (va_option_wants.version) {
        va_version_print();
        return *status = VA_EXIT_OK, NULL;
    }
    va_output_force(va_option_wants.force);
    operands = va_option_all_operands(argv + 1, count, status);
    if (!operands || !va_option_files_differ(table, operands, status))
        return NULL;
    if (note(table, argv + 1) < 0) /* outputs could not say what made them */
        return *status = VA_EXIT_MACHINE, NULL;
    return operands;
}

bool va_option_given(const char *name)
{
    int k = index_of(name);

    return k >= 0 && seen.given[k];
}

const char *va_option_output(void)
{
    return seen.output ? seen.output : "";
}

void va_options_free(const struct va_option *table)
{
    for (const struct va_option *o = table; o->kind != VA_OPTION_END; o++)
        if (o->kind == VA_OPTION_LIST) {
            struct va_strings *list = o->target;

            free(list->items);
            *list = (struct va_strings){ 0 };
        }
}
