/*
 * va_text.h - text from outside that is shown to people.
 *
 * A terminal obeys control characters, also the C1 controls U+0080..U+009F and their raw bytes;
 * direction marks (U+202E and its kin) make a line read as what it is not. Names from files and
 * command lines are shown without.
 */
#ifndef VA_TEXT_H
#define VA_TEXT_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whether `text` is UTF-8 without controls, line separators and direction marks. */
bool va_text_prints(const char *text);

/* Put '?' for each character, and each byte that is no UTF-8, that va_text_prints refuses. */
void va_text_clean(char *text);

/* Write `text` to f, cleaned. */
void va_text_put(const char *text, FILE *f);

/* The ending of a noun that n counts: "1 epoch", "2 epochs". */
static inline const char *va_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

#endif
