/*
 * va_device.h - where a tool computes: --device and --precision, the same in every tool.
 *
 *     const char *device = "auto";
 *     int precision = VA_F32_PRODUCTS;
 *     ... VA_OPT_DEVICE(&device), VA_OPT_FLOAT_PRECISION(&precision) in the table ...
 *     if (!va_device_check_name(device, status))
 *         return false;
 *     ... before the work: va_precision_choose(va_float_precision_names, device, &precision) ...
 *     ... once the inputs are checked: be = va_device_open(device), be->precision = precision;
 *
 * In tools that train run/va_run_tool.c chooses. int8 is for encoders alone, and not for training them.
 */
#ifndef VA_DEVICE_H
#define VA_DEVICE_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include "ops/va_ops.h"

extern const char *const va_precision_names[];       /* in enum order, then auto, NULL last */
extern const char *const va_float_precision_names[]; /* the same without int8 */

#define VA_OPT_DEVICE(target_)                                   \
    VA_OPT_RUN_STRING(0, "device", target_, "auto|cpu|cuda[:N]", \
                      "device that computes; auto: a GPU if one answers, else the CPU")
#define VA_OPT_PRECISION(target_)                                                            \
    VA_OPT_CHOICE(0, "precision", target_, va_precision_names,                               \
                  "arithmetic of matrix products, all else is float32; auto: bf16 if it is " \
                  "much faster here, else f32")

#define VA_OPT_FLOAT_PRECISION(target_)                                                        \
    VA_OPT_CHOICE(0, "precision", target_, va_float_precision_names,                           \
                  "arithmetic of matrix products; auto: bf16 if it is much faster here, else " \
                  "f32")

/* For pages: what --precision bf16 costs (measured: doc/performance.md), and what auto does. */
#define VA_BF16_COST                                                                          \
    "It is faster on CPUs with AMX. On CPUs without AMX it takes about 1.3 times as long as " \
    "f32 for encoders, and several times as long for convolutions over time. "
#define VA_AUTO_PRECISION                                                                       \
    "--precision auto times a matrix product in both, in less than a second, and uses bf16 if " \
    "it is 1.25 times as fast or more, else f32. Temporal models whose widest layer has at "    \
    "most 64 outputs use f32. "

/* Ranks of a job that share this machine: a name without a number is that of device `rank` modulo those here. */
void va_device_spread(int rank);

/* Whether this is auto, cpu, cuda or cuda:N, here or not. */
bool va_device_is_name(const char *device);

/* Whether this is the name of a device that is here. False after reporting, with *status set. */
VA_MUST_USE bool va_device_check_name(const char *device, int *status);

/* The backend of a device that va_device_check_name accepted, or NULL after reporting. */
VA_MUST_USE struct va_backend *va_device_open(const char *device);

/* ---- what a kind of device provides ----------------------------------------------------- */

struct va_device {
    const char *name; /* "cpu", "cuda" */
    /* How many of them are here; 0: `why` says what is missing, a sentence without a name before it. */
    int (*count)(char *why, size_t room);
    struct va_backend *(*open)(int number); /* from 0, below count(); NULL after reporting */
};

/* The kinds that this build has, best first, NULL last: auto takes the first that is here. The
 * Makefile writes this list (DEVICES). */
extern const struct va_device *const va_devices[];

#endif
