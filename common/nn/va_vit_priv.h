/*
 * va_vit_priv.h - the parts of an encoder, for the files that make it.
 */
#ifndef VA_VIT_PRIV_H
#define VA_VIT_PRIV_H

#include "nn/va_vit.h"

struct va_vit_norm {
    struct va_param *weight, *bias;
};

struct va_vit_linear {
    struct va_param *weight, *bias;
};

struct va_vit_block {
    struct va_vit_norm norm1, norm2;
    struct va_vit_linear qkv, proj, fc1, fc2;
};

struct va_vit {
    struct va_backend *be;
    struct va_vit_config config;
    enum va_vit_init init;
    struct va_params params;
    struct va_param *cls, *pos;
    struct va_vit_linear patch;
    struct va_vit_block *blocks; /* [depth] */
    struct va_vit_norm norm;
    float pixel[3][256]; /* a byte of each channel, normalised */

    int64_t B;  /* pictures reserved */
    void *x;    /* [B*T, D] the residual stream */
    void *y;    /* [B*T, D] normalised, or what attention gave */
    void *wide; /* [B*T, max(3*D, M)] q, k, v; later the hidden row of the MLP */
    void *row;  /* [2, B, D] the CLS rows of the last block */
};

/* Turn values drawn for VA_VIT_INIT_FEATURES into those wanted. 0, or -1 after reporting. */
VA_MUST_USE int va_vit_wire_features(struct va_vit *vit);

#endif
