/*
 * va_tempfile.h - files that appear under their final name only when they are complete.
 *
 * A file is written beside its target as ".NAME.PID-N.part" (va_beside.h) and renamed onto it
 * once it is on the disk. Errors, exits and signals remove it; what a SIGKILL leaves is removed by
 * the next run that writes the same target.
 *
 * One writer at a time: from creation until after the rename the target is locked (va_lock.h). A
 * second process is refused, "TARGET: in use by process N" (exit 4), and touches nothing.
 *
 * What stands under the name is looked at before the file is made and again before the rename:
 * see va_output.h for what may be replaced. A target that is a symbolic link stays one, and the
 * file it leads to is replaced; the new file has the permissions of the one it replaces.
 *
 * Threads:   any; signals at any moment
 */
#ifndef VA_TEMPFILE_H
#define VA_TEMPFILE_H

#include "base/va_attr.h"
#include "base/va_output.h"
#include <stdio.h>

struct va_tempfile; /* opaque */

/*
 * Lock `target`, sweep what dead writers of it left, and make an empty temporary file for it.
 * `ours` says which earlier contents may be replaced (va_output_check); NULL: any. NULL after
 * reporting.
 */
VA_MUST_USE struct va_tempfile *va_tempfile_new(const char *target, va_output_ours *ours);
const char *va_tempfile_path(const struct va_tempfile *t);

/* Its descriptor, open for reading and writing, which stays t's: duplicate it to close it. */
int va_tempfile_fd(const struct va_tempfile *t);

/* A scratch file on the same disk, gone when its descriptor, the caller's, is closed. -1 after
 * reporting. */
VA_MUST_USE int va_tempfile_spool(const struct va_tempfile *t);

/* fsync the finished file, rename it to its target, fsync the folder. Frees *t and
 * sets it to NULL in any case. Returns 0, or -1 after reporting: the target is then as before. */
VA_MUST_USE int va_tempfile_commit(struct va_tempfile **t);

/* Remove the temporary file; frees and clears *t. NULL and *t NULL are fine. */
void va_tempfile_abort(struct va_tempfile **t);

/*
 * A text file written through stdio: open for writing, then close with commit or abort. Target
 * "-" is standard output, on which there is nothing to undo.
 * commit checks every earlier write as well. Both free *t and clear it.
 */
struct va_textfile {
    FILE *stream; /* write here */
    struct va_tempfile *temp;
};
VA_MUST_USE int va_textfile_create(struct va_textfile *f, const char *target,
                                   va_output_ours *ours);
VA_MUST_USE int va_textfile_commit(struct va_textfile *f);
void va_textfile_abort(struct va_textfile *f);

/* Handlers for SIGINT, SIGTERM, SIGHUP that remove registered files and end the process by the
 * same signal. A tool that wants to finish its step first installs its own afterwards. */
void va_tempfile_catch_signals(void);

/* Make folder `path` and its missing parents (mode 0777 & ~umask). 0, or -1 after reporting. */
VA_MUST_USE int va_make_folder(const char *path);

/* Whether that folder is there, or can be made, and files can be made in it; -1 after reporting why not.
 * Nothing is made. */
VA_MUST_USE int va_test_folder(const char *path);

/* Remove all that is in folder `path`, links and not what they lead to. 0, or -1 after reporting. */
VA_MUST_USE int va_clear_folder(const char *path);

#endif
