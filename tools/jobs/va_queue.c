/*
 * What a scheduler says of jobs that were submitted, and of its nodes.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include <ctype.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
int va_jobs_each_queued(const char *folder, const char *only, void (*fn)(void *, const char *),
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

    if (all && va_jobs_each_queued(folder, NULL, join, &all) < 0) {
        va_free(all);
        return NULL;
    }
    return all;
}

/* Nodes of slurm that are down or do not answer, with blanks around each: a new string, empty where there are none. */
char *va_silent_nodes(void)
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
