/*
 * va-jobs - a pipeline as jobs of a scheduler.
 *
 * What there is to make, and which files belong together, make says (tools/jobs/va_plan.c); the commands of schedulers are
 * in va_submit.c, how tasks are in va_status.c.
 */
#include "base/va_mem.h"
#include "base/va_text.h"
#include "base/va_tool.h"
#include "tools/jobs/va_jobs.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct va_usage usage = {
    .synopsis = "plan|submit|status [options]",
    .brief = "run a pipeline as jobs of a cluster's scheduler",
    .examples =
        "va-jobs plan --site \"-A lab\" --ask folds=\"-p gpu --gres=gpu:1\" corpus.mk FEATURES=features \\\n"
        "    LABELS=Train_Set FOLD_COUNT=2 OUT=out\n"
        "va-jobs submit --scheduler local corpus.mk FEATURES=features LABELS=Train_Set FOLD_COUNT=2 OUT=out\n"
        "va-jobs status out",
};

/* Whether make takes it as a variable of that name: ":=", "+=" and blanks before "=" have a meaning of their own to it. */
static bool is_setting(const char *word)
{
    size_t name = strspn(word,
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    return name && word[0] != '-' && word[name] == '=';
}

/* The folder of the results: the last OUT=, else the environment's, else out. */
static int take_words(struct va_jobs_plan *p, char **words, int *status)
{
    const char *given = getenv("OUT"), *out = given ? given : "out";
    char *here;

    if (!*words) {
        va_usage_error(status, "expected a pipeline, such as affwild2.mk");
        return -1;
    }
    p->pipeline = *words;
    p->settings = words + 1;
    for (char **s = p->settings; *s; s++) {
        if (!is_setting(*s)) {
            va_usage_error(status, "expected NAME=VALUE, found %s", *s);
            return -1;
        }
        if (!strncmp(*s, "OUT=", 4))
            out = *s + 4;
    }
    here = getcwd(NULL, 0);
    p->out = va_strdup(out);
    p->folder = *out == '/' ? va_format("%s/.make/jobs", out)
                            : va_format("%s/%s/.make/jobs", here ? here : ".", out);
    free(here);
    *status = p->out && p->folder ? VA_EXIT_OK : VA_EXIT_MACHINE;
    return *status == VA_EXIT_OK ? 0 : -1;
}

static int check_asked(const struct va_strings *ask, int *status)
{
    for (int64_t i = 0; i < ask->count; i++) {
        size_t length = strcspn(ask->items[i], "=");
        int known = 0;

        for (int s = 1; s < VA_STAGES; s++)
            known += strlen(va_stage_names[s]) == length && ask->items[i][length] &&
                     !strncmp(ask->items[i], va_stage_names[s], length);
        if (!known) {
            va_usage_error(status,
                           "--ask %s: expected STAGE=OPTIONS, STAGE frames, features, windows, "
                           "folds or table",
                           ask->items[i]);
            return -1;
        }
    }
    return 0;
}

static void say_nothing_left(const struct va_jobs_plan *p)
{
    va_info("%s: nothing is left to make of %lld task%s", p->out, (long long)p->there,
            va_plural(p->there));
}

static int run_plan(int argc, char **argv, const char *brief, bool submit)
{
    struct va_strings site = { 0 }, ask = { 0 };
    struct va_jobs_plan p = { .most = 64, .threads = 2, .site = &site, .ask = &ask };
    int status = VA_EXIT_OK, rc;
    const struct va_option table[] = {
        VA_OPT_CHOICE(0, "scheduler", &p.scheduler, va_scheduler_names,
                      "whose commands to use; local: the cores of this machine"),
        VA_OPT_RUN_INT(0, "tasks", &p.most, 1, 100000, "the most tasks of a stage"),
        VA_OPT_RUN_INT('j', "threads", &p.threads, 1, 1024,
                       "cores and compute threads of a task"),
        VA_OPT_LIST(0, "site", &site, "OPTIONS",
                    "further options of the scheduler for all stages; may be repeated"),
        VA_OPT_LIST(
            0, "ask", &ask, "STAGE=OPTIONS",
            "further options of the scheduler for one stage; they come last; may be repeated"),
        VA_OPT_END,
    };
    const struct va_usage plan_usage = {
        .synopsis = "[options] PIPELINE.mk [NAME=VALUE...]",
        .brief = brief,
        .details =
            "PIPELINE.mk is affwild2.mk or corpus.mk, or the path of a Makefile that includes one; "
            "NAME=VALUE are its settings. Only what is missing or out of date becomes a task. Stages are frames, "
            "features, windows, folds and table; each waits until the one before has succeeded.\n\n"
            "Memory and time are asked for by those runs in OUT/.make/usage whose outputs are up to date, that is, made with the settings and "
            "inputs of now: twice the memory of the largest, and at least 512 MiB; three times the mean time, and 10 "
            "minutes. Without such a run they are 2 to 8 GiB and 1 to 24 hours. A comment of the plan says which.\n\n"
            "With slurm, tasks that are ended by their time limit, by preemption or with their node are queued "
            "again, and go on: training from its checkpoint. pbs is PBS Professional and OpenPBS, not Torque. The logs "
            "are OUT/.make/jobs/log/STAGE.TASK.",
    };
    char **words = va_options_parse(table, &plan_usage, argc, argv, &status);

    if (!words)
        return status;
    if (check_asked(&ask, &status) < 0 || take_words(&p, words, &status) < 0) {
        va_plan_release(&p);
        va_options_free(table);
        return status;
    }
    rc = va_plan_read(&p);
    if (rc == 0) {
        int64_t left = 0;

        for (int i = 1; i < VA_STAGES; i++)
            left += p.stage[i].count;
        if (!left)
            say_nothing_left(&p);
        else
            rc = submit ? va_plan_submit(&p) : va_plan_print(&p, stdout);
    }
    va_plan_release(&p);
    va_options_free(table);
    return rc > 0 ? VA_EXIT_INPUT : va_tool_status(rc);
}

static int plan(int argc, char **argv)
{
    return run_plan(argc, argv, "print the commands that submit the jobs; nothing is written",
                    false);
}

static int submit(int argc, char **argv)
{
    return run_plan(argc, argv, "submit the jobs; local: run them, and wait", true);
}

static int status_of(int argc, char **argv)
{
    static const struct va_option table[] = { VA_OPT_END };
    static const struct va_usage status_usage = {
        .synopsis = "OUT",
        .brief =
            "print how many tasks of each stage are done, running, waiting, failed or lost",
        .details =
            "A line for each stage, and one for each task that failed, with why. A task is lost when "
            "the scheduler no longer has its job: its node is gone, or what it waited for failed. The same "
            "va-jobs submit continues. While slurm waits for a node that does not answer, its tasks count as "
            "running, and a line names the node. The exit code is 1 when a task failed or is lost.",
    };
    int status;
    char **words = va_options_parse(table, &status_usage, argc, argv, &status);

    if (!words)
        return status;
    if (!words[0] || words[1]) {
        va_usage_error(&status, "expected one folder");
        return status;
    }
    status = va_jobs_status(words[0]);
    return status < 0 ? va_tool_status(status) : status;
}

int main(int argc, char **argv)
{
    static const struct va_command commands[] = {
        { "plan", plan, "print the commands that submit the jobs" },
        { "submit", submit, "submit the jobs" },
        { "status", status_of, "print how the tasks are" },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-jobs");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
