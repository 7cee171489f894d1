#include "plot/va_curves.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "data/va_table.h"
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

const double *va_curve_column(const struct va_curve_table *t, const char *name)
{
    for (int64_t i = 0; i < t->columns && t->rows; i++)
        if (!strcmp(t->names[i], name))
            return t->values + i * t->rows;
    return NULL;
}

/* Whether a file has a row below its header: a run that has just begun has none. 1, 0, or -1 after
 * reporting. */
static int has_rows(const char *path)
{
    struct va_lines lines;
    int got;

    if (va_lines_open_file(&lines, path) < 0)
        return -1;
    got = va_lines_next(&lines);
    got = got > 0 ? va_lines_next(&lines) : got;
    va_lines_close(&lines);
    return got;
}

static int take_table(struct va_curve_table *c, const struct va_table *t)
{
    c->columns = t->columns;
    c->rows = t->rows;
    c->names = va_new(t->columns, sizeof(*c->names));
    c->values = va_new(t->columns * t->rows, sizeof(*c->values));
    if (!c->names || !c->values)
        return -1;
    for (int64_t k = 0; k < t->columns; k++) {
        if (!(c->names[k] = va_strdup(t->cells[k])))
            return -1;
        for (int64_t i = 0; i < t->rows; i++)
            if (va_table_number(t, i, k, &c->values[k * t->rows + i]) < 0)
                return -1;
    }
    if (!va_curve_column(c, "step"))
        return va_error(
            "%s: line 1: found no column step, expected the train.tsv or val.tsv of a run",
            t->path);
    return 0;
}

static int read_log(struct va_curve_table *c, const char *path)
{
    struct va_table t;
    int rows = has_rows(path), status;

    if (rows <= 0)
        return rows;
    if (va_table_read(&t, path) < 0)
        return -1;
    status = take_table(c, &t);
    va_table_release(&t);
    return status;
}

/* Read FOLDER/NAME if there is such a file. */
static int read_of(struct va_curve_table *c, const char *folder, const char *name)
{
    char *path = va_format("%s/%s", folder, name);
    int status = !path ? -1 : is_file(path) ? read_log(c, path) : 0;

    va_free(path);
    return status;
}

bool va_curves_there(const char *folder)
{
    char *train = va_format("%s/train.tsv", folder), *val = va_format("%s/val.tsv", folder);
    bool there = (train && is_file(train)) || (val && is_file(val));

    va_free(train);
    va_free(val);
    return there;
}

char *va_last_part(const char *path)
{
    char *copy = va_strdup(path), *slash;

    for (size_t n = copy ? strlen(copy) : 0; n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = 0;
    slash = copy ? strrchr(copy, '/') : NULL;
    if (slash && slash[1])
        memmove(copy, slash + 1, strlen(slash + 1) + 1);
    return copy;
}

/* A file is called as its folder. */
static char *name_of(const char *path, bool folder)
{
    char *copy = va_strdup(path), *slash = copy && !folder ? strrchr(copy, '/') : NULL, *name;

    if (slash && slash > copy)
        *slash = 0;
    name = copy ? va_last_part(copy) : NULL;
    va_free(copy);
    return name;
}

int va_curves_read(struct va_curves *c, const char *path, const char *name)
{
    bool folder = va_is_folder(path);
    int status = 0;

    *c = (struct va_curves){ .name = name ? va_strdup(name) : name_of(path, folder) };
    if (!c->name)
        return -1;
    if (folder) {
        if (read_of(&c->train, path, "train.tsv") < 0 || read_of(&c->val, path, "val.tsv") < 0)
            status = -1;
    } else if ((status = read_log(&c->train, path)) == 0 &&
               va_curve_column(&c->train, "best")) {
        c->val = c->train;
        c->train = (struct va_curve_table){ 0 };
    }
    if (status == 0 && !c->train.rows && !c->val.rows)
        status = va_error(
            "%s: found no rows of a run yet, expected those of train.tsv or val.tsv", path);
    if (status < 0)
        va_curves_release(c);
    return status;
}

static void release(struct va_curve_table *t)
{
    for (int64_t i = 0; t->names && i < t->columns; i++)
        va_free(t->names[i]);
    va_free(t->names);
    va_free(t->values);
}

void va_curves_release(struct va_curves *c)
{
    release(&c->train);
    release(&c->val);
    va_free(c->name);
    *c = (struct va_curves){ 0 };
}
