/*
 * va_ranks.h - sums between the devices of several ranks, without the host between them.
 *
 * Every rank is a process with a device of its own, and has a library in common with the others, which knows the way from
 * one device to the next. Ranks exchange what `find` says, agree that all of them can, and rank 0 makes an id,
 * which all need to join. run/va_share.h does that.
 *
 * Order of a sum: up to the library, as far as it depends on how devices are connected and on nothing else: as many
 * ranks on the same machines give the same bytes, and every rank has the same ones. Not those of va_comm_sum (comm/va_comm.h),
 * unless there are two ranks.
 *
 * Waiting:   join, sum and moments begin something; `sent` and `done` say how it stands, and do not wait. The next thing begins
 *            when this one is sent
 * Errors:    they fail the backend, after reporting; `leave` follows on all ranks
 */
#ifndef VA_RANKS_H
#define VA_RANKS_H

#include "base/va_attr.h"
#include <stddef.h>
#include <stdint.h>

struct va_backend;
struct va_ccc;

enum { VA_RANKS_ID = 128, VA_RANKS_DEVICE = 16, VA_RANKS_WORDS = 256 };

struct va_ranks_here {
    int version; /* of the library, the same on all ranks; 0: there is none */
    unsigned char device[VA_RANKS_DEVICE]; /* no other device anywhere has these bytes */
    char words[VA_RANKS_WORDS];            /* which library it is, or why there is none */
};

struct va_ranks {
    /* What is here; version 0 is no error. -1 after reporting: a library that is here, and cannot be used. */
    int (*find)(struct va_backend *be, struct va_ranks_here *here);
    int (*make_id)(struct va_backend *be, unsigned char *id); /* [VA_RANKS_ID]; after find */
    int (*join)(struct va_backend *be, const unsigned char *id, int rank, int size);
    /* data [count] becomes the sum over ranks. Collective, with equal counts */
    int (*sum)(struct va_backend *be, void *data, int64_t count);
    /* Moments of the frames of `p` on all ranks, for a ccc_loss with p->joined, which merges them in the order of ranks. Collective */
    int (*moments)(struct va_backend *be, const struct va_ccc *p);
    /* 1: what the device is given from now on follows what was begun; 0: not yet; -1: it failed */
    int (*sent)(struct va_backend *be);
    int (*done)(
        struct va_backend
            *be); /* 1: what was begun is, and all before it; 0: not yet; -1: it failed */
    void (*leave)(struct va_backend
                      *be); /* give up what was begun; collective, after an error of any rank */
};

#endif
