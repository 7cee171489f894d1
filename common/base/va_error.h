/*
 * va_error.h - messages to people, in one form for all tools.
 *
 * A message is one line on stderr: "tool: file: place: found, expected". Lower case, no full
 * stop, reported once, by the function that knows most. Unprintable characters become '?'
 * (va_text.h), so that a hostile name or file cannot write a second line or move the cursor.
 *
 * The first error reported decides the exit code of the tool: bad input data (3) or a machine
 * that failed (4). Functions return -1 (or NULL) after reporting; their callers only pass it on.
 * Threads:   any thread may report; lines do not mix
 */
#ifndef VA_ERROR_H
#define VA_ERROR_H

#include "base/va_attr.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Exit codes are an interface. */
enum va_exit {
    VA_EXIT_OK = 0,      /* done, or yes */
    VA_EXIT_NO = 1,      /* no (checkers, comparers) */
    VA_EXIT_USAGE = 2,   /* bad command line */
    VA_EXIT_INPUT = 3,   /* bad input data */
    VA_EXIT_MACHINE = 4, /* I/O, memory or device failed */
};

/* How much to report besides errors: -q, neither, -v. */
enum va_verbosity { VA_QUIET = -1, VA_NORMAL = 0, VA_VERBOSE = 1 };

/* Name of the running tool in front of every message; the string is kept, not copied. */
void va_error_set_tool(const char *name);
const char *va_error_tool(void);
void va_set_verbosity(enum va_verbosity v);
enum va_verbosity va_verbosity(void);

/* Report bad input data. Flushes stdout first. Always returns -1. */
int va_error(const char *format, ...) VA_PRINTF(1, 2);

/* Report a failure of the machine (disk, memory, device). Always returns -1. */
int va_error_machine(const char *format, ...) VA_PRINTF(1, 2);

/* Report that memory is missing, a failure of the machine. It is the last error that is printed:
 * what callers report of what they then cannot do says nothing new. Sets errno to ENOMEM. Always
 * returns -1. */
int va_error_memory(const char *format, ...) VA_PRINTF(1, 2);

/*
 * Report that a system call on `path` failed, with errno's words: "cannot VERB: why". A file
 * that is missing, a folder or forbidden is bad input (3) where `path` is read; every other
 * errno is the machine's (4). Always returns -1.
 */
int va_error_read(const char *path, const char *verb);
int va_error_write(const char *path, const char *verb); /* always the machine's */

/* A line that is no error: something odd in the input that the user should know. */
void va_warn(const char *format, ...) VA_PRINTF(1, 2);
/* Said unless --quiet; said only with --verbose. */
void va_info(const char *format, ...) VA_PRINTF(1, 2);
void va_debug(const char *format, ...) VA_PRINTF(1, 2);

/* Exit code that fits the first error reported; VA_EXIT_MACHINE when there was none. */
int va_error_status(void);
int va_error_last_status(void); /* the same for the last one, of several inputs */

/*
 * Catch messages instead of printing them, for a checker that answers by its exit code:
 * between begin and end, errors are kept in `line` (size bytes, first error only) and do not
 * count for va_error_status(). The end returns the exit code of the error in `line`, 0 without
 * one. Not nested, one thread.
 */
void va_error_catch_begin(char *line, unsigned long size);
int va_error_catch_end(void);

/*
 * Keep the messages of this thread, and of the threads of the pool while they work for it (base/va_thread.h),
 * instead of printing them: for a library in a program that is not ours. The first error stays; until there
 * is one, the last warning. va_info and va_debug say nothing, and va_error_status does not count. Threads that
 * keep share nothing.
 */
enum { VA_ERROR_LINE = 4096 };
struct va_error_kept {
    int status; /* exit code of the error in `line`; 0: no error */
    char line[VA_ERROR_LINE];
    atomic_flag busy;
};
void va_error_keep(struct va_error_kept *kept); /* from zeros; NULL: print again */
struct va_error_kept *va_error_keeping(void);   /* of this thread, or NULL */

/*
 * Processes that work together say a thing once (see va_comm_agree). While errors are held, the
 * first one is kept instead of printed, and lines that are no errors are printed only where
 * `speaks`. The end prints what is still held.
 */
void va_error_hold_begin(bool speaks);
void va_error_hold_end(void);
int va_error_held(void);                     /* exit code of the error held, or 0 */
void va_error_held_tell(const char *prefix); /* print it: "tool: PREFIXmessage" */
void va_error_held_drop(int status);         /* another one was told, with this exit code */

/* In a child process: hand every message (status: the exit code of an error, else 0) to `relay`
 * instead of printing it. */
void va_error_set_relay(void (*relay)(int status, const char *text));

/* How lines of progress are cleared before a message: set by va_progress.c. */
void va_error_set_before(void (*clear)(void));

#endif
