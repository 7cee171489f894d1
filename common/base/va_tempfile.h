/*
 * va_tempfile.h - files that appear under their final name only when they are complete.
 *
 * A file is written beside its target as ".NAME.PID-N.part" and renamed onto it once it is on
 * the disk. Errors, exits and signals remove it; what a SIGKILL leaves is removed by the next
 * run that writes the same target (each writer holds a lock on its temporary file).
 *
 * Threads:   create, commit and abort from one thread; signals at any moment
 */
#ifndef VA_TEMPFILE_H
#define VA_TEMPFILE_H

#include "base/va_attr.h"
#include <stdio.h>

struct va_tempfile; /* opaque */

/*
 * Name a temporary file for `target`, register it for removal, and sweep what dead writers of
 * the same target left. The file itself is made by whoever opens va_tempfile_path(), who then
 * calls va_tempfile_lock with its descriptor. NULL after reporting (target is a folder, its
 * folder is missing or not writable).
 */
VA_MUST_USE struct va_tempfile *va_tempfile_new(const char *target);
const char *va_tempfile_path(const struct va_tempfile *t);
const char *va_tempfile_target(const struct va_tempfile *t);
void va_tempfile_lock(struct va_tempfile *t, int fd); /* fd stays the caller's */

/* fsync the finished (closed) file, rename it to its target, fsync the folder. Frees *t and
 * sets it to NULL in any case. Returns 0, or -1 after reporting: the target is then as before. */
VA_MUST_USE int va_tempfile_commit(struct va_tempfile **t);

/* Remove the temporary file; frees and clears *t. NULL and *t NULL are fine. */
void va_tempfile_abort(struct va_tempfile **t);

/*
 * A text file written through stdio: open for writing, then close with commit or abort.
 * commit checks every earlier write as well. Both free *t and clear it.
 */
struct va_textfile {
    FILE *stream; /* write here */
    struct va_tempfile *temp;
};
VA_MUST_USE int va_textfile_create(struct va_textfile *f, const char *target);
VA_MUST_USE int va_textfile_commit(struct va_textfile *f);
void va_textfile_abort(struct va_textfile *f);

/* Handlers for SIGINT, SIGTERM, SIGHUP that remove registered files and end the process by the
 * same signal. A tool that wants to finish its step first installs its own afterwards. */
void va_tempfile_catch_signals(void);
void va_tempfile_remove_all(void); /* async-signal-safe */

/* Make folder `path` and its missing parents (mode 0777 & ~umask). 0, or -1 after reporting. */
VA_MUST_USE int va_make_folder(const char *path);

#endif
