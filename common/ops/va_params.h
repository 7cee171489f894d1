/*
 * va_params.h - the one list of named parameters of a model.
 *
 * Each entry has a name, a shape, a law for its initial values and whether weight decay applies.
 * The list drives initialisation, the optimiser, model files and the counts that va-weights
 * prints: a tensor that is not in it does not exist.
 *
 * Ownership: the list owns the buffers: one block of values, and once training asked for them one
 *            each of gradients and moments; entries and layers keep pointers into them. Entries
 *            begin at multiples of 64 bytes (float32); the numbers between them are zero.
 */
#ifndef VA_PARAMS_H
#define VA_PARAMS_H

#include "base/va_tensors.h"
#include "ops/va_ops.h"
#include <stdarg.h>

enum va_init {
    VA_INIT_ZERO,
    VA_INIT_CONSTANT,     /* a */
    VA_INIT_UNIFORM,      /* in [-a, a) */
    VA_INIT_NORMAL,       /* mean 0, deviation a */
    VA_INIT_LOG_COUNT,    /* row by row log(1), log(2), ... log(N): Mamba's A_log [E, N] */
    VA_INIT_INV_SOFTPLUS, /* so that softplus is log-uniform in [a, b]: Mamba's dt bias */
    VA_INIT_NORM_OF,      /* per row the L2 norm of entry `of`: weight_g of weight_v */
    VA_INIT_SINCOS,       /* fixed 2-D sine-cosine positions [1, 1 + grid^2, D], row 0 zero */
};

struct va_param {
    struct va_backend *be; /* as of the list */
    char name[80];
    int rank;
    int64_t shape[4];
    int64_t count; /* product of the shape */
    enum va_init init;
    double a, b; /* arguments of the law */
    int64_t of;  /* VA_INIT_NORM_OF: index of the other entry */
    double rate; /* its learning rate over that of all; 0 stands for 1 */
    bool decay;  /* weight decay applies */
    bool frozen; /* not trained: no gradient, no moments; none goes through it either */
    bool biased; /* of a linear layer (nn/va_dense.h): the next entry is its bias */
    struct va_weight value;
    void *grad, *m, *v; /* [count]; NULL before va_params_allocate_training, or frozen */
};

struct va_params {
    struct va_backend *be;  /* NULL for a list that is only declared, to match or count */
    struct va_param *items; /* [count] */
    int64_t count, room;
    void *values; /* block of all entries; NULL before va_params_allocate */
    /* Set before that: not trained, not stored; weights may be prepared alone, as frozen ones are where their
     * values are to be had from that. */
    bool run_only;

    struct va_derived *derived; /* [derived_count] weights that follow from entries */
    int64_t *derived_from;      /* [derived_count, 2]: the entries of v and g; -1: no g */
    int64_t derived_count, derived_room, from_room;
    void *derived_values; /* block of them */

    void *grads, *m, *v; /* [trained] blocks of the trained entries; NULL without training */
    int64_t trained;
};

void va_params_init(struct va_params *list, struct va_backend *be);
void va_params_release(struct va_params *list);

/*
 * Append an entry and return its index, or -1 after reporting. The name is a printf format.
 *     i = va_params_add(list, &(struct va_param){ .rank = 2, .shape = { N, K }, .init = ...,
 *                       .a = ..., .decay = true }, "mamba.%d.in_proj.weight", l);
 */
VA_MUST_USE int64_t va_params_add(struct va_params *list, const struct va_param *law,
                                  const char *name, ...) VA_PRINTF(3, 4);

/* Append NAME.weight and, with a law for it, NAME.bias after it, with the arguments of the name
 * in `args`. Returns the index of the weight. */
VA_MUST_USE int64_t va_params_add_pair(struct va_params *list, const struct va_param *weight,
                                       const struct va_param *bias, const char *name,
                                       va_list args);

/* Append a weight that follows from entry v (and entry g, else -1) and return its index in
 * `derived`, or -1 after reporting. Rows are v's outermost size. */
VA_MUST_USE int64_t va_params_derive(struct va_params *list, enum va_law law, int64_t v,
                                     int64_t g);

/* Allocate values, or gradients and moments, once; all entries have been added. */
VA_MUST_USE int va_params_allocate(struct va_params *list);
VA_MUST_USE int va_params_allocate_training(struct va_params *list);

int64_t va_params_total(const struct va_params *list); /* numbers in all entries */

/* Draw initial values from (seed, VA_RAND_INIT, index of the entry, element). */
VA_MUST_USE int va_params_draw(struct va_params *list, uint64_t seed);

/*
 * Whether a set has exactly the entries of this list, in the right shapes: "model.h5: mamba.0.D:
 * shape 12, expected 24". Needs no values, so it may come before va_params_allocate and keep a
 * hostile file from asking for memory. 0, or -1 after reporting; `path` names the file.
 */
VA_MUST_USE int va_params_match(const struct va_params *list, const struct va_tensors *set,
                                const char *path);

/*
 * Take values from a set: it has every entry, of the right shape, with finite values, and nothing else;
 * `path` names the file in messages. 0, or -1 after reporting; the values are undefined then.
 * What the set left in its file goes from there to the device, without a copy in between.
 */
VA_MUST_USE int va_params_load(struct va_params *list, const struct va_tensors *set,
                               const char *path);

/* Add copies of all entries, or of those that are trained, to a set. 0, or -1 after reporting. */
VA_MUST_USE int va_params_store(const struct va_params *list, struct va_tensors *set);
VA_MUST_USE int va_params_keep(const struct va_params *list, struct va_tensors *set);

/* Add all entries to a set without a copy: values stay where they are. Those that `kept` has (NULL: none)
 * are its. The list and `kept` outlive the set. 0, or -1 after reporting. */
VA_MUST_USE int va_params_lend(const struct va_params *list, const struct va_tensors *kept,
                               struct va_tensors *set);

void va_params_zero_grad(struct va_params *list);

/* After the last backward pass of a step, for those who look at gradients (the update does this itself): from
 * those of derived weights, which lie in those of the entries that they follow from, to these. */
void va_params_derive_grad(struct va_params *list);

/* All values were written by the host: derived weights and prepared forms are made anew. For those who
 * compute with them, before they do. */
void va_params_changed(struct va_params *list);

#endif
