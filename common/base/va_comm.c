/*
 * What does not depend on how ranks reach each other.
 */
#include "base/va_comm.h"

#include "base/va_comm_priv.h"
#include "base/va_error.h"
#include <stdio.h>
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

struct verdict {
    int failed, status; /* status: exit code of the error held */
};

int va_comm_agree(int result)
{
    static struct verdict all[VA_COMM_MAX];
    struct verdict mine = { result != 0, va_error_held() };
    int size = va_comm_size(), first = -1, failed = 0;
    char prefix[32] = "";

    if (size == 1)
        return result ? -1 : 0;
    va_comm_gather(&mine, sizeof(mine), all);
    for (int r = size - 1; r >= 0; r--)
        if (all[r].failed) {
            failed++;
            first = r;
        }
    if (failed && failed < size)
        snprintf(prefix, sizeof(prefix), "rank %d: ", first);
    if (first == va_comm_rank())
        va_error_held_tell(prefix);
    else if (failed)
        va_error_held_drop(all[first].status ? all[first].status : VA_EXIT_MACHINE);
    return failed ? -1 : 0;
}

int va_comm_first(int value)
{
    static int all[VA_COMM_MAX];
    int first = 0;

    va_comm_gather(&value, sizeof(value), all);
    for (int r = va_comm_size() - 1; r >= 0; r--)
        first = all[r] ? all[r] : first;
    return first;
}
