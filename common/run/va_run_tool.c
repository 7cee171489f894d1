#include "run/va_run_tool.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "base/va_tool.h"
#include "comm/va_comm.h"
#include "io/va_h5.h"
#include "media/va_decoder.h"
#include "ops/va_device.h"
#include "ops/va_precision.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t va_run_add(const struct va_option *options, int64_t count, struct va_option *table,
                   int64_t n)
{
    for (int64_t i = 0; i < count; i++)
        table[n++] = options[i];
    return n;
}

int64_t va_run_add_checkpoint(struct va_run_args *a, struct va_option *table, int64_t n)
{
    const struct va_option options[] = {
        VA_OPT_GROUP("checkpoint"),
        VA_OPT_OUTPUT(0, "state", &a->job->state, "FILE",
                      "checkpoint file, removed when training is complete (default: "
                      "MODEL.h5.state)"),
        VA_OPT_RUN_STRING(
            0, "save-every", &a->save_every, "N|Ns|Nm|Nh",
            "write the checkpoint every N steps, N seconds (Ns), minutes (Nm) or hours "
            "(Nh)"),
        VA_OPT_RUN_FLAG(0, "resume", &a->job->resume,
                        "continue from the checkpoint if it exists"),
        VA_OPT_RUN_FLAG(0, "restart", &a->job->restart,
                        "start again even if an unfinished run has left a checkpoint"),
    };

    a->save_every = "5m";
    return va_run_add(options, VA_COUNT(options), table, n);
}

int64_t va_run_add_machine(struct va_run_args *a, struct va_option *table, int64_t n)
{
    const struct va_option readers[] = {
        VA_OPT_RUN_INT(0, "readers", a->readers, 0, 64,
                       "threads that read pictures; 0: half of --threads"),
        VA_OPT_UNCONFINED(&a->unconfined),
    };
    const struct va_option options[] = {
        VA_OPT_DEVICE(a->device),
        VA_OPT_FLOAT_PRECISION(a->precision),
        VA_OPT_THREADS(&a->threads),
        VA_OPT_RUN_FLAG(0, "print-config", &a->print_config,
                        "print every setting and its source, and exit"),
        VA_OPT_END,
    };

    *a->device = "auto";
    table[n++] = (struct va_option)VA_OPT_GROUP("machine");
    if (a->readers)
        n = va_run_add(readers, VA_COUNT(readers), table, n);
    return va_run_add(options, VA_COUNT(options), table, n);
}

bool va_run_check(struct va_run_args *a, int *status)
{
    if (!va_run_save_every(a->job, a->save_every))
        return va_usage_error(status, "--save-every %s: expected N, Ns, Nm or Nh",
                              a->save_every);
    if (a->job->resume && a->job->restart)
        return va_usage_error(status, "--resume and --restart conflict");
    return va_device_check_name(*a->device, status);
}

bool va_run_check_output(const struct va_run_args *a, int *status)
{
    const struct va_run_job *job = a->job;

    if (!job->output)
        return va_usage_error(status, "missing --output MODEL.h5");
    if (job->state && !strcmp(job->state, job->output))
        return va_usage_error(status, "--state and --output are the same file");
    return true;
}

/* The precision of what --resume goes on with or finds complete, if there is such a file: it is read in
 * full, and its faults reported, later. A new string, or NULL. */
static char *recorded(const struct va_run_job *job, const char *path, const char *schema)
{
    char line[256], *name = NULL;
    struct va_h5_in *in;

    if (!job->resume || access(path, F_OK) < 0)
        return NULL;
    va_error_catch_begin(line, sizeof(line));
    in = va_h5_open(path, schema);
    if (in && va_h5_has_attribute(in, NULL, "train.precision"))
        name = va_h5_get_string(in, NULL, "train.precision");
    else if (in && va_h5_has_attribute(in, NULL, "train.seed")) /* see va_run_state.c */
        name = va_strdup("f32");
    va_h5_close(in);
    va_error_catch_end();
    va_input_forget(path); /* it was looked at, and may be written anew */
    return name;
}

static int settle_alone(const struct va_run_args *a)
{
    const char *const *names = va_float_precision_names;
    const struct va_run_job *job = a->job;
    char *state = job->state ? va_strdup(job->state) : va_format("%s.state", job->output);
    char *name = state ? recorded(job, state, "va.state/1") : NULL;
    const char *path = name ? state : job->output;
    int status = state ? 0 : -1;

    if (state && !name)
        name = recorded(job, path, "va.model/1");
    if (name)
        status = va_precision_settle(names, name, a->precision);
    if (name && !va_precision_is_auto(names, *a->precision))
        va_debug("precision %s: as in %s", name, path);
    else if (status == 0) {
        int64_t breadth = a->breadth ? a->breadth() : VA_BREADTH_WIDE;

        status = breadth < 0 ? -1
                             : va_precision_choose(names, *a->device, breadth, a->precision);
    }
    va_free(name);
    va_free(state);
    return status;
}

/* --precision auto becomes what rank 0 finds: a run has one precision, and keeps it. */
static int settle(const struct va_run_args *a)
{
    const char *const *names = va_float_precision_names;
    int status;

    if (!va_precision_is_auto(names, *a->precision) || a->print_config)
        return 0;
    status = va_comm_rank() == 0 ? settle_alone(a) : 0;
    if (va_comm_agree(status) < 0)
        return -1;
    va_comm_broadcast(a->precision, sizeof(*a->precision));
    return va_comm_agree(va_precision_settle(names, names[*a->precision], a->precision));
}

static int begin(const struct va_run_args *a, int (*run)(void))
{
    if (a->readers && va_decoder_start(a->unconfined) < 0) /* before there are threads */
        return -1;
    va_device_spread(va_comm_local());
    va_threads_share(va_comm_sharers());
    va_threads_set((int)a->threads);
    va_debug("%d of %d ranks, %d threads", va_comm_rank() + 1, va_comm_size(),
             va_threads_count());
    return settle(a) < 0 ? -1 : run();
}

static volatile sig_atomic_t stop; /* the signal that ended the run */

static void stop_now(int number)
{
    (void)number;
    signal(stop, SIG_DFL);
    raise(stop);
}

/* Ranks end together. Told to stop, a rank has nothing to do any more: it waits for the others this many seconds. */
static void end(int signal_number)
{
    enum { LONGEST = 2 };

    if (signal_number) {
        stop = signal_number;
        signal(SIGALRM, stop_now);
        alarm(LONGEST);
    }
    va_comm_end();
    alarm(0);
}

int va_run_main(const char *name, struct va_run_args *a, int argc, char **argv,
                bool (*parse)(int argc, char **argv, int *status), int (*run)(void))
{
    int status = VA_EXIT_OK, result = 0;
    bool parsed;

    va_tool_init(name);
    if (va_comm_begin() < 0)
        return va_tool_finish(va_error_status());
    parsed = parse(argc, argv, &status);
    if (va_comm_agree(status) < 0)
        status = status ? status : va_error_status();
    else if (parsed)
        status = va_tool_status((result = begin(a, run)) > 0 ? 0 : result);
    end(result > 0 ? result : 0);
    if (result > 0)
        unsetenv("VA_USAGE"); /* which is for runs that came to their end */
    status = va_tool_finish(status);
    if (result > 0)
        stop_now(result);
    return status;
}
