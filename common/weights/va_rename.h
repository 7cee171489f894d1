/*
 * va_rename.h - names of tensors by rules: those of others' models to ours, and back.
 *
 * In a rule # stands for a number and a * at the end for the rest; the first rule that fits counts.
 * A tensor whose new name is empty is not wanted.
 */
#ifndef VA_RENAME_H
#define VA_RENAME_H

#include "base/va_tensors.h"

struct va_rename {
    const char *theirs, *ours;
};

/* The new name by the first rule that fits, the old one where none does: a new string. NULL after
 * reporting. */
VA_MUST_USE char *va_rename(const struct va_rename *rules, size_t count, const char *name);

/* All names of a set; 0, or -1 after reporting. */
VA_MUST_USE int va_rename_all(struct va_tensors *set, const struct va_rename *rules,
                              size_t count);

#endif
