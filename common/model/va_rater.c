#include "model/va_rater.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_rand.h"
#include "model/va_vit_priv.h"
#include "model/va_vit_tape.h"
#include "nn/va_dense.h"
#include <math.h>
#include <stdio.h>

static const double DEVIATION = 2e-5; /* of a new head's weights, as in MAE's fine-tuning */

struct va_rater {
    struct va_backend *be;
    struct va_rater_config config;
    struct va_params params;
    struct va_vit *vit;
    int64_t va, expr; /* weights in params, their biases behind; -1: no such head */
    int64_t first;    /* block that is trained */

    struct va_vit_tape *tape;
    int64_t room, B;
    void *patches;       /* [room, P, 3*p*p] */
    void *pred, *logits; /* [room, 2], [room, classes] */
    void *dcls;          /* [room, D] */
    void *more;          /* [room, D] of the second head */
};

/* ---- configuration ------------------------------------------------------------------------- */

/* Rows of a head's weight, or -1 after reporting; 0 where the set has no such head. */
static int64_t head_rows(const struct va_tensors *set, const char *name, const char *path)
{
    const struct va_tensor *t = va_tensors_find(set, name);

    if (!t)
        return 0;
    if (t->rank != 2 || t->shape[0] < 1 || t->shape[0] > VA_CLASSES_MAX)
        return va_error("%s: %s: found %d dimensions, %lld rows, expected 2 and at most %d",
                        path, name, t->rank, t->rank ? (long long)t->shape[0] : 0,
                        VA_CLASSES_MAX);
    return t->shape[0];
}

int va_rater_config_load(struct va_rater_config *c, const struct va_tensors *set,
                         const char *path)
{
    int64_t va;

    if (va_tensors_find(set, "decoder_embed.weight"))
        return va_error("%s: found a whole masked autoencoder, expected an encoder: va-weights "
                        "import takes the encoder out of it",
                        path);
    if (va_vit_config_load(&c->encoder, set, path) < 0 ||
        (va = head_rows(set, "va_head.weight", path)) < 0 ||
        (c->classes = head_rows(set, "expr_head.weight", path)) < 0)
        return -1;
    if (va && va != 2)
        return va_error("%s: va_head.weight: found %lld rows, expected 2: valence and arousal",
                        path, (long long)va);
    c->va = va == 2;
    return 0;
}

static int64_t declare_head(struct va_params *list, const char *name, int64_t N, int64_t D)
{
    const struct va_param weight = { .init = VA_INIT_NORMAL, .a = DEVIATION, .decay = true },
                          zero = { .init = VA_INIT_ZERO };

    return va_dense_declare(list, N, D, &weight, &zero, "%s", name);
}

/* Heads behind the encoder's entries; *va and *expr get the places of those there are. */
static int declare_heads(const struct va_rater_config *c, struct va_params *list, int64_t *va,
                         int64_t *expr)
{
    int64_t D = c->encoder.width;

    return (c->va && (*va = declare_head(list, "va_head", 2, D)) < 0) ||
                   (c->classes && (*expr = declare_head(list, "expr_head", c->classes, D)) < 0)
               ? -1
               : 0;
}

int va_rater_declare(const struct va_rater_config *c, struct va_params *list)
{
    struct va_vit_layers layers;
    int64_t va, expr;

    return va_vit_declare(&c->encoder, VA_VIT_INIT_MAE, list, &layers) < 0
               ? -1
               : declare_heads(c, list, &va, &expr);
}

static int declare(struct va_rater *r)
{
    r->vit = va_vit_new_in(&r->params, &r->config.encoder, VA_VIT_INIT_MAE);
    if (!r->vit || declare_heads(&r->config, &r->params, &r->va, &r->expr) < 0)
        return -1;
    va_vit_freeze(r->vit, r->first);
    return va_params_allocate(&r->params);
}

static struct va_rater *make(struct va_backend *be, const struct va_rater_config *c,
                             int64_t first, bool run_only)
{
    struct va_rater *r = va_new(1, sizeof(*r));

    if (!r)
        return NULL;
    r->be = be;
    r->config = *c;
    r->va = r->expr = -1;
    r->first = first;
    va_params_init(&r->params, be);
    r->params.run_only = run_only;
    if (declare(r) < 0) {
        va_rater_free(r);
        return NULL;
    }
    return r;
}

struct va_rater *va_rater_new(struct va_backend *be, const struct va_rater_config *c,
                              int64_t first)
{
    return make(be, c, first, false);
}

struct va_rater *va_rater_new_run_only(struct va_backend *be, const struct va_rater_config *c)
{
    return make(be, c, 0, true);
}

static void release_room(struct va_rater *r)
{
    void *buffers[] = { r->patches, r->pred, r->logits, r->dcls, r->more };

    for (size_t i = 0; i < VA_COUNT(buffers); i++)
        r->be->ops->free(r->be, buffers[i]);
    r->patches = r->pred = r->logits = r->dcls = r->more = NULL;
    va_vit_tape_free(r->tape);
    r->tape = NULL;
    r->room = 0;
}

void va_rater_free(struct va_rater *r)
{
    if (!r)
        return;
    release_room(r);
    va_vit_free(r->vit);
    va_params_release(&r->params);
    va_free(r);
}

struct va_params *va_rater_params(struct va_rater *r)
{
    return &r->params;
}

struct va_vit *va_rater_encoder(struct va_rater *r)
{
    return r->vit;
}

const struct va_rater_config *va_rater_config(const struct va_rater *r)
{
    return &r->config;
}

/* ---- new heads ----------------------------------------------------------------------------- */

static int add_head(struct va_tensors *set, const char *name, int64_t N, int64_t D,
                    uint64_t seed, uint64_t stream)
{
    const int64_t shape[] = { N, D };
    char part[40];
    struct va_tensor *t;

    snprintf(part, sizeof(part), "%s.weight", name);
    if (va_tensors_find(set, part))
        return 0;
    t = va_tensors_add(set, part, VA_F32, 2, shape);
    for (int64_t i = 0; t && i < t->count; i++)
        ((float *)t->data)[i] = (float)(DEVIATION * va_rand_normal(seed, VA_RAND_INIT, stream,
                                                                   (uint64_t)i));
    snprintf(part, sizeof(part), "%s.bias", name);
    return t && va_tensors_add(set, part, VA_F32, 1, shape) ? 0 : -1;
}

int va_rater_add_heads(const struct va_rater_config *c, struct va_tensors *set, uint64_t seed)
{
    int64_t D = c->encoder.width;

    return (c->va && add_head(set, "va_head", 2, D, seed, 1) < 0) ||
                   (c->classes && add_head(set, "expr_head", c->classes, D, seed, 2) < 0)
               ? -1
               : 0;
}

/* ---- rates and drop path -------------------------------------------------------------------- */

/* The layer that entry i of the list belongs to. */
static int64_t layer_of(const struct va_rater *r, int64_t i)
{
    const struct va_vit_layers *l = &r->vit->layers;
    int64_t depth = r->config.encoder.depth, block = 0;

    if (i >= l->norm)
        return depth + 1;
    while (block < depth && i >= l->blocks.at[block].norm1)
        block++;
    return block;
}

void va_rater_set_rates(struct va_rater *r, double decay)
{
    int64_t top = r->config.encoder.depth + 1;

    for (int64_t i = 0; i < r->params.count; i++) {
        struct va_param *p = &r->params.items[i];

        p->rate = pow(decay, (double)(top - layer_of(r, i)));
        p->decay = p->rank > 1 && i != r->vit->layers.cls;
    }
}

void va_rater_drop_paths(const struct va_vit_config *c, double p, uint64_t seed, uint64_t step,
                         int64_t first, int64_t B, double *keep)
{
    for (int64_t i = 0; i < c->depth; i++) {
        double drop = c->depth > 1 ? p * (double)i / (double)(c->depth - 1) : p;

        for (int64_t which = 0; which < 2; which++)
            for (int64_t b = 0; b < B; b++) {
                uint64_t element = (uint64_t)((first + b) * 2 * VA_VIT_DEPTH_MAX + 2 * i +
                                              which);
                double x = va_rand_uniform(seed, VA_RAND_DROP_PATH, step, element);

                keep[(2 * i + which) * B + b] = x < drop ? 0 : 1 / (1 - drop);
            }
    }
}

/* ---- forward ------------------------------------------------------------------------------- */

int va_rater_reserve(struct va_rater *r, int64_t B)
{
    const struct va_vit_config *c = &r->config.encoder;
    struct va_backend *be = r->be;
    int64_t P = va_vit_patches(c), n;

    release_room(r);
    if (va_mul(B, P * va_vit_patch_size(c), &n) < 0)
        return va_error("a batch of %lld pictures is too large", (long long)B);
    r->tape = va_vit_tape_new(r->vit, &(struct va_vit_tape_shape){
                                          .B = B, .V = P, .first = r->first, .pooled = true });
    r->patches = r->tape ? be->ops->alloc(be, n) : NULL;
    if (!r->patches || !(r->dcls = be->ops->alloc(be, B * c->width)) ||
        !(r->more = be->ops->alloc(be, B * c->width)) ||
        (r->va >= 0 && !(r->pred = be->ops->alloc(be, B * 2))) ||
        (r->expr >= 0 && !(r->logits = be->ops->alloc(be, B * r->config.classes))))
        return -1;
    r->room = B;
    return 0;
}

void va_rater_heads(struct va_rater *r, int64_t B, const void *cls, void *pred, void *logits)
{
    if (pred && r->va >= 0)
        va_dense_forward(&r->params, r->va, &(struct va_linear){ .M = B, .x = cls, .y = pred });
    if (logits && r->expr >= 0)
        va_dense_forward(&r->params, r->expr,
                         &(struct va_linear){ .M = B, .x = cls, .y = logits });
}

void va_rater_put(struct va_rater *r, int64_t B, const float *patches, const double *keep)
{
    const struct va_vit_config *c = &r->config.encoder;

    r->B = B;
    r->be->ops->put_f32(r->be, r->patches, patches,
                        B * va_vit_patches(c) * va_vit_patch_size(c));
    va_vit_tape_put(r->tape, B, NULL, keep);
}

void va_rater_forward(struct va_rater *r)
{
    const void *cls = va_vit_tape_forward(r->tape, r->patches);

    va_rater_heads(r, r->B, cls, r->pred, r->logits);
}

const void *va_rater_pred(const struct va_rater *r)
{
    return r->pred;
}

const void *va_rater_logits(const struct va_rater *r)
{
    return r->logits;
}

/* ---- backward ------------------------------------------------------------------------------ */

static void head_grad(struct va_rater *r, int64_t head, const void *dy, void *dx)
{
    va_dense_backward(&r->params, head,
                      &(struct va_linear_grad){
                          .M = r->B, .dy = dy, .x = va_vit_tape_out(r->tape), .dx = dx });
}

void va_rater_backward(struct va_rater *r, const void *dpred, const void *dlogits)
{
    bool va = dpred && r->va >= 0, expr = dlogits && r->expr >= 0;
    void *second = va ? r->more : r->dcls;

    if (va)
        head_grad(r, r->va, dpred, r->dcls);
    if (expr)
        head_grad(r, r->expr, dlogits, second);
    if (va && expr)
        r->be->ops->add(r->be, &(struct va_add){ .B = 1,
                                                 .n = r->B * r->config.encoder.width,
                                                 .a = r->dcls,
                                                 .b = second,
                                                 .y = r->dcls });
    if (va || expr)
        va_vit_tape_backward(r->tape, r->dcls);
}
