#include "base/va_option.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_version.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 96, HELP_COLUMN = 28, HELP_WIDTH = 92 };

/* Every table is followed by these. */
static bool want_help, want_version, want_quiet, want_verbose, want_man;
static const struct va_option common[] = {
    VA_OPT_RUN_FLAG('h', "help", &want_help, "print this help and exit"),
    VA_OPT_RUN_FLAG('V', "version", &want_version,
                    "print version, build and libraries, and exit"),
    VA_OPT_RUN_FLAG('q', "quiet", &want_quiet, "no progress and no summaries on stderr"),
    VA_OPT_RUN_FLAG('v', "verbose", &want_verbose, "more detail on stderr"),
    VA_OPT_END,
};
static const struct va_option hidden[] = {
    VA_OPT_RUN_FLAG(0, "help-man", &want_man, "print the man page"),
    VA_OPT_END,
};

/* What the last parse saw, for va_option_given and va_options_record. */
static struct {
    const struct va_option *table;
    const char *verb; /* subcommand, or NULL */
    bool given[MAX_OPTIONS];
    char **operands;
} seen;

bool va_usage_error(int *status, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    va_error("%s (try --help)", text);
    *status = VA_EXIT_USAGE;
    return false;
}

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
        return va_error_machine("out of memory"), false;
    items[list->count++] = text;
    items[list->count] = NULL;
    list->items = items;
    return true;
}

/* The names of a choice as a|b|c. */
static const char *choices(const struct va_option *o, char *buffer, size_t size)
{
    size_t n = 0;

    buffer[0] = 0;
    for (int i = 0; o->names[i] && n < size; i++)
        n += (size_t)snprintf(buffer + n, size - n, "%s%s", i ? "|" : "", o->names[i]);
    return buffer;
}

/* Store `text` in the option's target; false after reporting. */
static bool store(const struct va_option *o, const char *text, int *status)
{
    char buffer[512];

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
        return va_usage_error(status, "--%s %s: expected %s", o->name, text,
                              choices(o, buffer, sizeof(buffer)));
    case VA_OPTION_END:
    case VA_OPTION_GROUP: break;
    }
    return va_usage_error(status, "--%s: not an option", o->name);
}

/* ---- help ------------------------------------------------------------------------------ */

/* The default an option has now, as text; empty when there is none worth showing. */
static const char *default_text(const struct va_option *o, char *buffer, size_t size)
{
    buffer[0] = 0;
    switch (o->kind) {
    case VA_OPTION_INT: snprintf(buffer, size, "%lld", (long long)*(int64_t *)o->target); break;
    case VA_OPTION_REAL: snprintf(buffer, size, "%g", *(double *)o->target); break;
    case VA_OPTION_YESNO:
        snprintf(buffer, size, "%s", *(bool *)o->target ? "yes" : "no");
        break;
    case VA_OPTION_CHOICE:
        if (*(int *)o->target >= 0)
            snprintf(buffer, size, "%s", o->names[*(int *)o->target]);
        break;
    case VA_OPTION_STRING:
    case VA_OPTION_FILE:
    case VA_OPTION_OUTPUT:
        if (*(const char **)o->target)
            snprintf(buffer, size, "%s", *(const char **)o->target);
        break;
    case VA_OPTION_INTS: {
        const struct va_ints *list = o->target;
        size_t n = 0;

        for (int64_t i = 0; i < list->count && n < size; i++)
            n += (size_t)snprintf(buffer + n, size - n, "%s%lld", i ? "," : "",
                                  (long long)list->items[i]);
        break;
    }
    default: break;
    }
    return buffer;
}

/* "-o, --output FILE" */
static void option_head(const struct va_option *o, char *buffer, size_t size)
{
    char names[512];
    const char *value = o->kind == VA_OPTION_CHOICE ? choices(o, names, sizeof(names))
                                                    : o->value;
    int n = o->letter ? snprintf(buffer, size, "-%c, --%s", o->letter, o->name)
                      : snprintf(buffer, size, "    --%s", o->name);

    if (value)
        snprintf(buffer + n, size - (size_t)n, " %s", value);
}

/* Words of `text` wrapped to HELP_WIDTH, following lines indented; the first starts at `at`. */
static void print_wrapped(const char *text, int at, int indent)
{
    while (*text) {
        int n = (int)strcspn(text, " \n");

        if (at > indent && at + 1 + n > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            putchar(' ');
            at++;
        }
        printf("%.*s", n, text);
        at += n;
        text += n;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

static void print_options(const struct va_option *table)
{
    for (const struct va_option *o = table; o->kind != VA_OPTION_END; o++) {
        char head[600], value[256], text[1200];
        int n;

        if (o->kind == VA_OPTION_GROUP) {
            printf("\n%s:\n", o->name);
            continue;
        }
        option_head(o, head, sizeof(head));
        default_text(o, value, sizeof(value));
        snprintf(text, sizeof(text), *value ? "%s [%s]" : "%s", o->help, value);
        n = printf("  %s", head);
        if (n + 2 > HELP_COLUMN)
            printf("\n%*s", HELP_COLUMN, "");
        else
            printf("%*s", HELP_COLUMN - n, "");
        print_wrapped(text, HELP_COLUMN, HELP_COLUMN);
    }
}

static void print_usage(const struct va_usage *usage)
{
    printf("usage: %s%s%s %s\n\n", va_error_tool(), seen.verb ? " " : "",
           seen.verb ? seen.verb : "", usage->synopsis);
    print_wrapped(usage->brief, 0, 0);
}

static void print_details(const char *details)
{
    while (details && *details) {
        const char *end = strstr(details, "\n\n");
        char *paragraph = va_format("%.*s", end ? (int)(end - details) : (int)strlen(details),
                                    details);

        putchar('\n');
        if (paragraph && paragraph[0] == ' ')
            puts(paragraph); /* an example: as written */
        else if (paragraph)
            print_wrapped(paragraph, 0, 0);
        va_free(paragraph);
        details = end ? end + 2 : NULL;
    }
}

static void print_help(const struct va_option *table, const struct va_usage *usage)
{
    print_usage(usage);
    if (table->kind != VA_OPTION_GROUP && table->kind != VA_OPTION_END)
        printf("\noptions:\n");
    print_options(table);
    printf("\ncommon:\n");
    print_options(common);
    print_details(usage->details);
}

/* ---- the man page, from the same table --------------------------------------------------- */

/* Text for troff: a backslash, a leading dot or quote, and hyphens of options. */
static void print_troff(const char *text)
{
    bool start = true;

    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        start = *text == '\n';
    }
}

static void man_options(const struct va_option *table)
{
    for (const struct va_option *o = table; o->kind != VA_OPTION_END; o++) {
        char head[600], value[256];

        if (o->kind == VA_OPTION_GROUP) {
            fputs(".SS ", stdout);
            print_troff(o->name);
            putchar('\n');
            continue;
        }
        option_head(o, head, sizeof(head));
        default_text(o, value, sizeof(value));
        fputs(".TP\n.B ", stdout);
        print_troff(head + strspn(head, " "));
        putchar('\n');
        print_troff(o->help);
        if (*value) {
            fputs(" (default: ", stdout);
            print_troff(value);
            putchar(')');
        }
        putchar('\n');
    }
}

static void man_details(const char *details)
{
    while (details && *details) {
        const char *end = strstr(details, "\n\n");
        int n = end ? (int)(end - details) : (int)strlen(details);
        char *paragraph = va_format("%.*s", n, details);

        fputs(details[0] == ' ' ? ".PP\n.nf\n" : ".PP\n", stdout);
        if (paragraph)
            print_troff(paragraph);
        fputs(details[0] == ' ' ? "\n.fi\n" : "\n", stdout);
        va_free(paragraph);
        details = end ? end + 2 : NULL;
    }
}

static void man_begin(const struct va_usage *usage)
{
    printf(".TH \"%s\" 1 \"\" \"mamba-va %s\"\n.SH NAME\n", va_error_tool(), VA_VERSION);
    print_troff(va_error_tool());
    printf(" \\- ");
    print_troff(usage->brief);
    printf("\n.SH SYNOPSIS\n.B ");
    print_troff(va_error_tool());
    printf("\n");
    print_troff(usage->synopsis);
    printf("\n");
    if (usage->details) {
        printf(".SH DESCRIPTION\n");
        man_details(usage->details);
    }
}

static void man_end(void)
{
    printf(".SH EXIT STATUS\n0 done or yes; 1 no; 2 bad command line; 3 bad input data; 4 the "
           "machine failed.\n");
}

/* A tool's page; for a subcommand only its section of the page. */
static void print_man(const struct va_option *table, const struct va_usage *usage)
{
    if (!seen.verb) {
        man_begin(usage);
        printf(".SH OPTIONS\n");
        man_options(table);
        man_options(common);
        man_end();
        return;
    }
    printf(".SS ");
    print_troff(seen.verb);
    putchar(' ');
    print_troff(usage->synopsis);
    putchar('\n');
    print_troff(usage->brief);
    putchar('\n');
    man_details(usage->details);
    man_options(table);
}

/* A page with a section for each command, which prints it itself. */
static void print_commands_man(const struct va_command *commands, const struct va_usage *usage)
{
    man_begin(usage);
    printf(".SH COMMANDS\n");
    for (const struct va_command *c = commands; c->name; c++) {
        char *argv[] = { (char *)c->name, (char *)"--help-man", NULL };

        seen.verb = c->name;
        (void)c->main(2, argv);
    }
    printf(".SH COMMON OPTIONS\n");
    man_options(common);
    man_end();
}

/* ---- parsing --------------------------------------------------------------------------- */

static const struct va_option *find(const struct va_option *table, const char *name, size_t n,
                                    char letter)
{
    const struct va_option *tables[] = { table, common, hidden };

    for (size_t k = 0; k < VA_COUNT(tables); k++)
        for (const struct va_option *o = tables[k]; o && o->kind != VA_OPTION_END; o++) {
            if (o->kind == VA_OPTION_GROUP)
                continue;
            if (name ? strlen(o->name) == n && !memcmp(o->name, name, n) : o->letter == letter)
                return o;
        }
    return NULL;
}

/* Take in one option at argv[*i]; letters may be joined (-qv) and carry a value (-j4). */
static bool take(const struct va_option *table, int argc, char **argv, int *i, int *status)
{
    char *arg = argv[*i], *value = NULL;
    const struct va_option *o;

    if (arg[1] == '-') {
        size_t n = strcspn(arg + 2, "=");

        o = find(table, arg + 2, n, 0);
        if (!o)
            return va_usage_error(status, "unknown option %s", arg);
        if (arg[2 + n])
            value = arg + 2 + n + 1;
        if (value && o->kind == VA_OPTION_FLAG)
            return va_usage_error(status, "--%s takes no value", o->name);
    } else {
        for (arg++;; arg++) {
            o = find(table, NULL, 0, *arg);
            if (!o)
                return va_usage_error(status, "unknown option -%c", *arg);
            if (o->kind != VA_OPTION_FLAG)
                break;
            if (!arg[1])
                break;
            *(bool *)o->target = true;
        }
        if (o->kind != VA_OPTION_FLAG && arg[1])
            value = arg + 1;
    }
    if (o->kind != VA_OPTION_FLAG && !value) {
        if (*i + 1 >= argc)
            return va_usage_error(status, "--%s: expected a value", o->name);
        value = argv[++*i];
    }
    if (o >= table && o - table < MAX_OPTIONS)
        for (int k = 0; table[k].kind != VA_OPTION_END && k < MAX_OPTIONS; k++)
            if (&table[k] == o)
                seen.given[k] = true;
    return store(o, value, status);
}

char **va_options_parse(const struct va_option *table, const struct va_usage *usage, int argc,
                        char **argv, int *status)
{
    int operands = 1;
    bool ended = false;

    memset(seen.given, 0, sizeof(seen.given));
    seen.table = table;
    seen.operands = argv + 1;
    for (int i = 1; i < argc; i++) { /* an early --help shows the defaults before they change */
        if (!strcmp(argv[i], "--"))
            break;
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            print_help(table, usage);
            return *status = VA_EXIT_OK, NULL;
        }
        if (!strcmp(argv[i], "--help-man")) {
            print_man(table, usage);
            return *status = VA_EXIT_OK, NULL;
        }
    }
    for (int i = 1; i < argc; i++) {
        if (ended || argv[i][0] != '-' || !argv[i][1])
            argv[operands++] = argv[i];
        else if (!strcmp(argv[i], "--"))
            ended = true;
        else if (!take(table, argc, argv, &i, status))
            return NULL;
    }
    argv[operands] = NULL;
    if (want_quiet || want_verbose)
        va_set_verbosity(want_verbose ? VA_VERBOSE : VA_QUIET);
    if (want_version) {
        va_version_print();
        return *status = VA_EXIT_OK, NULL;
    }
    return seen.operands;
}

bool va_option_given(const char *name)
{
    for (int k = 0; seen.table && seen.table[k].kind != VA_OPTION_END && k < MAX_OPTIONS; k++)
        if (seen.given[k] && !strcmp(seen.table[k].name, name))
            return true;
    return false;
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

char *va_options_record(void)
{
    char *line = va_strdup(seen.verb ? seen.verb : ""), value[600];

    for (int k = 0; seen.table && seen.table[k].kind != VA_OPTION_END && k < MAX_OPTIONS; k++) {
        const struct va_option *o = &seen.table[k];

        if (!seen.given[k] || o->run)
            continue;
        if (o->kind == VA_OPTION_LIST) {
            const struct va_strings *list = o->target;

            for (int64_t i = 0; i < list->count; i++) {
                snprintf(value, sizeof(value), "--%s %s", o->name, neutral(list->items[i]));
                line = join(line, value);
            }
            continue;
        }
        snprintf(value, sizeof(value), "--%s", o->name);
        line = join(line, value);
        if (o->kind == VA_OPTION_FLAG)
            continue;
        default_text(o, value, sizeof(value));
        line = join(line, neutral(value));
    }
    for (char **p = seen.operands; p && *p; p++)
        line = join(line, neutral(*p));
    return line;
}

/* ---- subcommands ----------------------------------------------------------------------- */

int va_commands_run(const struct va_command *commands, const struct va_usage *usage, int argc,
                    char **argv)
{
    static const struct va_option none[] = { VA_OPT_END };
    int status;

    if (argc >= 2 && argv[1][0] != '-') {
        for (const struct va_command *c = commands; c->name; c++)
            if (!strcmp(argv[1], c->name)) {
                seen.verb = c->name;
                return c->main(argc - 1, argv + 1);
            }
        va_usage_error(&status, "unknown command %s", argv[1]);
        return VA_EXIT_USAGE;
    }
    if (argc >= 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        print_usage(usage);
        printf("\ncommands (each answers --help):\n");
        for (const struct va_command *c = commands; c->name; c++)
            printf("  %-12s %s\n", c->name, c->brief);
        print_details(usage->details);
        return VA_EXIT_OK;
    }
    if (argc >= 2 && !strcmp(argv[1], "--help-man")) {
        print_commands_man(commands, usage);
        return VA_EXIT_OK;
    }
    if (!va_options_parse(none, usage, argc, argv, &status))
        return status;
    va_usage_error(&status, "expected a command");
    return VA_EXIT_USAGE;
}
