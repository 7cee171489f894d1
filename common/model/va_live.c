#include "model/va_live.h"

#include "base/va_mem.h"

struct va_live {
    struct va_backend *be;
    int64_t in_dim;
    struct va_temporal_stream *stream;
    void *x, *pred; /* [in_dim], [2] on the device */
};

struct va_live *va_live_new(struct va_temporal *model)
{
    struct va_live *l = va_new(1, sizeof(*l));

    if (!l)
        return NULL;
    l->be = va_temporal_params(model)->be;
    l->in_dim = va_temporal_config(model)->in_dim;
    l->stream = va_temporal_stream_new(model, 1);
    l->x = l->stream ? l->be->ops->alloc(l->be, l->in_dim) : NULL;
    l->pred = l->x ? l->be->ops->alloc(l->be, 2) : NULL;
    if (!l->pred) {
        va_live_free(l);
        return NULL;
    }
    return l;
}

void va_live_free(struct va_live *l)
{
    if (!l)
        return;
    va_temporal_stream_free(l->stream);
    l->be->ops->free(l->be, l->x);
    l->be->ops->free(l->be, l->pred);
    va_free(l);
}

void va_live_reset(struct va_live *l)
{
    va_temporal_stream_reset(l->stream);
}

int va_live_frame(struct va_live *l, const float *features, float *va)
{
    l->be->ops->put_f32(l->be, l->x, features, l->in_dim);
    va_temporal_stream_forward(l->stream, 1, l->x, l->pred);
    l->be->ops->get_f32(l->be, va, l->pred, 2);
    return va_backend_check(l->be);
}
