/*
 * va_precision.h - --precision auto: float32, or bf16 where this machine is much faster in it.
 *
 * Both are measured before a tool computes: the same products, turn by turn. A narrow model is not measured: it is
 * faster in float32. int8 is never chosen, as it changes results more. What is chosen takes the place of `auto` in
 * the option's target and in the provenance: files say what was used, and are those that the option makes with that
 * name.
 *
 * Threads: one; a measurement uses those of va_threads_count()
 */
#ifndef VA_PRECISION_H
#define VA_PRECISION_H

#include "ops/va_ops.h"

enum { VA_PRECISION_TURNS = 9 };

struct va_precision_turn {
    double f32, bf16; /* seconds of the same products */
};

/* Measure on a backend, whose precision stays as it is. 0, or -1 after reporting. */
VA_MUST_USE int va_precision_measure(struct va_backend *be,
                                     struct va_precision_turn turns[VA_PRECISION_TURNS]);

/* How many times as fast bf16 was, in the median turn, and from where on it is chosen: a gain that is no
 * chance, and pays for its rounding. */
#define VA_PRECISION_GAIN 1.25
double va_precision_gain(const struct va_precision_turn turns[VA_PRECISION_TURNS]);

/* In the following `names` are those of the option (ops/va_device.h), and *precision an index into them. */

bool va_precision_is_auto(const char *const *names, int precision);

/* How broad a model is, for the choice: the outputs of its widest layer, */
enum {
    VA_BREADTH_NONE = 0,    /* or none of its products follows --precision */
    VA_BREADTH_NARROW = 64, /* up to here bf16 gains little or loses (doc/performance.md) */
    VA_BREADTH_WIDE = 1024  /* as in what is measured */
};

/*
 * auto becomes what VA_PRECISION in the environment says; else f32 for a narrow model; else what a measurement on
 * `device` says, which va_device_check_name accepted; --verbose tells which. For a model of VA_BREADTH_NONE all
 * become f32, with a warning if another one was asked for. Others stay. 0, or -1 after reporting.
 */
VA_MUST_USE int va_precision_choose(const char *const *names, const char *device,
                                    int64_t breadth, int *precision);

/* It becomes the one of this name, and stays where that is none. 0, or -1 after reporting. */
VA_MUST_USE int va_precision_settle(const char *const *names, const char *name, int *precision);

#endif
