/*
 * NCCL, without its header: the functions and numbers here are those of nccl.h since 2.14, which test/cuda/nccl_facts.cc
 * compares with it. Communicators do not block, so that a rank whose partner gave up hears of it.
 */
#include "cuda/va_nccl.h"

#include "cuda/va_find.h"
#include "cuda/va_nccl_facts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OLDEST = 21400 };

static const char *const files[] = { "libnccl.so.2", NULL };
static const char *const wheels[] = { "nvidia/nccl/lib", NULL };
static const struct va_wanted wanted = { "VA_CUDA_NCCL", files, wheels };

static struct {
    bool looked;
    struct va_found found;
    struct va_nccl_functions call;
    void *communicator;
    int rank, size;
    struct va_ccc_moments *moments; /* [size], on the device */
    const char *begun;              /* for messages: the function */
} nccl;

/* ---- errors ------------------------------------------------------------------------------------ */

static int fails(struct va_backend *be, const char *function, int result)
{
    const char *more = nccl.communicator && nccl.call.last_error
                           ? nccl.call.last_error(nccl.communicator)
                           : "";

    va_cuda_fail(be, "NCCL: %s: %s%s%.*s", function, nccl.call.error_words(result),
                 more && *more ? ": " : "", more ? (int)strcspn(more, "\n") : 0,
                 more ? more : "");
    return -1;
}

/* With a communicator that does not block, a call may be in progress when it returns. */
static int begun(struct va_backend *be, const char *function, int result)
{
    nccl.begun = function;
    return result == VA_NCCL_SUCCESS || result == VA_NCCL_IN_PROGRESS
               ? 0
               : fails(be, function, result);
}

/* ---- the library ------------------------------------------------------------------------------- */

static const char *take_symbols(void)
{
    static const struct {
        const char *name;
        void **target;
        bool optional;
    } symbols[] = {
        { "ncclGetVersion", (void **)&nccl.call.version },
        { "ncclGetErrorString", (void **)&nccl.call.error_words },
        { "ncclGetLastError", (void **)&nccl.call.last_error, true },
        { "ncclGetUniqueId", (void **)&nccl.call.unique_id },
        { "ncclCommInitRankConfig", (void **)&nccl.call.init_rank },
        { "ncclCommGetAsyncError", (void **)&nccl.call.async_error },
        { "ncclCommAbort", (void **)&nccl.call.abort },
        { "ncclCommFinalize", (void **)&nccl.call.finalize },
        { "ncclCommDestroy", (void **)&nccl.call.destroy },
        { "ncclAllReduce", (void **)&nccl.call.all_reduce },
    };

    for (const auto &s : symbols) {
        *s.target = va_find_symbol(&nccl.found, s.name);
        if (!*s.target && !s.optional)
            return s.name;
    }
    return NULL;
}

static int unusable(struct va_backend *be, const char *found)
{
    va_cuda_fail(be, "%s: found %s, expected NCCL %d.%d or newer, or VA_CUDA_NCCL=no",
                 nccl.found.words, found, OLDEST / 10000, OLDEST / 100 % 100);
    return -1;
}

/* 2.8 and older count otherwise. */
static void version_words(int version, char *words, size_t room)
{
    int major = version < 10000 ? version / 1000 : version / 10000;
    int minor = version < 10000 ? version / 100 % 10 : version / 100 % 100;

    snprintf(words, room, "NCCL %d.%d.%d", major, minor, version % 100);
}

static int find(struct va_backend *be, struct va_ranks_here *here)
{
    char words[40];
    const char *missing;

    if (!nccl.looked) {
        setenv("NCCL_NVLS_ENABLE", "0", 0);
        nccl.found = va_find(&wanted);
        nccl.looked = true;
    }
    snprintf(here->words, sizeof(here->words), "%s", nccl.found.words);
    if (!nccl.found.library && nccl.found.named)
        va_cuda_fail(be, "%s", nccl.found.words);
    if (!nccl.found.library)
        return be->failed ? -1 : 0;
    missing = take_symbols();
    if (missing) {
        snprintf(words, sizeof(words), "no %s", missing);
        return unusable(be, words);
    }
    if (nccl.call.version(&here->version) != VA_NCCL_SUCCESS)
        here->version = 0;
    version_words(here->version, words, sizeof(words));
    if (here->version < OLDEST)
        return unusable(be, words);
    snprintf(here->words, sizeof(here->words), "%s (%s)", words, nccl.found.words);
    if (va_gpu_identity(here->device))
        return 0;
    va_cuda_launched(be, "identity");
    return -1;
}

/* ---- the ranks --------------------------------------------------------------------------------- */

static int make_id(struct va_backend *be, unsigned char *bytes)
{
    struct va_nccl_id id = {};
    int result = nccl.call.unique_id(&id);

    static_assert(sizeof(id) == VA_RANKS_ID);
    memcpy(bytes, &id, sizeof(id));
    return result == VA_NCCL_SUCCESS ? 0 : fails(be, "ncclGetUniqueId", result);
}

static int join(struct va_backend *be, const unsigned char *bytes, int rank, int size)
{
    struct va_nccl_config config = VA_NCCL_CONFIG;
    struct va_nccl_id id;

    if (be->failed)
        return -1;
    memcpy(&id, bytes, sizeof(id));
    nccl.rank = rank;
    nccl.size = size;
    nccl.moments = (struct va_ccc_moments *)va_gpu_new((size_t)size * sizeof(*nccl.moments));
    if (!nccl.moments) {
        va_cuda_fail(be, "GPU: out of memory: %zu bytes", (size_t)size * sizeof(*nccl.moments));
        return -1;
    }
    return begun(be, "ncclCommInitRankConfig",
                 nccl.call.init_rank(&nccl.communicator, size, id, rank, &config));
}

static int sum_of(struct va_backend *be, void *data, int64_t count, int type)
{
    if (be->failed)
        return -1;
    return begun(be, "ncclAllReduce",
                 nccl.call.all_reduce(data, data, (size_t)count, type, VA_NCCL_SUM,
                                      nccl.communicator, va_gpu_stream()));
}

static int sum(struct va_backend *be, void *data, int64_t count)
{
    return sum_of(be, data, count, VA_NCCL_FLOAT32);
}

/* Each rank has zeros in the places of the others, so sums are what they have, whatever their order. */
static int moments(struct va_backend *be, const struct va_ccc *p)
{
    const int64_t numbers = sizeof(*nccl.moments) / sizeof(double);

    static_assert(sizeof(*nccl.moments) == 11 * sizeof(double));
    if (be->failed)
        return -1;
    va_gpu_zero(nccl.moments, (size_t)nccl.size * sizeof(*nccl.moments));
    va_cuda_ccc_moments_to(be, p, nccl.moments + nccl.rank);
    return sum_of(be, nccl.moments, nccl.size * numbers, VA_NCCL_FLOAT64);
}

const struct va_ccc_moments *va_nccl_moments(int *ranks)
{
    *ranks = nccl.size;
    return nccl.moments;
}

static int sent(struct va_backend *be)
{
    int state = VA_NCCL_SUCCESS, result;

    if (be->failed)
        return -1;
    result = nccl.call.async_error(nccl.communicator, &state);
    if (result == VA_NCCL_SUCCESS)
        result = state;
    if (result == VA_NCCL_IN_PROGRESS)
        return 0;
    return result == VA_NCCL_SUCCESS ? 1 : fails(be, nccl.begun, result);
}

static int done(struct va_backend *be)
{
    int state = sent(be);

    if (state <= 0 || !va_gpu_idle())
        return state < 0 ? -1 : 0;
    va_cuda_launched(be, nccl.begun);
    return be->failed ? -1 : 1;
}

/* What waits on the device for another rank ends. */
static void leave(struct va_backend *be)
{
    be->failed = true;
    if (nccl.communicator)
        (void)nccl.call.abort(nccl.communicator);
    nccl.communicator = NULL;
}

/* Whether all ranks have finalized, within `limit` milliseconds. */
static bool all_final(int limit)
{
    int state = nccl.call.finalize(nccl.communicator);

    for (int i = 0; i < limit && state == VA_NCCL_IN_PROGRESS; i++) {
        const struct timespec rest = { 0, 1000000 };

        nanosleep(&rest, NULL);
        if (nccl.call.async_error(nccl.communicator, &state) != VA_NCCL_SUCCESS)
            return false;
    }
    return state == VA_NCCL_SUCCESS;
}

void va_nccl_end(struct va_backend *be)
{
    va_gpu_free(nccl.moments);
    nccl.moments = NULL;
    if (!nccl.communicator)
        return;
    if (!be->failed && all_final(5000))
        (void)nccl.call.destroy(nccl.communicator);
    else
        (void)nccl.call.abort(nccl.communicator);
    nccl.communicator = NULL;
}

const struct va_ranks va_nccl_ranks = { find, make_id, join, sum, moments, sent, done, leave };
