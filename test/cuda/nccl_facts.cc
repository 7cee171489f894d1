/* What is said of NCCL's interface, beside its header: compiled where that is there, and never run. */
#include "cuda/va_nccl_facts.h"
#include "test/cuda/alike.h"

#include <nccl.h>

static_assert(VA_NCCL_SUCCESS == (int)ncclSuccess &&
              VA_NCCL_IN_PROGRESS == (int)ncclInProgress);
static_assert(VA_NCCL_FLOAT32 == (int)ncclFloat32 && VA_NCCL_FLOAT64 == (int)ncclFloat64 &&
              VA_NCCL_SUM == (int)ncclSum);
static_assert(sizeof(va_nccl_id) == sizeof(ncclUniqueId));
static_assert(offsetof(va_nccl_config, size) == offsetof(ncclConfig_t, size));
static_assert(offsetof(va_nccl_config, magic) == offsetof(ncclConfig_t, magic));
static_assert(offsetof(va_nccl_config, version) == offsetof(ncclConfig_t, version));
static_assert(offsetof(va_nccl_config, blocking) == offsetof(ncclConfig_t, blocking));

static constexpr va_nccl_functions ours = {};
static_assert(alike(ours.version, decltype (&ncclGetVersion)()));
static_assert(alike(ours.error_words, decltype (&ncclGetErrorString)()));
static_assert(alike(ours.last_error, decltype (&ncclGetLastError)()));
static_assert(alike(ours.unique_id, decltype (&ncclGetUniqueId)()));
static_assert(alike(ours.init_rank, decltype (&ncclCommInitRankConfig)()));
static_assert(alike(ours.async_error, decltype (&ncclCommGetAsyncError)()));
static_assert(alike(ours.abort, decltype (&ncclCommAbort)()));
static_assert(alike(ours.finalize, decltype (&ncclCommFinalize)()));
static_assert(alike(ours.destroy, decltype (&ncclCommDestroy)()));
static_assert(alike(ours.all_reduce, decltype (&ncclAllReduce)()));

constexpr ncclConfig_t theirs = NCCL_CONFIG_INITIALIZER;
constexpr va_nccl_config config = VA_NCCL_CONFIG;
static_assert(config.magic == theirs.magic && config.version == NCCL_VERSION(2, 14, 0));
