#include "model/va_embedder.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_rater.h"
#include <math.h>

struct va_embedder {
    struct va_backend *be;
    struct va_rater *rater;
    char *path;
    void *patches, *cls, *va; /* of one batch, on the device */
};

struct va_embedder *va_embedder_new(struct va_backend *be, const struct va_tensors *set,
                                    const char *path, int64_t batch)
{
    struct va_embedder *e = va_new(1, sizeof(*e));
    struct va_rater_config c;
    int64_t size;

    if (!e)
        return NULL;
    e->be = be;
    e->path = va_strdup(path);
    if (!e->path || va_rater_config_load(&c, set, path) < 0)
        goto failed;
    size = va_vit_patches(&c.encoder) * va_vit_patch_size(&c.encoder);
    if (!(e->rater = va_rater_new(be, &c, 0)) ||
        va_params_load(va_rater_params(e->rater), set, path) < 0 ||
        va_vit_reserve(va_rater_encoder(e->rater), batch) < 0 ||
        !(e->patches = be->ops->alloc(be, batch * size)) ||
        !(e->cls = be->ops->alloc(be, batch * c.encoder.width)) ||
        !(e->va = be->ops->alloc(be, batch * 2)))
        goto failed;
    va_params_changed(va_rater_params(e->rater));
    return e;
failed:
    va_embedder_free(e);
    return NULL;
}

void va_embedder_free(struct va_embedder *e)
{
    if (!e)
        return;
    e->be->ops->free(e->be, e->patches);
    e->be->ops->free(e->be, e->cls);
    e->be->ops->free(e->be, e->va);
    va_rater_free(e->rater);
    va_free(e->path);
    va_free(e);
}

const struct va_vit *va_embedder_vit(const struct va_embedder *e)
{
    return va_rater_encoder(e->rater);
}

bool va_embedder_rates(const struct va_embedder *e)
{
    return va_rater_config(e->rater)->va;
}

static void forward(struct va_embedder *e, int64_t count, const float *patches)
{
    const struct va_vit_config *c = &va_rater_config(e->rater)->encoder;

    e->be->ops->put_f32(e->be, e->patches, patches,
                        count * va_vit_patches(c) * va_vit_patch_size(c));
    va_vit_forward(va_rater_encoder(e->rater), count, e->patches, e->cls);
}

/* Numbers [count, width] from the device, which must be finite. */
static int fetch(struct va_embedder *e, int64_t count, int64_t width, const void *from,
                 const char *what, float *to)
{
    e->be->ops->get_f32(e->be, to, from, count * width);
    if (va_backend_check(e->be) < 0)
        return -1;
    for (int64_t i = 0; i < count * width; i++)
        if (!isfinite(to[i]))
            return va_error("%s: %s %lld comes out as %g: the weights overflow", e->path, what,
                            (long long)(i % width), (double)to[i]);
    return 0;
}

int va_embedder_run(struct va_embedder *e, int64_t count, const float *patches, float *rows)
{
    forward(e, count, patches);
    return fetch(e, count, va_rater_config(e->rater)->encoder.width, e->cls, "feature", rows);
}

int va_embedder_rate(struct va_embedder *e, int64_t count, const float *patches, float *va)
{
    forward(e, count, patches);
    va_rater_heads(e->rater, count, e->cls, e->va, NULL);
    return fetch(e, count, 2, e->va, "prediction", va);
}
