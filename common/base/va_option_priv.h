/*
 * va_option_priv.h - what parsing (va_option.c, va_option_find.c, va_option_files.c), commands
 * (va_command.c) and help (va_help.c) share; va_option_common.c is below all of them.
 */
#ifndef VA_OPTION_PRIV_H
#define VA_OPTION_PRIV_H

#include "base/va_option.h"
#include <stddef.h>

enum { VA_COMMON_OPTIONS = 4 }; /* help, version, quiet, verbose */
extern struct va_option_wants {
    bool help, version, quiet, verbose, force;
} va_option_wants; /* what they say */
extern const struct va_option va_common_options[VA_COMMON_OPTIONS + 1];

/* ---- which option is meant ---- */

/* The option of the table, or of the common ones, or NULL. */
const struct va_option *va_option_by_letter(const struct va_option *table, char letter);

/* The one named name[0..n), or else the only one whose name begins so. NULL with the number of
 * options that it abbreviates in *matches: 0, or 2 and more. */
const struct va_option *va_option_by_name(const struct va_option *table, const char *name,
                                          size_t n, int64_t *matches);

/* Report a name that va_option_by_name did not find, with the candidates or the nearest name; or a
 * value that is none of a choice's names. False, with *status set. */
bool va_option_unknown(const struct va_option *table, const char *name, size_t n, int *status);
bool va_option_not_choice(const struct va_option *o, const char *text, int *status);

/* Whether `arg` is -h, --help or a beginning of it that no other option shares. */
bool va_option_is_help(const struct va_option *table, const char *arg);

/* The subcommand that parses next, for its help and its provenance. */
void va_option_verb(const char *verb);

/* ---- help ---- */

/* --force, which follows every table that has an output. */
extern const struct va_option va_writer_options[];
bool va_option_writes(const struct va_option *table);

/* Note the inputs (va_input.h) and compare them with the outputs: false after reporting that an
 * output is an input or another output, with *status set. */
bool va_option_files_differ(const struct va_option *table, char **operands, int *status);

/* The `count` operands, and behind them those that va_option_files_from lists: an array with NULL at its end, which stays
 * until the next call. NULL after reporting, with *status set. */
char **va_option_all_operands(char **operands, int64_t count, int *status);

/* The names of a choice as a|b|c; the value an option has now, as text, empty when there is
 * none worth showing. Both return buffer. */
const char *va_option_choices(const struct va_option *o, char *buffer, size_t size);
const char *va_option_value(const struct va_option *o, char *buffer, size_t size);

/* The answers to --help, --help-man and --help-table (for completion: a row per option); `verb`
 * names a subcommand, or is NULL. */
void va_help_print(const struct va_option *table, const struct va_usage *usage,
                   const char *verb);
void va_help_print_commands(const struct va_command *commands, const struct va_usage *usage);
void va_man_print(const struct va_option *table, const struct va_usage *usage,
                  const char *verb);
void va_table_print(const struct va_option *table, const char *verb);
void va_man_begin(const struct va_usage *usage);            /* name, synopsis, description */
void va_man_end(const struct va_usage *usage, bool writes); /* common options to examples */

#endif
