/*
 * va_option_priv.h - what parsing (va_option.c) and help (va_help.c) share.
 */
#ifndef VA_OPTION_PRIV_H
#define VA_OPTION_PRIV_H

#include "base/va_option.h"
#include <stddef.h>

extern const struct va_option va_common_options[]; /* help, version, quiet, verbose */

/* --force, which follows every table that has an output. */
extern const struct va_option va_writer_options[];
bool va_option_writes(const struct va_option *table);

/* Note the inputs (va_input.h) and compare them with the outputs: false after reporting that an
 * output is an input or another output, with *status set. */
bool va_option_files_differ(const struct va_option *table, char **operands, int *status);

/* The names of a choice as a|b|c; the value an option has now, as text, empty when there is
 * none worth showing. Both return buffer. */
const char *va_option_choices(const struct va_option *o, char *buffer, size_t size);
const char *va_option_value(const struct va_option *o, char *buffer, size_t size);

/* The answers to --help and --help-man; `verb` names a subcommand, or is NULL. */
void va_help_print(const struct va_option *table, const struct va_usage *usage,
                   const char *verb);
void va_help_print_commands(const struct va_command *commands, const struct va_usage *usage);
void va_man_print(const struct va_option *table, const struct va_usage *usage,
                  const char *verb);
void va_man_begin(const struct va_usage *usage); /* name, synopsis, description */
void va_man_end(bool writes);                    /* common options and exit codes */

#endif
