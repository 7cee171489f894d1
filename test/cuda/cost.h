/*
 * cost.h - how long a launch of a kernel takes at least, predicted from bytes and instructions: no GPU is asked.
 *
 *     time = the largest of  bytes of its operands, each once / bandwidth of memory
 *                            instructions of a kind / rate of that kind, for each kind
 *                            instructions of all kinds / rate of issue
 *                            operations of a product of cublasLt / its rate
 *            + gap
 *
 * Nothing waits for anything, caches neither help nor hinder, and nothing overlaps from one launch to the next: a
 * kernel on a GPU takes longer where it waits for memory or barriers, and less where the second cache holds operands.
 * Instructions are those of a pass through each loop as the disassembly has them (sass.awk), times its passes.
 */
#ifndef TEST_CUDA_COST_H
#define TEST_CUDA_COST_H

#include "base/va_attr.h"
#include <stdint.h>

/* Kinds, in the order of sass.awk. */
enum kind {
    FP32,
    TENSOR,
    SPECIAL,
    DOUBLE,
    SHARED,
    GLOBAL,
    STORE,
    BARRIER,
    INTEGER,
    OTHER,
    KINDS
};
extern const char *const kind_names[]; /* NULL last */

struct gpu {
    const char *name;
    double units;        /* multiprocessors */
    double clock;        /* in 1/s */
    double rates[KINDS]; /* instructions of a warp that a multiprocessor begins in a cycle */
    double issue;        /* likewise, of all kinds */
    double bandwidth;    /* bytes/s */
    double gap;          /* s, from one kernel to the next of a recording */
    double library;      /* operations of a bf16 product in 1/s, by cublasLt */
};
enum { GPUS = 2 };
extern const struct gpu gpus[GPUS];

/* Reads what sass.awk wrote; -1 after reporting. */
VA_MUST_USE int cost_read(const char *path);

/*
 * One launch. The hot loops are those with most instructions of a kind: they pass until a thread has done `work` of
 * them. What holds them passes `around` times. Of the others, those that read memory pass until a thread has read
 * `loads` times, those that only write until it has written `stores` times, and each of the rest `rest` times.
 */
struct launch {
    const char *kernel; /* as cuda-report prints it; NULL: bytes and operations alone */
    double blocks, threads;
    enum kind kind;
    double work, around, loads, stores, rest;
    double bytes, operations; /* the latter of cublasLt */
};

/* What limits a launch. */
enum limit { BY_BYTES, BY_ISSUE, BY_KIND, BY_GAP = BY_KIND + KINDS, LIMITS };

/* Seconds on a GPU, without the gap; *by is what they are. */
double cost_of(const struct gpu *g, const struct launch *l, enum limit *by);

#endif
