/*
 * va_blocks.h - a stack of transformer blocks (nn/va_block.h), with a tape for those that are
 * trained. Blocks below the first of these, all of them in inference, work in place on the input.
 */
#ifndef VA_BLOCKS_H
#define VA_BLOCKS_H

#include "nn/va_block.h"
#include "ops/va_arena.h"

enum { VA_BLOCKS_MAX = 256 };

struct va_blocks {
    int64_t depth;
    struct va_block at[VA_BLOCKS_MAX];
};

/* Room of a batch. */
struct va_blocks_shape {
    int64_t B, T;    /* sequences at most, rows of each */
    int64_t queries; /* rows of a sequence that go on behind the last block */
    int64_t first;   /* the first block with a tape; depth: none */
};
struct va_blocks_acts {
    struct va_blocks_shape shape;
    struct va_block_acts at[VA_BLOCKS_MAX]; /* out NULL: in place */
    int64_t queries;                        /* of the last forward, */
    const void *result;                     /* and what it gave, [B, queries, D] */
};

/* Append PREFIX.0.norm1.weight and so on. -1 after reporting. */
VA_MUST_USE int va_blocks_declare(struct va_blocks *b, struct va_params *list,
                                  const char *prefix, int64_t depth,
                                  const struct va_block_sizes *s, va_block_law law);

void va_blocks_plan(const struct va_blocks *b, const struct va_blocks_shape *shape,
                    struct va_arena *a, struct va_blocks_acts *acts);

/* Of B sequences x [B, T, D], which are overwritten where the first block is without a tape; queries as
 * planned, or T without a tape. keep [depth, 2, B]: factors of what blocks with a tape add (drop
 * path), or NULL. Returns acts->result. */
const void *va_blocks_forward(const struct va_blocks *b, int64_t B, int64_t queries, void *x,
                              const void *keep, struct va_blocks_acts *acts);

/* From the gradient of the result in grad[0]; both [B, T, D] are overwritten. Returns the one with dx,
 * if wanted. */
void *va_blocks_backward(const struct va_blocks *b, int64_t B, const void *x,
                         const struct va_blocks_acts *acts, void *const grad[2], bool want_dx);

#endif
