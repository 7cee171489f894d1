/*
 * va_ops.h - the operation table: everything a model asks of a device.
 *
 * A model holds buffers and calls the table; it does not know the device. Backends:
 *   cpu  (cpu/va_cpu_ops.h)  all cores, SIMD
 *   ref  (ref/va_ref_ops.h)  float64, plain loops: the judge of the others in the tests
 *
 * Numbers:   a buffer is a void * to `elem` bytes per number (4, or 8 in ref); use va_at() to
 *            step through it. Only get_* may be asked for the values.
 * Contracts: what each operation computes is said in ops/va_op.h, and for time, pictures, blocks and
 *            training in ops/va_op_*.h
 * Time:      operations may run later, in the order of their calls. What the host gives (parameter
 *            structs, sources of put_*) is read before the call returns. Only
 *            get_*, sync and what returns a result wait. A buffer may be freed with work
 *            outstanding. A list of tensors lives until the next wait.
 *            What varies from step to step is in a record on the device (ops/va_op_train.h), where
 *            a step leaves its results: reading it, at the end, is the only wait of a step.
 * Errors:    operations return nothing. A failure (memory, device)
 *            sticks: later operations do nothing and va_backend_check() returns -1 after it was
 *            reported once. Sizes are the caller's promise, taken from a checked configuration.
 * Results:   equal inputs give equal bytes for the same number of threads
 */
#ifndef VA_OPS_H
#define VA_OPS_H

#include "base/va_attr.h"
#include "ops/va_op_pictures.h"
#include "ops/va_op_sequence.h"
#include "ops/va_op_train.h"
#include "ops/va_op_transformer.h"
#include "ops/va_ranks.h"
#include <stddef.h>

struct va_ops {
    const char *name;
    size_t elem; /* bytes of one number */
    int64_t
        scan_marks; /* frames from mark to mark, where scan leaves states to scan_grad; else 0 */

    /* Bytes that may be taken now for what could as well stay with the host; NULL: none. A device that has them gathers
     * rows in bfloat16, too. */
    int64_t (*spare)(struct va_backend *be);

    /* Memory. alloc: zeroed; NULL after reporting. copy: device to device. */
    void *(*alloc)(struct va_backend *be, int64_t count);
    void (*free)(struct va_backend *be, void *buffer);
    void (*zero)(struct va_backend *be, void *buffer, int64_t count);
    void (*copy)(struct va_backend *be, void *dst, const void *src, int64_t count);
    void (*put_f32)(struct va_backend *be, void *dst, const float *src, int64_t count);
    void (*put_f64)(struct va_backend *be, void *dst, const double *src, int64_t count);
    void (*get_f32)(struct va_backend *be, float *dst, const void *src, int64_t count);
    void (*get_f64)(struct va_backend *be, double *dst, const void *src, int64_t count);
    /* Records and tables, as they are: of a buffer from its beginning. */
    void (*put_bytes)(struct va_backend *be, void *dst, const void *src, int64_t bytes);
    void (*get_bytes)(struct va_backend *be, void *dst, const void *src, int64_t bytes);

    /*
     * Weights. put: the values of a weight, `count` numbers; where w->data is NULL they go into its prepared form
     * alone, in the precision that the backend has now. Forward passes, in this precision, need no more
     * of a weight that is prepared_only; with `exact` it also gives back what was put.
     * get: numbers [first, first + count) of a weight.
     */
    void (*weight_put)(struct va_backend *be, struct va_weight *w, int64_t count,
                       const struct va_numbers *from);
    void (*weight_get)(struct va_backend *be, const struct va_weight *w, int64_t first,
                       int64_t count, float *to);
    bool (*prepared_only)(const struct va_backend *be, const struct va_weight *w, bool exact);
    void (*weight_prepare)(struct va_backend *be, struct va_weight *w, bool training);
    void (*weight_release)(struct va_backend *be, struct va_weight *w);

    /* Elementwise over n numbers; in place allowed where x (or dy) is y (or dx). */
    void (*unary)(struct va_backend *be, enum va_unary f, int64_t n, const void *x, void *y);
    /* dx = dy * f'(x); y = f(x) is given as well, since some derivatives need only it. */
    void (*unary_grad)(struct va_backend *be, enum va_unary f, int64_t n, const void *x,
                       const void *y, const void *dy, void *dx);
    void (*add)(struct va_backend *be, const struct va_add *p);
    void (*add_scaled)(struct va_backend *be, const struct va_add_scaled *p);
    void (*gather)(struct va_backend *be, const struct va_gather *p);
    void (*prelu)(struct va_backend *be, const struct va_prelu *p);
    void (*prelu_grad)(struct va_backend *be, const struct va_prelu_grad *p);
    void (*dropout)(struct va_backend *be, const struct va_dropout *p);

    void (*linear)(struct va_backend *be, const struct va_linear *p);
    void (*linear_grad)(struct va_backend *be, const struct va_linear_grad *p);
    void (*conv)(struct va_backend *be, const struct va_conv *p);
    void (*conv_grad)(struct va_backend *be, const struct va_conv_grad *p);
    void (*dwconv)(struct va_backend *be, const struct va_dwconv *p);
    void (*dwconv_grad)(struct va_backend *be, const struct va_dwconv_grad *p);
    void (*scan)(struct va_backend *be, const struct va_scan *p);
    void (*scan_grad)(struct va_backend *be, const struct va_scan_grad *p);
    void (*norm)(struct va_backend *be, const struct va_norm *p);
    void (*norm_grad)(struct va_backend *be, const struct va_norm_grad *p);
    void (*attention)(struct va_backend *be, const struct va_attention *p);
    void (*attention_grad)(struct va_backend *be, const struct va_attention_grad *p);
    void (*recurrent)(struct va_backend *be, const struct va_recurrent *p);
    void (*recurrent_grad)(struct va_backend *be, const struct va_recurrent_grad *p);

    /* Composed of the above where a backend has none of its own (ops/va_compose.h). */
    struct va_transformer_room (*transformer_room)(struct va_backend *be,
                                                   const struct va_transformer_shape *s);
    void (*transformer)(struct va_backend *be, const struct va_transformer *p);
    void (*transformer_grad)(struct va_backend *be, const struct va_transformer_grad *p);
    /* Optional, or NULL. A block without `training` in a way of the device's own, in the work of the composed one.
     * False: the device has none for this block, and nothing was done. */
    bool (*transformer_infer)(struct va_backend *be, const struct va_transformer *p);

    /* Losses and the update, by the record of the step. */
    void (*squares)(struct va_backend *be, const struct va_squares *p);
    void (*ccc_loss)(struct va_backend *be, const struct va_ccc *p);
    void (*cross_entropy)(struct va_backend *be, const struct va_cross_entropy *p);
    void (*update)(struct va_backend *be, const struct va_adamw *p);
    /* Waits: what several ranks merge before ccc_loss. */
    void (*ccc_moments)(struct va_backend *be, int64_t n, const void *pred, const void *label,
                        const void *valid, struct va_ccc_moments *out);

    /* Values of derived weights, with prepared forms; and, in place, the gradients of what they follow from. */
    void (*derive)(struct va_backend *be, const struct va_derived *list, int64_t count);
    void (*derive_grad)(struct va_backend *be, const struct va_derived *list, int64_t count);

    /* Pictures */
    void (*conv2d)(struct va_backend *be, const struct va_conv2d *p);
    void (*dwconv2d)(struct va_backend *be, const struct va_dwconv2d *p);
    void (*separable2d)(struct va_backend *be, const struct va_separable2d *p);
    void (*pool2d)(struct va_backend *be, const struct va_pool2d *p);
    void (*gate)(struct va_backend *be, const struct va_gate *p);
    void (*upsample2d)(struct va_backend *be, const struct va_upsample2d *p);
    /* Optional, or NULL: where pictures go to the device as bytes. */
    void (*patches)(struct va_backend *be, const struct va_patches *p);

    /*
     * Optional, NULL together. From `record` to `recorded` calls are kept as well as made; recorded
     * returns them, or NULL where one of them waited or took something from the host (put_*,
     * moments), or a device cannot keep them, such as those that ask for memory. `replay` makes
     * them again: what differs is what the buffers hold, the step's record among them. Lists and buffers given
     * to them live until `forget`.
     */
    void (*record)(struct va_backend *be);
    void *(*recorded)(struct va_backend *be);
    void (*replay)(struct va_backend *be, void *calls);
    void (*forget)(struct va_backend *be, void *calls); /* NULL is fine */

    const struct va_ranks
        *ranks; /* sums between ranks without the host (ops/va_ranks.h); or NULL */

    int (*sync)(struct va_backend *be); /* wait; -1 after a failure was reported */
    void (*destroy)(struct va_backend *be);
};

/*
 * Arithmetic of the products in `linear`, `conv` and `attention`: with BF16 their operands are
 * rounded to bfloat16, to nearest even (weights once, the rest at each use), and the products
 * summed in float32 or wider; in linear_grad and conv_grad those are dy, x and w. All other operations take no
 * notice, nor does an attention that keeps its log-sums for a backward pass, which has to find the same weights
 * again. A device may leave out the rounding in `conv` and conv_grad where float32 is faster.
 *
 * Activations: buffers have numbers of one type, `elem` bytes each. With BF16 a device may keep in bfloat16 what
 * lies between the operations of a transformer block (transformer_infer), as products round it all the same; a
 * block's input and output, norms, softmax and sums stay float32. A bias may be rounded there, too, and GELU be
 * x (1 + tanh(sqrt(2 / pi) (x + .044715 x^3))) / 2, which is off by at most 4.8e-4.
 *
 * INT8 is for `linear` alone, forward: each row of x and each row of W is divided by its scale, in
 * float32 the largest magnitude / 127, and rounded to whole numbers, to nearest even; sums of their
 * products are exact, and multiplied by both scales. A row whose largest is below 2^-100 counts as zeros.
 * One with an infinity or a NaN gives NaN. K is at most 2^17.
 */
enum va_precision { VA_F32_PRODUCTS, VA_BF16_PRODUCTS, VA_INT8_PRODUCTS };

struct va_backend {
    const struct va_ops *ops; /* the table, complete */
    struct va_ops table;
    enum va_precision precision; /* of calls from now on; of weights put without values too */
    bool failed;                 /* an operation failed, and it was reported */
    bool joined;                 /* ranks->join was successful */
    int number;                  /* of its kind, from 0 */
    int64_t batch;               /* --batch, where a smaller one takes less memory; or 0 */
    int64_t held;                /* bytes allocated now, and the most so far */
    int64_t held_max;
};

/* Element i of a buffer. */
static inline void *va_at(const struct va_backend *be, const void *buffer, int64_t i)
{
    return (char *)buffer + i * (int64_t)be->ops->elem;
}

/* Marks of a scan of B sequences (struct va_scan), E N numbers each; 0: the device has none. */
static inline int64_t va_scan_marks(const struct va_backend *be, int64_t B, int64_t T)
{
    int64_t step = be->ops->scan_marks;

    return step ? B * ((T + step - 1) / step) : 0;
}

/* A buffer of bytes, zeroed; NULL after reporting. */
static inline void *va_bytes_new(struct va_backend *be, int64_t bytes)
{
    return be->ops->alloc(be, bytes / (int64_t)be->ops->elem + 1);
}

/* The host wrote w->data: its prepared form is made anew at the next use. */
static inline void va_weight_changed(struct va_weight *w)
{
    w->stale = true;
}

/* Wait for the device; 0, or -1 when some operation failed (already reported). */
VA_MUST_USE static inline int va_backend_check(struct va_backend *be)
{
    return be->ops->sync(be) < 0 || be->failed ? -1 : 0;
}

/* What is known without waiting: 0, or -1 when some operation failed (already reported). */
VA_MUST_USE static inline int va_backend_peek(const struct va_backend *be)
{
    return be->failed ? -1 : 0;
}

static inline void va_backend_free(struct va_backend *be) /* NULL is fine */
{
    if (be)
        be->ops->destroy(be);
}

#endif
