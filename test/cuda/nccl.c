/*
 * libnccl.so.2 without GPUs: what cuda/va_nccl.cc uses of NCCL, for ranks of one machine whose devices are the host executor's.
 *
 * A communicator is shared memory, named by the id: a slot for each rank, and how far each has come. Nothing blocks:
 * ncclCommGetAsyncError takes things further, as far as the other ranks allow, and a rank that is left alone stays
 * in progress for ever. Sums begin with the last rank, so they are others than MPI's where there are more than two.
 *
 * VA_NCCL_FAIL=FUNCTION[:N] makes the N-th call of a function fail (from 1), or, for "sum", the N-th sum when it is under
 * way; VA_NCCL_VERSION is the version it says it is. How a communicator ended is a line of the file VA_NCCL_ENDS. Arguments that NCCL would not take for what is meant are errors.
 */
#include "cuda/va_nccl_facts.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RANKS = 16, PIECE = 100003 };
enum { SYSTEM_ERROR = 2, INVALID_ARGUMENT = 4 };

struct shared {
    atomic_long joined, final,
        phase
            [RANKS]; /* phase: twice the pieces that a rank has added up, + 1: it has given one more */
    double slots[RANKS][PIECE];
};

struct communicator {
    struct shared *shared;
    char name[128];
    int rank, size;
    char *data; /* what is left of a sum */
    size_t left, wide;
    bool joined, given, fails, final;
};

int ncclGetVersion(int *version);
const char *ncclGetErrorString(int result);
const char *ncclGetLastError(void *communicator);
int ncclGetUniqueId(struct va_nccl_id *id);
int ncclCommInitRankConfig(void **communicator, int size, struct va_nccl_id id, int rank,
                           struct va_nccl_config *config);
int ncclCommGetAsyncError(void *communicator, int *result);
int ncclCommAbort(void *communicator);
int ncclCommFinalize(void *communicator);
int ncclCommDestroy(void *communicator);
int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation,
                  void *communicator, void *stream);

/* Whether this call of `function` is the one of VA_NCCL_FAIL. */
static bool fails(const char *function)
{
    static int calls;
    const char *fail = getenv("VA_NCCL_FAIL");
    size_t length = strlen(function);

    if (!fail || strncmp(fail, function, length) != 0 || (fail[length] && fail[length] != ':'))
        return false;
    return ++calls == (fail[length] ? atoi(fail + length + 1) : 1);
}

int ncclGetVersion(int *version)
{
    const char *text = getenv("VA_NCCL_VERSION");

    *version = text ? atoi(text) : 22809;
    return fails("ncclGetVersion") ? SYSTEM_ERROR : VA_NCCL_SUCCESS;
}

const char *ncclGetErrorString(int result)
{
    return result == SYSTEM_ERROR       ? "unhandled system error"
           : result == INVALID_ARGUMENT ? "invalid argument"
                                        : "another error";
}

const char *ncclGetLastError(void *communicator)
{
    const struct communicator *c = communicator;

    return c->fails ? "no answer\nat all" : "";
}

int ncclGetUniqueId(struct va_nccl_id *id)
{
    memset(id, 0, sizeof(*id));
    snprintf(id->internal, sizeof(id->internal), "/va-nccl-%d", (int)getpid());
    return fails("ncclGetUniqueId") ? SYSTEM_ERROR : VA_NCCL_SUCCESS;
}

int ncclCommInitRankConfig(void **communicator, int size, struct va_nccl_id id, int rank,
                           struct va_nccl_config *config)
{
    struct communicator *c = calloc(1, sizeof(*c));
    int fd;

    if (!c || config->magic != 0xcafebeef || config->blocking != 0 || rank < 0 ||
        rank >= size || size > RANKS)
        return INVALID_ARGUMENT;
    memcpy(c->name, id.internal, sizeof(c->name));
    c->rank = rank;
    c->size = size;
    *communicator = c;
    if (fails("ncclCommInitRankConfig"))
        return SYSTEM_ERROR;
    fd = shm_open(c->name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0)
        return SYSTEM_ERROR;
    c->shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (c->shared == MAP_FAILED)
        return SYSTEM_ERROR;
    if (atomic_fetch_add(&c->shared->joined, 1) == size - 1)
        shm_unlink(c->name);
    return VA_NCCL_IN_PROGRESS;
}

/* Whether all ranks have come as far. */
static bool all_at(const struct communicator *c, long phase)
{
    for (int r = 0; r < c->size; r++)
        if (atomic_load(&c->shared->phase[r]) < phase)
            return false;
    return true;
}

static void add(struct communicator *c, size_t n, const void *slot)
{
    for (size_t i = 0; i < n; i++)
        if (c->wide == sizeof(double))
            ((double *)(void *)c->data)[i] += ((const double *)slot)[i];
        else
            ((float *)(void *)c->data)[i] += ((const float *)slot)[i];
}

/* A piece: it is put into the slot; once all are there they are added up; then slots may be used again. */
static bool advance(struct communicator *c)
{
    long mine = atomic_load(&c->shared->phase[c->rank]), begun = mine / 2 * 2;
    size_t n = c->left < PIECE ? c->left : PIECE;

    if (!c->given) {
        if (!all_at(c, begun))
            return false;
        memcpy(c->shared->slots[c->rank], c->data, n * c->wide);
        atomic_store(&c->shared->phase[c->rank], begun + 1);
        c->given = true;
    }
    if (!all_at(c, begun + 1))
        return false;
    memcpy(c->data, c->shared->slots[c->size - 1], n * c->wide);
    for (int r = c->size - 2; r >= 0; r--)
        add(c, n, c->shared->slots[r]);
    atomic_store(&c->shared->phase[c->rank], begun + 2);
    c->given = false;
    c->data += n * c->wide;
    c->left -= n;
    return true;
}

int ncclCommGetAsyncError(void *communicator, int *result)
{
    struct communicator *c = communicator;

    if (!c || fails("ncclCommGetAsyncError"))
        return SYSTEM_ERROR;
    if (!c->joined)
        c->joined = atomic_load(&c->shared->joined) == c->size;
    while (c->joined && !c->fails && c->left > 0 && advance(c))
        ;
    *result = c->fails ? SYSTEM_ERROR
              : c->joined && !c->left &&
                      (!c->final || atomic_load(&c->shared->final) == c->size)
                  ? VA_NCCL_SUCCESS
                  : VA_NCCL_IN_PROGRESS;
    return VA_NCCL_SUCCESS;
}

static void ended(const char *how)
{
    const char *path = getenv("VA_NCCL_ENDS");
    FILE *f = path ? fopen(path, "a") : NULL;

    if (!f)
        return;
    fprintf(f, "%s\n", how);
    fclose(f);
}

int ncclCommFinalize(void *communicator)
{
    struct communicator *c = communicator;

    if (c->final || c->left || fails("ncclCommFinalize"))
        return SYSTEM_ERROR;
    c->final = true;
    atomic_fetch_add(&c->shared->final, 1);
    return VA_NCCL_IN_PROGRESS;
}

/* Before all ranks have finalized this would wait for them. */
int ncclCommDestroy(void *communicator)
{
    struct communicator *c = communicator;

    if (!c->final || atomic_load(&c->shared->final) < c->size)
        return INVALID_ARGUMENT;
    ended("destroyed");
    munmap(c->shared, sizeof(*c->shared));
    free(c);
    return VA_NCCL_SUCCESS;
}

int ncclCommAbort(void *communicator)
{
    struct communicator *c = communicator;

    ended("aborted");
    if (c->shared) {
        shm_unlink(c->name);
        munmap(c->shared, sizeof(*c->shared));
    }
    free(c);
    return VA_NCCL_SUCCESS;
}

int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation,
                  void *communicator, void *stream)
{
    struct communicator *c = communicator;

    if (from != to || (type != VA_NCCL_FLOAT32 && type != VA_NCCL_FLOAT64) ||
        operation != VA_NCCL_SUM || stream || !c->joined || c->left)
        return INVALID_ARGUMENT;
    if (fails("ncclAllReduce"))
        return SYSTEM_ERROR;
    c->fails = fails("sum");
    c->data = to;
    c->left = count;
    c->wide = type == VA_NCCL_FLOAT64 ? sizeof(double) : sizeof(float);
    return VA_NCCL_IN_PROGRESS;
}
