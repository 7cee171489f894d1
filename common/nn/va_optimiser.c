#include "nn/va_optimiser.h"

#include "base/va_mem.h"
#include <math.h>

struct va_optimiser {
    struct va_params *params;
    struct va_optimiser_config c;
    struct va_update *list; /* [count], one per trained entry */
    int64_t *entry;         /* [count], its index in params */
    int64_t count;
    int64_t updates;
};

struct va_optimiser *va_optimiser_new(struct va_params *params,
                                      const struct va_optimiser_config *c)
{
    struct va_optimiser *o = va_new(1, sizeof(*o));

    if (!o)
        return NULL;
    o->params = params;
    o->c = *c;
    o->list = va_new(params->count, sizeof(*o->list));
    o->entry = va_new(params->count, sizeof(*o->entry));
    if (!o->list || !o->entry) {
        va_optimiser_free(o);
        return NULL;
    }
    for (int64_t i = 0; i < params->count; i++) {
        const struct va_param *p = &params->items[i];

        if (p->frozen)
            continue;
        o->entry[o->count] = i;
        o->list[o->count++] = (struct va_update){ .count = p->count,
                                                  .value = p->value.data,
                                                  .grad = p->grad,
                                                  .m = p->m,
                                                  .v = p->v,
                                                  .decay = p->decay ? c->decay : 0,
                                                  .rate = p->rate ? p->rate : 1 };
    }
    return o;
}

void va_optimiser_free(struct va_optimiser *o)
{
    if (!o)
        return;
    va_free(o->list);
    va_free(o->entry);
    va_free(o);
}

int va_optimiser_step(struct va_optimiser *o, double lr, double *norm, const char **bad)
{
    struct va_params *params = o->params;
    const struct va_adamw p = { .lr = lr,
                                .beta1 = o->c.beta1,
                                .beta2 = o->c.beta2,
                                .eps = o->c.eps,
                                .clip = o->c.clip,
                                .t = o->updates + 1,
                                .list = o->list,
                                .count = o->count,
                                .derived = params->derived,
                                .derived_count = params->derived_count };
    struct va_adamw_result r;

    *bad = NULL;
    params->be->ops->update(params->be, &p, &r);
    if (va_backend_peek(params->be) < 0)
        return -1;
    *norm = r.norm;
    if (r.worst >= 0 || !isfinite(r.norm)) {
        *bad = r.worst >= 0 ? params->items[o->entry[r.worst]].name : "all tensors together";
        return -1;
    }
    va_params_updated(params);
    o->updates++;
    return 0;
}

int64_t va_optimiser_updates(const struct va_optimiser *o)
{
    return o->updates;
}

void va_optimiser_set_updates(struct va_optimiser *o, int64_t updates)
{
    o->updates = updates;
}
