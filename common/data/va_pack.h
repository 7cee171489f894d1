/*
 * va_pack.h - features of many videos to shards of a bounded size, and back to a file per video.
 *
 * Videos keep their order. All inputs are looked at before the first shard is begun; rows then go a block at
 * a time, so memory holds a row of a table for each video, and no features.
 *
 * Schema:    reads va.features/1 and va.corpus/1; writes the one or the other
 */
#ifndef VA_PACK_H
#define VA_PACK_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_pack_job {
    char *const *inputs; /* NULL last */
    const char *output;  /* folder, which is made */
    int64_t shard_bytes; /* of rows in a shard at most, unless one video has more */
    bool half;           /* store float16 */
};

/* Write DIR/shard-00001.h5 and so on; with --force those of an earlier run go first. 0, or -1 after reporting: also videos with one name, features of several
 * widths or column names, shards of an earlier run. */
VA_MUST_USE int va_pack(const struct va_pack_job *job);

/* Write DIR/NAME.h5 for each video, with numbers of the type that the input has. 0, or -1 after reporting. */
VA_MUST_USE int va_unpack(const struct va_pack_job *job);

#endif
