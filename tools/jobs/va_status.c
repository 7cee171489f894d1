/*
 * How the tasks of a plan are: state/STAGE.TASK, which pipelines/job.sh writes, and what the scheduler still has.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum state { DONE, RUNNING, WAITING, FAILED, LOST, STATES };
static const char *const state_names[] = { "done", "running", "waiting", "failed", "lost" };

/* ---- what the scheduler has -------------------------------------------------------------------------- */

/* How each scheduler is asked for a job, and how it says that it knows none of that number. */
static const struct {
    const char *ask, *unknown[2];
} asked[] = {
    { "squeue -h%s%s -j '%s'", { "Invalid job id specified", NULL } },
    { "qstat%s%s '%s'", { "Unknown Job Id", "Job has finished" } },
    { "qstat%s%s -j '%s'", { "Following jobs do not exist", NULL } },
};

/* squeue lists the job in lines that begin with its number. */
static bool lists(const char *said, const char *number)
{
    size_t digits = strspn(number, "0123456789");

    for (const char *line = said; line; line = strchr(line, '\n')) {
        line += strspn(line, " \n");
        if (digits && !strncmp(line, number, digits) && !isdigit((unsigned char)line[digits]))
            return true;
    }
    return false;
}

/* Run `command`, and read what it says. Its exit code, -1 without one. */
static int listen_to(const char *command, char *said, size_t size)
{
    char *words = va_format("{ timeout 60 %s; } 2>&1", command), rest[512];
    FILE *f = words ? popen(words, "r") : NULL;
    size_t n = f ? fread(said, 1, size - 1, f) : 0;
    int status;

    said[n] = 0;
    while (f && fread(rest, 1, sizeof(rest), f))
        ;
    status = f ? pclose(f) : -1;
    va_free(words);
    return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int no_answer(const char *command, char *said, int code)
{
    enum { LATE = 124 /* of timeout(1) */ };
    int program = (int)strcspn(command, " ");

    while (*said && said[strlen(said) - 1] == '\n')
        said[strlen(said) - 1] = 0;
    va_text_clean(said);
    if (code == LATE)
        return va_error_machine("%.*s failed: no answer in 60 s: try again later", program,
                                command);
    return va_error_machine("%.*s failed: %s: try again later", program, command,
                            *said ? said : "it said nothing");
}

/* The question for a job, which may be NUMBER;CLUSTER: a new string, NULL after reporting. */
static char *question(int scheduler, const char *job)
{
    char *number = va_strdup(job), *cluster = number ? strchr(number, ';') : NULL, *command;

    if (cluster)
        *cluster++ = 0;
    command = number ? va_format(asked[scheduler].ask, cluster ? " -M " : "",
                                 cluster ? cluster : "", number)
                     : NULL;
    va_free(number);
    return command;
}

/* Whether the scheduler still has that job: 1 or 0, -1 after reporting that it does not say. */
static int is_queued(const char *scheduler, const char *number)
{
    int which = VA_SLURM, code, queued;
    char said[4096], *command;

    while (which < VA_LOCAL && strcmp(scheduler, va_scheduler_names[which]) != 0)
        which++;
    if (which == VA_LOCAL)
        return 0;
    if (!(command = question(which, number)))
        return -1;
    code = listen_to(command, said, sizeof(said));
    queued = code == 0 && (which != VA_SLURM || lists(said, number));
    for (int i = 0; code && i < 2; i++)
        if (asked[which].unknown[i] && strcasestr(said, asked[which].unknown[i]))
            code = 0;
    if (code)
        queued = no_answer(command, said, code);
    va_free(command);
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
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._;[]-")] = 0;
            if (only && strcmp(only, field[0]) != 0)
                continue;
            if ((rc = is_queued(field[1], field[2])) < 0)
                break;
            if (rc)
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

/* Nodes of slurm that are down or do not answer, with blanks around each: a new string, empty where there are none. */
static char *silent_nodes(void)
{
    FILE *f = popen("timeout 60 sinfo -h -N -o '%N %t' 2>/dev/null", "r");
    char *all = va_strdup(" "), line[256], *state;

    while (f && fgets(line, sizeof(line), f))
        if ((state = strchr(line, ' ')) &&
            (strchr(state, '*') || !strncmp(state, " down", 5))) {
            char *more = (*state = 0, va_format("%s%s ", all ? all : "", line));

            va_free(all);
            all = more;
        }
    if (f)
        pclose(f);
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

/* Whether a va-jobs submits at this moment, or runs the tasks itself: it has the lock of va_plan_submit. */
static bool is_submitted_now(const char *folder)
{
    char *path = va_format("%s/../.jobs.lock", folder);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    va_free(path);
    return held;
}

/* The scheduler is asked only where a task has no end yet. */
static int look(struct stage_state *s)
{
    bool known = s->queued = is_submitted_now(s->folder);

    for (int64_t t = 1; t <= s->tasks; t++) {
        char *text = read_line(s, "state", t);
        enum state state;

        if (!text)
            return -1;
        state = state_of(s, text);
        if (state != DONE && state != FAILED && !known) {
            if (each_queued(s->folder, s->name, mark, &s->queued) < 0) {
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
    char *silent = s->count[RUNNING] ? silent_nodes() : NULL;

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
