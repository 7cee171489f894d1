/*
 * bench.h - one timed thing: what it must equal, what it costs, how often it runs.
 *
 * A program has rows by name. `PROGRAM ROW [-n RUNS] [--lockstep]` checks the error, warms up, runs, and
 * prints one JSON line; with --lockstep it prints "ready" after the warm-up, then the seconds of one
 * run for every line it reads, so that a driver can alternate two programs.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct bench {
    const char *name;
    /* Make what a run needs; false: it cannot be done here, and why is reported. */
    bool (*start)(struct bench *b);
    void (*run)(struct bench *b);
    /* The largest error of a result, relative to the largest value, against double; and its bound. */
    double (*error)(struct bench *b);
    double bound;
    double work;      /* per run, set by start */
    const char *unit; /* of work: "flop", "byte", "exp", "image" */
    int64_t batch, frames;
    void *state;
};

static inline double bench_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline double bench_once(struct bench *b, double *cpu)
{
    double wall = bench_clock(CLOCK_MONOTONIC), own = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

    b->run(b);
    own = bench_clock(CLOCK_PROCESS_CPUTIME_ID) - own;
    if (own < *cpu)
        *cpu = own;
    return bench_clock(CLOCK_MONOTONIC) - wall;
}

enum { BENCH_RUNS = 100 };

static inline void bench_report(const struct bench *b, double *seconds, int runs, double cpu,
                                double error)
{
    struct rusage usage;
    double median;

    getrusage(RUSAGE_SELF, &usage);
    qsort(seconds, (size_t)runs, sizeof(*seconds), bench_order);
    median = seconds[runs / 2];
    printf(
        "{\"row\": \"%s\", \"batch\": %lld, \"frames\": %lld, \"median_s\": %.6f, \"min_s\": %.6f, "
        "\"cpu_s\": %.6f, \"runs\": %d, \"unit\": \"%s\", \"rate\": %.6g, \"error\": %.2e, "
        "\"peak_mib\": %ld}\n",
        b->name, (long long)b->batch, (long long)b->frames, median, seconds[0], cpu, runs,
        b->unit, b->work / median, error, usage.ru_maxrss / 1024);
}

static inline int bench_main(int argc, char **argv, struct bench *rows, int count)
{
    struct bench *b = NULL;
    bool lockstep = false;
    int runs = 5;
    double seconds[BENCH_RUNS], cpu = 1e9, error = 0;

    for (int i = 0; argc > 1 && i < count; i++)
        if (!strcmp(rows[i].name, argv[1]))
            b = &rows[i];
    for (int i = 2; b && i < argc; i++) {
        if (!strcmp(argv[i], "--lockstep"))
            lockstep = true;
        else if (i + 1 < argc && !strcmp(argv[i], "-n"))
            runs = atoi(argv[++i]);
        else if (i + 1 < argc && !strcmp(argv[i], "--batch"))
            b->batch = atoi(argv[++i]);
        else if (i + 1 < argc && !strcmp(argv[i], "--frames"))
            b->frames = atoi(argv[++i]);
        else
            b = NULL;
    }
    if (!b || runs < 1 || runs > BENCH_RUNS || b->batch < 1 || b->frames < 1) {
        fprintf(stderr, "usage: %s ROW [-n RUNS] [--batch N] [--frames N] [--lockstep]; rows:",
                argv[0]);
        for (int i = 0; i < count; i++)
            fprintf(stderr, " %s", rows[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    if (!b->start(b))
        return 4;
    bench_once(b, &cpu);
    error = b->error ? b->error(b) : 0;
    if (!(error <= b->bound)) {
        fprintf(stderr, "%s: error %.3g, bound %.3g\n", b->name, error, b->bound);
        return 1;
    }
    cpu = 1e9;
    if (lockstep) {
        char line[64];

        printf("ready\n"), fflush(stdout);
        while (fgets(line, sizeof(line), stdin))
            printf("%.6f\n", bench_once(b, &cpu)), fflush(stdout);
        return 0;
    }
    for (int i = 0; i < runs; i++)
        seconds[i] = bench_once(b, &cpu);
    bench_report(b, seconds, runs, cpu, error);
    return 0;
}

#endif
