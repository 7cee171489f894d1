/*
 * va_run_priv.h - what the files of a run share.
 */
#ifndef VA_RUN_PRIV_H
#define VA_RUN_PRIV_H

#include "comm/va_comm.h"
#include "run/va_run.h"

static inline bool va_run_writes(void) /* rank 0 alone writes files */
{
    return va_comm_rank() == 0;
}

/* The signal that asked this rank to stop, or 0. */
extern volatile sig_atomic_t va_run_stop;

/*
 * From begin to end a signal only sets va_run_stop; with several ranks a thread looks for ones that
 * are lost, and ends the process when a step cannot be finished: see va_run_watch.c.
 */
VA_MUST_USE int va_run_watch_begin(struct va_run *r);
void va_run_watch_end(void);

/*
 * After the inputs: compares ranks, and locks output, checkpoint and logs until va_run_release. 0; 1
 * when --resume finds that the output is the result of this very run (it is touched, and said); -1
 * after reporting: another process writes one of them, or there is a checkpoint and the job neither
 * resumes nor restarts. What was there is as it was then.
 */
VA_MUST_USE int va_run_open(struct va_run *r, const struct va_run_job *job,
                            const struct va_tensors *identity);

#endif
