/*
 * va_elan.h - annotations of ELAN (.eaf): tiers of segments with a beginning, an end and a text.
 *
 * Only what tables of ratings need is read: time slots, tiers and annotations that are aligned to the time. XML is
 * read as text: tags, attributes, the five named characters and numbered ones. A document type declaration, which
 * might define more, is refused. The whole file is in memory, at most 64 MiB.
 *
 * Format:    EAF 2.7 to 3.0 (Annotation Format 3.0 and Schema, MPI for Psycholinguistics)
 * Ownership: opaque; close frees
 */
#ifndef VA_ELAN_H
#define VA_ELAN_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_elan; /* opaque */

struct va_elan_segment {
    double begin, end; /* seconds, begin < end */
    const char *text;  /* without blanks around it; may be empty */
    int64_t line;      /* of the file, from 1 */
};

bool va_elan_named(const char *path); /* whether it ends in .eaf */

/* NULL after reporting. `path` is kept. */
VA_MUST_USE struct va_elan *va_elan_open(const char *path);
void va_elan_close(struct va_elan *e); /* NULL is fine */

/*
 * The segments of the tier of this name, upper and lower case being equal, in the order of their time; they do not
 * overlap. Their number, or -1 after reporting: no such tier, with the `option` that names another; a segment without
 * times.
 */
VA_MUST_USE int64_t va_elan_tier(struct va_elan *e, const char *name, const char *option,
                                 const struct va_elan_segment **segments);

#endif
