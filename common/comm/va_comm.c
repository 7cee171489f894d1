/*
 * What does not depend on how ranks reach each other.
 */
#include "comm/va_comm.h"

#include "base/va_error.h"
#include "comm/va_comm_priv.h"
#include <stdio.h>

int va_comm_begin(void)
{
    struct va_launch launch = va_launch_find();

    return launch.size == 1 ? 0 : va_comm_start(&launch, va_comm_agree);
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
