/*
 * A block of a transformer without a backward pass, in bfloat16: between its operations activations are in bfloat16 in
 * memory, where float32 would be written, read to be rounded, and read again. What goes from block to block is in
 * float32, and so are norms, softmax and sums.
 */
#include "cuda/va_halves.h"

static bool whole_eights(int64_t n)
{
    return n % 8 == 0;
}

/* Streams and odd sizes are left to what the block is composed of. */
static bool is_for(const struct va_backend *be, const struct va_transformer *p)
{
    const struct va_transformer_shape *s = &p->s;
    int64_t head = s->D / s->heads;

    return be->precision == VA_BF16_PRODUCTS && !p->qkv && !p->keep && whole_eights(head) &&
           whole_eights(s->mlp) && head <= VA_HALVES_HEAD && (uintptr_t)p->work % 16 == 0;
}

static void norm(struct va_backend *be, int64_t M, const struct va_transformer_shape *s,
                 const struct va_affine *w, const void *x, va_bf16 *y)
{
    struct va_norm p = {};

    p.M = M;
    p.C = s->D;
    p.eps = s->eps;
    p.x = x;
    p.gamma = w->gamma;
    p.beta = w->beta;
    p.y = y;
    va_cuda_norm_halves(be, &p);
}

static struct va_linear layer(int64_t M, int64_t N, int64_t K, const struct va_layer *w,
                              const va_bf16 *x, void *y)
{
    struct va_linear p = {};

    p.M = M;
    p.N = p.ldy = N;
    p.K = p.ldx = K;
    p.x = x;
    p.w = w->w;
    p.bias = w->bias;
    p.y = y;
    return p;
}

static void linear(struct va_backend *be, struct va_linear p, enum va_unary act)
{
    p.act = act;
    va_cuda_linear_halves(be, &p, VA_TO_BF16);
}

static void add_linear(struct va_backend *be, struct va_linear p, const void *residual)
{
    p.residual = residual;
    va_cuda_linear_halves(be, &p, VA_TO_F32);
}

static void attend(struct va_backend *be, const struct va_transformer_shape *s,
                   const va_bf16 *qkv, va_bf16 *y)
{
    struct va_attention p = {};

    p.B = s->B;
    p.Tq = s->queries;
    p.Tk = s->T;
    p.H = s->heads;
    p.D = s->D / s->heads;
    p.causal = s->causal;
    p.q = qkv;
    p.k = qkv + s->D;
    p.v = qkv + 2 * s->D;
    p.ldq = p.ldk = 3 * s->D;
    p.stepq = p.stepk = s->T * 3 * s->D;
    p.y = y;
    va_cuda_attention_halves(be, &p);
}

/* The first rows of each sequence, which go on. */
static void take_queries(struct va_backend *be, const struct va_transformer *p)
{
    struct va_add first = {};

    first.B = p->s.B;
    first.n = first.stepy = p->s.queries * p->s.D;
    first.stepa = p->s.T * p->s.D;
    first.a = p->x;
    first.y = p->out;
    va_cuda_add(be, &first);
}

bool va_cuda_transformer_infer(struct va_backend *be, const struct va_transformer *p)
{
    const struct va_transformer_shape *s = &p->s;
    int64_t M = s->B * s->T, Q = s->B * s->queries, D = s->D;
    va_bf16 *rows = (va_bf16 *)p->work; /* [M, D]: norms and attention */
    va_bf16 *wide = rows + M * D;       /* [M, 3 D], then [Q, mlp] */
    const void *residual = p->x;

    if (!is_for(be, p))
        return false;
    norm(be, M, s, &p->w.norm1, p->x, rows);
    linear(be, layer(M, 3 * D, D, &p->w.qkv, rows, wide), VA_IDENTITY);
    attend(be, s, wide, rows);
    if (s->queries < s->T) {
        take_queries(be, p);
        residual = p->out;
    }
    add_linear(be, layer(Q, D, D, &p->w.proj, rows, p->out), residual);
    norm(be, Q, s, &p->w.norm2, p->out, rows);
    linear(be, layer(Q, s->mlp, D, &p->w.fc1, rows, wide), s->act);
    add_linear(be, layer(Q, D, s->mlp, &p->w.fc2, wide, p->out), p->out);
    return true;
}
