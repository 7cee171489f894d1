/*
 * Sums that devices make among themselves: whether they can, and how to wait for them. They can where every rank has
 * a device of its own and the same library; where one of them lacks it, all go through the host.
 */
#include "base/va_error.h"
#include "comm/va_comm.h"
#include "run/va_share.h"
#include <stdio.h>
#include <string.h>

struct rank {
    struct va_ranks_here here;
    char device[32]; /* cuda:1 */
};

static struct rank all[VA_COMM_MAX];

/* Why ranks cannot join, with the rank; false where they can. */
static bool obstacle(char *why, size_t size)
{
    for (int r = 0; r < va_comm_size(); r++) {
        const struct va_ranks_here *here = &all[r].here;

        if (here->version == 0) {
            snprintf(why, size, "rank %d: %s", r, here->words);
            return true;
        }
        if (here->version != all[0].here.version) {
            snprintf(why, size, "rank %d has %s, rank 0 %s", r, here->words, all[0].here.words);
            return true;
        }
        for (int other = 0; other < r; other++)
            if (memcmp(here->device, all[other].here.device, sizeof(here->device)) == 0) {
                snprintf(why, size, "ranks %d and %d share a GPU", other, r);
                return true;
            }
    }
    return false;
}

static void tell_devices(void)
{
    char line[400];
    size_t n = 0;

    for (int r = 0; r < va_comm_size() && n < sizeof(line); r++)
        n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", all[r].device);
    va_debug("devices of the ranks:%s%s", line, n < sizeof(line) ? "" : " ...");
}

static bool over; /* a rank has given up, and the others know: nothing is waited for any more */

/* How it stands, according to `how`, with what this rank has begun on its device, or could not (-1), once that is not "not
 * yet", or a rank has given up. */
static int look(struct va_backend *be, int begun, int (*how)(struct va_backend *be))
{
    int state = begun;

    for (int64_t i = 0; state == 0 && !over; i++) {
        over = va_comm_alarmed();
        if (!over && (state = how(be)) == 0)
            va_comm_rest(i);
    }
    if (state < 0 && !over) {
        va_comm_alarm();
        over = true;
    }
    return state;
}

/* It ends on all ranks: 0, or -1 on all after the first that gave up has said why. */
static int finish(struct va_backend *be, int begun)
{
    int done = look(be, begun, be->ops->ranks->done);

    if (va_comm_agree(done < 0 || be->failed ? -1 : 0) == 0)
        return 0;
    be->ops->ranks->leave(be);
    return -1;
}

static int join(struct va_backend *be)
{
    unsigned char id[VA_RANKS_ID] = { 0 };
    const struct va_ranks *ranks = be->ops->ranks;

    if (va_comm_agree(va_comm_rank() == 0 ? ranks->make_id(be, id) : 0) < 0)
        return -1;
    va_comm_broadcast(id, sizeof(id));
    if (finish(be, ranks->join(be, id, va_comm_rank(), va_comm_size())) < 0)
        return -1;
    be->joined = true;
    va_debug("sums between ranks: %s", all[0].here.words);
    return 0;
}

int va_share_join(struct va_backend *be)
{
    struct rank mine = { 0 };
    char why[2 * VA_RANKS_WORDS + 40];

    if (va_comm_size() == 1)
        return 0;
    snprintf(mine.device, sizeof(mine.device), "%.20s:%d", be->ops->name, be->number);
    snprintf(mine.here.words, sizeof(mine.here.words), "computes on %s", be->ops->name);
    if (va_comm_agree(be->ops->ranks ? be->ops->ranks->find(be, &mine.here) : 0) < 0)
        return -1;
    va_comm_gather(&mine, sizeof(mine), all);
    if (be->ops->ranks)
        tell_devices();
    if (!obstacle(why, sizeof(why)))
        return join(be);
    if (be->ops->ranks)
        va_debug("sums between ranks: through the host, by MPI: %s", why);
    return 0;
}

void va_share_send(struct va_backend *be, int begun)
{
    (void)look(be, begun, be->ops->ranks->sent);
}

int va_share_well(struct va_backend *be)
{
    int status = va_comm_agree(va_backend_peek(be));

    if (status < 0 && be->joined)
        be->ops->ranks->leave(be);
    return status;
}

int va_share_settle(struct va_backend *be)
{
    if (!be->joined)
        return 0;
    over = over || be->failed; /* what it had begun is sent, or the others know */
    return finish(be, 0);
}
