/*
 * What there is to make: make names the files of each task (pipelines/jobs.mk), and says which files it would
 * remake.
 */
#include "tools/jobs/va_jobs.h"

#include "base/va_error.h"
#include "base/va_make.h"
#include "base/va_mem.h"
#include "data/va_cost.h"
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const va_stage_names[] = { "prepare", "frames", "features", "windows",
                                       "folds",   "table",  NULL };
enum { PREPARE };

struct va_make *va_plan_make(const struct va_jobs_plan *p)
{
    bool path = strchr(p->pipeline, '/');
    struct va_make *m = va_make_new(1, path ? "jobs.mk" : p->pipeline);

    if (!m)
        return NULL;
    if (path) {
        va_make_say(m, va_strdup("-f"));
        va_make_say(m, va_strdup(p->pipeline));
    } else {
        va_make_file(m, p->pipeline);
    }
    for (char **s = p->settings; *s; s++)
        va_make_set(m, *s);
    return m;
}

/* ---- what make says ------------------------------------------------------------------------------ */

struct reading {
    struct va_tasks units[VA_STAGES];
    struct va_tasks remade; /* sorted in the end */
    struct va_tasks *given;
};

static int add(struct va_tasks *tasks, char *text)
{
    if (!text ||
        va_grow(&tasks->items, &tasks->room, tasks->count + 1, sizeof(*tasks->items)) < 0) {
        va_free(text);
        return -1;
    }
    tasks->items[tasks->count++] = text;
    return 0;
}

static void release(struct va_tasks *tasks)
{
    for (int64_t i = 0; i < tasks->count; i++)
        va_free(tasks->items[i]);
    va_free(tasks->items);
    *tasks = (struct va_tasks){ 0 };
}

static int add_unit(struct reading *r, char *line)
{
    char *files = strchr(line, '\t');

    if (files) {
        *files++ = 0;
        for (int i = 0; i < VA_STAGES; i++)
            if (!strcmp(line, va_stage_names[i]))
                return add(&r->units[i], va_strdup(files));
    }
    return va_error("make: found stage %s, expected one of va-jobs(1): are the Makefiles of "
                    "another version?",
                    line);
}

/* A name as make has it: without "./" and the slashes that follow. */
static const char *as_make_has_it(const char *name)
{
    while (name[0] == '.' && name[1] == '/') {
        const char *rest = name + 2 + strspn(name + 2, "/");

        if (!*rest)
            break;
        name = rest;
    }
    return name;
}

/* A setting that make has from the environment. */
static int add_given(struct va_tasks *given, const char *name)
{
    const char *value = getenv(name);

    return value ? add(given, va_format("%s=%s", name, value)) : 0;
}

static int take_line(void *arg, char *line)
{
    static const char begin[] = "Must remake target '";
    struct reading *r = arg;
    char *remade = strstr(line, begin), *end;

    if (!strncmp(line, "unit\t", 5))
        return add_unit(r, line + 5);
    if (!strncmp(line, "given\t", 6))
        return add_given(r->given, line + 6);
    if (!remade || !(end = strrchr(remade, '\'')))
        return 0;
    *end = 0;
    return add(&r->remade, va_strdup(as_make_has_it(remade + sizeof(begin) - 1)));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_remade(const struct reading *r, const char *name)
{
    name = as_make_has_it(name);
    return bsearch(&name, r->remade.items, (size_t)r->remade.count, sizeof(name), compare);
}

/* Those files of a task that would be remade: a new string, empty where there are none. */
static char *left_of(const struct reading *r, const char *files)
{
    char *left = va_strdup(""), *copy = va_strdup(files), *rest = copy, *name;

    while (left && copy && (name = strsep(&rest, " ")))
        if (is_remade(r, name))
            left = va_join(left, name);
    va_free(copy);
    return copy ? left : NULL;
}

/* Files of settings: every task would write them. */
static int add_settings(struct va_jobs_plan *p, const struct reading *r)
{
    for (int64_t i = 0; i < r->remade.count; i++)
        if ((!strncmp(r->remade.items[i], ".make/", 6) ||
             strstr(r->remade.items[i], "/.make/")) &&
            add(&p->stage[PREPARE], va_strdup(r->remade.items[i])) < 0)
            return -1;
    return 0;
}

/* Units of a stage as tasks: as many to each, at most p->most tasks. */
static int share(struct va_jobs_plan *p, int stage, const struct va_tasks *left)
{
    int64_t tasks = left->count < p->most ? left->count : p->most;
    struct va_tasks *to = &p->stage[stage];

    for (int64_t t = 0; t < tasks; t++) {
        char *files = va_strdup("");

        for (int64_t i = left->count * t / tasks; files && i < left->count * (t + 1) / tasks;
             i++)
            files = va_join(files, left->items[i]);
        if (add(to, files) < 0)
            return -1;
    }
    return 0;
}

static int plan_stage(struct va_jobs_plan *p, int stage, const struct reading *r)
{
    struct va_tasks left = { 0 };
    int rc = 0;

    for (int64_t i = 0; rc == 0 && i < r->units[stage].count; i++) {
        char *files = left_of(r, r->units[stage].items[i]);

        if (!files || *files)
            rc = add(&left, files);
        else
            va_free(files);
    }
    p->kept[stage] = r->units[stage].count - left.count;
    p->there += stage != PREPARE ? r->units[stage].count : 0;
    if (rc == 0)
        rc = share(p, stage, &left);
    release(&left);
    return rc;
}

/* What tasks ask for: by what such runs have taken (OUT/.make/usage), or by defaults. -1 after reporting. */
static int request(struct va_jobs_plan *p, const struct reading *r);

int va_plan_read(struct va_jobs_plan *p)
{
    struct va_make *m = va_plan_make(p);
    struct reading r = { .given = &p->given };
    int rc;

    if (!m)
        return -1;
    va_make_keep(m);
    va_make_say(m, va_strdup("-n"));
    va_make_say(m, va_strdup("--debug=b"));
    va_make_say(m, va_strdup("UNITS=yes"));
    rc = va_make_read(m, take_line, &r);
    if (rc > 0) {
        char *said = va_make_said(m);

        if (said && (!strchr(p->pipeline, '/') || strstr(said, p->pipeline)))
            rc = va_error("%s", said);
        else
            rc = va_error("%s: %s", p->pipeline, said ? said : "make failed");
        va_free(said);
    }
    va_make_free(m);
    if (rc == 0) {
        int64_t units = 0;

        for (int i = 0; i < VA_STAGES; i++)
            units += r.units[i].count;
        if (!units)
            rc = va_error("%s: no stages for jobs: use affwild2.mk or corpus.mk", p->pipeline);
    }
    if (rc == 0 && r.remade.count)
        qsort(r.remade.items, (size_t)r.remade.count, sizeof(*r.remade.items), compare);
    for (int i = 0; rc == 0 && i < VA_STAGES; i++)
        rc = plan_stage(p, i, &r);
    if (rc == 0)
        rc = add_settings(p, &r);
    if (rc == 0)
        rc = request(p, &r);
    for (int i = 0; i < VA_STAGES; i++)
        release(&r.units[i]);
    release(&r.remade);
    return rc;
}

void va_plan_release(struct va_jobs_plan *p)
{
    for (int i = 0; i < VA_STAGES; i++)
        release(&p->stage[i]);
    release(&p->given);
    va_free(p->out);
    va_free(p->folder);
}

/* ---- what tasks ask for ---------------------------------------------------------------------- */

/* The tools of a stage, the first of which runs once for each of its units; and what is asked for where none has run. */
static const struct {
    const char *tools[6];
    struct va_request request;
} usual[VA_STAGES] = {
    { { NULL }, { 0 } },
    { { "va-decode" }, { 2048, 240, 0 } },
    { { "va-embed", "va-decode" }, { 4096, 480, 0 } },
    { { "va-window" }, { 4096, 60, 0 } },
    { { "va-tcn-mamba-train", "va-predict", "va-ridge", "va-finetune", "va-embed",
        "va-smooth" },
      { 8192, 1440, 0 } },
    { { "va-fold", "va-report", "va-predict", "va-submit" }, { 2048, 60, 0 } },
};

/* Whether a run was made with the settings and inputs of now: make would keep its output. That of a batch is a folder. */
static bool is_kept(const struct va_jobs_plan *p, const struct reading *r, int stage,
                    const char *output)
{
    struct stat is;

    if (stat(output, &is) < 0)
        return false;
    return S_ISDIR(is.st_mode) ? p->kept[stage] > 0 : !is_remade(r, output);
}

/* Twice the memory of the largest, thrice the time of the mean: inputs differ. */
static struct va_request measured(const struct va_jobs_plan *p, const struct reading *r,
                                  const struct va_costs *costs, int stage, int64_t units)
{
    struct va_request to = usual[stage].request;
    double memory = 0, seconds = 0;
    int64_t runs = 0;

    for (int i = 0; i < 6 && usual[stage].tools[i]; i++)
        for (int64_t c = 0; c < costs->count; c++)
            if (!strcmp(costs->items[c].tool, usual[stage].tools[i]) &&
                is_kept(p, r, stage, costs->items[c].output)) {
                runs += i ? 0 : costs->items[c].runs;
                seconds += costs->items[c].seconds;
                memory = costs->items[c].memory > memory ? costs->items[c].memory : memory;
            }
    to.runs = runs;
    if (runs) {
        to.memory = ((int64_t)(2 * memory) / 256 + 2) * 256;
        to.minutes = (int64_t)(3 * seconds / (double)runs * (double)units / 60) + 10;
    }
    return to;
}

static int request(struct va_jobs_plan *p, const struct reading *r)
{
    char *path = va_format("%s/.make/usage", p->out);
    struct va_costs costs = { 0 };
    int rc = path ? va_costs_read(&costs, path, true) : -1;

    for (int i = 0; i < VA_STAGES; i++) {
        int64_t units = 0;

        for (int64_t t = 0; t < p->stage[i].count; t++) {
            int64_t n = 1;

            for (const char *c = p->stage[i].items[t]; *c; c++)
                n += *c == ' ';
            units = n > units ? n : units;
        }
        p->request[i] = measured(p, r, &costs, i, i == 1 || i == 2 ? units : 1);
    }
    va_costs_release(&costs);
    va_free(path);
    return rc;
}
