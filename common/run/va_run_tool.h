/*
 * va_run_tool.h - what the tools that train have in common: options, checks, the way they end.
 */
#ifndef VA_RUN_TOOL_H
#define VA_RUN_TOOL_H

#include "base/va_option.h"
#include "ops/va_device.h"
#include "run/va_run.h"

/* Settings that several of them have, for their tables. */
#define VA_OPT_STEPS VA_OPT_INT(0, "steps", NULL, 0, 1e12, "stop after N updates; 0: no limit")
#define VA_OPT_MIN_LR \
    VA_OPT_REAL(0, "min-lr", NULL, 0, 1e30, "learning rate at the end of the schedule")
#define VA_OPT_CLIP_NORM \
    VA_OPT_REAL(0, "clip-norm", NULL, 0, 1e30, "limit of the gradient's L2 norm; 0: no limit")
#define VA_OPT_WEIGHT_DECAY                      \
    VA_OPT_REAL(0, "weight-decay", NULL, 0, 1e6, \
                "weight decay of AdamW; norms and biases do not decay")
#define VA_OPT_SELECT                                 \
    VA_OPT_CHOICE(0, "select", NULL, va_select_names, \
                  "keep the weights of the best validation (mean CCC), or the last weights")

/* A paragraph of their pages. */
#define VA_RUN_AUTO_PRECISION                                                                 \
    VA_AUTO_PRECISION                                                                         \
    "A run keeps what it began with: auto, given again with --resume, takes it from "         \
    "the checkpoint or the finished model. The model's attribute train.precision says which " \
    "it was."

/* What these options say. The first four are set before the options are added. */
struct va_run_args {
    struct va_run_job *job;
    const char **device;
    int *precision;           /* enum va_precision, or the index of auto */
    int64_t (*breadth)(void); /* of the model (ops/va_precision.h), or -1; NULL: wide */
    int64_t *readers;         /* threads that read pictures; NULL: the tool has none */
    const char *save_every;
    int64_t threads;
    bool unconfined, print_config;
};

/* Each puts a group of options behind the first n of a table and returns how many there are then.
 * The group "machine" is the last one: it ends the table. */
int64_t va_run_add_checkpoint(struct va_run_args *a, struct va_option *table, int64_t n);
int64_t va_run_add_machine(struct va_run_args *a, struct va_option *table, int64_t n);
int64_t va_run_add(const struct va_option *options, int64_t count, struct va_option *table,
                   int64_t n);

/* false after reporting, with *status: --save-every or the machine does not do; the output is
 * missing or the checkpoint's. */
bool va_run_check(struct va_run_args *a, int *status);
bool va_run_check_output(const struct va_run_args *a, int *status);

/*
 * main() of tool `name`: with several ranks all do the same, and end the same way. parse: false
 * when there is nothing to do but to end with *status. run: as va_run_train. A run that was ended by a
 * signal ends the process by it, so that a shell sees it. Returns the exit code.
 */
int va_run_main(const char *name, struct va_run_args *a, int argc, char **argv,
                bool (*parse)(int argc, char **argv, int *status), int (*run)(void));

#endif
