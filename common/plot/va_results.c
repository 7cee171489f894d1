#include "plot/va_results.h"

#include "base/va_error.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *va_result_file(const struct va_results *r, int64_t i, const char *name, bool *failed)
{
    char *path = va_format("%s/%s", r->items[i].path, name);

    *failed = !path;
    if (path && is_file(path))
        return path;
    va_free(path);
    return NULL;
}

/* ---- which folders ------------------------------------------------------------------------ */

static bool has_results(const char *folder)
{
    static const char *const files[] = { "train.tsv", "val.tsv", "score.tsv", "val.h5" };
    bool found = false;

    for (size_t i = 0; i < VA_COUNT(files) && !found; i++) {
        char *path = va_format("%s/%s", folder, files[i]);

        found = path && is_file(path);
        va_free(path);
    }
    return found;
}

static int add(struct va_results *r, const char *path, char *name, int64_t fold)
{
    if (!name || va_grow(&r->items, &r->room, r->count + 1, sizeof(*r->items)) < 0) {
        va_free(name);
        return -1;
    }
    r->items[r->count] = (struct va_result){ va_strdup(path), name, fold };
    return r->items[r->count++].path ? 0 : -1;
}

static int by_fold(const void *a, const void *b)
{
    const struct va_result *x = a, *y = b;

    return (x->fold > y->fold) - (x->fold < y->fold);
}

/* The folders of `path` whose names are numbers. */
static int add_folds(struct va_results *r, const char *path)
{
    DIR *dir = opendir(path);
    int status = 0;

    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? 0 : va_error_read(path, "open");
    for (struct dirent *e; status == 0 && (e = readdir(dir));) {
        size_t digits = strspn(e->d_name, "0123456789");
        char *folder;

        if (!digits || digits > 6 || e->d_name[digits])
            continue;
        folder = va_format("%s/%s", path, e->d_name);
        if (!folder)
            status = -1;
        else if (has_results(folder))
            status = add(r, folder, va_format("fold %s", e->d_name),
                         strtoll(e->d_name, NULL, 10));
        va_free(folder);
    }
    closedir(dir);
    if (r->count)
        qsort(r->items, (size_t)r->count, sizeof(*r->items), by_fold);
    return status;
}

int va_results_find(struct va_results *r, const char *path)
{
    struct stat st;
    char *cv = va_format("%s/cv", path);
    int status = cv ? 0 : -1;

    *r = (struct va_results){ .path = va_strdup(path) };
    if (!r->path)
        status = -1;
    else if (stat(path, &st) < 0)
        status = va_error_read(path, "open");
    if (status == 0)
        status = add_folds(r, cv);
    if (status == 0 && !r->count)
        status = add_folds(r, path);
    if (status == 0 && !r->count && has_results(path))
        status = add(r, path, va_last_part(path), -1);
    if (status == 0 && !r->count)
        status = va_error(
            "%s: found neither train.tsv, val.tsv, val.h5 nor score.tsv, nor folders of folds "
            "(cv/0, cv/1, ...) that have them",
            path);
    va_free(cv);
    if (status < 0)
        va_results_release(r);
    return status;
}

void va_results_release(struct va_results *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        va_free(r->items[i].path);
        va_free(r->items[i].name);
    }
    va_free(r->items);
    va_free(r->path);
    *r = (struct va_results){ 0 };
}

/* ---- what is in them ---------------------------------------------------------------------- */

struct va_curves *va_results_curves(const struct va_results *r, const char *name,
                                    int64_t series, int64_t *count)
{
    struct va_curves *runs = va_new(r->count, sizeof(*runs));
    bool failed = !runs;

    *count = 0;
    for (int64_t i = 0; i < r->count && !failed; i++) {
        if (!va_curves_there(r->items[i].path))
            continue;
        failed = va_curves_read(&runs[*count], r->items[i].path,
                                name ? name : r->items[i].name) < 0;
        if (!failed)
            runs[*count].series = series + (name ? 0 : *count);
        *count += !failed;
    }
    if (!failed)
        return runs;
    while (*count > 0)
        va_curves_release(&runs[--*count]);
    va_free(runs);
    return NULL;
}

/* Add method `name` if all folds have its table. */
static int add_method(const struct va_results *r, struct va_report *report, const char *file,
                      const char *name)
{
    char **paths = va_new(r->count, sizeof(*paths));
    bool failed = !paths, all = paths;
    int status = -1;

    for (int64_t i = 0; all && i < r->count; i++)
        all = (paths[i] = va_result_file(r, i, file, &failed)) != NULL;
    if (!failed)
        status = all ? va_report_add(report, name, (const char *const *)paths, r->count) : 0;
    for (int64_t i = 0; paths && i < r->count; i++)
        va_free(paths[i]);
    va_free(paths);
    return status;
}

/* Whether a file has the header of va-score. */
static bool is_score(const char *path)
{
    struct va_lines lines;
    bool yes;

    if (!is_file(path) || va_lines_open_file(&lines, path) < 0)
        return false;
    yes = va_lines_next(&lines) > 0 && !strncmp(lines.text, "scope\tdimension\tccc\t", 20);
    va_lines_close(&lines);
    return yes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The other tables of scores of the first fold, by name. *names is the caller's to free. */
static int other_methods(const char *folder, char ***names, int64_t *count)
{
    DIR *dir = opendir(folder);
    int64_t room = 0;
    int status = 0;

    *names = NULL;
    *count = 0;
    if (!dir)
        return va_error_read(folder, "open");
    for (struct dirent *e; status == 0 && (e = readdir(dir));) {
        const char *dot = strrchr(e->d_name, '.');
        char *path;

        if (!dot || strcmp(dot, ".tsv") || e->d_name[0] == '.' ||
            !strcmp(e->d_name, "score.tsv"))
            continue;
        path = va_format("%s/%s", folder, e->d_name);
        if (!path ||
            (is_score(path) && (va_grow(names, &room, *count + 1, sizeof(**names)) < 0 ||
                                !((*names)[(*count)++] = va_strdup(e->d_name)))))
            status = -1;
        va_free(path);
    }
    closedir(dir);
    if (*count)
        qsort(*names, (size_t)*count, sizeof(**names), by_name);
    return status;
}

int va_results_scores(const struct va_results *r, struct va_report *report)
{
    char **names = NULL;
    int64_t count = 0;
    int status = add_method(r, report, "score.tsv", "this model");

    if (status == 0 && report->count)
        status = other_methods(r->items[0].path, &names, &count);
    for (int64_t i = 0; status == 0 && i < count; i++) {
        char *name = va_strdup(names[i]);

        if (name)
            *strrchr(name, '.') = 0;
        status = name ? add_method(r, report, names[i], name) : -1;
        va_free(name);
    }
    for (int64_t i = 0; i < count; i++)
        va_free(names[i]);
    va_free(names);
    return status;
}
