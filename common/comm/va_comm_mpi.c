/*
 * Ranks that reach each other by MPI.
 *
 * Every operation is begun without blocking and then asked for until it is done. In between the
 * core is given away: first by sched_yield, so that a rank which is needed at once is not slowed
 * down, after a millisecond by short sleeps, so that ranks that share cores, and other people's
 * programs, get them. MPI's own blocking calls would burn a core while they wait.
 *
 * A process that forks (io/va_h5_probe.c) may do so under MPI as long as the child touches no
 * memory that a network card knows; those children only read files.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "comm/va_comm_priv.h"
#include <mpi.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Numbers that are summed at a time: enough to forget the latency of a message, few enough to stay
 * small beside a model. */
enum { PIECE = 1 << 20 };

/* A wait: about a millisecond, twenty more in naps, which a network card's buffers bridge, and then
 * for longer. Naps and sleeps in microseconds. */
enum { YIELDS = 1000, NAPS = 200, NAP = 50, SLEEP = 500 };

enum { ALARM = 17 }; /* tag of a message from one rank to another; there are no others */

/* What ranks know of each other. */
struct peer {
    int pid;
    int machine;        /* lowest rank on the same machine */
    uint64_t pid_space; /* process numbers mean the same where this is the same */
    cpu_set_t cores;
};

static struct {
    bool begun;
    int rank, size;
    struct peer *peers; /* [size] */
    float *parts;       /* [size][counts of this rank], what is to be summed */
    int counts[VA_COMM_MAX], starts[VA_COMM_MAX];
    int part_counts[VA_COMM_MAX], part_starts[VA_COMM_MAX];
} comm = { .size = 1 };

/* ---- waiting --------------------------------------------------------------------------- */

void va_comm_rest(int64_t looked)
{
    if (looked < YIELDS)
        sched_yield();
    else
        usleep(looked < YIELDS + NAPS ? NAP : SLEEP);
}

static void finish(MPI_Request request)
{
    int done = 0;

    for (int64_t i = 0; MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done;
         i++)
        va_comm_rest(i);
}

void va_comm_broadcast(void *data, size_t bytes)
{
    MPI_Request request;

    if (comm.size == 1)
        return;
    MPI_Ibcast(data, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    finish(request);
}

void va_comm_gather(const void *mine, size_t bytes, void *all)
{
    MPI_Request request;

    if (comm.size == 1) {
        memcpy(all, mine, bytes);
        return;
    }
    MPI_Iallgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, MPI_COMM_WORLD,
                   &request);
    finish(request);
}

/* ---- sums ------------------------------------------------------------------------------ */

/* Parts of a piece of n numbers: rank r adds up counts[r] of them, from starts[r] on. */
static void divide(int n)
{
    for (int r = 0; r < comm.size; r++) {
        comm.starts[r] = (int)((int64_t)n * r / comm.size);
        comm.counts[r] = (int)((int64_t)n * (r + 1) / comm.size) - comm.starts[r];
    }
    for (int r = 0; r < comm.size; r++) {
        comm.part_counts[r] = comm.counts[comm.rank];
        comm.part_starts[r] = comm.counts[comm.rank] * r;
    }
}

static void sum_piece(float *data, int n)
{
    float *sum = comm.parts;
    MPI_Request request;
    int mine;

    divide(n);
    mine = comm.counts[comm.rank];
    MPI_Ialltoallv(data, comm.counts, comm.starts, MPI_FLOAT, comm.parts, comm.part_counts,
                   comm.part_starts, MPI_FLOAT, MPI_COMM_WORLD, &request);
    finish(request);
    for (int r = 1; r < comm.size; r++)
        for (int i = 0; i < mine; i++)
            sum[i] += comm.parts[(int64_t)mine * r + i];
    MPI_Iallgatherv(sum, mine, MPI_FLOAT, data, comm.counts, comm.starts, MPI_FLOAT,
                    MPI_COMM_WORLD, &request);
    finish(request);
}

void va_comm_sum(float *data, int64_t count)
{
    for (int64_t i = 0; comm.size > 1 && i < count; i += PIECE)
        sum_piece(data + i, count - i < PIECE ? (int)(count - i) : PIECE);
}

/* ---- alarms ---------------------------------------------------------------------------- */

/* Messages of no bytes: they are on their way when the call returns. */
void va_comm_alarm(void)
{
    for (int r = 0; r < comm.size; r++) {
        MPI_Request request;

        if (r == comm.rank)
            continue;
        MPI_Isend(NULL, 0, MPI_BYTE, r, ALARM, MPI_COMM_WORLD, &request);
        finish(request);
    }
}

bool va_comm_alarmed(void)
{
    MPI_Request request;
    MPI_Status status;
    int here = 0;

    if (comm.size == 1 ||
        MPI_Iprobe(MPI_ANY_SOURCE, ALARM, MPI_COMM_WORLD, &here, &status) != MPI_SUCCESS ||
        !here)
        return false;
    MPI_Irecv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, ALARM, MPI_COMM_WORLD, &request);
    finish(request);
    return true;
}

/* ---- peers ----------------------------------------------------------------------------- */

static int machine(void)
{
    MPI_Comm here;
    int first = comm.rank;

    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, comm.rank, MPI_INFO_NULL, &here);
    MPI_Bcast(&first, 1, MPI_INT, 0, here);
    MPI_Comm_free(&here);
    return first;
}

static void introduce(void)
{
    struct peer self = { .pid = (int)getpid(), .machine = machine() };
    struct stat st;

    if (stat("/proc/self/ns/pid", &st) == 0)
        self.pid_space = (uint64_t)st.st_ino;
    CPU_ZERO(&self.cores);
    (void)!sched_getaffinity(0, sizeof(self.cores), &self.cores);
    va_comm_gather(&self, sizeof(self), comm.peers);
}

int va_comm_sharers(void)
{
    const struct peer *self = comm.peers + comm.rank;
    int sharers = 1;

    for (int r = 0; r < comm.size; r++) {
        const struct peer *p = comm.peers + r;
        cpu_set_t both;

        if (r == comm.rank || p->machine != self->machine)
            continue;
        CPU_AND(&both, &p->cores, &self->cores);
        sharers += CPU_COUNT(&both) > 0;
    }
    return sharers;
}

int va_comm_local(void)
{
    int lower = 0;

    for (int r = 0; r < comm.rank; r++)
        lower += comm.peers[r].machine == comm.peers[comm.rank].machine;
    return lower;
}

int va_comm_pid(int rank)
{
    const struct peer *self = comm.peers + comm.rank, *p = comm.peers + rank;

    if (comm.size == 1)
        return (int)getpid();
    return p->machine == self->machine && p->pid_space == self->pid_space ? p->pid : 0;
}

/* ---- life ------------------------------------------------------------------------------ */

int va_comm_rank(void)
{
    return comm.rank;
}

int va_comm_size(void)
{
    return comm.size;
}

/* What only the speaker should print goes nowhere elsewhere: help, version, settings. */
static int be_quiet(void)
{
    return freopen("/dev/null", "w", stdout) ? 0 : va_error_write("/dev/null", "open");
}

static int refuse(const struct va_launch *launch, int size)
{
    if (launch->size && size != launch->size && launch->rank <= 0)
        va_error_machine(
            "%s: one of %d processes, but MPI knows of %d: expected the launcher of "
            "the MPI library that this was built with",
            launch->by, launch->size, size);
    if (size > VA_COMM_MAX && comm.rank == 0)
        va_error_machine("found %d ranks, expected at most %d", size, VA_COMM_MAX);
    MPI_Finalize();
    return -1;
}

static int prepare(void)
{
    comm.peers = va_new(comm.size, sizeof(*comm.peers));
    comm.parts = va_new(PIECE + comm.size, sizeof(*comm.parts));
    return comm.peers && comm.parts && (comm.rank == 0 || be_quiet() == 0) ? 0 : -1;
}

int va_comm_start(const struct va_launch *launch, int (*agree)(int result))
{
    int level, size;

    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &comm.rank);
    if ((launch->size && size != launch->size) || size > VA_COMM_MAX)
        return refuse(launch, size);
    comm.begun = true;
    comm.size = size;
    va_error_hold_begin(comm.rank == 0);
    if (agree(prepare()) < 0) {
        va_comm_end();
        return -1;
    }
    introduce();
    return 0;
}

void va_comm_end(void)
{
    static int all[VA_COMM_MAX];

    if (!comm.begun)
        return;
    va_comm_gather(&comm.rank, sizeof(comm.rank),
                   all);      /* MPI_Finalize waits as well, but burns a core */
    while (va_comm_alarmed()) /* nobody waited for what this one told of */
        ;
    MPI_Finalize();
    va_free(comm.peers);
    va_free(comm.parts);
    comm.begun = false;
    comm.size = 1;
    va_error_hold_end();
}
