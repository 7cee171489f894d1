/*
 * va_streams.h - named streams: which features stand beside each other in a frame, by name and width.
 *
 * A row of named streams has, stream after stream, the features of a stream and one column that says
 * whether the frame has them, 1 or 0: sum of (dim + 1) columns. Nothing named is one stream without that column.
 */
#ifndef VA_STREAMS_H
#define VA_STREAMS_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VA_STREAMS_MAX = 8, VA_STREAM_NAME = 32 /* bytes, with the zero */ };

struct va_streams {
    int64_t count; /* 0: one stream without a name */
    struct va_stream_shape {
        char name[VA_STREAM_NAME];
        int64_t dim; /* features */
    } items[VA_STREAMS_MAX];
};

/* A letter, then letters, digits and _: part of the names of tensors and attributes. */
bool va_stream_name_valid(const char *name);

int64_t va_streams_find(const struct va_streams *s, const char *name); /* -1: not there */
int64_t va_streams_columns(const struct va_streams *s);                /* of a row */

/* "face=34,sound=17", and back: names once each, widths from 1 to `most`. Parsing reports as WHERE. */
enum { VA_STREAMS_TEXT = VA_STREAMS_MAX * (VA_STREAM_NAME + 24) };
const char *va_streams_text(const struct va_streams *s, char text[VA_STREAMS_TEXT]);
VA_MUST_USE int va_streams_parse(struct va_streams *s, const char *text, int64_t most,
                                 const char *where);

/* An option's NAME=VALUE: copies a valid name and returns the value, not empty; or NULL. */
const char *va_stream_split(const char *given, char name[VA_STREAM_NAME]);

#endif
