/*
 * Help and man pages from option tables.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_option_priv.h"
#include "base/va_version.h"
#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 92 };

/* The default an option has now, as text; empty when there is none worth showing. */
const char *va_option_value(const struct va_option *o, char *buffer, size_t size)
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

/* What help shows as the default: nothing where the text says it, as it depends on other settings. */
static const char *shown_default(const struct va_option *o, char *buffer, size_t size)
{
    buffer[0] = 0;
    return o->help && strstr(o->help, "(default: ") ? buffer : va_option_value(o, buffer, size);
}

/* "-o, --output FILE" */
static void option_head(const struct va_option *o, char *buffer, size_t size)
{
    char names[512];
    const char *value = o->kind == VA_OPTION_CHOICE ? va_option_choices(o, names, sizeof(names))
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
        shown_default(o, value, sizeof(value));
        snprintf(text, sizeof(text), *value ? "%s [%s]" : "%s", o->help, value);
        n = printf("  %s", head);
        if (n + 2 > HELP_COLUMN)
            printf("\n%*s", HELP_COLUMN, "");
        else
            printf("%*s", HELP_COLUMN - n, "");
        print_wrapped(text, HELP_COLUMN, HELP_COLUMN);
    }
}

static void print_usage(const struct va_usage *usage, const char *verb)
{
    printf("usage: %s%s%s %s\n\n", va_error_tool(), verb ? " " : "", verb ? verb : "",
           usage->synopsis);
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
            puts(paragraph); /* as written */
        else if (paragraph)
            print_wrapped(paragraph, 0, 0);
        va_free(paragraph);
        details = end ? end + 2 : NULL;
    }
}

/* Each command on a line of its own, indented. */
static void print_examples(const char *examples)
{
    if (!examples)
        return;
    printf("\nexamples:\n");
    for (const char *line = examples; *line;) {
        int n = (int)strcspn(line, "\n");

        printf("  %.*s\n", n, line);
        line += n + (line[n] != 0);
    }
}

void va_help_print(const struct va_option *table, const struct va_usage *usage,
                   const char *verb)
{
    print_usage(usage, verb);
    if (table->kind != VA_OPTION_GROUP && table->kind != VA_OPTION_END)
        printf("\noptions:\n");
    print_options(table);
    printf("\ncommon:\n");
    print_options(va_common_options);
    if (va_option_writes(table))
        print_options(va_writer_options);
    print_details(usage->details);
    print_examples(usage->examples);
}

void va_help_print_commands(const struct va_command *commands, const struct va_usage *usage)
{
    print_usage(usage, NULL);
    printf("\ncommands (each answers --help):\n");
    for (const struct va_command *c = commands; c->name; c++)
        printf("  %-12s %s\n", c->name, c->brief);
    print_details(usage->details);
    print_examples(usage->examples);
}

/* ---- the man page, from the same table --------------------------------------------------- */

/* Text for troff: a backslash, a leading dot or quote, and hyphens of options. A line may break
 * after a bar: a choice may have more names than a line holds. */
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
        else if (*text == '|')
            fputs("|\\:", stdout);
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
        shown_default(o, value, sizeof(value));
        fputs(".TP\n.na\n.B ", stdout); /* a list of names without blanks cannot be justified */
        print_troff(head + strspn(head, " "));
        puts("\n.ad");
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

        fputs(details[0] == ' ' ? ".PP\n.EX\n" : ".PP\n", stdout);
        if (paragraph)
            print_troff(paragraph);
        fputs(details[0] == ' ' ? "\n.EE\n" : "\n", stdout);
        va_free(paragraph);
        details = end ? end + 2 : NULL;
    }
}

void va_man_begin(const struct va_usage *usage)
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

void va_man_end(const struct va_usage *usage, bool writes)
{
    printf(".SH COMMON OPTIONS\n");
    man_options(va_common_options);
    if (writes)
        man_options(va_writer_options);
    printf(
        ".SH EXIT STATUS\n"
        ".TP\n0\nsuccess\n.TP\n1\nva-check found an invalid file, va-h5cmp found a difference, va-jobs status "
        "found a task that failed or is lost; no other tool uses it\n.TP\n2\nwrong command line\n"
        ".TP\n3\nwrong input\n.TP\n4\nthe machine failed\n");
    if (!usage->examples)
        return;
    printf(".SH EXAMPLES\n.EX\n");
    print_troff(usage->examples);
    printf("\n.EE\n");
}

/* A tool's page; for a subcommand only its section of the page, for an empty one the options. */
void va_man_print(const struct va_option *table, const struct va_usage *usage, const char *verb)
{
    if (verb && !*verb) {
        printf(".SH OPTIONS\n");
        man_options(table);
        return;
    }
    if (!verb) {
        va_man_begin(usage);
        printf(".SH OPTIONS\n");
        man_options(table);
        va_man_end(usage, va_option_writes(table));
        return;
    }
    printf(".SS ");
    print_troff(verb);
    putchar(' ');
    print_troff(usage->synopsis);
    putchar('\n');
    print_troff(usage->brief);
    putchar('\n');
    man_details(usage->details);
    man_options(table);
}

/* ---- completion, from the same table ------------------------------------------------------- */

/* What may follow an option: nothing, one of its words, a folder, a file, or some value. */
static const char *value_kind(const struct va_option *o)
{
    const bool path = o->kind == VA_OPTION_FILE || o->kind == VA_OPTION_OUTPUT ||
                      (o->kind == VA_OPTION_LIST && strpbrk(o->value, ".F"));

    if (o->kind == VA_OPTION_FLAG)
        return "flag";
    if (o->kind == VA_OPTION_CHOICE || o->kind == VA_OPTION_YESNO)
        return "words";
    if (o->value && !strcmp(o->value, "DIR"))
        return "dir";
    return path ? "file" : "value";
}

/* A row per option: command, letter, name, kind of value, words, help; tabs between. */
static void table_options(const struct va_option *table, const char *verb)
{
    for (const struct va_option *o = table; o->kind != VA_OPTION_END; o++) {
        const char letter[2] = { o->letter, 0 };

        if (o->kind == VA_OPTION_GROUP)
            continue;
        printf("%s\t%s\t%s\t%s\t", verb ? verb : "", letter, o->name, value_kind(o));
        if (o->kind == VA_OPTION_YESNO)
            fputs("yes no", stdout);
        for (int i = 0; o->kind == VA_OPTION_CHOICE && o->names[i]; i++)
            printf("%s%s", i ? " " : "", o->names[i]);
        printf("\t%s\n", o->help);
    }
}

void va_table_print(const struct va_option *table, const char *verb)
{
    table_options(table, verb);
    table_options(va_common_options, verb);
    if (va_option_writes(table))
        table_options(va_writer_options, verb);
}
