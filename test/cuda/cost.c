#include "test/cuda/cost.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_tool.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_names[] = { "fp32",  "tensor",  "special", "double", "shared", "global",
                                   "store", "barrier", "integer", "other",  NULL };

/*
 * Lanes of a multiprocessor by kind: CUDA C++ Programming Guide, "Throughput of native arithmetic instructions", compute
 * capability 9.0 and 8.9: 128 float, 16 special, 64 or 2 double, 64 integer; 32 of shared and of other memory. Integers
 * are those that have these lanes alone: IMAD, which others do as well, is among what has no limit of its own.
 * H200: 132 multiprocessors, 1.755 GHz, 4.3 TB/s as measured (of 4.8, data sheet). mma.sync is taken to get 58 % of the 989
 * TFLOP/s of wgmma (data sheet), as others found for an H100: 575.
 * RTX 4090 (Ada whitepaper): 128 multiprocessors, 2.52 GHz, 165 TFLOP/s with float sums; .92 TB/s of 1.008, as is usual.
 * cublasLt: 790 TFLOP/s on an H200, as measured; 95 % of the peak on the RTX 4090, an estimate as the gap between kernels of a
 * recording is.
 */
#define TENSOR_RATE(flops, units, clock) ((flops) / ((units) * (clock)) / (2 * 16 * 8 * 16))
const struct gpu gpus[GPUS] = {
    { "H200",
      132,
      1.755e9,
      { 4, TENSOR_RATE(575e12, 132, 1.755e9), .5, 2, 1, 1, 1, 1, 2, 4 },
      4,
      4.3e12,
      1e-6,
      790e12 },
    { "RTX 4090",
      128,
      2.52e9,
      { 4, TENSOR_RATE(165e12, 128, 2.52e9), .5, 1. / 16, 1, 1, 1, 1, 2, 4 },
      4,
      .92e12,
      1e-6,
      157e12 },
};

/* ---- what the disassembly says ------------------------------------------------------------------- */

enum { LOOPS = 64, KERNELS = 200, NAME = 120 };

struct loop {
    int number, parent; /* numbers of kernels; 0 is what lies outside of loops */
    double counts[KINDS];
};

static struct kernel {
    char name[NAME];
    int loops;
    struct loop loop[LOOPS];
} * kernels;
static int kernel_count;

static struct kernel *find(const char *name)
{
    for (int i = 0; i < kernel_count; i++)
        if (!strcmp(kernels[i].name, name))
            return &kernels[i];
    return NULL;
}

/* A line "loop NAME NUMBER PARENT COUNTS"; others are passed over. */
static int read_line(char *line)
{
    char *field[5 + KINDS] = { 0 }, *rest = line;
    struct kernel *k;
    struct loop *l;
    int n = 0;

    while (n < 4 + KINDS && (field[n] = strsep(&rest, "\t\n")))
        n++;
    if (n < 4 + KINDS || strcmp(field[0], "loop") != 0)
        return 0;
    k = find(field[1]);
    if (!k) {
        if (kernel_count == KERNELS || strlen(field[1]) >= NAME)
            return -1;
        k = &kernels[kernel_count++];
        strcpy(k->name, field[1]);
    }
    if (k->loops == LOOPS)
        return -1;
    l = &k->loop[k->loops++];
    l->number = atoi(field[2]);
    l->parent = atoi(field[3]);
    for (int i = 0; i < KINDS; i++)
        l->counts[i] = atof(field[4 + i]);
    return 0;
}

int cost_read(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1000];
    int status = 0;

    kernels = va_new(KERNELS, sizeof(*kernels));
    if (!f || !kernels)
        return va_error_machine("%s: cannot be read", path);
    while (status == 0 && fgets(line, sizeof(line), f))
        status = read_line(line);
    fclose(f);
    return status == 0 ? 0 : va_error("%s: more kernels or loops than expected", path);
}

/* ---- instructions of a warp ------------------------------------------------------------------------ */

static const struct loop *loop_of(const struct kernel *k, int number)
{
    for (int i = 0; i < k->loops; i++)
        if (k->loop[i].number == number)
            return &k->loop[i];
    return &k->loop[0];
}

/* Whether loop `inner` lies, however deep, in loop `outer`. */
static bool inside(const struct kernel *k, int inner, int outer)
{
    while (inner > 0 && inner != outer)
        inner = loop_of(k, inner)->parent;
    return inner == outer;
}

/* Hot loops are those with at least a third of what the loop with most has of the kind. */
enum role { ONCE, HOT, AROUND, LOADS, STORES, REST, ROLES };

static double most_of(const struct kernel *k, enum kind kind)
{
    double most = 0;

    for (int i = 0; i < k->loops; i++)
        if (k->loop[i].number > 0)
            most = fmax(most, k->loop[i].counts[kind]);
    return most;
}

static enum role role_of(const struct kernel *k, const struct loop *l, const struct launch *of,
                         double most)
{
    bool around = false;

    if (l->number == 0)
        return ONCE;
    if (most > 0 && l->counts[of->kind] * 3 >= most)
        return HOT;
    for (int i = 0; i < k->loops; i++)
        if (k->loop[i].counts[of->kind] * 3 >= most && k->loop[i].number > 0)
            around = around || inside(k, k->loop[i].number, l->number);
    if (around)
        return AROUND;
    if (l->counts[GLOBAL] > 0)
        return LOADS;
    return l->counts[STORE] > 0 ? STORES : REST;
}

static void add_counts(const struct loop *l, double passes, double counts[KINDS])
{
    for (int i = 0; i < KINDS; i++)
        counts[i] += passes * l->counts[i];
}

static void count(const struct kernel *k, const struct launch *of, double counts[KINDS])
{
    double most = most_of(k, of->kind), all[ROLES] = { 0 };

    for (int i = 0; i < k->loops; i++) {
        enum role role = role_of(k, &k->loop[i], of, most);

        all[role] += k->loop[i].counts[role == HOT ? of->kind : role == LOADS ? GLOBAL : STORE];
    }
    for (int i = 0; i < k->loops; i++) {
        const struct loop *l = &k->loop[i];

        switch (role_of(k, l, of, most)) {
        case ONCE: add_counts(l, 1, counts); break;
        case HOT: add_counts(l, of->work / all[HOT], counts); break;
        case AROUND: add_counts(l, of->around, counts); break;
        case LOADS: add_counts(l, of->loads / all[LOADS], counts); break;
        case STORES: add_counts(l, of->stores / all[STORES], counts); break;
        default: add_counts(l, of->rest, counts); break;
        }
    }
}

/* ---- seconds --------------------------------------------------------------------------------- */

/* A multiprocessor has at least this many blocks to do one after the other; less than four warps do not keep its
 * four schedulers busy. */
double cost_of(const struct gpu *g, const struct launch *l, enum limit *by)
{
    const struct kernel *k = l->kernel ? find(l->kernel) : NULL;
    double seconds = l->bytes / g->bandwidth, counts[KINDS] = { 0 }, all = 0;
    double warps = ceil(l->blocks / g->units) * ceil(l->threads / 32);
    double cycles = warps / g->clock, busy = fmin(1, warps / 4);

    *by = BY_BYTES;
    if (l->operations / g->library > seconds) {
        seconds = l->operations / g->library;
        *by = (enum limit)(BY_KIND + TENSOR);
    }
    if (!l->kernel)
        return seconds;
    if (!k) {
        va_error("cost: found no kernel %s in the disassembly", l->kernel);
        exit(va_tool_finish(3));
    }
    count(k, l, counts);
    for (int i = 0; i < KINDS; i++) {
        double own = counts[i] * cycles / (g->rates[i] * busy);

        all += counts[i];
        if (own > seconds) {
            seconds = own;
            *by = (enum limit)(BY_KIND + i);
        }
    }
    if (all * cycles / (g->issue * busy) > seconds) {
        seconds = all * cycles / (g->issue * busy);
        *by = BY_ISSUE;
    }
    return seconds;
}
