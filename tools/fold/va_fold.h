/*
 * va_fold.h - the commands of va-fold, each in a file: tools/fold/va_NAME.c.
 */
#ifndef VA_FOLD_H
#define VA_FOLD_H

/* Each is a `main` with the command's own options: an exit status. */
int va_fold_split(int argc, char **argv);
int va_fold_report(int argc, char **argv);
int va_fold_run(int argc, char **argv);

#endif
