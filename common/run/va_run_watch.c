/*
 * What ends a training run early.
 *
 * A signal sets a flag; ranks compare flags between steps, stop after the same one, and rank 0
 * writes the checkpoint. That needs every rank. When one is gone the others wait for it, or will,
 * perhaps in the middle of a computation that takes longer than they have: mpirun gives a second
 * between SIGTERM and SIGKILL. So with several ranks a thread of its own looks, twenty times a
 * second, whether
 *   - a rank on this machine is gone, or
 *   - rank 0 was told to stop, and the step did not end within the time it has (a rank on another
 *     machine is gone, or steps are long), or the ranks agreed to stop, but one does not come to the end.
 * Then rank 0 ends the job from that thread: it waits until the state is that after a whole step
 * (weights, moments and counters change only between va_run_change_begin and _end), writes
 * it if that takes little time, says which step is on the disk, and ends the process;
 * the launcher ends the others. A change that does not end waits for the rank that is lost, on a
 * device whose sums of gradients are part of the update: then the last checkpoint is what remains. When rank 0 itself is gone another one says so. The computation
 * that the main thread is in at that time is never used.
 *
 * This is the one place below tools/ that ends the process: there is nobody to return to, the main
 * thread being in a wait that will not end.
 */
#include "base/va_clock.h"
#include "base/va_error.h"
#include "base/va_leftover.h"
#include "base/va_tempfile.h"
#include "comm/va_comm.h"
#include "run/va_run_priv.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds: between two looks; that ranks have to end the step together; and, once they have agreed to stop, the run;
 * that a change may take, and writing a checkpoint, then; after which a rank that the launcher did not end gives up by
 * itself. */
static const double LOOK = 0.05, ANSWER = 0.5, END = 2, CHANGE = 0.4, QUICK = 0.3, PATIENCE = 3;

volatile sig_atomic_t va_run_stop;
static volatile sig_atomic_t told; /* by rank 0 that it ends the job, and has said so */

static struct {
    pthread_mutex_t change; /* held while the state changes, or by whoever ends the process */
    pthread_mutex_t lock;
    pthread_cond_t wake; /* by the monotonic clock */
    pthread_t thread;
    bool running, done;
} watch = { .change = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- signals --------------------------------------------------------------------------- */

/* Finish the step and write a checkpoint; whoever asks twice is obeyed at once. Launchers do ask
 * twice, a scheduler and mpirun, and have SIGKILL when they mean it. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    va_run_stop = number;
    if (va_comm_size() == 1)
        va_tempfile_catch_signals();
    else if (info->si_pid == va_comm_pid(0))
        told = 1;
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

    for (size_t i = 0; i < VA_COUNT(numbers); i++) {
        struct sigaction old,
            act = { .sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO };

        sigemptyset(&act.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &act, NULL);
    }
}

void va_run_change_begin(void)
{
    pthread_mutex_lock(&watch.change);
}

void va_run_change_end(void)
{
    pthread_mutex_unlock(&watch.change);
}

/* ---- lost ranks ------------------------------------------------------------------------ */

static bool is_gone(int rank)
{
    int pid = va_comm_pid(rank);

    return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

static int first_gone(void)
{
    for (int r = 0; r < va_comm_size(); r++)
        if (is_gone(r))
            return r;
    return -1;
}

static void leave(int number)
{
    va_leftover_remove_all();
    if (number) {
        signal(number, SIG_DFL);
        raise(number);
    }
    _exit(VA_EXIT_MACHINE);
}

/* Seconds from now, by the clock of `id`. */
static struct timespec after(clockid_t id, double seconds)
{
    struct timespec t;
    double fraction;

    clock_gettime(id, &t);
    fraction = seconds + (double)t.tv_nsec * 1e-9;
    t.tv_sec += (time_t)fraction;
    t.tv_nsec = (long)((fraction - (double)(time_t)fraction) * 1e9);
    return t;
}

/* Keep the main thread out of its next change; whether the state is whole now. */
static bool hold_state(void)
{
    struct timespec until = after(CLOCK_REALTIME, CHANGE);

    return pthread_mutex_timedlock(&watch.change, &until) == 0;
}

/* Say what happened, with the step that is on the disk; rank 0 may have written a later one before
 * it was lost. `gone`: -1 when it was a signal. */
static void tell(const struct va_run *r, int gone)
{
    long long step = (long long)r->state.batches + 1;
    char there[4352] = "no checkpoint had been written yet";

    if (access(r->state_path, F_OK) == 0)
        snprintf(there, sizeof(there), "%s holds step %lld%s, --resume continues from it",
                 r->state_path, (long long)r->saved_step, gone ? "" : " or a later one");
    va_error_hold_end();
    if (gone >= 0)
        va_error_machine("rank %d is gone, in step %lld: %s", gone, step, there);
    else if (r->ending)
        va_error_machine("%s, and other ranks did not end in time: %s", strsignal(va_run_stop),
                         there);
    else
        va_error_machine("%s, and step %lld did not end in time: %s", strsignal(va_run_stop),
                         step, there);
}

/* Rank 0, told to stop `since` seconds ago. */
static void end_job(struct va_run *r, int gone, double since)
{
    bool whole = hold_state();

    if (whole && gone < 0 && r->ending && since < END) { /* the ranks have agreed meanwhile */
        va_run_change_end();
        return;
    }
    if (whole && r->saved_step != r->state.batches && r->save_time < QUICK &&
        va_run_state_save(&r->state, r->state_path) == 0)
        r->saved_step = r->state.batches;
    tell(r, gone);
    for (int rank = 1; rank < va_comm_size(); rank++)
        if (va_comm_pid(rank) > 0)
            kill(va_comm_pid(rank), SIGTERM); /* sets `told` there */
    leave(gone < 0 ? va_run_stop : 0);
}

/* Whether this rank has to speak for rank 0: it is the first one that can see that it is gone. */
static bool heir(void)
{
    for (int r = 1; r < va_comm_rank(); r++)
        if (va_comm_pid(r) > 0 && !is_gone(r))
            return false;
    return is_gone(0) && !told;
}

static void *look(void *arg)
{
    struct va_run *r = arg;
    double asked = 0, missed = 0; /* when the flag, when the gap was seen first */
    int gone = -1;

    pthread_mutex_lock(&watch.lock);
    while (!watch.done) {
        double now = va_clock();
        struct timespec until = after(CLOCK_MONOTONIC, LOOK);

        if (va_run_stop && !asked)
            asked = now;
        if (gone < 0 && (gone = first_gone()) >= 0)
            missed = now;
        if (va_comm_rank() == 0 && (gone >= 0 || (asked > 0 && now - asked > ANSWER)))
            end_job(r, gone, now - asked);
        if (va_comm_rank() > 0 && heir()) {
            (void)hold_state();
            tell(r, 0);
            leave(0);
        }
        if (gone >= 0 && now - missed > PATIENCE)
            leave(0);
        pthread_cond_timedwait(&watch.wake, &watch.lock, &until);
    }
    pthread_mutex_unlock(&watch.lock);
    return NULL;
}

int va_run_watch_begin(struct va_run *r)
{
    pthread_condattr_t clock;
    int error;

    va_run_stop = told = 0;
    catch_signals();
    if (va_comm_size() == 1)
        return 0;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&watch.wake, &clock);
    pthread_condattr_destroy(&clock);
    watch.done = false;
    error = pthread_create(&watch.thread, NULL, look, r);
    watch.running = !error;
    return error ? va_error_machine("cannot start a thread: %s", strerror(error)) : 0;
}

void va_run_watch_end(void)
{
    va_tempfile_catch_signals();
    if (!watch.running)
        return;
    pthread_mutex_lock(&watch.lock);
    watch.done = true;
    pthread_cond_signal(&watch.wake);
    pthread_mutex_unlock(&watch.lock);
    pthread_join(watch.thread, NULL);
    watch.running = false;
}
