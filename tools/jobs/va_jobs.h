/*
 * va_jobs.h - a pipeline as jobs of a scheduler: what the files of tools/jobs share.
 *
 * A stage is a job, or an array of jobs: its tasks, each some files that make makes. Stages follow each other. The
 * folder OUT/.make/jobs keeps what was submitted: `command` and, by stage, the files of each task, which
 * pipelines/job.sh reads; `ids`; state/STAGE.TASK and log/STAGE.TASK of each task. before/ has the same of the
 * submission before.
 *
 * Ownership: the structs own their strings; va_plan_release frees them
 * Threads:   one
 */
#ifndef VA_JOBS_H
#define VA_JOBS_H

#include "base/va_attr.h"
#include "base/va_option.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { VA_STAGES = 6 };
extern const char *const
    va_stage_names[]; /* in order; the first is prepared before there are jobs; NULL last */

enum va_scheduler { VA_SLURM, VA_PBS, VA_SGE, VA_LOCAL };
extern const char *const va_scheduler_names[]; /* NULL last */

/* Lines of text: the files of each task, with blanks between. */
struct va_tasks {
    char **items; /* [count] */
    int64_t count, room;
};

/* What a task asks for. */
struct va_request {
    int64_t memory;  /* MiB */
    int64_t minutes; /* of wall time */
    int64_t runs;    /* by which these were found; 0: they are defaults */
};

struct va_jobs_plan {
    char *pipeline, *out;  /* a file of pipelines/, or a path; the folder of the results */
    char *folder;          /* OUT/.make/jobs, absolute */
    char **settings;       /* NAME=VALUE, NULL last: the command line's */
    struct va_tasks given; /* NAME=VALUE of the environment */
    int scheduler;         /* enum va_scheduler */
    int64_t most, threads;
    const struct va_strings *site, *ask; /* options for all stages; STAGE=OPTIONS */
    struct va_tasks stage[VA_STAGES];    /* what is to be made */
    struct va_request request[VA_STAGES];
    int64_t kept[VA_STAGES]; /* units that are up to date */
    int64_t there;           /* tasks, with those that have nothing left to make */
};

/* Ask make what there is to make, and find what tasks ask for. 0, or -1 after reporting. */
VA_MUST_USE int va_plan_read(struct va_jobs_plan *p);
void va_plan_release(struct va_jobs_plan *p);

/* make at work on the pipeline, with the settings. NULL after reporting. */
struct va_make *va_plan_make(const struct va_jobs_plan *p);

/* Whether the scheduler can be told of the folder: its name has no letter of a meaning of its own. -1 after reporting. */
VA_MUST_USE int va_plan_check_path(const struct va_jobs_plan *p);

/* A word, quoted for the shell. */
void va_put_quoted(FILE *to, const char *word);

/* The commands that submit it, as a script for sh. -1 after reporting. */
VA_MUST_USE int va_plan_print(const struct va_jobs_plan *p, FILE *to);

/* Write the folder, make what is prepared, run the script. 0; -1 after reporting; make's exit status, which said why. */
VA_MUST_USE int va_plan_submit(const struct va_jobs_plan *p);

/* Print how the tasks of OUT are. Exit status: 0 when all are done, 1 when one failed or is lost, else 0 as well. -1
 * after reporting. */
VA_MUST_USE int va_jobs_status(const char *out);

/* Each job of FOLDER/ids that the scheduler still has, of stage `only` or, NULL, of all: fn. -1 after reporting, also that it gave no answer. */
VA_MUST_USE int va_jobs_each_queued(const char *folder, const char *only,
                                    void (*fn)(void *arg, const char *number), void *arg);
/* Nodes of slurm that are down or do not answer, with blanks around each: a new string, or NULL. */
char *va_silent_nodes(void);
/* Numbers of jobs in OUT's list that the scheduler still has, with blanks between: a new string, NULL after reporting. */
char *va_jobs_queued(const char *folder);

#endif
