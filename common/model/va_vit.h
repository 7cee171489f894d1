/*
 * va_vit.h - the vision transformer that turns a picture of a face into one row of numbers.
 *
 * Source: Dosovitskiy et al., "An image is worth 16x16 words" (ICLR 2021), as pretrained by He
 * et al., "Masked autoencoders are scalable vision learners" (CVPR 2022). Names and shapes of
 * the tensors are those of their public checkpoints. The feature is the CLS row after the last
 * LayerNorm; or the mean of the patches' rows before it, as in encoders that were fine-tuned so.
 *
 * Letters: B pictures, S height and width of a picture, p of a patch, P = (S/p)^2 patches,
 *          R registers, T = 1 + R + P tokens, D width, H heads, M hidden width of the MLP
 *
 *     patches [B, P, 3*p*p] -> D each, CLS and registers in front, + positions [T, D]
 *       [-> norm_pre] -> depth times: x += attention(norm1(x)), x += mlp(norm2(x)) -> norm -> CLS [B, D]
 *                                                  or mean of patches -> fc_norm -> row [B, D]
 */
#ifndef VA_VIT_H
#define VA_VIT_H

#include "base/va_settings.h"
#include "model/va_intake.h"
#include "ops/va_params.h"

enum { VA_VIT_DEPTH_MAX = 256, VA_VIT_REGISTERS_MAX = 64 };

/* What a row of features is: names as in the metadata `pool`, in enum order, NULL last. */
enum va_vit_pool { VA_VIT_CLS, VA_VIT_MEAN };
extern const char *const va_vit_pool_names[];

/* What the MLP of a block does between its layers: the metadata `act`. */
enum va_vit_act { VA_VIT_GELU, VA_VIT_QUICK_GELU };
extern const char *const va_vit_act_names[];

struct va_vit_config {
    int64_t image, patch; /* S and p: 224, 16 */
    int64_t width, depth; /* 1024, 24 */
    int64_t heads, mlp;   /* 16, 4096 */
    int64_t registers;    /* R, further tokens of no patch (Darcet et al., ICLR 2024): 0 */
    double mean[3];       /* of pixels in [0, 1], per channel; a picture is normalised */
    double std[3];        /* to (pixel - mean) / std */
    enum va_vit_pool pool;
    double eps; /* of the norms: 1e-6 */
    enum va_vit_act act;
    bool
        pre_norm; /* a norm of the tokens before the blocks, and patches without a bias (CLIP) */
};

/*
 * MAE: the initial values of masked-autoencoder training, Xavier uniform.
 * FEATURES: drawn to be wired (va_arch_init_encoder) so that an untrained encoder is of use: its CLS row is nearly a random linear
 * map of the coarse picture (va_vit_features.c). For patches that are a multiple of 4 pixels
 * and widths above 32.
 */
enum va_vit_init { VA_VIT_INIT_MAE, VA_VIT_INIT_FEATURES };

/* The whole numbers of it, in their order: names, ranges and help; as an option 0 is that of a model by
 * name. And field i of them. */
extern const struct va_settings va_vit_settings;
int64_t *va_vit_size(struct va_vit_config *c, int64_t i);

void va_vit_config_default(struct va_vit_config *c); /* ViT-Large/16, normalised for faces */

/* 0, or -1 after reporting which value is out of range (`where` names it: a file, an option). */
VA_MUST_USE int va_vit_config_check(const struct va_vit_config *c, const char *where);

/* The configuration as metadata (arch = vit, image_size, patch_size, heads, mean, std; pool,
 * eps and act where they are not the usual ones), and back: sizes come from the tensors' shapes, pool from the name of the last norm, pre_norm from its own; what is not in the metadata is the default
 * (image_size from the number of positions; heads = width / 64, but 16 in the huge and giant
 * models, which are 1152, 1280, 1408 or 1664 wide). */
/* Give the metadata of an encoder's file the settings that it leaves out because they are the usual ones, and what its
 * tensors alone say: pool, eps, act, prefix_tokens (CLS and registers), norm_pre; others stay as they are. For
 * people. -1 after reporting. */
VA_MUST_USE int va_vit_config_tell(struct va_tensors *set);
VA_MUST_USE int va_vit_config_store(const struct va_vit_config *c, struct va_tensors *set);
VA_MUST_USE int va_vit_config_load(struct va_vit_config *c, const struct va_tensors *set,
                                   const char *path);

static inline int64_t va_vit_patches(const struct va_vit_config *c) /* P */
{
    return (c->image / c->patch) * (c->image / c->patch);
}
static inline int64_t va_vit_patch_size(const struct va_vit_config *c) /* 3*p*p */
{
    return 3 * c->patch * c->patch;
}

static inline int64_t va_vit_prefix(const struct va_vit_config *c) /* 1 + R */
{
    return 1 + c->registers;
}

struct va_vit; /* opaque */

/* An encoder with parameters allocated (values not set: draw them, or load them
 * through va_vit_params). NULL after reporting. */
VA_MUST_USE struct va_vit *va_vit_new(struct va_backend *be, const struct va_vit_config *c,
                                      enum va_vit_init init);
/* The same with its entries appended to a list that the caller owns and allocates when all are
 * there; the list must outlive it. */
VA_MUST_USE struct va_vit *va_vit_new_in(struct va_params *list, const struct va_vit_config *c,
                                         enum va_vit_init init);
void va_vit_free(struct va_vit *vit);                           /* NULL is fine */
VA_MUST_USE int va_vit_draw(struct va_vit *vit, uint64_t seed); /* initial values */
struct va_params *va_vit_params(struct va_vit *vit);
const struct va_vit_config *va_vit_config(const struct va_vit *vit);

/* Room for activations of B pictures; may be called again. 0, or -1 after reporting. */
VA_MUST_USE int va_vit_reserve(struct va_vit *vit, int64_t B);

/* picture [S, S, 3] of bytes, normalised, as rows [P, 3*p*p] of floats: patches from left to
 * right, then down; in a patch channel, row, column, as the weights want them. On the host. */
void va_vit_cut(const struct va_vit *vit, const uint8_t *picture, float *rows);
/* What it makes of the bytes of each channel, [3, 256]. */
const float *va_vit_pixel_table(const struct va_vit *vit);

/* The same, for those who do not know what a picture is given to. */
struct va_intake va_vit_intake(const struct va_vit *vit);

/* Rows of features, cls [B, D], of patches [B, P, 3*p*p]; buffers of the backend; B at most what
 * was reserved. */
void va_vit_forward(struct va_vit *vit, int64_t B, const void *patches, void *cls);

/* The same with all normalised tokens [B, T, D]; not of one with the mean as its feature. */
void va_vit_tokens(struct va_vit *vit, int64_t B, const void *patches, void *tokens);

#endif
