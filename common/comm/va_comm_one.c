/*
 * A build without MPI: one process, which is rank 0.
 */
#include "base/va_error.h"
#include "comm/va_comm.h"
#include "comm/va_comm_priv.h"
#include <string.h>
#include <unistd.h>

/* Several processes that know nothing of each other would all do the whole work and write the same
 * files. One of them says so. */
int va_comm_start(const struct va_launch *launch, int (*agree)(int result))
{
    (void)agree;
    if (launch->rank <= 0)
        va_error_machine(
            "%s: started by a launcher as one of several processes, but this build has "
            "no MPI support: install an MPI library and rebuild, or start one process",
            launch->by);
    return -1;
}

void va_comm_end(void)
{
}

int va_comm_rank(void)
{
    return 0;
}

int va_comm_size(void)
{
    return 1;
}

int va_comm_sharers(void)
{
    return 1;
}

void va_comm_broadcast(void *data, size_t bytes)
{
    (void)data;
    (void)bytes;
}

void va_comm_gather(const void *mine, size_t bytes, void *all)
{
    memcpy(all, mine, bytes);
}

void va_comm_sum(float *data, int64_t count)
{
    (void)data;
    (void)count;
}

int va_comm_local(void)
{
    return 0;
}

void va_comm_rest(int64_t looked)
{
    (void)looked;
}

void va_comm_alarm(void)
{
}

bool va_comm_alarmed(void)
{
    return false;
}

int va_comm_pid(int rank)
{
    return rank == 0 ? (int)getpid() : 0;
}
