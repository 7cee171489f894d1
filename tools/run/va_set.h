/*
 * va_set.h - settings of the stages that va-run starts: --set NAME=VALUE, or the environment.
 *
 * They are variables of pipelines/video.mk. Options for a tool are read by that tool, before any work is done.
 */
#ifndef VA_SET_H
#define VA_SET_H

#include "base/va_option.h"
#include <stdbool.h>

/* Whether each "NAME=VALUE" of `set` names a variable, and whether those and the ones from the environment can be
 * used. False after reporting, with *status. */
VA_MUST_USE bool va_set_check(const struct va_strings *set, int *status);

/* The value of a variable: the last one in `set`, else that of the environment; NULL where both are missing or
 * empty. */
const char *va_set_value(const struct va_strings *set, const char *name);

/* Whether the value of a variable, words for the shell, holds option --LONG or -SHORT (0: none). Copies what follows
 * it to value [size], empty if there is nothing. */
bool va_set_option(const struct va_strings *set, const char *name, char letter,
                   const char *option, char *value, int size);

#endif
