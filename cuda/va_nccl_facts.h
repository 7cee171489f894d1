/*
 * va_nccl_facts.h - what is used of NCCL's interface: functions, and numbers that it gives to things.
 *
 * It has been the same from 2.14 on. A configuration says which version it was made for; NCCL takes of
 * it what that version had, and its defaults for what came later.
 */
#ifndef VA_NCCL_FACTS_H
#define VA_NCCL_FACTS_H

#include <stddef.h>

enum { VA_NCCL_SUCCESS = 0, VA_NCCL_IN_PROGRESS = 7 }; /* ncclResult_t */
enum { VA_NCCL_FLOAT32 = 7, VA_NCCL_FLOAT64 = 8 };     /* ncclDataType_t */
enum { VA_NCCL_SUM = 0 };                              /* ncclRedOp_t */

struct va_nccl_id {
    char internal[128];
};

struct va_nccl_config {
    size_t size;
    unsigned magic, version;
    int blocking; /* 0: calls return at once */
};
#define VA_NCCL_CONFIG                                                     \
    {                                                                      \
        sizeof(struct va_nccl_config), 0xcafebeef, 2 * 10000 + 14 * 100, 0 \
    }

/* Results are ncclResult_t, communicators ncclComm_t. */
struct va_nccl_functions {
    int (*version)(int *version);                  /* ncclGetVersion */
    const char *(*error_words)(int result);        /* ncclGetErrorString */
    const char *(*last_error)(void *communicator); /* ncclGetLastError */
    int (*unique_id)(struct va_nccl_id *id);       /* ncclGetUniqueId */
    int (*init_rank)(void **communicator, int size, struct va_nccl_id id, int rank,
                     struct va_nccl_config *config);     /* ncclCommInitRankConfig */
    int (*async_error)(void *communicator, int *result); /* ncclCommGetAsyncError */
    int (*abort)(void *communicator);                    /* ncclCommAbort */
    int (*finalize)(void *communicator);                 /* ncclCommFinalize */
    int (*destroy)(void *communicator);                  /* ncclCommDestroy */
    int (*all_reduce)(const void *from, void *to, size_t count, int type, int operation,
                      void *communicator, void *stream); /* ncclAllReduce */
};

#endif
