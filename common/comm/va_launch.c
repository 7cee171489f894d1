/* What launchers leave in the environment. */
#include "base/va_attr.h"
#include "comm/va_comm_priv.h"
#include <stdlib.h>

/* Open MPI's mpirun; Hydra (MPICH, Intel MPI) and srun with PMI-1 or 2; MVAPICH; srun with PMIx or
 * without any of them. A SLURM batch script is no step, so its commands do not count as launched. */
static const struct {
    const char *size, *rank;
} launchers[] = {
    { "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK" },
    { "PMI_SIZE", "PMI_RANK" },
    { "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK" },
    { "SLURM_STEP_NUM_TASKS", "SLURM_PROCID" },
    { NULL, "PMIX_RANK" },
    { NULL, "PMI_RANK" },
};

static int number(const char *name, int otherwise)
{
    const char *text = name ? getenv(name) : NULL;
    char *end;
    long n = text ? strtol(text, &end, 10) : -1;

    return text && end > text && !*end && n >= 0 && n < 1 << 24 ? (int)n : otherwise;
}

struct va_launch va_launch_find(void)
{
    for (size_t i = 0; i < VA_COUNT(launchers); i++) {
        const char *size = launchers[i].size, *rank = launchers[i].rank;

        if (size ? number(size, 0) > 0 : number(rank, -1) >= 0)
            return (struct va_launch){ size ? size : rank, number(size, 0), number(rank, -1) };
    }
    return (struct va_launch){ NULL, 1, 0 };
}
