/*
 * va_device.h - where a tool computes: --device and --precision, the same in every tool.
 *
 *     const char *device = "auto";
 *     int precision = VA_F32_PRODUCTS;
 *     ... VA_OPT_DEVICE(&device), VA_OPT_PRECISION(&precision) in the table ...
 *     if (!va_device_check(device, precision, status))
 *         return false;
 *     ... be = va_device_open(device);
 *
 * va_device_check refuses bf16; a tool whose models take it asks va_device_check_name alone and
 * sets be->precision. Training in bf16 rounds the linear layers of the forward pass.
 */
#ifndef VA_DEVICE_H
#define VA_DEVICE_H

#include "base/va_attr.h"
#include "base/va_ops.h"
#include "base/va_option.h"

extern const char *const va_precision_names[]; /* in enum order, NULL last */

#define VA_OPT_DEVICE(target_)                                   \
    VA_OPT_RUN_STRING(0, "device", target_, "auto|cpu|cuda[:N]", \
                      "device that computes; auto: a GPU if one answers, else the CPU")
#define VA_OPT_PRECISION(target_)                              \
    VA_OPT_CHOICE(0, "precision", target_, va_precision_names, \
                  "arithmetic of matrix products; sums are float32 or wider")

/* Whether this is a device's name. False after reporting, with *status set to VA_EXIT_USAGE. */
VA_MUST_USE bool va_device_check_name(const char *device, int *status);

/* The same, and whether the precision is f32; *status is VA_EXIT_MACHINE where it is another. */
VA_MUST_USE bool va_device_check(const char *device, int precision, int *status);

/* The backend of a device that va_device_check accepted, or NULL after reporting. */
VA_MUST_USE struct va_backend *va_device_open(const char *device);

#endif
