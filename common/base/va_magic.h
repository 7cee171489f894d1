/*
 * va_magic.h - what a file is, by its first bytes, for the message about one that is none of ours.
 */
#ifndef VA_MAGIC_H
#define VA_MAGIC_H

#include "base/va_attr.h"
#include <stddef.h>

enum { VA_MAGIC_BYTES = 512 }; /* as many as are looked at */

/*
 * A noun phrase for the `size` first bytes of a file: "a WebP picture", "an HTML page", "gzip
 * data", "a Git LFS pointer (run: git lfs pull)". NULL when they are nothing known.
 */
const char *va_magic_name(const void *head, size_t size);

#endif
