/*
 * va_cost.h - what the commands of a pipeline have taken, by tool: the file OUT/.make/usage, of which each command
 * wrote a line (VA_USAGE, base/va_tool.h): tool, seconds, processor seconds, MiB of memory at most, output.
 *
 * Ownership: the caller's struct, begins as { 0 }; release frees what it owns
 */
#ifndef VA_COST_H
#define VA_COST_H

#include "base/va_attr.h"
#include <stdbool.h>
#include <stdint.h>

struct va_cost {
    char *tool;
    char *output; /* by output: the one that it is about, else NULL */
    int64_t runs;
    double seconds, processor; /* of all runs */
    double memory;             /* MiB, of the largest */
};
struct va_costs {
    struct va_cost *items; /* [count], in the order of their first lines */
    int64_t count, room;
};

/* By tool; or `by_output`, by tool and output, of which the last run alone counts. -1 after reporting: a line that is
 * none. Without the file there are none. */
VA_MUST_USE int va_costs_read(struct va_costs *c, const char *path, bool by_output);
void va_costs_release(struct va_costs *c);

#endif
