/*
 * The commands that submit a plan, in the words of each scheduler, and their run.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_lock.h"
#include "base/va_make.h"
#include "base/va_mem.h"
#include "base/va_tempfile.h"
#include "base/va_text.h"
#include "base/va_thread.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const va_scheduler_names[] = { "slurm", "pbs", "sge", "local", NULL };

/* ---- the script -------------------------------------------------------------------------------- */

static void put_quoted(FILE *to, const char *word)
{
    char *quoted = va_quoted(word);

    fputs(quoted ? quoted : "''", to);
    va_free(quoted);
}

/* A stage's own options. */
static void put_options(const struct va_jobs_plan *p, int stage, FILE *to)
{
    size_t length = strlen(va_stage_names[stage]);

    for (int64_t i = 0; i < p->site->count; i++)
        fprintf(to, " %s", p->site->items[i]);
    for (int64_t i = 0; i < p->ask->count; i++)
        if (!strncmp(p->ask->items[i], va_stage_names[stage], length) &&
            p->ask->items[i][length] == '=')
            fprintf(to, " %s", p->ask->items[i] + length + 1);
}

/* "/bin/sh job.sh FOLDER STAGE THREADS BEFORE": a new string. */
static char *task_of(const struct va_jobs_plan *p, int stage, const char *before,
                     const char *job)
{
    char *script = va_quoted(job), *folder = va_quoted(p->folder), *task = NULL;

    if (script && folder)
        task = va_format("/bin/sh %s %s %s %lld%s%s", script, folder, va_stage_names[stage],
                         (long long)p->threads, before ? " " : "", before ? before : "");
    va_free(script);
    va_free(folder);
    return task;
}

/* The characters of a folder of logs that sbatch or qsub reads as something else: escapes, hosts, variables, lists. */
static const char *const special[] = { "\\", ":$^", ":$,", "" };

static int check_log_path(const struct va_jobs_plan *p)
{
    const char *found = strpbrk(p->folder, special[p->scheduler]);

    if (!found)
        return 0;
    return va_error(
        "%s: %s gives '%c' in the path of a log another meaning: choose another folder",
        p->folder, va_scheduler_names[p->scheduler], *found);
}

/* The folder as sbatch -o takes it, where % begins a pattern. */
static void put_slurm_path(const char *folder, FILE *to)
{
    char *path = va_strdup("");

    for (const char *c = folder; path && *c; c++) {
        char *more = va_format(*c == '%' ? "%s%c%%" : "%s%c", path, *c);

        va_free(path);
        path = more;
    }
    put_quoted(to, path ? path : "");
    va_free(path);
}

static void put_slurm(const struct va_jobs_plan *p, int stage, const char *before,
                      const char *task, FILE *to)
{
    const struct va_request *r = &p->request[stage];

    fprintf(to,
            "sbatch --parsable -J va-%s --requeue --open-mode=append --kill-on-invalid-dep=yes "
            "--signal=B:USR1@60 -N1 -n1 -c%lld --mem=%lldM -t %lld --array=1-%lld -o ",
            va_stage_names[stage], (long long)p->threads, (long long)r->memory,
            (long long)r->minutes, (long long)p->stage[stage].count);
    put_slurm_path(p->folder, to);
    fprintf(to, "/log/%s.%%a", va_stage_names[stage]);
    if (before)
        fprintf(to, " --dependency=afterok:\"$%s\"", before);
    put_options(p, stage, to);
    fputs(" --wrap=", to);
    put_quoted(to, task);
}

static void put_pbs(const struct va_jobs_plan *p, int stage, const char *before,
                    const char *task, FILE *to)
{
    const struct va_request *r = &p->request[stage];

    fprintf(to,
            "qsub -V -N va-%s -r y -j oe -l select=1:ncpus=%lld:mem=%lldmb -l "
            "walltime=%lld:%02lld:00",
            va_stage_names[stage], (long long)p->threads, (long long)r->memory,
            (long long)r->minutes / 60, (long long)r->minutes % 60);
    if (p->stage[stage].count > 1) /* an array of one is none */
        fprintf(to, " -J 1-%lld", (long long)p->stage[stage].count);
    fputs(" -o ", to);
    put_quoted(to, p->folder);
    fprintf(to, "/log/%s.%s", va_stage_names[stage],
            p->stage[stage].count > 1 ? "^array_index^" : "1");
    if (before)
        fprintf(to, " -W depend=afterok:\"$%s\"", before);
    put_options(p, stage, to);
    fprintf(to, " -- %s", task);
}

/* h_vmem is a limit of each core's address space, of which a thread takes this many MiB without using them. */
enum { ADDRESSES_OF_A_THREAD = 128 };

static void put_sge(const struct va_jobs_plan *p, int stage, const char *before,
                    const char *task, FILE *to)
{
    const struct va_request *r = &p->request[stage];

    fprintf(
        to,
        "qsub -V -terse -cwd -b y -shell n -N va-%s -r y -j y -pe smp %lld -l h_vmem=%lldM,h_rt=%lld -t "
        "1-%lld -o ",
        va_stage_names[stage], (long long)p->threads,
        (long long)((r->memory + p->threads - 1) / p->threads + ADDRESSES_OF_A_THREAD),
        (long long)r->minutes * 60, (long long)p->stage[stage].count);
    put_quoted(to, p->folder);
    fprintf(to, "/log/%s.'$TASK_ID'", va_stage_names[stage]);
    if (before)
        fprintf(to, " -hold_jid \"$%s\"", before);
    put_options(p, stage, to);
    fprintf(to, " %s", task);
}

static void put_local(const struct va_jobs_plan *p, int stage, const char *task, FILE *to)
{
    int64_t beside = va_threads_available() / p->threads;

    fprintf(to, "seq %lld | xargs -P %lld -I '{}' env VA_TASK='{}' %s",
            (long long)p->stage[stage].count, (long long)(beside > 1 ? beside : 1), task);
}

/* What each scheduler prints: the number of a job, and the cluster or the tasks of the array behind it. `noted`, of that,
 * goes to ids; `%s=${%s...}` is the number for those that follow. */
static const struct {
    const char *command, *noted, *behind;
} answers[] = {
    { "sbatch", "$2", ";*" },
    { "qsub", "$2", "" },
    { "qsub", "${2%%.*}", ".*" },
};

/* note STAGE ANSWER, for the script: the job in ids, if the answer is one. */
static void put_note(const struct va_jobs_plan *p, FILE *to)
{
    const char *command = answers[p->scheduler].command;

    fprintf(
        to,
        "note() {\n    case $2 in '' | [!0-9]* | *[!]0-9A-Za-z._:\\;[-]*)\n"
        "        echo \"%s said '$2' for $1, expected the number of a job: look for it in the queue\" >&2; exit 4\n"
        "    esac\n    echo \"$1 %s %s\" >>",
        command, va_scheduler_names[p->scheduler], answers[p->scheduler].noted);
    put_quoted(to, p->folder);
    fputs("/ids || { echo \"cannot note job $2 of $1, which is submitted\" >&2; exit 4; }\n}\n",
          to);
}

/* A stage, and which one it follows. */
static void put_stage(const struct va_jobs_plan *p, int stage, const char *before,
                      const char *task, FILE *to)
{
    const char *name = va_stage_names[stage];

    if (p->scheduler == VA_LOCAL) {
        put_local(p, stage, task, to);
        fputs(" || exit\n", to);
        return;
    }
    fprintf(to, "%s=$(", name);
    if (p->scheduler == VA_SLURM)
        put_slurm(p, stage, before, task, to);
    else if (p->scheduler == VA_PBS)
        put_pbs(p, stage, before, task, to);
    else
        put_sge(p, stage, before, task, to);
    fputs(") || exit\n", to);
    fprintf(to, "note %s \"$%s\"\n", name, name);
    if (*answers[p->scheduler].behind)
        fprintf(to, "%s=${%s%%%%%s}\n", name, name, answers[p->scheduler].behind);
}

/* Where the memory and the time of a stage come from. */
static void put_origin(const struct va_jobs_plan *p, int stage, FILE *to)
{
    const struct va_request *r = &p->request[stage];

    fprintf(to, "# %s: %lld MiB and %lld minutes, ", va_stage_names[stage],
            (long long)r->memory, (long long)r->minutes);
    if (r->runs)
        fprintf(to, "from %lld run%s in %s/.make/usage\n", (long long)r->runs,
                va_plural(r->runs), p->out);
    else
        fputs("the defaults: no run with these settings\n", to);
}

static int print_stage(const struct va_jobs_plan *p, int stage, const char *before,
                       const char *job, FILE *to)
{
    char *task = task_of(p, stage, before, job);
    /* sbatch makes a script of it, whose process gets the signals */
    char *words = task && p->scheduler == VA_SLURM ? va_format("exec %s", task) : NULL;
    int rc = task && (words || p->scheduler != VA_SLURM) ? 0 : -1;

    if (rc == 0 && p->scheduler != VA_LOCAL)
        put_origin(p, stage, to);
    if (rc == 0)
        put_stage(p, stage, before, words ? words : task, to);
    va_free(words);
    va_free(task);
    return rc;
}

int va_plan_print(const struct va_jobs_plan *p, FILE *to)
{
    struct va_make *m = va_plan_make(p);
    char *job = m ? va_format("%s/job.sh", va_make_folder_of(m)) : NULL;
    char *path = job ? realpath(job, NULL) : NULL;
    const char *before = NULL;
    int rc = path ? check_log_path(p) : -1;

    if (job && !path)
        va_error("%s: cannot open: %s: give VA_PIPELINES another folder", job, strerror(errno));
    if (rc == 0 && p->scheduler != VA_LOCAL)
        put_note(p, to);
    for (int i = 1; rc == 0 && i < VA_STAGES; i++)
        if (p->stage[i].count) {
            rc = print_stage(p, i, before, path, to);
            before = va_stage_names[i];
        }
    va_make_free(m);
    va_free(job);
    free(path);
    return rc;
}

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
    put_quoted(to, p->folder);
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
        put_quoted(to, p->given.items[i]);
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

    if (above && target && check_log_path(p) == 0 && va_make_folder(above) == 0)
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
