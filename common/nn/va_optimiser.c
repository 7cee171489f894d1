#include "nn/va_optimiser.h"

#include "base/va_mem.h"
#include <math.h>
#include <stddef.h>

struct va_optimiser {
    struct va_params *params;
    struct va_optimiser_config c;
    struct va_update *list; /* [count], one per trained entry */
    int64_t *entry;         /* [count], its index in params */
    int64_t count;
    int64_t updates;
    void *record; /* struct va_step */
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
    o->record = va_bytes_new(params->be, sizeof(struct va_step));
    if (!o->list || !o->entry || !o->record) {
        va_optimiser_free(o);
        return NULL;
    }
    for (int64_t i = 0; i < params->count; i++) {
        struct va_param *p = &params->items[i];

        if (p->frozen)
            continue;
        o->entry[o->count] = i;
        o->list[o->count++] = (struct va_update){ .count = p->count,
                                                  .value = p->value.data,
                                                  .grad = p->grad,
                                                  .m = p->m,
                                                  .v = p->v,
                                                  .decay = p->decay ? c->decay : 0,
                                                  .rate = p->rate ? p->rate : 1,
                                                  .weight = &p->value };
    }
    return o;
}

void va_optimiser_free(struct va_optimiser *o)
{
    if (!o)
        return;
    o->params->be->ops->free(o->params->be, o->record);
    va_free(o->list);
    va_free(o->entry);
    va_free(o);
}

void *va_optimiser_begin(struct va_optimiser *o, uint64_t seed, uint64_t step, double rate)
{
    struct va_backend *be = o->params->be;
    const struct va_step record = {
        .seed = seed, .step = step, .rate = rate, .t = o->updates + 1, .report = { .worst = -1 }
    };

    be->ops->put_bytes(be, o->record, &record, offsetof(struct va_step, halted));
    return o->record;
}

void va_optimiser_update(struct va_optimiser *o)
{
    struct va_params *params = o->params;

    params->be->ops->update(params->be,
                            &(struct va_adamw){ .beta1 = o->c.beta1,
                                                .beta2 = o->c.beta2,
                                                .eps = o->c.eps,
                                                .clip = o->c.clip,
                                                .list = o->list,
                                                .count = o->count,
                                                .derived = params->derived,
                                                .derived_count = params->derived_count,
                                                .step = o->record });
}

int va_optimiser_report(struct va_optimiser *o, struct va_step_report *r, const char **bad)
{
    struct va_backend *be = o->params->be;
    struct va_step record;

    be->ops->get_bytes(be, &record, o->record, sizeof(record));
    *r = record.report;
    *bad = NULL;
    if (va_backend_peek(be) < 0)
        return -1;
    if (r->worst >= 0 || !isfinite(r->norm))
        *bad = r->worst >= 0 ? o->params->items[o->entry[r->worst]].name
                             : "all tensors together";
    o->updates += va_step_updates(&record);
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
