/*
 * va_thread.h - one pool of compute threads.
 *
 * Work is cut into tasks by the caller; the pool only decides who runs which. Results therefore
 * must not depend on the thread, and sums across tasks are made by the caller in task order:
 * that is what keeps results equal for any number of threads.
 *
 * Threads:   the pool has one owner: the thread that made it, or one that takes it over while nobody owns it.
 *            va_parallel of any other thread runs all tasks there, as thread 0, and leaves the pool alone. It
 *            does not nest. Messages of tasks are kept where those of the caller are (va_error_keep)
 */
#ifndef VA_THREAD_H
#define VA_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Cores this process may use: the affinity mask, lowered by the cgroup's CPU quota and by
 * SLURM_CPUS_PER_TASK and OMP_NUM_THREADS where they are set. At least 1.
 */
int va_threads_available(void);

/* `processes` of one job, this one included, use these cores: mask and quota are divided between
 * them from now on. The variables of the environment are taken to be meant for each. */
void va_threads_share(int processes);

/* Use n threads from now on (0: va_threads_available()). Ends an existing pool. */
void va_threads_set(int n);
int va_threads_count(void);

/* For a library, whose callers come from many threads: the owner gives the pool up; a thread takes it over while nobody
 * owns it, which is true, and gives it up again. */
void va_threads_give_up(void);
bool va_threads_take_over(void);

/* Run fn(arg, task, thread) for every task in [0, tasks), 0 <= thread < va_threads_count(), and
 * wait for all of them. */
void va_parallel(int64_t tasks, void (*fn)(void *arg, int64_t task, int thread), void *arg);

#endif
