/*
 * How the tasks of a plan are: state/STAGE.TASK, which pipelines/job.sh writes, and what the scheduler still has.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum state { DONE, RUNNING, WAITING, FAILED, LOST, STATES };
static const char *const state_names[] = { "done", "running", "waiting", "failed", "lost" };

/* ---- tasks --------------------------------------------------------------------------------------------- */

struct stage_state {
    const char *folder, *name;
    int64_t tasks;
    bool queued;
    int64_t count[STATES];
};

static int64_t count_lines(const char *path)
{
    FILE *f = fopen(path, "r");
    int64_t n = 0;
    int c;

    while (f && (c = getc(f)) != EOF)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

/* The first line of a file of a task, without its end: a new string, empty without the file. */
static char *read_line(const struct stage_state *s, const char *kind, int64_t task)
{
    char *path = va_format("%s/%s/%s.%lld", s->folder, kind, s->name, (long long)task);
    FILE *f = path ? fopen(path, "r") : NULL;
    char text[256] = "";

    if (f && !fgets(text, sizeof(text), f))
        *text = 0;
    if (f)
        fclose(f);
    va_free(path);
    text[strcspn(text, "\n")] = 0;
    return va_strdup(text);
}

static enum state state_of(const struct stage_state *s, const char *text)
{
    if (!strcmp(text, "done"))
        return DONE;
    if (!strncmp(text, "failed", 6))
        return FAILED;
    if (!s->queued)
        return LOST; /* or never begun: what it waited for failed */
    return strncmp(text, "running", 7) ? WAITING : RUNNING;
}

static const char KILLED[] = "killed by signal 9";

/* make's line about a command that SIGKILL ended: make's own process, or one of its shell. */
static bool was_killed(const char *line)
{
    return strstr(line, "] Killed") || strstr(line, "] Error 137");
}

/* Why the command failed that make gave up last: the last line of our tool that it was, else make's, else the last one. */
static void read_reason(FILE *f, char *reason, size_t size)
{
    char line[512], last[512] = "";
    bool ours = false, given_up = false;

    *reason = 0;
    while (fgets(line, sizeof(line), f)) {
        bool of_tool = !strncmp(line, "va-", 3) && strstr(line, ": ");
        bool gives_up = strstr(line, ": *** ");

        if (!strncmp(line, "  va-", 5)) /* the next command */
            ours = false;
        else if ((of_tool || !ours) && *line != '\n')
            memcpy(last, line, sizeof(last)), ours = of_tool;
        if (gives_up && was_killed(line) && !(ours && strstr(last, "killed")))
            snprintf(last, sizeof(last), "%s", KILLED);
        if (gives_up || !given_up)
            snprintf(reason, size, "%s", last);
        given_up |= gives_up;
        ours &= !gives_up;
    }
    reason[strcspn(reason, "\n")] = 0;
}

/* Who kills is mostly the scheduler, or the kernel, for memory: the words that ask for more. */
static void advise(const struct stage_state *s, char *reason, size_t size)
{
    static const char *const more[] = { "--mem=16G", "-l select=1:ncpus=2:mem=16gb",
                                        "-l h_vmem=8G" };
    char *path = va_format("%s/ids", s->folder), scheduler[16] = "";
    FILE *f = path ? fopen(path, "r") : NULL;
    size_t length = strlen(reason);

    if (f && fscanf(f, "%*s %15s", scheduler) != 1)
        *scheduler = 0;
    if (f)
        fclose(f);
    va_free(path);
    snprintf(reason + length, size - length, ", perhaps for memory");
    for (int i = VA_SLURM; i < VA_LOCAL; i++)
        if (!strcmp(scheduler, va_scheduler_names[i]))
            snprintf(reason + length, size - length, ", perhaps for memory: --ask %s=\"%s\"",
                     s->name, more[i]);
}

static void put_reason(const struct stage_state *s, int64_t task)
{
    char *path = va_format("%s/log/%s.%lld", s->folder, s->name, (long long)task);
    FILE *f = path ? fopen(path, "r") : NULL;
    const char *none = f ? "it said nothing" : "log missing";
    char reason[512] = "";

    if (f) {
        read_reason(f, reason, sizeof(reason));
        fclose(f);
    }
    va_text_clean(reason);
    if (!strcmp(reason, KILLED))
        advise(s, reason, sizeof(reason));
    printf("%s %lld: %s (%s)\n", s->name, (long long)task, *reason ? reason : none,
           path ? path : "");
    va_free(path);
}

static void mark(void *arg, const char *number)
{
    (void)number;
    *(bool *)arg = true;
}

/* The scheduler is asked only where a task has no end yet. */
static int look(struct stage_state *s)
{
    bool known = s->queued = va_lock_is_held(s->folder);

    for (int64_t t = 1; t <= s->tasks; t++) {
        char *text = read_line(s, "state", t);
        enum state state;

        if (!text)
            return -1;
        state = state_of(s, text);
        if (state != DONE && state != FAILED && !known) {
            if (va_jobs_each_queued(s->folder, s->name, mark, &s->queued) < 0) {
                va_free(text);
                return -1;
            }
            known = true;
            state = state_of(s, text);
        }
        s->count[state]++;
        va_free(text);
    }
    return 0;
}

/* A running task whose node does not answer: slurm says "running" until it gives the node up. */
static void put_silent(const struct stage_state *s, int64_t task, const char *text,
                       const char *silent)
{
    char *node = strchr(text, ' '), *word = node ? va_format("%s ", node) : NULL;

    if (word && silent && strstr(silent, word))
        printf(
            "%s %lld: node%s does not answer: the task is queued again when slurm takes it for "
            "down (sinfo)\n",
            s->name, (long long)task, node);
    va_free(word);
}

static void put_reasons(const struct stage_state *s)
{
    char *silent = s->count[RUNNING] ? va_silent_nodes() : NULL;

    for (int64_t t = 1; t <= s->tasks; t++) {
        char *text = read_line(s, "state", t);

        if (text && state_of(s, text) == FAILED)
            put_reason(s, t);
        else if (text && state_of(s, text) == RUNNING)
            put_silent(s, t, text, silent);
        va_free(text);
    }
    va_free(silent);
}

static void put_heading(void)
{
    printf("stage\ttasks");
    for (int k = 0; k < STATES; k++)
        printf("\t%s", state_names[k]);
    putchar('\n');
}

/* On a full disk tasks can note neither their end nor why. */
static void put_full(const char *out)
{
    struct statvfs disk;

    if (statvfs(out, &disk) == 0 && disk.f_blocks && !disk.f_bavail)
        printf("%s: no space is left on its disk: free some, then the same va-jobs submit "
               "continues\n",
               out);
}

int va_jobs_status(const char *out)
{
    char *folder = va_format("%s/.make/jobs", out);
    struct stage_state stages[VA_STAGES] = { 0 };
    int64_t tasks = 0, bad = 0;
    int rc = folder ? 0 : -1;

    for (int i = 1; rc == 0 && i < VA_STAGES; i++) {
        char *path = va_format("%s/%s", folder, va_stage_names[i]);

        stages[i] = (struct stage_state){ .folder = folder,
                                          .name = va_stage_names[i],
                                          .tasks = path ? count_lines(path) : 0 };
        tasks += stages[i].tasks;
        rc = path ? look(&stages[i]) : -1;
        bad += stages[i].count[FAILED] + stages[i].count[LOST];
        va_free(path);
    }
    if (rc == 0 && !tasks)
        rc = va_error("%s: found no jobs in %s: va-jobs submit makes them", out, folder);
    if (rc == 0)
        put_heading();
    for (int i = 1; rc == 0 && i < VA_STAGES; i++)
        if (stages[i].tasks) {
            printf("%s\t%lld", stages[i].name, (long long)stages[i].tasks);
            for (int k = 0; k < STATES; k++)
                printf("\t%lld", (long long)stages[i].count[k]);
            putchar('\n');
        }
    for (int i = 1; rc == 0 && i < VA_STAGES; i++)
        put_reasons(&stages[i]);
    if (rc == 0 && bad)
        put_full(out);
    va_free(folder);
    return rc < 0 ? rc : bad > 0;
}
