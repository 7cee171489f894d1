/*
 * The script that submits a plan, in the words of each scheduler.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_make.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "base/va_thread.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const va_scheduler_names[] = { "slurm", "pbs", "sge", "local", NULL };

void va_put_quoted(FILE *to, const char *word)
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

int va_plan_check_path(const struct va_jobs_plan *p)
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
    va_put_quoted(to, path ? path : "");
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
    va_put_quoted(to, task);
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
    va_put_quoted(to, p->folder);
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
    va_put_quoted(to, p->folder);
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
    va_put_quoted(to, p->folder);
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
    int rc = path ? va_plan_check_path(p) : -1;

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
