/*
 * The folder of what was submitted, and the run of the script that submits.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_lock.h"
#include "base/va_make.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the folder ----------------------------------------------------------------------------------- */

/* A file of the folder, whose contents put(p, arg, to) prints. */
static int write_file(const struct va_jobs_plan *p, const char *name,
                      int (*put)(const struct va_jobs_plan *, const void *, FILE *),
                      const void *arg)
{
    char *path = va_format("%s/%s", p->folder, name);
    struct va_textfile f = { 0 };
    int rc = path ? va_textfile_create(&f, path, NULL) : -1;

    if (rc == 0)
        rc = put(p, arg, f.stream);
    if (rc == 0)
        rc = va_textfile_commit(&f);
    else
        va_textfile_abort(&f);
    va_free(path);
    return rc;
}

static int put_tasks(const struct va_jobs_plan *p, const void *arg, FILE *to)
{
    const struct va_tasks *tasks = arg;

    (void)p;
    for (int64_t t = 0; t < tasks->count; t++)
        fprintf(to, "%s\n", tasks->items[t]);
    return 0;
}

static int put_script(const struct va_jobs_plan *p, const void *arg, FILE *to)
{
    (void)arg;
    /* those of a task that submits: jobs inherit them */
    fputs("unset VA_TASK SLURM_ARRAY_TASK_ID PBS_ARRAY_INDEX SGE_TASK_ID\n", to);
    fputs(": >", to); /* jobs of before */
    va_put_quoted(to, p->folder);
    fputs("/ids || exit\n", to);
    return va_plan_print(p, to);
}

/* What job.sh does before it calls make: export what the environment has set, cd, and the words. */
static int put_command(const struct va_jobs_plan *p, const void *arg, FILE *to)
{
    struct va_make *m = va_plan_make(p);
    char *here = getcwd(NULL, 0), *quoted = here ? va_quoted(here) : NULL, *words = NULL;

    (void)arg;
    if (m) {
        va_make_say(m, va_strdup("JOB=yes"));
        va_make_say(m, va_strdup("--keep-going"));
        words = va_make_quoted(m);
    }
    for (int64_t i = 0; i < p->given.count; i++) {
        fputs("export ", to);
        va_put_quoted(to, p->given.items[i]);
        fputc('\n', to);
    }
    if (words && quoted)
        fprintf(to, "cd %s || exit 4\nset -- %s\n", quoted, words);
    va_make_free(m);
    va_free(quoted), va_free(words);
    free(here);
    return words && quoted ? 0 : -1;
}

/* Move what a submission leaves from one place in the folder to another, in the place of what stands there. */
static int move_all(const struct va_jobs_plan *p, const char *from, const char *to)
{
    static const char *const names[] = { "log", "state", "ids", "command", "submit.sh" };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < VA_COUNT(names) + VA_STAGES; i++) {
        const char *name = i < VA_COUNT(names) ? names[i] : va_stage_names[i - VA_COUNT(names)];
        char *old = va_format("%s/%s%s", p->folder, from, name),
             *now = va_format("%s/%s%s", p->folder, to, name);

        rc = old && now ? 0 : -1;
        if (rc == 0)
            (void)remove(now);
        if (rc == 0 && rename(old, now) < 0 && errno != ENOENT)
            rc = va_error_machine("%s: cannot move to %s: %s", old, now, strerror(errno));
        va_free(old);
        va_free(now);
    }
    return rc;
}

/* What was submitted before goes to before/, from where it comes back when nothing is submitted now. */
static int set_aside(const struct va_jobs_plan *p)
{
    char *path = va_format("%s/before", p->folder);
    int rc = path && va_make_folder(path) == 0 ? va_clear_folder(path) : -1;

    va_free(path);
    return rc == 0 ? move_all(p, "", "before/") : rc;
}

/* Whether the script, that ended so, got no further than its first submission. 4: it did not understand an answer. */
static bool is_nothing_submitted(const struct va_jobs_plan *p, int status)
{
    char *path = va_format("%s/ids", p->folder);
    struct stat is;
    bool nothing = path && status != VA_EXIT_MACHINE && (stat(path, &is) < 0 || !is.st_size);

    va_free(path);
    return nothing;
}

static int write_folder(const struct va_jobs_plan *p)
{
    static const char *const folders[] = { "log", "state" };
    int rc = set_aside(p);

    for (size_t i = 0; rc == 0 && i < VA_COUNT(folders); i++) {
        char *path = va_format("%s/%s", p->folder, folders[i]);

        rc = path ? va_make_folder(path) : -1;
        va_free(path);
    }
    for (int i = 1; rc == 0 && i < VA_STAGES; i++)
        rc = write_file(p, va_stage_names[i], put_tasks, &p->stage[i]);
    if (rc == 0)
        rc = write_file(p, "command", put_command, NULL);
    if (rc == 0)
        rc = write_file(p, "submit.sh", put_script, NULL);
    if (rc != 0)
        (void)move_all(p, "before/", "");
    return rc;
}

/* ---- the run --------------------------------------------------------------------------------------- */

/* Whether make could not go on because of the machine: its messages are in English. */
static bool is_of_machine(const char *said)
{
    static const char *const causes[] = { "No space left on device", "Disk quota exceeded",
                                          "Read-only file system", "Input/output error" };

    for (size_t i = 0; i < VA_COUNT(causes); i++)
        if (strstr(said, causes[i]))
            return true;
    return false;
}

static int make_prepared(const struct va_jobs_plan *p)
{
    struct va_make *m = va_plan_make(p);
    char *said = NULL;
    int rc = m ? 0 : -1;

    if (m) {
        va_make_keep(m);
        va_make_say(m, va_strdup("--silent"));
    }
    for (int64_t i = 0; m && i < p->stage[0].count; i++) {
        char *all = va_strdup(p->stage[0].items[i]), *rest = all, *name;

        while (all && (name = strsep(&rest, " ")))
            va_make_say(m, va_strdup(name));
        va_free(all);
    }
    if (rc == 0 && p->stage[0].count)
        rc = va_make_run(m, false);
    if (rc > 0 && (said = va_make_said(m)))
        rc = is_of_machine(said) ? va_error_machine("%s", said) : va_error("%s", said);
    va_free(said);
    va_make_free(m);
    return rc;
}

/* What the script said on standard error, as one line. */
static int refused(const struct va_jobs_plan *p, FILE *said, int status)
{
    char text[1024] = "";
    size_t n = said ? fread(text, 1, sizeof(text) - 1, said) : 0;

    while (n && text[n - 1] == '\n')
        n--;
    text[n] = 0;
    for (char *c = text; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    if (!*text)
        snprintf(text, sizeof(text), "it said nothing");
    if (is_nothing_submitted(p, status) && move_all(p, "before/", "") == 0)
        return va_error_machine(
            "%s: submit.sh ended with exit code %d: %s; nothing was submitted",
            va_scheduler_names[p->scheduler], status, text);
    return va_error_machine(
        "%s: submit.sh ended with exit code %d: %s; what was submitted before is in "
        "%s/ids",
        va_scheduler_names[p->scheduler], status, text, p->folder);
}

/* The process group of the script, which gets what would end this process, and that signal. */
static volatile sig_atomic_t group, told;
static const int endings[] = { SIGTERM, SIGINT, SIGHUP };

static void pass_on(int number)
{
    told = number;
    if (group)
        kill(-(pid_t)group, SIGTERM);
}

/* In the new process. */
static void become(const struct va_jobs_plan *p, const char *script, FILE *said)
{
    setpgid(0, 0);
    if (p->scheduler != VA_LOCAL)
        dup2(fileno(said), 2);
    execl("/bin/sh", "sh", script, (char *)NULL);
    _exit(VA_EXIT_MACHINE);
}

/* Run the script as a process group and wait: for all of it, once a signal has ended the shell. Its status of waitpid, or
 * -1 with errno. */
static int wait_for(const struct va_jobs_plan *p, const char *script, FILE *said)
{
    struct sigaction before[VA_COUNT(endings)], heed = { .sa_handler = pass_on };
    int status = 0;
    pid_t pid;

    (void)prctl(PR_SET_CHILD_SUBREAPER,
                1); /* tasks become children when the shell ends first */
    for (size_t i = 0; i < VA_COUNT(endings); i++)
        if (sigaction(endings[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            sigaction(endings[i], &heed, NULL);
    if ((pid = fork()) == 0)
        become(p, script, said);
    if (pid > 0) {
        setpgid(pid, pid);
        group = pid;
        if (told)
            kill(-pid, SIGTERM);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        while (told && (waitpid(-pid, NULL, 0) > 0 || errno == EINTR))
            ;
        group = 0;
    }
    for (size_t i = 0; i < VA_COUNT(endings); i++)
        sigaction(endings[i], &before[i], NULL);
    return pid < 0 ? -1 : status;
}

static int run_script(const struct va_jobs_plan *p)
{
    char *script = va_format("%s/submit.sh", p->folder);
    FILE *said = script ? tmpfile() : NULL;
    int status = said ? wait_for(p, script, said) : -1;

    va_free(script);
    if (status < 0) {
        status = va_error_machine("cannot run the script: %s", strerror(errno));
    } else if (!told) {
        status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        rewind(said);
        if (status && p->scheduler == VA_LOCAL)
            status = va_error("tasks failed: va-jobs status %s says which", p->out);
        else if (status)
            status = refused(p, said, status);
    }
    if (said)
        fclose(said);
    return status ? -1 : 0;
}

/* One process at a time does so. */
static int submit_alone(const struct va_jobs_plan *p)
{
    char *queued = va_jobs_queued(p->folder);
    int rc = -1;

    if (queued && *queued)
        va_error(
            "%s: jobs are still queued or running: %s: wait for them, or cancel them first",
            p->out, queued);
    else if (queued)
        rc = make_prepared(p);
    va_free(queued);
    if (rc == 0)
        rc = write_folder(p);
    return rc == 0 ? run_script(p) : rc;
}

int va_plan_submit(const struct va_jobs_plan *p)
{
    char *above = va_format("%s/.make", p->out), *target = va_format("%s/.make/jobs", p->out);
    struct va_lock *lock = NULL;
    int rc = -1;

    if (above && target && va_plan_check_path(p) == 0 && va_make_folder(above) == 0)
        lock = va_lock_take(target);
    if (lock)
        rc = submit_alone(p);
    va_lock_release(lock);
    va_free(above);
    va_free(target);
    if (told) {
        va_warn("interrupted: the same command continues");
        raise(told);
    }
    return rc;
}
