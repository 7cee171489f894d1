/*
 * va_expressions.h - text files with the expression of each frame.
 *
 * As those of Aff-Wild2's EXPR_Recognition_Challenge: a header with the names of the classes
 * (Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other), then line k + 1 is the class of
 * frame k, a number from 0 on in the order of the header; -1 means that the frame was not annotated.
 * CR LF, blanks and empty lines at the end are fine.
 *
 * Ownership: the struct is the caller's and begins as { 0 }; release frees what it owns
 */
#ifndef VA_EXPRESSIONS_H
#define VA_EXPRESSIONS_H

#include "base/va_attr.h"
#include <stdint.h>

struct va_expressions {
    int32_t *class; /* [count]; -1: not annotated */
    int64_t count, room;
};

/* Read `path`, of which all classes are below `classes`; 0, or -1 after reporting
 * "file: line N: found 'x', expected ...". */
VA_MUST_USE int va_expressions_read(struct va_expressions *e, const char *path,
                                    int64_t classes);
void va_expressions_release(struct va_expressions *e);

#endif
