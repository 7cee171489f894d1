/*
 * va_comm.h - processes (ranks) that work on one job, and the data that they exchange.
 *
 * A launcher (mpirun, srun) starts the same command several times; the processes are ranks 0 to
 * size - 1. A process that no launcher started, or that is the only one, is rank 0 of 1, and all
 * of this costs it nothing. Two implementations, of which the Makefile chooses one: va_comm_mpi.c,
 * and va_comm_one.c for builds without MPI.
 *
 * Collective functions are called by all ranks in the same order, each with sizes that are the
 * same on all. They wait for the others without taking a core from them, and they do not fail:
 * when a rank is lost, a wait does not end, and the watching thread (va_comm_pid) ends the process.
 *
 * Errors:    between begin and end errors are held (base/va_error.h), and va_comm_agree tells
 *            them once; other lines, and stdout, are those of rank 0
 * Results:   sums are made in the order of ranks, so results are the same bytes on all ranks and in
 *            all runs with as many ranks
 * Threads:   one thread; rank, size and pid any, and signal handlers
 */
#ifndef VA_COMM_H
#define VA_COMM_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VA_COMM_MAX = 1024 }; /* ranks */

/* Before anything is read, printed or started. -1 after reporting: started by a launcher as one of
 * several, but this build has no MPI, or the launcher is that of another MPI; too many ranks. */
VA_MUST_USE int va_comm_begin(void);
void va_comm_end(void); /* collective; the last call. Prints an error that is still held. */

int va_comm_rank(void);
int va_comm_size(void);
/* Ranks on this machine that may run on some core that this one may run on; at least 1. */
int va_comm_sharers(void);
int va_comm_local(void); /* lower ranks on this machine */

/*
 * Whether all ranks succeeded: 0 when `result` is 0 on all of them. Otherwise -1 on all, after the
 * first rank that failed has told its error (as that of "rank 3" unless all failed); then
 * va_error_status() is the same on all.
 */
VA_MUST_USE int va_comm_agree(int result);

/* The value of the first rank whose value is not 0, or 0. */
int va_comm_first(int value);

void va_comm_broadcast(void *data, size_t bytes); /* from rank 0 */

/* all [size][bytes] gets what each rank gave, in the order of ranks. */
void va_comm_gather(const void *mine, size_t bytes, void *all);

/* data [count] becomes ((rank 0 + rank 1) + rank 2) + ..., in float32. Each rank adds up its part
 * of the numbers, so the work and the traffic of a rank hardly grow with their count. */
void va_comm_sum(float *data, int64_t count);

/*
 * For what ranks do together by other means than these, and wait for: one that has to give up raises an alarm. On
 * each other rank `alarmed` is then true once, soon; it does not wait. After that all go to va_comm_agree.
 */
void va_comm_alarm(void);
bool va_comm_alarmed(void);

/* Give the core away in such a wait, after `looked` looks in vain: for longer and longer. */
void va_comm_rest(int64_t looked);

/* The process of a rank on this machine, alive or not; 0 where it cannot be seen from here. */
int va_comm_pid(int rank);

#endif
