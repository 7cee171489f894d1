/*
 * Weights for an encoder that nobody trained, but whose CLS row is to be of use.
 *
 * With weights drawn at random it is not: attention follows brightness, LayerNorm hides contrast,
 * and on drawn faces a linear fit from the CLS row to the bend of a mouth explains nothing of
 * other people's (R^2 below 0). What does work is a row that is a random linear map of the
 * coarse picture, and a transformer can be wired to compute just that:
 *
 *   The first PLACE channels of the residual stream hold where a token is, the others what is
 *   there; no weight mixes the two. Queries and keys see places only, values contents only, so
 *   attention does not depend on the picture. The query of head h is the key of one patch, and
 *   the heads of all blocks take the patches in turn: the CLS row collects random projections
 *   of each. Contents are kept small against places, so that LayerNorm divides by nearly the
 *   same number everywhere and the MLP bends little; the last LayerNorm makes them large again.
 *   A filter of the patch embedding is constant over cells of CELL pixels: detail below that
 *   is noise to somebody who has only a few hundred numbers to keep.
 *
 * Measured on 40 people of va-synth's (30 to fit, 10 to test; R^2 of a ridge fit to the bend of
 * the mouth, its opening, the opening of the eyes, the height of the brows): all 768 numbers of
 * the picture at 16x16 .91 .91 .60 .69, 192 random sums of them .79 .79 .59 .65, this encoder
 * .71 .72 .47 .49 in the mean of four seeds. Gains within a factor of two of those below
 * change that by less than seeds do.
 */
#include "base/va_libm.h"
#include "base/va_mem.h"
#include "model/va_vit_priv.h"
#include <math.h>

enum { PLACE = 32, CELL = 4 };
static const float content_gain = 0.01f; /* of the patch embedding */
static const float output_gain = 25;     /* of the last norm: deviations of about 1 */
static const float key_gain = 3;         /* how narrowly a head looks */
static const float mlp_gain = 0.1f;

static struct va_param *entry(struct va_vit *vit, int64_t i)
{
    return &vit->params->items[i];
}

/* Values of an entry on the host; NULL after reporting. */
static float *fetch(struct va_vit *vit, const struct va_param *p)
{
    float *w = va_new(p->count, sizeof(*w));

    if (w)
        vit->be->ops->get_f32(vit->be, w, p->value.data, p->count);
    return w;
}

static void store(struct va_vit *vit, struct va_param *p, float *w)
{
    vit->be->ops->put_f32(vit->be, p->value.data, w, p->count);
    va_weight_changed(&p->value);
    va_free(w);
}

/* Scale rows [from, to) of w [rows, D], and clear their columns outside [first, last). */
static void keep(float *w, int64_t D, int64_t from, int64_t to, int64_t first, int64_t last,
                 float gain)
{
    for (int64_t r = from; r < to; r++)
        for (int64_t c = 0; c < D; c++)
            w[r * D + c] *= c >= first && c < last ? gain : 0;
}

/* The CLS token is a random place; patches are at sines and cosines of their column and row. */
static int place_tokens(struct va_vit *vit)
{
    int64_t D = vit->config.width, P = va_vit_patches(&vit->config), q = PLACE / 4;
    int64_t grid = vit->config.image / vit->config.patch;
    struct va_param *token = entry(vit, vit->layers.cls), *place = entry(vit, vit->layers.pos);
    float *cls = fetch(vit, token), *pos = cls ? fetch(vit, place) : NULL;

    if (!pos) {
        va_free(cls);
        return -1;
    }
    keep(cls, D, 0, 1, 0, PLACE, 1);
    keep(pos, D, 0, 1 + P, 0, 0, 0);
    for (int64_t i = 0; i < P; i++)
        for (int64_t k = 0; k < PLACE; k++) {
            double at = (double)(k < 2 * q ? i % grid : i / grid);
            double angle = at * va_exp(-(double)(k % q) / (double)q * va_log(10000));

            pos[(1 + i) * D + k] = (float)(k / q % 2 ? va_cos(angle) : va_sin(angle));
        }
    store(vit, token, cls);
    store(vit, place, pos);
    return 0;
}

static int wire_patches(struct va_vit *vit)
{
    int64_t D = vit->config.width, p = vit->config.patch,
            size = va_vit_patch_size(&vit->config);
    struct va_param *patch = entry(vit, vit->layers.patch);
    float *w = fetch(vit, patch);

    if (!w)
        return -1;
    keep(w, size, 0, PLACE, 0, 0, 0);
    keep(w, size, PLACE, D, 0, size, content_gain / CELL);
    for (int64_t i = 0; i < 3 * D; i++)
        for (int64_t y = 0; y < p; y++)
            for (int64_t x = 0; x < p; x++)
                w[(i * p + y) * p + x] = w[(i * p + y - y % CELL) * p + x - x % CELL];
    store(vit, patch, w);
    return 0;
}

/* Row `row` of x [., D], normalised over its channels as LayerNorm does. */
static void normalise(const float *x, int64_t row, int64_t D, float *out)
{
    double mean = 0, square = 0;

    for (int64_t k = 0; k < D; k++)
        mean += (double)x[row * D + k] / (double)D;
    for (int64_t k = 0; k < D; k++)
        square += ((double)x[row * D + k] - mean) * ((double)x[row * D + k] - mean) / (double)D;
    for (int64_t k = 0; k < D; k++)
        out[k] = (float)(((double)x[row * D + k] - mean) / sqrt(square + 1e-6));
}

/* Queries of head h: for the CLS token, the key of patch `target`. */
static void aim_head(float *w, int64_t D, int64_t d, int64_t h, const float *target,
                     const float *cls)
{
    double length = 0;

    for (int64_t c = 0; c < PLACE; c++)
        length += (double)cls[c] * cls[c];
    for (int64_t r = h * d; r < (h + 1) * d; r++) {
        double key = 0;

        for (int64_t c = 0; c < PLACE; c++)
            key += (double)w[(D + r) * D + c] * target[c];
        for (int64_t c = 0; c < D; c++)
            w[r * D + c] = c < PLACE ? (float)(key * cls[c] / length) : 0;
    }
}

/* Block i; cls and pos are normalised tokens [D], [1 + P, D]. */
static int wire_block(struct va_vit *vit, int64_t i, const float *cls, const float *pos)
{
    const struct va_vit_config *c = &vit->config;
    const struct va_block *b = &vit->layers.blocks.at[i];
    int64_t D = c->width, P = va_vit_patches(c);
    float *qkv = fetch(vit, entry(vit, b->qkv)), *w;

    if (!qkv)
        return -1;
    keep(qkv, D, D, 2 * D, 0, PLACE, key_gain * sqrtf((float)D / PLACE));
    keep(qkv, D, 2 * D, 3 * D, PLACE, D, sqrtf((float)D / (float)(D - PLACE)));
    for (int64_t h = 0; h < c->heads; h++)
        aim_head(qkv, D, D / c->heads, h, pos + (1 + (i * c->heads + h) % P) * D, cls);
    store(vit, entry(vit, b->qkv), qkv);
    if (!(w = fetch(vit, entry(vit, b->proj))))
        return -1;
    keep(w, D, 0, PLACE, 0, 0, 0);
    store(vit, entry(vit, b->proj), w);
    if (!(w = fetch(vit, entry(vit, b->fc2))))
        return -1;
    keep(w, c->mlp, 0, PLACE, 0, 0, 0);
    keep(w, c->mlp, PLACE, D, 0, c->mlp, mlp_gain);
    store(vit, entry(vit, b->fc2), w);
    return 0;
}

/* What a picture of the mean colour gives becomes zero: constants say nothing, and a model that
 * learns from the row would have to learn them first. */
static int centre(struct va_vit *vit)
{
    const struct va_ops *ops = vit->be->ops;
    int64_t size = va_vit_patches(&vit->config) * va_vit_patch_size(&vit->config);
    void *patches = ops->alloc(vit->be, size); /* zeros */
    struct va_param *beta = entry(vit, vit->layers.norm + 1);
    float *bias = fetch(vit, beta);
    int result = -1;

    if (patches && bias && va_vit_reserve(vit, 1) == 0) {
        void *row = vit->acts.at[vit->config.depth - 1].out;

        va_vit_forward(vit, 1, patches, row);
        ops->get_f32(vit->be, bias, row, vit->config.width);
        for (int64_t k = 0; k < vit->config.width; k++)
            bias[k] = -bias[k];
        store(vit, beta, bias);
        bias = NULL;
        result = va_backend_check(vit->be);
    }
    ops->free(vit->be, patches);
    va_free(bias);
    return result;
}

int va_vit_wire_features(struct va_vit *vit)
{
    int64_t D = vit->config.width, T = 1 + va_vit_patches(&vit->config);
    struct va_param *gamma = entry(vit, vit->layers.norm);
    float *cls, *pos, *norm;
    int result = -1;

    if (place_tokens(vit) < 0 || wire_patches(vit) < 0)
        return -1;
    cls = fetch(vit, entry(vit, vit->layers.cls));
    pos = fetch(vit, entry(vit, vit->layers.pos));
    norm = fetch(vit, gamma);
    if (!cls || !pos || !norm)
        goto done;
    normalise(cls, 0, D, cls);
    for (int64_t t = 1; t < T; t++)
        normalise(pos, t, D, pos + t * D);
    result = 0;
    for (int64_t i = 0; i < vit->config.depth && result == 0; i++)
        result = wire_block(vit, i, cls, pos);
    for (int64_t k = PLACE; k < D; k++)
        norm[k] = output_gain;
    store(vit, gamma, norm);
    norm = NULL;
    if (result == 0)
        result = centre(vit);
done:
    va_free(cls);
    va_free(pos);
    va_free(norm);
    return result;
}
