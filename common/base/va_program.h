/*
 * va_program.h - where this program is, and what was installed beside it.
 */
#ifndef VA_PROGRAM_H
#define VA_PROGRAM_H

#include "base/va_attr.h"

/* Folder of this program, without links; a new string, or NULL after reporting. */
VA_MUST_USE char *va_program_folder(void);

/* The folder `up` levels above that, itself for 0: a path without "..", as messages show it. */
VA_MUST_USE char *va_program_above(int up);

/* ../share/mamba-va/NAME from there, where it can be read, both installed and in the folder of a build. A
 * new string; NULL, without a report, where there is none. */
VA_MUST_USE char *va_program_share(const char *name);

#endif
