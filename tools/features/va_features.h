/*
 * va_features.h - the commands of va-features, each in a file: tools/features/va_NAME.c.
 */
#ifndef VA_FEATURES_H
#define VA_FEATURES_H

#include "base/va_option.h"

/* Each is a `main` with the command's own options: an exit status. */
int va_features_import_main(int argc, char **argv);
int va_features_export_main(int argc, char **argv);
int va_features_info_main(int argc, char **argv);
extern const struct va_usage va_features_import_usage, va_features_export_usage,
    va_features_info_usage;

#endif
