/*
 * va_labels_tool.h - the commands of va-labels, each in a file: tools/labels/va_NAME.c.
 */
#ifndef VA_LABELS_TOOL_H
#define VA_LABELS_TOOL_H

#include "base/va_option.h"

/* Each is a `main` with the command's own options: an exit status. */
int va_labels_check_main(int argc, char **argv);
int va_labels_resample_main(int argc, char **argv);
int va_labels_convert_main(int argc, char **argv);
extern const struct va_usage va_labels_check_usage, va_labels_resample_usage,
    va_labels_convert_usage;

#endif
