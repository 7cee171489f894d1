/*
 * va_made.h - how a file was made: its provenance (schemas/va.model.md), for people.
 *
 * Ownership: the caller's struct, begins as { 0 }; release frees what it owns
 */
#ifndef VA_MADE_H
#define VA_MADE_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_made {
    char *id;      /* content id */
    char *arch;    /* of a model, else NULL */
    char *encoder; /* of a model's features (va_origin_told), else NULL */
    char **lines;  /* [count] "tool=...", "arguments=...", ... */
    int64_t count;
    double
        ccc; /* mean CCC of a model on its own validation, NaN where the file does not tell */
};

/* Read it of any file of ours. -1 after reporting; nothing is to be released then. */
VA_MUST_USE int va_made_read(struct va_made *m, const char *path);
void va_made_release(struct va_made *m);

/* The rest of the first line that begins with "NAME=", or NULL. */
const char *va_made_value(const struct va_made *m, const char *name);

/* An option of a command line as the provenance keeps it, "--lr 0.1", or what is no option. Begin with
 * *rest = arguments; false at the end. Copies to option [size] what has room. */
bool va_made_option(const char **rest, char *option, int64_t size);

#endif
