/*
 * va_trunk.h - what stands below the layers of the temporal model: TCN blocks, or a linear layer in their place.
 *
 *     x [M, in] -> TCN blocks (dilation 1, 2, 4, ...), or embed with dropout -> [M, D]
 *
 * A model has one; with --fusion cross one for each stream. Names of parameters: PREFIXtcn.B.*, PREFIXembed.*
 */
#ifndef VA_TRUNK_H
#define VA_TRUNK_H

#include "model/va_temporal.h"
#include "nn/va_history.h"
#include "nn/va_tcn.h"
#include "ops/va_arena.h"

struct va_trunk {
    struct va_params *params;
    int64_t in, D, blocks;
    int64_t
        mask; /* of its first dropout (struct va_mask); each block has two, an embedding one */
    struct va_tcn tcn[VA_TEMPORAL_BLOCKS_MAX];
    int64_t embed; /* without a TCN; else -1 */
};

struct va_trunk_acts {
    struct va_tcn_acts tcn[VA_TEMPORAL_BLOCKS_MAX];
    void *embedded; /* [M, D]; without a TCN */
};

/* Append all entries; number `n` of the trunks of a model. -1 after reporting. */
VA_MUST_USE int va_trunk_declare(struct va_trunk *t, struct va_params *list, const char *prefix,
                                 int64_t n, int64_t in, const struct va_temporal_config *c,
                                 enum va_temporal_init init);

int64_t va_trunk_widest(const struct va_trunk *t); /* of the outputs of its layers */

/* Places for M frames; without training blocks share three. */
void va_trunk_plan(const struct va_trunk *t, int64_t M, bool training, struct va_arena *a,
                   struct va_trunk_acts *acts);

/* The output [M, D]; drop->first counts frames in the whole batch. */
const void *va_trunk_forward(struct va_trunk *t, int64_t B, int64_t T, const void *x,
                             const struct va_trunk_acts *acts, const struct va_mask *drop);
const void *va_trunk_out(const struct va_trunk *t, const struct va_trunk_acts *acts);

/* The gradient of the output is in s->grad[0], and in the end that of x, if wanted. */
void va_trunk_backward(struct va_trunk *t, int64_t B, int64_t T, const void *x,
                       const struct va_trunk_acts *acts, const struct va_mask *drop,
                       bool want_dx, struct va_tcn_scratch *s);

/* ---- one sequence in blocks ---- */

struct va_trunk_state {
    struct va_history in[VA_TEMPORAL_BLOCKS_MAX],
        mid[VA_TEMPORAL_BLOCKS_MAX]; /* of conv1, conv2 */
    void *c1, *c2, *out; /* [most, the widest C]; out of the last block, or embedded */
};

void va_trunk_state_plan(const struct va_trunk *t, int64_t most, struct va_arena *a,
                         struct va_trunk_state *s);
void va_trunk_state_reset(const struct va_trunk *t, struct va_trunk_state *s);
/* The output of T <= most new rows x. */
const void *va_trunk_step(struct va_trunk *t, int64_t T, const void *x,
                          struct va_trunk_state *s);

#endif
