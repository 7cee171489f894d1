/*
 * The forward pass. The four answers of a level come from four small units in the files; 1, 1, 4 and
 * 10 channels make poor vectors, so they are put together as one unit of 16, which gives the same.
 */
#include "model/va_yunet.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_yunet_priv.h"
#include "ops/va_arena.h"
#include <string.h>

enum { CELL = 32, SIDE_MAX = 1 << 14 };

/* The heads of a level as one unit; buffers of the backend. */
struct answers {
    struct va_weight point; /* [ANSWERS, C] */
    void *point_bias, *depth, *depth_bias;
};

struct va_yunet {
    struct va_backend *be;
    struct va_yunet_config config;
    struct va_yunet_layers layers;
    struct va_params params;
    struct answers answers[VA_YUNET_LEVELS];
    void *joined; /* block of what `answers` points to */

    struct va_arena arena;
    int64_t H, W; /* padded, of the last picture; 0: none yet */
    void *in, *out[VA_YUNET_LEVELS];
    float *pixels, *cells; /* on the host: [H, W, 3], and the answers of the largest level */
    struct va_face *faces; /* a place for each cell */
};

/* ---- making it ----------------------------------------------------------------------------- */

/* Append an entry of each head to one buffer: rows one below the other. */
static void *join(struct va_yunet *net, void **at, int level, bool depth, bool bias)
{
    struct va_backend *be = net->be;
    void *first = *at;

    for (int h = 0; h < VA_YUNET_HEADS; h++) {
        const struct va_yunet_unit *u = &net->layers.head[h][level];
        const struct va_param *p = &net->params.items[(depth ? u->depth : u->point) + bias];

        be->ops->copy(be, *at, p->value.data, p->count);
        *at = va_at(be, *at, p->count);
    }
    return first;
}

static int join_heads(struct va_yunet *net)
{
    int64_t each = VA_YUNET_ANSWERS * (net->config.width[3] + 1 + 9 + 1);
    void *at = net->joined = net->be->ops->alloc(net->be, VA_YUNET_LEVELS * each);

    if (!at)
        return -1;
    for (int l = 0; l < VA_YUNET_LEVELS; l++) {
        struct answers *a = &net->answers[l];

        a->point.data = join(net, &at, l, false, false);
        a->point.stale = true;
        a->point_bias = join(net, &at, l, false, true);
        a->depth = join(net, &at, l, true, false);
        a->depth_bias = join(net, &at, l, true, true);
    }
    return 0;
}

struct va_yunet *va_yunet_new(struct va_backend *be, const struct va_tensors *set,
                              const char *path)
{
    struct va_yunet *net = va_new(1, sizeof(*net));

    if (!net)
        return NULL;
    net->be = be;
    va_arena_init(&net->arena, be);
    va_params_init(&net->params, be);
    if (va_yunet_config_load(&net->config, set, path) < 0 ||
        va_yunet_declare_layers(&net->config, &net->params, &net->layers) < 0 ||
        va_params_match(&net->params, set, path) < 0 || va_params_allocate(&net->params) < 0 ||
        va_params_load(&net->params, set, path) < 0 || join_heads(net) < 0) {
        va_yunet_free(net);
        return NULL;
    }
    return net;
}

void va_yunet_free(struct va_yunet *net)
{
    if (!net)
        return;
    for (int l = 0; l < VA_YUNET_LEVELS; l++)
        net->be->ops->weight_release(net->be, &net->answers[l].point);
    net->be->ops->free(net->be, net->joined);
    va_params_release(&net->params);
    va_arena_release(&net->arena);
    va_free(net->pixels);
    va_free(net->cells);
    va_free(net->faces);
    va_free(net);
}

/* ---- forward --------------------------------------------------------------------------------- */

/* Channels of H x W pixels. */
struct map {
    int64_t H, W, C;
    void *x;
};

static struct map take(struct va_yunet *net, int64_t H, int64_t W, int64_t C)
{
    return (struct map){ H, W, C, va_arena_take(&net->arena, H * W, C) };
}

static struct va_plane plane(const struct map *m, int64_t K, int64_t stride, int64_t pad)
{
    return (struct va_plane){ 1, m->H, m->W, m->H / stride, m->W / stride, K, stride, pad };
}

static void unit(struct va_yunet *net, const struct va_separable2d *p, const struct map *x,
                 struct map *y)
{
    struct va_separable2d q = *p;

    q.at = plane(x, 3, 1, 1);
    q.Cin = x->C, q.C = y->C, q.x = x->x, q.y = y->x;
    if (!net->arena.measuring)
        net->be->ops->separable2d(net->be, &q);
}

static struct map own_unit(struct va_yunet *net, const struct va_yunet_unit *u,
                           const struct map *x)
{
    struct va_param *point = &net->params.items[u->point],
                    *depth = &net->params.items[u->depth];
    struct map y = take(net, x->H, x->W, u->out);

    unit(net,
         &(struct va_separable2d){ .w = &point->value,
                                   .bias = point[1].value.data,
                                   .depth = depth->value.data,
                                   .depth_bias = depth[1].value.data,
                                   .act = VA_RELU },
         x, &y);
    return y;
}

static struct map stem(struct va_yunet *net)
{
    struct va_param *w = &net->params.items[net->layers.stem];
    struct map in = { net->H, net->W, 3, net->in };
    struct map y = take(net, net->H / 2, net->W / 2, net->config.stem);

    if (!net->arena.measuring)
        net->be->ops->conv2d(net->be, &(struct va_conv2d){ .at = plane(&in, 3, 2, 1),
                                                           .Cin = 3,
                                                           .Cout = y.C,
                                                           .x = in.x,
                                                           .w = &w->value,
                                                           .bias = w[1].value.data,
                                                           .act = VA_RELU,
                                                           .y = y.x });
    return y;
}

static struct map halved(struct va_yunet *net, const struct map *x)
{
    struct map y = take(net, x->H / 2, x->W / 2, x->C);

    if (!net->arena.measuring)
        net->be->ops->pool2d(
            net->be,
            &(struct va_pool2d){
                .at = plane(x, 2, 2, 0), .pool = VA_POOL_MAX, .C = x->C, .x = x->x, .y = y.x });
    return y;
}

/* Stages; the outputs of the last three go to `level`. */
static void backbone(struct va_yunet *net, struct map level[VA_YUNET_LEVELS])
{
    enum { BEFORE = VA_YUNET_STAGES - VA_YUNET_LEVELS };
    struct map x = stem(net);

    for (int i = 0; i < VA_YUNET_STAGES; i++) {
        if (i > 0)
            x = own_unit(net, &net->layers.stage[i][0], &x);
        x = own_unit(net, &net->layers.stage[i][1], &x);
        if (i >= BEFORE)
            level[i - BEFORE] = x;
        if (i != 1 && i != VA_YUNET_STAGES - 1)
            x = halved(net, &x);
    }
}

/* From the deepest level up: each gets what the one below found. */
static void neck(struct va_yunet *net, struct map level[VA_YUNET_LEVELS])
{
    for (int l = VA_YUNET_LEVELS - 1; l >= 0; l--) {
        struct map *x = &level[l], *next = &level[l - (l > 0)];

        *x = own_unit(net, &net->layers.neck[l], x);
        if (l > 0 && !net->arena.measuring)
            net->be->ops->upsample2d(
                net->be,
                &(struct va_upsample2d){ 1, x->H, x->W, x->C, x->x, next->x, next->x });
    }
}

/* All of it, from `in` to `out`; with an arena that measures, its memory only. */
static void forward(struct va_yunet *net)
{
    struct map level[VA_YUNET_LEVELS];

    net->in = va_arena_take(&net->arena, net->H * net->W, 3);
    for (int l = 0; l < VA_YUNET_LEVELS; l++)
        net->out[l] = va_arena_take(&net->arena, net->H * net->W / (64 << 2 * l),
                                    VA_YUNET_ANSWERS);
    backbone(net, level);
    neck(net, level);
    for (int l = 0; l < VA_YUNET_LEVELS; l++) {
        struct answers *a = &net->answers[l];
        struct map y = { level[l].H, level[l].W, VA_YUNET_ANSWERS, net->out[l] };

        if (net->config.shared)
            level[l] = own_unit(net, &net->layers.shared[l], &level[l]);
        unit(net,
             &(struct va_separable2d){ .w = &a->point,
                                       .bias = a->point_bias,
                                       .depth = a->depth,
                                       .depth_bias = a->depth_bias },
             &level[l], &y);
    }
}

/* Memory for pictures of H x W, multiples of CELL. */
static int reserve(struct va_yunet *net, int64_t H, int64_t W)
{
    int64_t cells = H * W / 64; /* of the largest level; all have less than 4/3 of it */

    if (net->H == H && net->W == W)
        return 0;
    net->H = H, net->W = W;
    va_arena_begin(&net->arena);
    forward(net);
    va_free(net->pixels);
    va_free(net->cells);
    va_free(net->faces);
    net->pixels = va_new(H * W * 3, sizeof(*net->pixels));
    net->cells = va_new(cells * VA_YUNET_ANSWERS, sizeof(*net->cells));
    net->faces = va_new(cells + cells / 4 + cells / 16 + 1, sizeof(*net->faces));
    if (!net->pixels || !net->cells || !net->faces || va_arena_commit(&net->arena) < 0) {
        net->H = net->W = 0;
        return -1;
    }
    return 0;
}

int64_t va_yunet_find(struct va_yunet *net, const uint8_t *rgb, int64_t W, int64_t H,
                      double min_score, const struct va_face **faces)
{
    struct va_backend *be = net->be;
    int64_t count = 0;

    if (W < 1 || H < 1 || W > SIDE_MAX || H > SIDE_MAX)
        return va_error("picture of %lldx%lld pixels, expected 1 to %d on a side", (long long)W,
                        (long long)H, SIDE_MAX);
    if (reserve(net, (H + CELL - 1) / CELL * CELL, (W + CELL - 1) / CELL * CELL) < 0)
        return -1;
    for (int64_t y = 0; y < H; y++) { /* the padding stays zero but for the last picture's */
        float *to = net->pixels + y * net->W * 3;

        for (int64_t x = 0; x < W; x++, rgb += 3, to += 3)
            to[0] = rgb[2], to[1] = rgb[1], to[2] = rgb[0];
        memset(to, 0, (size_t)((net->W - W) * 3) * sizeof(*to));
    }
    memset(net->pixels + H * net->W * 3, 0,
           (size_t)((net->H - H) * net->W * 3) * sizeof(*net->pixels));
    va_arena_rewind(&net->arena, 0);
    be->ops->put_f32(be, net->arena.base, net->pixels, net->H * net->W * 3);
    forward(net);
    for (int l = 0; l < VA_YUNET_LEVELS; l++) {
        int64_t stride = 8 << l, rows = net->H / stride, cols = net->W / stride;

        be->ops->get_f32(be, net->cells, net->out[l], rows * cols * VA_YUNET_ANSWERS);
        count += va_yunet_decode(net->cells, rows, cols, stride, min_score, net->faces + count);
    }
    if (va_backend_check(be) < 0)
        return -1;
    *faces = net->faces;
    return va_yunet_suppress(net->faces, count);
}
