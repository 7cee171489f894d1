/*
 * va_zip.h - a zip archive in the place of folders of pictures; base/va_input.h has the rule for names.
 *
 * The directory of an archive is read once. Of its members the pictures are kept: their names, and where their
 * bytes lie. A member is then read by its offset, stored or deflated, and threads share nothing but the
 * directory. No file stays open. Readers of one archive share its directory; the one that was
 * closed last is kept for the next reader. Path and time of each archive stay known until the process ends.
 *
 * Archives are hostile until checked. Members lie in the file, do not overlap, are not encrypted and not there
 * twice; names lead nowhere above the archive. Anything else is an error when the archive is opened. A member has the
 * size and the checksum that the directory says; otherwise it is a broken picture, as it can be in a folder.
 *
 * Memory:    some 32 bytes and the name of each picture
 * Source:    APPNOTE.TXT 6.3 of PKWARE, with the records of zip64
 * Threads:   any
 */
#ifndef VA_ZIP_H
#define VA_ZIP_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_zip; /* opaque */

/* Open the archive that `path` leads to or into. 1; 0 where it leads to none; -1 after reporting, also where the file
 * is no longer the one that a run has opened by this path: all videos of a run come from one file. That is said once. */
VA_MUST_USE int va_zip_open(const char *path, struct va_zip **zip);
void va_zip_close(struct va_zip *z); /* NULL is fine */
/* Let other files have the names of those that were opened: for tests, which make many archives. */
void va_zip_forget(void);

/* Call add(arg, name, folder) for each picture and folder directly in `path`, the archive or a folder in it,
 * until one gives -1. Returns -1 then, and after reporting that there is no such folder. */
VA_MUST_USE int va_zip_list(const struct va_zip *z, const char *path,
                            int (*add)(void *arg, const char *name, bool folder), void *arg);

/* The number of the picture that `path` leads to, and its bytes, of which there may be any number. -1 after
 * reporting that there is no such picture. */
VA_MUST_USE int64_t va_zip_find(const struct va_zip *z, const char *path);
int64_t va_zip_size(const struct va_zip *z, int64_t member);

/* Read a member to `data` [va_zip_size]. 1; 0 and *why, as of va_images_read, where its bytes are damaged; -1 after
 * reporting, also where the archive is no longer the file that was opened. */
VA_MUST_USE int va_zip_read(const struct va_zip *z, int64_t member, uint8_t *data,
                            const char **why);

#endif
