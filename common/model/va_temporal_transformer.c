/*
 * Causal blocks of a transformer: x + positions -> blocks (nn/va_block.h) -> LayerNorm.
 *
 * Positions are sines and cosines of the frame's number (Vaswani et al. 2017); the first layer adds them,
 * the last has the norm. What a layer remembers is all its past, which grows with the sequence.
 */
#include "model/va_temporal_kind.h"

#include "base/va_error.h"
#include "base/va_libm.h"
#include "model/va_temporal_read.h"
#include "nn/va_block.h"
#include "nn/va_history.h"
#include "nn/va_layernorm.h"
#include <inttypes.h>
#include <math.h>

static const double NORM_EPS = 1e-5;
enum { HEADS = 4 }; /* of a file that does not say */

static const char *const settings[] = { "heads", "mlp", NULL };

static void resolve(struct va_temporal_config *c)
{
    if (!c->mlp)
        c->mlp = 4 * c->width;
}

static int check(const struct va_temporal_config *c, const char *where)
{
    return c->width % c->heads == 0 ? 0
                                    : va_error("%s: heads: found %" PRId64
                                               ", expected a divisor of the width %" PRId64,
                                               where, c->heads, c->width);
}

static int read_sizes(struct va_temporal_config *c, const struct va_tensors *set,
                      const char *path)
{
    const struct va_tensor *fc1 = va_temporal_tensor(set, path, 2,
                                                     "transformer.0.mlp.fc1.weight");

    if (!fc1)
        return -1;
    c->mlp = fc1->shape[0];
    c->heads = HEADS;
    return va_temporal_number(set, path, "heads", &c->heads);
}

struct layer {
    struct va_block block;
    bool first;
    int64_t norm; /* of the last layer, else -1 */
};

struct acts {
    struct va_block_acts block;
    void *positions; /* of the first: [T, D], of frames from .. from + count */
    int64_t from, count;
    void *placed;         /* of the first: [M, D] x + positions */
    void *normed, *stats; /* of the last, for training: [M, D], [M, 2] */
};

struct scratch {
    void *work;    /* of the block */
    void *dnormed; /* [M, D] */
};

static struct va_param uniform(int64_t N, int64_t K)
{
    (void)N;
    return (struct va_param){ .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)K) };
}

static int declare(void *layer, struct va_params *list, const char *prefix, int64_t l,
                   const struct va_temporal_config *c, enum va_temporal_init init)
{
    const struct va_block_sizes sizes = { .D = c->width,
                                          .heads = c->heads,
                                          .mlp = c->mlp,
                                          .eps = NORM_EPS,
                                          .act = VA_GELU,
                                          .causal = true };
    struct layer *s = layer;

    (void)init;
    s->first = l == 0;
    s->norm = -1;
    if (va_block_declare(&s->block, list, prefix, &sizes, uniform) < 0)
        return -1;
    if (l + 1 < c->layers)
        return 0;
    s->norm = va_layernorm_declare(list, c->width, "transformer.norm");
    return s->norm < 0 ? -1 : 0;
}

static void plan(const void *layer, int64_t B, int64_t T, bool training, struct va_arena *a,
                 void *acts)
{
    const struct layer *s = layer;
    struct acts *places = acts;
    int64_t D = s->block.s.D;

    va_block_plan(&s->block, B, T, T, training, a, &places->block);
    if (s->first) {
        places->positions = va_arena_take(a, T, D);
        places->count = 0;
        places->placed = va_arena_take(a, B * T, D);
    }
    if (training && s->norm >= 0) {
        places->normed = va_arena_take(a, B * T, D);
        places->stats = va_arena_take(a, B * T, 2);
    } else {
        places->normed = places->block.work; /* no longer needed when the block is done */
        places->stats = NULL;
    }
}

static void plan_backward(const void *layer, int64_t B, int64_t T, struct va_arena *a,
                          void *scratch)
{
    const struct layer *s = layer;
    struct scratch *t = scratch;

    t->work = va_block_plan_backward(&s->block, B, T, T, a);
    t->dnormed = va_arena_take(a, B * T, s->block.s.D);
}

/* ---- forward --------------------------------------------------------------------------- */

/* Rows of frames from .. from + T: sin, cos, sin, cos of the frame's number times 10000^(-2i/D) */
static void make_positions(const struct layer *s, int64_t from, int64_t T, struct acts *places)
{
    struct va_backend *be = s->block.params->be;
    int64_t D = s->block.s.D;
    float some[1024];

    if (places->from == from && places->count >= T)
        return;
    for (int64_t i = 0, n = 0; i < T * D; i++) {
        int64_t t = i / D, k = i % D;
        double w = va_exp(-(double)(k - k % 2) / (double)D * va_log(10000));
        double angle = (double)(from + t) * w;

        some[n++] = (float)(k % 2 ? va_cos(angle) : va_sin(angle));
        if (n == VA_COUNT(some) || i + 1 == T * D) {
            be->ops->put_f32(be, va_at(be, places->positions, i + 1 - n), some, n);
            n = 0;
        }
    }
    places->from = from;
    places->count = T;
}

static const void *place(const struct layer *s, int64_t from, int64_t B, int64_t T,
                         const void *x, struct acts *places)
{
    struct va_backend *be = s->block.params->be;
    int64_t n = T * s->block.s.D;

    make_positions(s, from, T, places);
    be->ops->add(be, &(struct va_add){ .B = B,
                                       .n = n,
                                       .a = x,
                                       .b = places->positions,
                                       .y = places->placed,
                                       .stepa = n,
                                       .stepy = n });
    return places->placed;
}

static const void *forward(const void *layer, int64_t B, int64_t T, const void *x, void *acts,
                           void *state)
{
    const struct layer *s = layer;
    const struct va_block *b = &s->block;
    struct va_cache *past = state;
    int64_t lead = past ? past->used : 0;
    struct acts *places = acts;

    if (past) {
        places->block.qkv = va_cache_append(past, b->params->be, T);
        if (!places->block.qkv)
            return x; /* the backend has failed, and said so */
    }
    if (s->first)
        x = place(s, lead, B, T, x, places);
    places->block.lead = lead;
    va_block_forward(b, B, T, T, x, &places->block);
    if (s->norm < 0)
        return places->block.out;
    va_layernorm_forward(b->params, s->norm,
                         &(struct va_norm){ .M = B * T,
                                            .eps = NORM_EPS,
                                            .x = places->block.out,
                                            .y = places->normed,
                                            .stats = places->stats });
    return places->normed;
}

/* ---- backward -------------------------------------------------------------------------- */

static void backward(const void *layer, int64_t B, int64_t T, const void *x, const void *acts,
                     const void *dout, void *dx, const void *scratch)
{
    const struct layer *s = layer;
    const struct acts *places = acts;
    const struct scratch *t = scratch;

    if (s->norm >= 0) {
        va_layernorm_backward(s->block.params, s->norm,
                              &(struct va_norm_grad){ .M = B * T,
                                                      .dy = dout,
                                                      .x = places->block.out,
                                                      .stats = places->stats,
                                                      .dx = t->dnormed });
        dout = t->dnormed;
    }
    va_block_backward(&s->block, B, T, T, s->first ? places->placed : x, &places->block, dout,
                      dx, t->work);
}

/* ---- state ----------------------------------------------------------------------------- */

static void state_plan(const void *layer, int64_t most, struct va_arena *a, void *state)
{
    const struct layer *s = layer;
    struct va_cache *past = state;

    (void)most;
    (void)a;
    past->width = 3 * s->block.s.D;
}

static void state_reset(const void *layer, void *state)
{
    struct va_cache *past = state;

    (void)layer;
    past->used = 0;
}

static void state_release(const void *layer, void *state)
{
    const struct layer *s = layer;

    va_cache_release(state, s->block.params->be);
}

const struct va_temporal_kind va_temporal_transformer = {
    .tensor = "attn.qkv.weight",
    .settings = settings,
    .resolve = resolve,
    .check = check,
    .read = read_sizes,
    .layer = sizeof(struct layer),
    .acts = sizeof(struct acts),
    .scratch = sizeof(struct scratch),
    .state = sizeof(struct va_cache),
    .declare = declare,
    .plan = plan,
    .plan_backward = plan_backward,
    .forward = forward,
    .backward = backward,
    .state_plan = state_plan,
    .state_reset = state_reset,
    .state_release = state_release,
};
