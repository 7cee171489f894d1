/*
 * va_optimiser.h - AdamW over a parameter list, with a bound on the whole gradient.
 *
 * Source: Loshchilov and Hutter 2019, in PyTorch's order (see va_adamw in ops/va_ops.h). The list
 * of tensors is made once, so a step allocates nothing.
 *
 * Ownership: keeps the pointer to the parameters, which must outlive it
 */
#ifndef VA_OPTIMISER_H
#define VA_OPTIMISER_H

#include "ops/va_params.h"

struct va_optimiser_config {
    double decay;        /* weight decay of entries that want it */
    double clip;         /* bound on the L2 norm of all gradients together; 0: none */
    double beta1, beta2; /* .9, .999 */
    double eps;
};

struct va_optimiser; /* opaque */

/* For a list after va_params_allocate_training. NULL after reporting. */
VA_MUST_USE struct va_optimiser *va_optimiser_new(struct va_params *params,
                                                  const struct va_optimiser_config *c);
void va_optimiser_free(struct va_optimiser *o); /* NULL is fine */

/*
 * A step: begin puts its record on the device (ops/va_op_train.h) and returns it for the masks and
 * losses of this step. `update` updates from the gradients in the list, which it leaves as they
 * are; derived weights and prepared forms follow. `report` waits and reads what the step found. Where
 * the loss or a gradient was not finite nothing was changed, nor is it by later steps.
 */
void *va_optimiser_begin(struct va_optimiser *o, uint64_t seed, uint64_t step, double rate);
void va_optimiser_update(struct va_optimiser *o);

/* 0, or -1 when the device has failed, which is reported. *bad: the tensor whose gradient is not
 * finite, for a message of the caller, who knows step and batch (it lives as long as the list); or
 * NULL. */
VA_MUST_USE int va_optimiser_report(struct va_optimiser *o, struct va_step_report *r,
                                    const char **bad);

/* Updates made so far; setting it is for a run that is resumed (moments are in the list). */
int64_t va_optimiser_updates(const struct va_optimiser *o);
void va_optimiser_set_updates(struct va_optimiser *o, int64_t updates);

#endif
