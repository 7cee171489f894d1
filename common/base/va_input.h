/*
 * va_input.h - input files: opened once and remembered, so that no output replaces one.
 *
 * Every reader opens through va_input_open and hands the descriptor on to whatever parses it
 * (a library, a child process), so that the checked file is the file that is read, even if the path
 * names another file in between. The device and inode of each file stay known until the
 * process ends, and va_tempfile refuses an output that is one of them.
 *
 * Threads:   any
 */
#ifndef VA_INPUT_H
#define VA_INPUT_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * Open `path` for reading. It must be a regular file; a folder, a pipe or a device is refused
 * without waiting for it. `expected` says in messages what it should be ("a va.features/1
 * file"). *size, if not NULL, becomes its length in bytes. Returns a descriptor that the caller
 * closes, or -1 after reporting.
 */
VA_MUST_USE int va_input_open(const char *path, const char *expected, int64_t *size);

/* The same where a user may name a pipe as well (a list from "<(...)"), or "-" for the standard
 * input; *size is -1 for a pipe. Waits for the writer of a named pipe, as cat does. */
VA_MUST_USE int va_input_open_stream(const char *path, const char *expected, int64_t *size);

/* Read `size` bytes at offset `at`, which is left where it is: how many there were, fewer only at the
 * end of the file; -1 with errno. */
VA_MUST_USE int64_t va_input_read(int fd, void *data, int64_t size, int64_t at);

/* The same when all must be there. 0, or -1 after reporting: "PATH: file ends early, expected ...". */
VA_MUST_USE int va_input_read_all(int fd, const char *path, const char *expected, void *data,
                                  int64_t size, int64_t at);

/* Remember a file that something else opened, or that will be read only later: an operand that
 * is checked against the outputs before the work begins. Of a folder, all files are inputs, opened
 * or not. A path that does not exist is ignored. */
void va_input_note(const char *path);

/* Whether a path leads to a folder. */
bool va_is_folder(const char *path);

/*
 * A zip archive stands for a folder of pictures by its name: ARCHIVE.zip, and ARCHIVE.zip/FOLDER for a folder in
 * it. The bytes of the archive's own name in such a path; 0 where there is no file of that name.
 */
size_t va_zip_part(const char *path);

/* Whether a path leads to a folder of pictures: to a folder, or to what stands for one. */
bool va_is_picture_folder(const char *path);

/* Whether this file was opened or noted. */
bool va_input_is(const struct stat *st);

/* The file is no longer an input: a tool's own state, which it reads and then writes anew. */
void va_input_forget(const char *path);

#endif
