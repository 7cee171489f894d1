/*
 * va_stack.h - the layers between the TCN and the linear head, one on the other, all of one kind.
 *
 * Which kinds there are, and what a layer computes: va_temporal_kind.h. Maps [B, T, D] to [B, T, D],
 * frame t from frames up to t. Names of parameters: KIND.L.*
 */
#ifndef VA_STACK_H
#define VA_STACK_H

#include "model/va_temporal_kind.h"

struct va_stack {
    const struct va_temporal_kind *kind; /* NULL: no layers, the output is the input */
    int64_t count;
    void *layers; /* [count] structs of the kind */
};

/* Activations, and with `streaming` what each layer remembers of one sequence. */
struct va_stack_acts {
    void *layers; /* [count] structs of the kind, as is state */
    void *state;  /* NULL without streaming: sequences begin at each forward */
    void *scratch;
    const void *out[VA_TEMPORAL_LAYERS_MAX]; /* of each layer, in the last forward */
};

/* Append all entries; sizes from a checked configuration. Release also after -1 (after reporting). */
VA_MUST_USE int va_stack_declare(struct va_stack *s, struct va_params *list,
                                 const struct va_temporal_config *c,
                                 enum va_temporal_init init);
void va_stack_release(struct va_stack *s);

VA_MUST_USE int va_stack_acts_init(struct va_stack_acts *acts, const struct va_stack *s,
                                   bool streaming);
void va_stack_acts_release(struct va_stack_acts *acts, const struct va_stack *s);

/* Places for B sequences of T frames. Without training, layers share two sets in turn; with streaming
 * B is 1 and T the most frames at a time. */
void va_stack_plan(const struct va_stack *s, int64_t B, int64_t T, bool training,
                   struct va_arena *a, struct va_stack_acts *acts);
void va_stack_plan_backward(const struct va_stack *s, int64_t B, int64_t T, struct va_arena *a,
                            struct va_stack_acts *acts);

/* The output [M, D]. */
const void *va_stack_forward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                             struct va_stack_acts *acts);

/* grad[0] holds the gradient of the output, and in the end that of x; grad[1] is as large. */
void va_stack_backward(const struct va_stack *s, int64_t B, int64_t T, const void *x,
                       const struct va_stack_acts *acts, void *grad[2]);

void va_stack_reset(const struct va_stack *s,
                    struct va_stack_acts *acts); /* a sequence begins */

#endif
