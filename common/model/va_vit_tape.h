/*
 * va_vit_tape.h - an encoder with a backward pass: what training needs of it.
 *
 * A tape is room for the activations of one batch. It can take some patches of each picture only
 * (masked autoencoders), and keep nothing of the blocks below `first`, which are then not trained,
 * neither are the patch embedding and the CLS token. Positions never are.
 *
 * Ownership: keeps the pointer to the encoder, which must outlive it
 */
#ifndef VA_VIT_TAPE_H
#define VA_VIT_TAPE_H

#include "model/va_vit.h"

struct va_vit_tape; /* opaque */

struct va_vit_tape_shape {
    int64_t B;     /* pictures at most */
    int64_t V;     /* patches of each, 1 .. P */
    int64_t first; /* the first block that is trained; depth: none but the last norm */
    bool pooled;   /* one row of features a picture, as the encoder has it, not all tokens */
};

/* Mark the entries of the encoder that stay as they are; before the list is allocated for
 * training. */
void va_vit_freeze(struct va_vit *vit, int64_t first);

VA_MUST_USE struct va_vit_tape *va_vit_tape_new(struct va_vit *vit,
                                                const struct va_vit_tape_shape *shape);
void va_vit_tape_free(struct va_vit_tape *t); /* NULL is fine */

/*
 * What the host gives of a batch of B pictures, for the forward passes until the next call. places [B, V] says which patch
 * each is; NULL: all, in order. keep [depth, 2, B]: factors of what attention and MLP of each block add to
 * each picture (drop path), or NULL.
 */
void va_vit_tape_put(struct va_vit_tape *t, int64_t B, const int32_t *places,
                     const double *keep);

/* Normalised tokens [B, 1 + R + V, D], or rows of features [B, D] with `pooled`, of patches [B, V, 3*p*p]. The result is
 * the tape's, until the next forward. What is done follows from the shape alone, so that a device may record it. */
const void *va_vit_tape_forward(struct va_vit_tape *t, const void *patches);

const void *va_vit_tape_out(const struct va_vit_tape *t); /* the same again */

/* Gradients of all entries that are trained (added), from that of the result, which is
 * overwritten; patches as in the forward before. */
void va_vit_tape_backward(struct va_vit_tape *t, void *dout);

#endif
