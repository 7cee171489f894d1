/*
 * va_version.h - what this build is: release, commit, compiler, flags, libraries.
 */
#ifndef VA_VERSION_H
#define VA_VERSION_H

#define VA_VERSION "0.1.0"

/* Print the answer to --version on stdout: the release first, then a line per fact. */
void va_version_print(void);

#endif
