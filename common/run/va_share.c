#include "run/va_share.h"

#include "base/va_cpu.h"
#include "base/va_error.h"
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include <stdio.h>
#include <string.h>

/* Rank r's part begins here: earlier ranks get the larger parts, and the only one. */
static int64_t part_start(int64_t windows, int64_t r)
{
    int64_t size = va_comm_size();

    return windows / size * r + (r < windows % size ? r : windows % size);
}

struct va_share va_share_of_rank(int64_t windows, int rank)
{
    int64_t first = part_start(windows, rank);

    return (struct va_share){ first, part_start(windows, rank + 1) - first };
}

struct va_share va_share_of(int64_t windows)
{
    return va_share_of_rank(windows, va_comm_rank());
}

int64_t va_share_most(int64_t windows)
{
    return part_start(windows, 1);
}

void va_share_rounding(void)
{
    static int all[VA_COMM_MAX];
    int least = (int)va_cpu_isa();

    va_comm_gather(&least, sizeof(least), all);
    for (int r = 0; r < va_comm_size(); r++)
        least = all[r] < least ? all[r] : least;
    va_cpu_limit((enum va_isa)least);
}

void va_share_moments(struct va_ccc_moments *m)
{
    static struct va_ccc_moments all[VA_COMM_MAX];

    if (va_comm_size() == 1)
        return;
    va_comm_gather(m, sizeof(*m), all);
    memset(m, 0, sizeof(*m));
    for (int r = 0; r < va_comm_size(); r++)
        va_ccc_merge(m, &all[r]);
}

void va_share_ccc(struct va_backend *be, struct va_ccc *p, struct va_ccc_moments *m)
{
    if (va_comm_size() == 1)
        return;
    p->joined = be->joined;
    if (be->joined) {
        va_share_send(be, be->ops->ranks->moments(be, p));
        return;
    }
    be->ops->ccc_moments(be, p->n, p->pred, p->label, p->valid, m);
    va_share_moments(m);
    p->moments = m;
}

double va_share_sum(double x)
{
    static double all[VA_COMM_MAX];
    double sum = 0;

    va_comm_gather(&x, sizeof(x), all);
    for (int r = 0; r < va_comm_size(); r++)
        sum += all[r];
    return sum;
}

int va_share_report(struct va_optimiser *o, struct va_step_report *r, const char **bad)
{
    int status = va_optimiser_report(o, r, bad);

    if (va_comm_size() == 1)
        return status;
    if (va_comm_agree(status) < 0)
        return -1;
    r->loss = va_share_sum(r->loss);
    r->cross_entropy = va_share_sum(r->cross_entropy);
    r->class_weight = va_share_sum(r->class_weight);
    r->wrong = va_comm_first((int)r->wrong);
    return 0;
}

/* ---- gradients ------------------------------------------------------------------------- */

void va_share_gradients(struct va_params *params, float *room)
{
    struct va_backend *be = params->be;

    if (va_comm_size() == 1)
        return;
    if (be->joined)
        va_share_send(be, be->ops->ranks->sum(be, params->grads, params->trained));
    for (int64_t at = 0; !be->joined && at < params->trained; at += VA_SHARE_ROOM) {
        int64_t left = params->trained - at, n = left < VA_SHARE_ROOM ? left : VA_SHARE_ROOM;

        be->ops->get_f32(be, room, va_at(be, params->grads, at), n);
        va_comm_sum(room, n);
        be->ops->put_f32(be, va_at(be, params->grads, at), room, n);
    }
}

/* ---- checks ---------------------------------------------------------------------------- */

int va_share_same(struct va_hash *h, const char *what)
{
    static char all[VA_COMM_MAX][VA_HASH_TEXT];
    char mine[VA_HASH_TEXT];

    if (va_comm_size() == 1)
        return 0;
    va_hash_finish(h, mine);
    va_comm_gather(mine, sizeof(mine), all);
    return va_comm_agree(
        strcmp(mine, all[0]) ? va_error_machine("%s: differ from those of rank 0", what) : 0);
}

int va_share_same_weights(const struct va_params *params, int64_t step, float *room)
{
    struct va_backend *be = params->be;
    struct va_hash h;
    char what[64];

    if (va_comm_size() == 1)
        return 0;
    va_hash_init(&h);
    for (int64_t i = 0; i < params->count; i++) {
        const struct va_param *p = &params->items[i];

        for (int64_t at = 0; at < p->count; at += VA_SHARE_ROOM) {
            int64_t n = p->count - at < VA_SHARE_ROOM ? p->count - at : VA_SHARE_ROOM;

            be->ops->weight_get(be, &p->value, at, n, room);
            va_hash_add(&h, room, sizeof(*room) * (size_t)n);
        }
    }
    snprintf(what, sizeof(what), "weights after step %lld", (long long)step);
    return va_share_same(&h, what);
}
