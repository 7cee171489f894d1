/*
 * va_given.h - the models that va-run works with: from options, from the environment, or installed.
 *
 * All are looked at before a video is opened: the search for faces alone takes minutes.
 *
 * Errors:    all report
 */
#ifndef VA_GIVEN_H
#define VA_GIVEN_H

#include "base/va_option.h"
#include <stdbool.h>

/* `encoder` and `models` begin as the options say; release in any case. */
struct va_given {
    const char *encoder;      /* NULL: none */
    struct va_strings models; /* of the options, or the one below */
    const char *found;        /* otherwise; owned */
};

/* Where no option names them, take those of the environment, or what is installed. None at all is fine: then only
 * faces are found. -1 after reporting. */
VA_MUST_USE int va_given_find(struct va_given *g);
void va_given_release(struct va_given *g);

/* Whether make can use them, and they work together. -1 after reporting. */
VA_MUST_USE int va_given_check(const struct va_given *g, const struct va_strings *set);

/* Whether there is a detector of faces. -1 after reporting that it is something else, or that there is none where
 * one is `needed`. */
VA_MUST_USE int va_given_detector(const struct va_strings *set, bool needed);

#endif
