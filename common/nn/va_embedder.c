#include "nn/va_embedder.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <math.h>

struct va_embedder {
    struct va_backend *be;
    struct va_vit *vit;
    char *path;
    void *patches, *cls; /* of one batch, on the device */
};

struct va_embedder *va_embedder_new(struct va_backend *be, const struct va_tensors *set,
                                    const char *path, int64_t batch)
{
    struct va_embedder *e = va_new(1, sizeof(*e));
    struct va_vit_config c;

    if (!e)
        return NULL;
    e->be = be;
    e->path = va_strdup(path);
    if (!e->path || va_vit_config_load(&c, set, path) < 0 ||
        !(e->vit = va_vit_new(be, &c, VA_VIT_INIT_MAE)) ||
        va_params_load(va_vit_params(e->vit), set, path) < 0 ||
        va_vit_reserve(e->vit, batch) < 0 ||
        !(e->patches = be->ops->alloc(be,
                                      batch * va_vit_patches(&c) * va_vit_patch_size(&c))) ||
        !(e->cls = be->ops->alloc(be, batch * c.width))) {
        va_embedder_free(e);
        return NULL;
    }
    return e;
}

void va_embedder_free(struct va_embedder *e)
{
    if (!e)
        return;
    e->be->ops->free(e->be, e->patches);
    e->be->ops->free(e->be, e->cls);
    va_vit_free(e->vit);
    va_free(e->path);
    va_free(e);
}

const struct va_vit *va_embedder_vit(const struct va_embedder *e)
{
    return e->vit;
}

int va_embedder_run(struct va_embedder *e, int64_t count, const float *patches, float *rows)
{
    const struct va_vit_config *c = va_vit_config(e->vit);
    const struct va_ops *ops = e->be->ops;

    ops->put_f32(e->be, e->patches, patches, count * va_vit_patches(c) * va_vit_patch_size(c));
    va_vit_forward(e->vit, count, e->patches, e->cls);
    ops->get_f32(e->be, rows, e->cls, count * c->width);
    if (va_backend_check(e->be) < 0)
        return -1;
    for (int64_t i = 0; i < count * c->width; i++)
        if (!isfinite(rows[i]))
            return va_error("%s: feature %lld comes out as %g: the weights overflow", e->path,
                            (long long)(i % c->width), (double)rows[i]);
    return 0;
}
