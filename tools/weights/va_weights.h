/*
 * va_weights.h - the commands of va-weights, each in a file: tools/weights/va_NAME.c.
 */
#ifndef VA_WEIGHTS_H
#define VA_WEIGHTS_H

#include "base/va_option.h"

/* Each is a `main` with the command's own options: an exit status. */
int va_weights_init(int argc, char **argv);
int va_weights_import(int argc, char **argv);
int va_weights_export(int argc, char **argv);
int va_weights_best(int argc, char **argv);
int va_weights_info(int argc, char **argv);
extern const struct va_usage va_weights_init_usage, va_weights_import_usage,
    va_weights_export_usage, va_weights_best_usage, va_weights_info_usage;

/* Of --preset: the paper, or the authors' code. */
enum va_weights_preset { VA_WEIGHTS_PAPER, VA_WEIGHTS_AUTHORS };
extern const char *const va_weights_presets[]; /* in enum order, NULL last */

#endif
