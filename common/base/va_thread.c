/*
 * Workers take task numbers from one atomic counter. Between two calls a worker spins for a
 * short while (a training step has hundreds of short calls) and then sleeps on a condition
 * variable.
 */
#include "base/va_thread.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPINS = 4000, MAX_THREADS = 1024 };

static struct {
    int count;
    _Atomic(const char *) owner; /* its `self`; NULL: nobody */
    pthread_t threads[MAX_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_int generation; /* odd steps are not used: it only grows */
    bool stop;
    void (*fn)(void *, int64_t, int);
    void *arg;
    struct va_error_kept *kept; /* where messages of tasks go */
    int64_t tasks;
    atomic_int_fast64_t next;
    atomic_int busy;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };
static _Thread_local const char self; /* its address names a thread */

static int env_limit(const char *name, int n)
{
    const char *text = getenv(name);
    int limit = text ? atoi(text) : 0; /* "4,2" counts as 4; words as no limit */

    return limit > 0 && limit < n ? limit : n;
}

/* CPU quota of the cgroup this process is in, rounded up; n where there is none. */
static int cgroup_limit(int n)
{
    double quota = 0, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r"); /* version 2, as seen from inside */

    if (f) {
        if (fscanf(f, "%lf %lf", &quota, &period) != 2)
            quota = 0;
        fclose(f);
    } else {
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
        if (f) {
            if (fscanf(f, "%lf", &quota) != 1)
                quota = 0;
            fclose(f);
        }
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
        if (f) {
            if (fscanf(f, "%lf", &period) != 1)
                period = 0;
            fclose(f);
        }
    }
    if (quota > 0 && period > 0 && quota / period < n)
        n = (int)(quota / period + 0.999);
    return n < 1 ? 1 : n;
}

static int sharers = 1;

void va_threads_share(int processes)
{
    sharers = processes;
}

int va_threads_available(void)
{
    cpu_set_t set;
    int n = 1;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = CPU_COUNT(&set);
    n = cgroup_limit(n) / sharers;
    n = n < 1 ? 1 : n;
    n = env_limit("SLURM_CPUS_PER_TASK", n);
    n = env_limit("OMP_NUM_THREADS", n);
    return n > MAX_THREADS ? MAX_THREADS : n;
}

static void work(int thread)
{
    int64_t task;

    while ((task = atomic_fetch_add(&pool.next, 1)) < pool.tasks)
        pool.fn(pool.arg, task, thread);
}

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void *worker(void *arg)
{
    int thread = (int)(intptr_t)arg, seen = 0;

    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&pool.generation) == seen; i++)
            relax();
        if (atomic_load(&pool.generation) == seen) {
            pthread_mutex_lock(&pool.lock);
            while (atomic_load(&pool.generation) == seen)
                pthread_cond_wait(&pool.wake, &pool.lock);
            pthread_mutex_unlock(&pool.lock);
        }
        seen = atomic_load(&pool.generation);
        if (pool.stop)
            return NULL;
        va_error_keep(pool.kept);
        work(thread);
        atomic_fetch_sub(&pool.busy, 1);
    }
}

static void start_all(void)
{
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.generation, 1);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
}

void va_threads_set(int n)
{
    if (pool.count > 1) {
        pool.stop = true;
        start_all();
        for (int i = 1; i < pool.count; i++)
            pthread_join(pool.threads[i], NULL);
        pool.stop = false;
    }
    atomic_store(&pool.generation, 0);
    if (n <= 0)
        n = va_threads_available();
    if (n > MAX_THREADS)
        n = MAX_THREADS;
    pool.count = 1;
    atomic_store(&pool.owner, &self);
    for (int i = 1; i < n; i++) {
        if (pthread_create(&pool.threads[i], NULL, worker, (void *)(intptr_t)i)) {
            va_warn("only %d of %d threads could be started", i, n);
            break;
        }
        pool.count = i + 1;
    }
}

int va_threads_count(void)
{
    if (!pool.count)
        va_threads_set(0);
    return pool.count;
}

void va_threads_give_up(void)
{
    atomic_store(&pool.owner, NULL);
}

bool va_threads_take_over(void)
{
    const char *nobody = NULL;

    return atomic_compare_exchange_strong(&pool.owner, &nobody, &self);
}

void va_parallel(int64_t tasks, void (*fn)(void *arg, int64_t task, int thread), void *arg)
{
    if (va_threads_count() == 1 || tasks <= 1 || atomic_load(&pool.owner) != &self) {
        for (int64_t i = 0; i < tasks; i++)
            fn(arg, i, 0);
        return;
    }
    pool.fn = fn;
    pool.arg = arg;
    pool.kept = va_error_keeping();
    pool.tasks = tasks;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.busy, pool.count - 1);
    start_all();
    work(0);
    for (int i = 0; atomic_load(&pool.busy); i++) {
        relax();
        if (i > SPINS)
            sched_yield();
    }
}
