/*
 * va_h5_member.h - a video of a shard (va.corpus/1) as a va.features/1 file: what the parts of the store share of it.
 * va_h5_shard.h is how shards are written.
 *
 * Ownership: strings of a member are the shard's
 */
#ifndef VA_H5_MEMBER_H
#define VA_H5_MEMBER_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_shard; /* opaque: the file with all videos, and its table */
struct va_h5_in;
struct va_h5_object;

/* What a video of a shard has for the attributes of a va.features/1 file, and how it answers (va_h5_member.c). */
struct va_h5_file;
struct va_h5_value;
struct va_h5_member_calls {
    bool (*has)(const struct va_h5_file *f, const char *object, const char *name);
    int (*value)(const struct va_h5_file *f, const char *name, struct va_h5_value *value);
    int (*names)(const struct va_h5_file *f, const char *object, char ***names, int64_t *count);
    int (*strings)(const struct va_h5_file *f, const struct va_h5_object *o, char ***values);
};
extern const struct va_h5_member_calls va_h5_member_calls;
struct va_h5_member {
    const struct va_h5_member_calls *calls;
    const char *name, *id;
    const char *encoder, *input; /* "": not known */
    double fps;
    int64_t frame_count;
    int64_t provenance, provenance_bytes; /* where its lines are in the file; 0 bytes: none */
    char *const *columns;                 /* names of the columns, or NULL */
};

/* Whether `path` is SHARD/NAME by its looks: a part of a path that leads to a file (va_h5_lib.c). */
bool va_shard_in_path(const char *path);
/* Open that video; NULL after reporting. */
VA_MUST_USE struct va_h5_in *va_shard_open_path(const char *path, const char *schema);
void va_shard_rest(struct va_h5_in *in);
VA_MUST_USE int va_shard_wake(struct va_h5_in *in);
void va_shard_close(struct va_h5_in *in);
struct va_h5_in *va_shard_file(const struct va_shard *s); /* the file with all videos */

/* A shard whose bytes stay open until the end; NULL after reporting. Its videos, by number. */
VA_MUST_USE struct va_shard *va_shard_begin_all(const char *path);
int64_t va_shard_count(const struct va_shard *s);
VA_MUST_USE struct va_h5_in *va_shard_open_next(struct va_shard *s, int64_t v);
void va_shard_end_all(struct va_shard *s);

#endif
