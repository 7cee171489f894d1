/*
 * va_make.h - make at work on the Makefiles of pipelines/.
 *
 * Words of the command line are passed on as they are; what a Makefile does with a variable is its own
 * (pipelines/names.mk).
 *
 * Threads:   one
 */
#ifndef VA_MAKE_H
#define VA_MAKE_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_make; /* opaque: a command line that grows */

/*
 * "make -jJOBS", or what MAKE names. The Makefiles are in VA_PIPELINES, or beside the installed tools, or in
 * the sources that this program was built from: the folder has to hold `makefile`. BIN is set to
 * the folder of this program. NULL after reporting.
 */
VA_MUST_USE struct va_make *va_make_new(int64_t jobs, const char *makefile);
void va_make_free(struct va_make *m); /* NULL is fine */

/* Append "-f" and a file of that folder; or a word, which is freed later. NULL is a word that could not be
 * made, and was reported: then what is below fails. */
void va_make_file(struct va_make *m, const char *name);
void va_make_say(struct va_make *m, char *word);

/* Append "NAME=VALUE" with a value that make takes as it is: $(...) has no meaning to it. */
void va_make_set(struct va_make *m, const char *setting);

/* Whether a path can be the value of a variable there, which names.sh looks at; -1 after reporting that it cannot. */
VA_MUST_USE int va_make_takes(const char *path);

/* A word as sh takes it, in quotes where it needs them. A new string, or NULL after reporting. */
char *va_quoted(const char *word);

/* The words so far, as sh takes them: 'make' 'A=b c'. A new string, or NULL after reporting. */
char *va_make_quoted(const struct va_make *m);
/* The folder of the Makefiles. */
const char *va_make_folder_of(const struct va_make *m);

/*
 * Run it and wait, with its standard output line by line to each(arg, line), which may change the line; below 0 it ends
 * the reading. Messages are in English. Its exit status; -1 after reporting: it cannot be run, or each returned below 0.
 */
VA_MUST_USE int va_make_read(struct va_make *m, int (*each)(void *arg, char *line), void *arg);

/* Replace this process. Returns only when that failed: -1 after reporting. */
int va_make_exec(struct va_make *m);

/*
 * Keep what make itself says, such as "make: *** [out.h5] Error 3", from standard error: commands have said why
 * before. The Makefile gives them the standard error of this process, descriptor $(VOICE). It is not kept where no
 * descriptor of one digit is free.
 */
void va_make_keep(struct va_make *m);
/* Why make could not go on, in its words, where that is not a command that failed: a new string, or NULL. */
char *va_make_said(const struct va_make *m);

/*
 * Run it and wait. Its output goes to standard error; with `ask`, its standard output stays and it is
 * silent on standard error. Its exit status, or -1 after reporting that it cannot be run. When a
 * signal ended it, the same signal ends this process.
 */
VA_MUST_USE int va_make_run(struct va_make *m, bool ask);

#endif
