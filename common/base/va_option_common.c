/*
 * What parsing, help and the comparison of files have in common: the options that follow every table, and
 * the one way to refuse a command line.
 */
#include "base/va_error.h"
#include "base/va_option_priv.h"
#include <stdarg.h>
#include <stdio.h>

/* Every table is followed by these. */
struct va_option_wants va_option_wants;
const char *va_option_files_from;
const struct va_option va_common_options[VA_COMMON_OPTIONS + 1] = {
    VA_OPT_RUN_FLAG('h', "help", &va_option_wants.help, "print this help and exit"),
    VA_OPT_RUN_FLAG('V', "version", &va_option_wants.version,
                    "print version, build and libraries, and exit"),
    VA_OPT_RUN_FLAG('q', "quiet", &va_option_wants.quiet,
                    "print no progress and no summaries on standard error"),
    VA_OPT_RUN_FLAG('v', "verbose", &va_option_wants.verbose,
                    "print more detail on standard error"),
    VA_OPT_END,
};
const struct va_option va_writer_options[] = {
    VA_OPT_RUN_FLAG(0, "force", &va_option_wants.force,
                    "replace an existing file even if it is not an earlier output"),
    VA_OPT_END,
};

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

bool va_outputs_check(const char *output, const char *output_dir, const char *files,
                      char *const *inputs, const char *expected, int *status)
{
    if (!output == !output_dir)
        return output ? va_usage_error(status, "--output and --output-dir conflict")
                      : va_usage_error(status, "missing --output %s", files);
    if (!inputs[0])
        return va_usage_error(status, "expected %s", expected);
    if (output && inputs[1])
        return va_usage_error(status,
                              "several inputs need --output-dir DIR instead of --output");
    return true;
}

bool va_option_writes(const struct va_option *table)
{
    while (table->kind != VA_OPTION_END && table->kind != VA_OPTION_OUTPUT)
        table++;
    return table->kind == VA_OPTION_OUTPUT;
}

/* The names of a choice as a|b|c. */
const char *va_option_choices(const struct va_option *o, char *buffer, size_t size)
{
    size_t n = 0;

    buffer[0] = 0;
    for (int i = 0; o->names[i] && n < size; i++)
        n += (size_t)snprintf(buffer + n, size - n, "%s%s", i ? "|" : "", o->names[i]);
    return buffer;
}
