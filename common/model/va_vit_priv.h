/*
 * va_vit_priv.h - the parts of an encoder, for the files that make it.
 */
#ifndef VA_VIT_PRIV_H
#define VA_VIT_PRIV_H

#include "model/va_vit.h"
#include "nn/va_blocks.h"

/* Indices in the parameter list; a bias follows its weight. */
struct va_vit_layers {
    int64_t cls, registers, pos, patch, pre, norm; /* registers, pre -1: none */
    struct va_blocks blocks;
};

/* Append all parameters of an encoder to a list. 0, or -1 after reporting. */
VA_MUST_USE int va_vit_declare(const struct va_vit_config *c, enum va_vit_init init,
                               struct va_params *list, struct va_vit_layers *l);

/* One more than the highest number behind `prefix` ("blocks."), so that a block in the middle that
 * is not there is missed; at most VA_VIT_DEPTH_MAX + 1. */
int64_t va_vit_count_blocks(const struct va_tensors *set, const char *prefix);

struct va_vit {
    struct va_backend *be;
    struct va_vit_config config;
    struct va_params own, *params; /* params: own, or a list that has more entries */
    struct va_vit_layers layers;
    float pixel[3][256]; /* a byte of each channel, normalised */

    int64_t B; /* pictures reserved */
    struct va_arena arena;
    void *x;      /* [B*T, D] tokens, then the residual stream */
    void *normed; /* [B*T, D] the residual stream where they are normalised before */
    void *mean;   /* [B, D] of its patches; with VA_VIT_MEAN */
    struct va_blocks_acts acts;
};

/* Rows that go on after the last block for one row of features a picture, of T. */
static inline int64_t va_vit_queries(const struct va_vit_config *c, int64_t T)
{
    return c->pool == VA_VIT_MEAN ? T : 1;
}

/* y [B, D]: the mean of the patches' rows of x [B, T, D]. */
void va_vit_mean(const struct va_vit *vit, int64_t B, int64_t T, const void *x, void *y);

/* Turn values drawn for VA_VIT_INIT_FEATURES into those wanted. 0, or -1 after reporting. */
VA_MUST_USE int va_vit_wire_features(struct va_vit *vit);

#endif
