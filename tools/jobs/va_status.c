/*
 * How the tasks of a plan are: state/STAGE.TASK, which pipelines/job.sh writes, and what the scheduler still has.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum state { DONE, RUNNING, WAITING, FAILED, LOST, STATES };
static const char *const state_names[] = { "done", "running", "waiting", "failed", "lost" };

/* ---- what the scheduler has -------------------------------------------------------------------------- */

/* "stage scheduler number": whether the scheduler still has that job. */
static bool is_queued(const char *scheduler, const char *number)
{
    static const char *const ask[] = { "[ -n \"$(squeue -h -j '%s' 2>/dev/null)\" ]",
                                       "qstat '%s' >/dev/null 2>&1",
                                       "qstat -j '%s' >/dev/null 2>&1" };
    bool queued = false;

    for (int i = VA_SLURM; i < VA_LOCAL; i++)
        if (!strcmp(scheduler, va_scheduler_names[i])) {
            char *command = va_format(ask[i], number);

            queued = command && system(command) == 0;
            va_free(command);
        }
    return queued;
}

/* Each job of `ids` that is queued, of stage `only` or of all: fn. */
static int each_queued(const char *folder, const char *only, void (*fn)(void *, const char *),
                       void *arg)
{
    char *path = va_format("%s/ids", folder), *field[3];
    struct va_lines lines;
    int rc;

    if (!path || access(path, F_OK) < 0) {
        va_free(path);
        return path ? 0 : -1;
    }
    if ((rc = va_lines_open_file(&lines, path)) == 0) {
        while ((rc = va_lines_next(&lines)) > 0) {
            if (va_split(lines.text, ' ', field, 3) != 3) {
                rc = va_error("%s: line %lld: expected stage, scheduler and number", path,
                              (long long)lines.number);
                break;
            }
            field[2][strspn(
                field[2],
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.[]-")] = 0;
            if ((!only || !strcmp(only, field[0])) && is_queued(field[1], field[2]))
                fn(arg, field[2]);
        }
        va_lines_close(&lines);
    }
    va_free(path);
    return rc;
}

static void join(void *arg, const char *number)
{
    char **all = arg;

    *all = va_join(*all, number);
}

char *va_jobs_queued(const char *folder)
{
    char *all = va_strdup("");

    if (all && each_queued(folder, NULL, join, &all) < 0) {
        va_free(all);
        return NULL;
    }
    return all;
}

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

/* The last line of its log that is from one of our tools, else the last one. */
static void put_reason(const struct stage_state *s, int64_t task)
{
    char *path = va_format("%s/log/%s.%lld", s->folder, s->name, (long long)task);
    FILE *f = path ? fopen(path, "r") : NULL;
    char line[512], best[512] = "";
    bool ours = false;

    while (f && fgets(line, sizeof(line), f)) {
        bool of_tool = !strncmp(line, "va-", 3) && strstr(line, ": ");

        if ((of_tool || !ours) && *line != '\n')
            memcpy(best, line, sizeof(best)), ours = of_tool;
    }
    if (f)
        fclose(f);
    best[strcspn(best, "\n")] = 0;
    va_text_clean(best);
    printf("%s %lld: %s (%s)\n", s->name, (long long)task, *best ? best : "it said nothing",
           path ? path : "");
    va_free(path);
}

static void mark(void *arg, const char *number)
{
    (void)number;
    *(bool *)arg = true;
}

static int look(struct stage_state *s)
{
    if (each_queued(s->folder, s->name, mark, &s->queued) < 0)
        return -1;
    for (int64_t t = 1; t <= s->tasks; t++) {
        char *text = read_line(s, "state", t);

        if (!text)
            return -1;
        s->count[state_of(s, text)]++;
        va_free(text);
    }
    return 0;
}

static void put_reasons(const struct stage_state *s)
{
    for (int64_t t = 1; t <= s->tasks; t++) {
        char *text = read_line(s, "state", t);

        if (text && state_of(s, text) == FAILED)
            put_reason(s, t);
        va_free(text);
    }
}

static void put_heading(void)
{
    printf("stage\ttasks");
    for (int k = 0; k < STATES; k++)
        printf("\t%s", state_names[k]);
    putchar('\n');
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
    va_free(folder);
    return rc < 0 ? rc : bad > 0;
}
