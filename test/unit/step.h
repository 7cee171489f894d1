/*
 * step.h - records of steps (ops/va_op_train.h) in tests of losses, masks and the optimiser; `on` is
 * the device.
 */
#ifndef STEP_H
#define STEP_H

#include "nn/va_optimiser.h"

/* A record on the device, to be freed there. */
static inline void *step_new(struct va_backend *on, uint64_t seed, uint64_t step)
{
    const struct va_step record = {
        .seed = seed, .step = step, .t = 1, .report = { .worst = -1 }
    };
    void *buffer = va_bytes_new(on, sizeof(record));

    on->ops->put_bytes(on, buffer, &record, sizeof(record));
    return buffer;
}

static inline struct va_step_report step_report(struct va_backend *on, const void *step)
{
    struct va_step record;

    on->ops->get_bytes(on, &record, step, sizeof(record));
    return record.report;
}

/* What ccc_loss finds, with dpred. */
static inline struct va_step_report step_ccc(struct va_backend *on, struct va_ccc p)
{
    struct va_step_report r;

    p.step = step_new(on, 0, 0);
    on->ops->ccc_loss(on, &p);
    r = step_report(on, p.step);
    on->ops->free(on, p.step);
    return r;
}

/* An update from the gradients that are there: 0, or -1 with the name of a bad one. */
static inline int step_update(struct va_optimiser *o, double rate, double *norm,
                              const char **bad)
{
    struct va_step_report r;

    va_optimiser_begin(o, 0, 0, rate);
    va_optimiser_update(o);
    if (va_optimiser_report(o, &r, bad) < 0)
        return -1;
    *norm = r.norm;
    return *bad ? -1 : 0;
}

#endif
