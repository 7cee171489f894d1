/*
 * va_share.h - a batch that several ranks work on (comm/va_comm.h).
 *
 * Each rank takes a share of the windows, one behind the other; where there are fewer windows than
 * ranks some get none. The loss is that of the whole batch, from moments merged in the order of
 * ranks; gradients are added up in that order, or, where the devices do it themselves (va_share_join), in one
 * of theirs (ops/va_ranks.h). What every rank then has is the same, bit for bit,
 * so all make the same update and weights never have to be sent.
 *
 * How close to one rank: masks and loss are those of the whole batch, so the only difference is
 * where sums over frames are cut and rounded to float32: some units in the last place of a
 * gradient. Bound, over some dozen steps: the loss of a step within 1e-6; a weight within a
 * hundredth of the sum of the learning rates, which is how far AdamW can have moved it. Where a
 * gradient is nothing but rounding AdamW makes a step of the learning rate of it as well, and
 * there weights may be that sum apart, without the loss showing it. test/mpi.bats holds 1, 2 and
 * 4 ranks to the bound.
 *
 * All but the first three are collective. With one rank they change nothing.
 */
#ifndef VA_SHARE_H
#define VA_SHARE_H

#include "base/va_hash.h"
#include "nn/va_optimiser.h"
#include "ops/va_ccc_loss.h"
#include "ops/va_params.h"

struct va_share {
    int64_t first, count;
};

struct va_share va_share_of_rank(int64_t windows, int rank);
struct va_share va_share_of(int64_t windows); /* this rank's part of [0, windows) */
int64_t va_share_most(int64_t windows);       /* the largest part of some rank */

/* Before anything is computed: machines of a cluster may differ, and an update has to round alike on all
 * ranks, or weights drift apart; so all use the instruction set that all have. */
void va_share_rounding(void);

/* From the moments of this rank's share to those of the batch. */
void va_share_moments(struct va_ccc_moments *m);

/* The same for a loss over frames of this rank's share; *m holds them during ccc_loss, or devices that have joined do.
 * With one rank the loss makes its own. */
void va_share_ccc(struct va_backend *be, struct va_ccc *p, struct va_ccc_moments *m);

/* The sum of what the ranks have, in their order. */
double va_share_sum(double x);

/* va_optimiser_report, with losses that are sums over ranks, and `wrong` that of the first rank that has one. -1 on all
 * ranks after reporting. */
VA_MUST_USE int va_share_report(struct va_optimiser *o, struct va_step_report *r,
                                const char **bad);

/*
 * Before the first gradients: where each rank has a GPU of its own and all have NCCL, these add up gradients by it, without
 * the host; -v says so, or why not. 0 in both cases, or -1 on all ranks after an error was reported.
 */
VA_MUST_USE int va_share_join(struct va_backend *be);

/* Whether the devices of all ranks are well, as far as is known without waiting: 0, or -1 on all after reporting. */
VA_MUST_USE int va_share_well(struct va_backend *be);

/* From the gradients of this rank's share to those of the batch; room [VA_SHARE_ROOM]. Where devices have joined, this and
 * what follows on the device goes on behind the host's back until va_share_settle. */
enum { VA_SHARE_ROOM = 1 << 20 };
void va_share_gradients(struct va_params *params, float *room);

/* Wait for what devices that have joined do together: 0, or -1 on all ranks where one of them gave up, after
 * reporting; what followed is then void. */
VA_MUST_USE int va_share_settle(struct va_backend *be);

/* What this rank's device has begun with the others, or could not (-1), is on its way, or a rank has given up. */
void va_share_send(struct va_backend *be, int begun);

/* Whether all ranks hashed the same: 0, or -1 after "rank 2: WHAT: not those of rank 0". */
VA_MUST_USE int va_share_same(struct va_hash *h, const char *what);

/* The same for the values of all parameters; room as above. */
VA_MUST_USE int va_share_same_weights(const struct va_params *params, int64_t step,
                                      float *room);

#endif
