/*
 * va_failures.h - what failed while make ran: a file with a line "CODE NAME" for each.
 *
 * NAME is that of a video or its path, - where it is not known. pipelines/exit_code.sh writes such lines, too.
 */
#ifndef VA_FAILURES_H
#define VA_FAILURES_H

#include "base/va_attr.h"
#include "base/va_error.h"

/* Add a line to `fd`. 0, or -1 with errno. */
VA_MUST_USE int va_failures_add(int fd, int code, const char *name);

/*
 * The exit code of what failed, VA_EXIT_OK if nothing did. What a tool says of its input is bad input; all else that
 * ends a command is the machine's. *names: "a, b and others", a new string; NULL where no name is known.
 */
VA_MUST_USE enum va_exit va_failures_read(int fd, char **names);

#endif
