/*
 * Tools of several commands: "TOOL VERB ...", and the help of each.
 */
#include "base/va_error.h"
#include "base/va_nearest.h"
#include "base/va_option_priv.h"
#include <stdio.h>
#include <string.h>

static const struct va_command *find(const struct va_command *commands, const char *name)
{
    for (const struct va_command *c = commands; c->name; c++)
        if (*name && !strcmp(name, c->name))
            return c;
    return NULL;
}

static int unknown(const struct va_command *commands, const char *name)
{
    struct va_nearest near = va_nearest_to(name, strlen(name));
    int status;

    for (const struct va_command *c = commands; c->name; c++)
        va_nearest_offer(&near, c->name);
    if (near.name)
        va_usage_error(&status, "unknown command %s, did you mean %s?", name, near.name);
    else
        va_usage_error(&status, "unknown command %s", name);
    return status;
}

static int ask(const struct va_command *c, const char *option)
{
    char *argv[] = { (char *)c->name, (char *)option, NULL };

    va_option_verb(c->name);
    return c->main(2, argv);
}

/* A page with a section for each command, which prints it itself. */
static int print_man(const struct va_command *commands, const struct va_usage *usage)
{
    va_man_begin(usage);
    for (const struct va_command *c = commands; c->name; c++) {
        if (c == commands + !*commands->name) /* the first with a verb */
            printf(".SH COMMANDS\n");
        (void)ask(c, "--help-man");
    }
    va_man_end(usage, true);
    return VA_EXIT_OK;
}

/* The rows of all commands, for completion. */
static int print_table(const struct va_command *commands)
{
    for (const struct va_command *c = commands; c->name; c++) {
        if (*c->name)
            printf("%s\t\t\t\t\t%s\n", c->name, c->brief);
        (void)ask(c, "--help-table");
    }
    return VA_EXIT_OK;
}

/* "help", "help VERB", "--help VERB". */
static int print_help(const struct va_command *commands, const struct va_usage *usage,
                      const char *verb)
{
    const struct va_command *c = find(commands, verb);

    if (c)
        return ask(c, "--help");
    if (!*commands->name) {
        char *argv[] = { (char *)va_error_tool(), (char *)"--help", NULL };

        return commands->main(2, argv);
    }
    if (*verb)
        return unknown(commands, verb);
    va_help_print_commands(commands, usage);
    return VA_EXIT_OK;
}

int va_commands_run(const struct va_command *commands, const struct va_usage *usage, int argc,
                    char **argv)
{
    static const struct va_option none[] = { VA_OPT_END };
    const char *first = argc >= 2 ? argv[1] : "";
    const char *second = argc >= 3 && *argv[2] != '-' ? argv[2] : "";
    const bool plain = !*commands->name;
    const struct va_command *c = find(commands, first);
    int status;

    if (c) {
        va_option_verb(c->name);
        return c->main(argc - 1, argv + 1);
    }
    if (va_option_is_help(none, first))
        return print_help(commands, usage, second);
    if (!strcmp(first, "help") && (!plain || argc == 2 || find(commands, second)))
        return print_help(commands, usage, second); /* else a file of that name */
    if (!strcmp(first, "--help-table"))
        return print_table(commands);
    if (!strcmp(first, "--help-man"))
        return print_man(commands, usage);
    if (plain)
        return commands->main(argc, argv);
    if (*first && *first != '-')
        return unknown(commands, first);
    if (!va_options_parse(none, usage, argc, argv, &status))
        return status;
    va_usage_error(&status, "expected a command");
    return VA_EXIT_USAGE;
}
