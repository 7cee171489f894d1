/*
 * The transformer block of norms, products and attention. The activation is not kept apart: the backward pass
 * makes it again from what was in front of it, since a hidden row is four times as wide as any other.
 */
#include "ops/va_compose.h"

#include "base/va_mem.h"

enum { ALIGNMENT = 16 };                         /* numbers */
static const int64_t TOO_LARGE = INT64_MAX / 64; /* of which an arena says so */

/* ---- where everything lies ------------------------------------------------------------------- */

struct cursor {
    const struct va_backend *be;
    void *base;
    int64_t used;
};

static void *take(struct cursor *c, int64_t rows, int64_t cols)
{
    int64_t start = c->used, n;

    if (va_mul(rows, cols, &n) < 0 || n > TOO_LARGE - ALIGNMENT - start)
        c->used = TOO_LARGE;
    else
        c->used += (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return va_at(c->be, c->base, start);
}

/* M = B T, Q = B queries */
struct acts {
    void *norm1, *stats1; /* [M, D], [M, 2] */
    void *qkv;            /* [M, 3, D] */
    void *att, *lse;      /* [Q, D], [B, heads, queries] */
    void *sum;            /* [Q, D] */
    void *norm2, *stats2; /* [Q, D], [Q, 2] */
    void *pre, *hidden;   /* [Q, mlp], before and after the activation; pre NULL: not kept */
    void *branch;         /* [Q, D], with keep */
};

static int64_t plan_training(const struct va_transformer_shape *s, const struct va_backend *be,
                             void *tape, struct acts *a)
{
    int64_t M = s->B * s->T, Q = s->B * s->queries;
    struct cursor c = { be, tape, 0 };

    a->norm1 = take(&c, M, s->D);
    a->qkv = take(&c, M, 3 * s->D);
    a->att = take(&c, Q, s->D);
    a->sum = take(&c, Q, s->D);
    a->norm2 = take(&c, Q, s->D);
    a->pre = take(&c, Q, s->mlp);
    a->hidden = take(&c, Q, s->mlp);
    a->stats1 = take(&c, M, 2);
    a->stats2 = take(&c, Q, 2);
    a->lse = take(&c, s->B * s->heads, s->queries);
    return c.used;
}

/* In three places: norms and attention in one, projections and the hidden row in another, and `out`. */
static int64_t plan_inference(const struct va_transformer_shape *s, const struct va_backend *be,
                              void *work, void *out, struct acts *a)
{
    int64_t M = s->B * s->T;
    struct cursor c = { be, work, 0 };

    a->norm1 = a->att = a->norm2 = take(&c, M, s->D);
    a->qkv = a->hidden = take(&c, M, 3 * s->D > s->mlp ? 3 * s->D : s->mlp);
    a->sum = out;
    return c.used;
}

struct scratch {
    void *dnorm, *dqkv, *dhidden; /* [M, D], [M, 3D], [Q, mlp] */
    void *dsum, *dbranch;         /* [Q, D] */
};

static int64_t plan_backward(const struct va_transformer_shape *s, const struct va_backend *be,
                             void *work, struct scratch *t)
{
    int64_t M = s->B * s->T, Q = s->B * s->queries;
    struct cursor c = { be, work, 0 };

    t->dnorm = take(&c, M, s->D);
    t->dqkv = take(&c, M, 3 * s->D);
    t->dhidden = take(&c, Q, s->mlp);
    t->dsum = take(&c, Q, s->D);
    t->dbranch = take(&c, Q, s->D);
    return c.used;
}

static struct va_transformer_room room(struct va_backend *be,
                                       const struct va_transformer_shape *s)
{
    struct va_transformer_room r = { 0, 0 };
    struct acts a;
    struct scratch t;

    if (s->training) {
        r.tape = plan_training(s, be, NULL, &a);
        r.work = plan_backward(s, be, NULL, &t);
    } else {
        r.work = plan_inference(s, be, NULL, NULL, &a);
    }
    return r;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void norm(struct va_backend *be, int64_t M, const struct va_transformer_shape *s,
                 const struct va_affine *w, const void *x, void *y, void *stats)
{
    be->ops->norm(be, &(struct va_norm){ .M = M,
                                         .C = s->D,
                                         .eps = s->eps,
                                         .x = x,
                                         .gamma = w->gamma,
                                         .beta = w->beta,
                                         .y = y,
                                         .stats = stats });
}

static void norm_grad(struct va_backend *be, int64_t M, int64_t D, const struct va_affine *w,
                      struct va_norm_grad p)
{
    p.M = M;
    p.C = D;
    p.gamma = w->gamma;
    p.dgamma = w->dgamma;
    p.dbeta = w->dbeta;
    be->ops->norm_grad(be, &p);
}

/* y = act(x W^T + bias) + residual; x [M, K], y [M, N] */
static void linear(struct va_backend *be, int64_t M, int64_t N, int64_t K,
                   const struct va_layer *w, struct va_linear p)
{
    p.M = M;
    p.N = p.ldy = N;
    p.K = p.ldx = K;
    p.w = w->w;
    p.bias = w->bias;
    be->ops->linear(be, &p);
}

static void linear_grad(struct va_backend *be, int64_t M, int64_t N, int64_t K,
                        const struct va_layer *w, struct va_linear_grad p)
{
    p.M = M;
    p.N = p.lddy = N;
    p.K = p.ldx = p.lddx = K;
    p.w = w->w;
    p.dw = w->dw;
    p.dbias = w->dbias;
    be->ops->linear_grad(be, &p);
}

/* y = residual + keep linear(x), of branch 0 or 1 */
static void add_branch(struct va_backend *be, const struct va_transformer *p, int which,
                       const struct va_layer *w, int64_t K, const void *x, const void *residual,
                       void *branch, void *y)
{
    int64_t B = p->s.B, n = p->s.queries, D = p->s.D;

    if (!p->keep) {
        linear(be, B * n, D, K, w, (struct va_linear){ .x = x, .residual = residual, .y = y });
        return;
    }
    linear(be, B * n, D, K, w, (struct va_linear){ .x = x, .y = branch });
    be->ops->add_scaled(be, &(struct va_add_scaled){ .B = B,
                                                     .n = n * D,
                                                     .s = va_at(be, p->keep, which * B),
                                                     .f = branch,
                                                     .x = residual,
                                                     .y = y });
}

/* The gradient of branch 0 or 1 from that of its sum: times keep. */
static const void *branch_grad(struct va_backend *be, const struct va_transformer_grad *p,
                               int which, const void *dy, void *dbranch)
{
    if (!p->keep)
        return dy;
    be->ops->add_scaled(be, &(struct va_add_scaled){ .B = p->s.B,
                                                     .n = p->s.queries * p->s.D,
                                                     .s = va_at(be, p->keep, which * p->s.B),
                                                     .f = dy,
                                                     .y = dbranch });
    return dbranch;
}

static void attend(struct va_backend *be, const struct va_transformer *p, const struct acts *a)
{
    const struct va_transformer_shape *s = &p->s;
    int64_t row = 3 * s->D;
    const void *qkv = p->qkv ? p->qkv : a->qkv, *first = va_at(be, qkv, -p->lead * row);

    be->ops->attention(be, &(struct va_attention){ .B = s->B,
                                                   .Tq = s->queries,
                                                   .Tk = p->lead + s->T,
                                                   .H = s->heads,
                                                   .D = s->D / s->heads,
                                                   .causal = s->causal,
                                                   .q = qkv,
                                                   .k = va_at(be, first, s->D),
                                                   .v = va_at(be, first, 2 * s->D),
                                                   .ldq = row,
                                                   .ldk = row,
                                                   .stepq = s->T * row,
                                                   .stepk = s->T * row,
                                                   .y = a->att,
                                                   .lse = a->lse });
}

/* From datt [Q, D] to dqkv [M, 3D]. */
static void attend_grad(struct va_backend *be, const struct va_transformer_shape *s,
                        const struct acts *a, const void *datt, void *dqkv)
{
    int64_t row = 3 * s->D;

    if (s->queries < s->T) /* rows that asked nothing */
        be->ops->zero(be, dqkv, s->B * s->T * row);
    be->ops->attention_grad(be, &(struct va_attention_grad){ .B = s->B,
                                                             .Tq = s->queries,
                                                             .Tk = s->T,
                                                             .H = s->heads,
                                                             .D = s->D / s->heads,
                                                             .causal = s->causal,
                                                             .q = a->qkv,
                                                             .k = va_at(be, a->qkv, s->D),
                                                             .v = va_at(be, a->qkv, 2 * s->D),
                                                             .y = a->att,
                                                             .lse = a->lse,
                                                             .dy = datt,
                                                             .ldq = row,
                                                             .ldk = row,
                                                             .stepq = s->T * row,
                                                             .stepk = s->T * row,
                                                             .dq = dqkv,
                                                             .dk = va_at(be, dqkv, s->D),
                                                             .dv = va_at(be, dqkv, 2 * s->D) });
}

/* ---- the block ------------------------------------------------------------------------------- */

static void transformer(struct va_backend *be, const struct va_transformer *p)
{
    const struct va_transformer_shape *s = &p->s;
    int64_t M = s->B * s->T, Q = s->B * s->queries, D = s->D;
    const void *residual = p->x;
    struct acts a = { .branch = p->work };

    if (!s->training && be->ops->transformer_infer && be->ops->transformer_infer(be, p))
        return;
    if (s->training)
        plan_training(s, be, p->tape, &a);
    else
        plan_inference(s, be, p->work, p->out, &a);
    norm(be, M, s, &p->w.norm1, p->x, a.norm1, a.stats1);
    linear(be, M, 3 * D, D, &p->w.qkv,
           (struct va_linear){ .x = a.norm1, .y = p->qkv ? p->qkv : a.qkv });
    attend(be, p, &a);
    if (s->queries < s->T) {
        be->ops->add(be, &(struct va_add){ .B = s->B,
                                           .n = s->queries * D,
                                           .a = p->x,
                                           .y = a.sum,
                                           .stepa = s->T * D,
                                           .stepy = s->queries * D });
        residual = a.sum;
    }
    add_branch(be, p, 0, &p->w.proj, D, a.att, residual, a.branch, a.sum);
    norm(be, Q, s, &p->w.norm2, a.sum, a.norm2, a.stats2);
    linear(be, Q, s->mlp, D, &p->w.fc1,
           (struct va_linear){ .x = a.norm2, .act = s->act, .pre = a.pre, .y = a.hidden });
    add_branch(be, p, 1, &p->w.fc2, s->mlp, a.hidden, a.sum, a.branch, p->out);
}

/* From dout to the gradient of sum. */
static void mlp_grad(struct va_backend *be, const struct va_transformer_grad *p,
                     const struct acts *a, const struct scratch *t)
{
    const struct va_transformer_shape *s = &p->s;
    int64_t Q = s->B * s->queries, D = s->D;

    linear_grad(be, Q, D, s->mlp, &p->w.fc2,
                (struct va_linear_grad){ .dy = branch_grad(be, p, 1, p->dout, t->dbranch),
                                         .x = a->hidden,
                                         .dx = t->dhidden,
                                         .act = s->act,
                                         .pre = a->pre,
                                         .out = a->hidden });
    linear_grad(be, Q, s->mlp, D, &p->w.fc1,
                (struct va_linear_grad){ .dy = t->dhidden, .x = a->norm2, .dx = t->dnorm });
    norm_grad(
        be, Q, D, &p->w.norm2,
        (struct va_norm_grad){
            .dy = t->dnorm, .x = a->sum, .stats = a->stats2, .add = p->dout, .dx = t->dsum });
}

static void transformer_grad(struct va_backend *be, const struct va_transformer_grad *p)
{
    const struct va_transformer_shape *s = &p->s;
    int64_t M = s->B * s->T, Q = s->B * s->queries, D = s->D;
    bool all = s->queries == s->T;
    struct scratch t;
    struct acts a;

    plan_training(s, be, (void *)(uintptr_t)p->tape, &a);
    plan_backward(s, be, p->work, &t);
    mlp_grad(be, p, &a, &t);
    linear_grad(be, Q, D, D, &p->w.proj,
                (struct va_linear_grad){ .dy = branch_grad(be, p, 0, t.dsum, t.dbranch),
                                         .x = a.att,
                                         .dx = t.dnorm });
    attend_grad(be, s, &a, t.dnorm, t.dqkv);
    linear_grad(be, M, 3 * D, D, &p->w.qkv,
                (struct va_linear_grad){ .dy = t.dqkv, .x = a.norm1, .dx = t.dnorm });
    norm_grad(be, M, D, &p->w.norm1,
              (struct va_norm_grad){ .dy = t.dnorm,
                                     .x = p->x,
                                     .stats = a.stats1,
                                     .add = all && p->dx ? t.dsum : NULL,
                                     .dx = p->dx });
    if (p->dx && !all)
        be->ops->add(be, &(struct va_add){ .B = s->B,
                                           .n = s->queries * D,
                                           .a = p->dx,
                                           .b = t.dsum,
                                           .y = p->dx,
                                           .stepa = s->T * D,
                                           .stepb = s->queries * D,
                                           .stepy = s->T * D });
}

/* ---- weights that are values first ----------------------------------------------------------- */

static void weight_put(struct va_backend *be, struct va_weight *w, int64_t count,
                       const struct va_numbers *from)
{
    enum { PIECE = 1 << 20 };
    int64_t most = count < PIECE ? count : PIECE;
    float *piece = va_new_unset(most, sizeof(*piece));

    be->failed = be->failed || !piece;
    for (int64_t i = 0; !be->failed && i < count; i += most) {
        int64_t n = count - i < most ? count - i : most;

        from->get(from->arg, i, n, piece);
        be->ops->put_f32(be, va_at(be, w->data, i), piece, n);
    }
    va_free(piece);
    va_weight_changed(w);
}

static void weight_get(struct va_backend *be, const struct va_weight *w, int64_t first,
                       int64_t count, float *to)
{
    be->ops->get_f32(be, to, va_at(be, w->data, first), count);
}

static bool prepared_only(const struct va_backend *be, const struct va_weight *w, bool exact)
{
    (void)be, (void)w, (void)exact;
    return false;
}

/* ---- the table ------------------------------------------------------------------------------- */

void va_backend_init(struct va_backend *be, const struct va_ops *own)
{
    be->table = *own;
    be->ops = &be->table;
    if (!own->transformer) {
        be->table.transformer_room = room;
        be->table.transformer = transformer;
        be->table.transformer_grad = transformer_grad;
    }
    if (!own->weight_put) {
        be->table.weight_put = weight_put;
        be->table.weight_get = weight_get;
        be->table.prepared_only = prepared_only;
    }
}
