/*
 * va_schema.h - the tables of the schema pages: what each kind of file must hold.
 *
 * A row says of an attribute or dataset which types and which shape it may have and which
 * rules it keeps. schemas/va.schema.md explains the columns.
 *
 * Ownership: schemas live as long as the program
 */
#ifndef VA_SCHEMA_H
#define VA_SCHEMA_H

#include "base/va_attr.h"
#include "base/va_tensors.h"
#include <stdbool.h>
#include <stdint.h>

/* Types a row allows: a bit per enum va_dtype (VA_BF16 is spelt uint16), and these. */
enum {
    VA_SCHEMA_STRING = 1 << 16,
    VA_SCHEMA_INT = 1 << 17,  /* any integer: attributes */
    VA_SCHEMA_REAL = 1 << 18, /* any float: attributes of type float64 */
    VA_SCHEMA_ANY = 1 << 19,  /* attributes only */
};

struct va_schema_dim {
    char letter;  /* 0: a fixed size */
    int64_t size; /* fixed size, or what is added to the letter */
};

struct va_schema_row {
    char *line;        /* in which object and attribute lie */
    char *object;      /* path of the dataset or of the attribute's owner ("/" for the root) */
    char *attribute;   /* NULL for a dataset; "*" for any name */
    const char *types; /* as the page says them, for messages */
    const char *shape;
    unsigned type_mask;
    int rank; /* -1: any */
    struct va_schema_dim dims[VA_RANK_MAX];
    bool required, finite, ascending, sorted, name; /* name: of a video, va_names.h */
    double lo, hi;  /* -INFINITY, INFINITY where there is no bound */
    char *hi_under; /* attribute of the root that is the upper bound, or NULL */
};

struct va_schema {
    char *id; /* "va.features/1" */
    struct va_schema_row *rows;
    int64_t count, room;
};

/* The schema `id`, or NULL: not reported. */
const struct va_schema *va_schema_find(const char *id);

/* Whether another version of schema `id` is known; the id of the newest, or NULL. */
const char *va_schema_other_version(const char *id);

/* Whether `path` is one that `pattern` ("/videos/ * /va" without blanks) stands for; `name` (if
 * not NULL, `size` bytes) gets what the star stands for, "" when there is none. */
bool va_schema_match(const char *pattern, const char *path, char *name, size_t size);

#endif
