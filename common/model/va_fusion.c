#include "model/va_fusion.h"

#include "nn/va_dense.h"
#include "nn/va_layernorm.h"
#include <math.h>

static const double NORM_EPS = 1e-5;

int va_fusion_declare(struct va_fusion *f, struct va_params *list,
                      const struct va_temporal_config *c)
{
    *f = (struct va_fusion){ .params = list,
                             .in = c->in_dim,
                             .apart = c->fusion == VA_FUSION_CROSS };
    for (int64_t k = 0; c->fusion && k < c->streams.count; k++) {
        const struct va_stream_shape *s = &c->streams.items[k];
        struct va_fusion_part *p = &f->parts[f->count++];
        const struct va_param law = { .init = VA_INIT_UNIFORM, .a = 1 / sqrt((double)s->dim) };

        *p = (struct va_fusion_part){ .dim = s->dim, .to = f->out };
        p->width = c->stream_width ? c->stream_width : s->dim;
        p->from = k ? p[-1].from + p[-1].dim + 1 : 0;
        p->norm = va_layernorm_declare(list, p->dim, "streams.%s.norm", s->name);
        p->linear = p->norm < 0 ? -1
                                : va_dense_declare(list, p->width, p->dim, &law, &law,
                                                   "streams.%s.linear", s->name);
        if (p->linear < 0)
            return -1;
        f->out += p->width + 1;
    }
    return 0;
}

int64_t va_fusion_widest(const struct va_fusion *f)
{
    int64_t most = f->out;

    for (int64_t k = 0; k < f->count; k++)
        most = f->parts[k].dim > most ? f->parts[k].dim : most;
    return most;
}

void va_fusion_plan(const struct va_fusion *f, int64_t M, bool training, struct va_arena *a,
                    struct va_fusion_acts *acts)
{
    int64_t start = va_arena_mark(a), end = start;

    for (int64_t k = 0; k < f->count; k++) {
        if (!training)
            va_arena_rewind(a, start);
        acts->x[k] = va_arena_take(a, M, f->parts[k].dim);
        acts->normed[k] = va_arena_take(a, M, f->parts[k].dim);
        acts->stats[k] = training ? va_arena_take(a, M, 2) : NULL;
        end = va_arena_mark(a) > end ? va_arena_mark(a) : end;
    }
    va_arena_rewind(a, end);
    for (int64_t k = 0; f->apart && k < f->count; k++)
        acts->apart[k] = va_arena_take(a, M, f->parts[k].width + 1);
    acts->out = f->count && !f->apart ? va_arena_take(a, M, f->out) : NULL;
}

/* n columns of M rows from one place to another. */
static void copy_columns(struct va_backend *be, int64_t M, int64_t n, const void *from,
                         int64_t ldf, void *to, int64_t ldt)
{
    be->ops->add(
        be, &(struct va_add){
                .B = M, .n = n, .a = from, .y = to, .stepa = ldf, .stepb = ldf, .stepy = ldt });
}

void va_fusion_forward(const struct va_fusion *f, int64_t M, const void *x,
                       const struct va_fusion_acts *acts)
{
    struct va_backend *be = f->params->be;

    for (int64_t k = 0; k < f->count; k++) {
        const struct va_fusion_part *p = &f->parts[k];
        void *e = f->apart ? acts->apart[k] : va_at(be, acts->out, p->to);
        int64_t ld = f->apart ? p->width + 1 : f->out;

        copy_columns(be, M, p->dim, va_at(be, x, p->from), f->in, acts->x[k], p->dim);
        va_layernorm_forward(f->params, p->norm,
                             &(struct va_norm){ .M = M,
                                                .eps = NORM_EPS,
                                                .x = acts->x[k],
                                                .y = acts->normed[k],
                                                .stats = acts->stats[k] });
        va_dense_forward(
            f->params, p->linear,
            &(struct va_linear){ .M = M, .x = acts->normed[k], .y = e, .ldy = ld });
        copy_columns(be, M, 1, va_at(be, x, p->from + p->dim), f->in, va_at(be, e, p->width),
                     ld);
    }
}

void va_fusion_part_backward(const struct va_fusion *f, int64_t k, int64_t M,
                             const struct va_fusion_acts *acts, const void *de, int64_t ld,
                             void *work)
{
    const struct va_fusion_part *p = &f->parts[k];

    va_dense_backward(f->params, p->linear,
                      &(struct va_linear_grad){
                          .M = M, .dy = de, .lddy = ld, .x = acts->normed[k], .dx = work });
    va_layernorm_backward(
        f->params, p->norm,
        &(struct va_norm_grad){ .M = M, .dy = work, .x = acts->x[k], .stats = acts->stats[k] });
}

void va_fusion_backward(const struct va_fusion *f, int64_t M, const struct va_fusion_acts *acts,
                        const void *dout, void *work)
{
    for (int64_t k = 0; k < f->count; k++)
        va_fusion_part_backward(f, k, M, acts, va_at(f->params->be, dout, f->parts[k].to),
                                f->out, work);
}
