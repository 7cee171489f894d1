/*
 * Working memory of the cpu's operations, and how their work is shared out to threads.
 */
#include "cpu/va_buffer.h"
#include "cpu/va_cpu_priv.h"

static bool grow(struct va_cpu *cpu, float **block, int64_t count)
{
    va_buffer_free(&cpu->base, *block);
    *block = va_buffer_new(&cpu->base, count);
    if (!*block)
        cpu->base.failed = true;
    return *block;
}

bool va_cpu_room(struct va_cpu *cpu, int64_t each, int64_t shared)
{
    int threads = va_threads_count();

    if (cpu->base.failed)
        return false;
    each = va_round_up(each, 16); /* every thread's part is aligned like the first */
    if (each > cpu->scratch_room || threads > cpu->threads) {
        if (each < cpu->scratch_room)
            each = cpu->scratch_room;
        cpu->scratch_room = 0;
        if (!grow(cpu, &cpu->scratch, each * threads))
            return false;
        cpu->scratch_room = each;
        cpu->threads = threads;
    }
    if (shared > cpu->shared_room) {
        cpu->shared_room = 0;
        if (!grow(cpu, &cpu->shared, shared))
            return false;
        cpu->shared_room = shared;
    }
    return true;
}

void va_cpu_run(struct va_cpu *cpu, int64_t tasks, void (*fn)(void *, int64_t, int), void *arg)
{
    va_parallel(tasks, fn, arg);
    if (atomic_load(&cpu->broken))
        cpu->base.failed = true;
}

struct map {
    void (*fn)(void *arg, int64_t first, int64_t count);
    void *arg;
    int64_t n;
};

static void map_task(void *arg, int64_t task, int thread)
{
    const struct map *m = arg;
    int64_t first = task * VA_CPU_PIECE;

    (void)thread;
    m->fn(m->arg, first, m->n - first < VA_CPU_PIECE ? m->n - first : VA_CPU_PIECE);
}

void va_cpu_map(int64_t n, void (*fn)(void *arg, int64_t first, int64_t count), void *arg)
{
    struct map m = { fn, arg, n };

    if (n <= VA_CPU_PIECE)
        fn(arg, 0, n);
    else
        va_parallel((n + VA_CPU_PIECE - 1) / VA_CPU_PIECE, map_task, &m);
}
