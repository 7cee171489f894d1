/*
 * Files of a command line against each other, before any work is done: an output that is an input,
 * and two outputs that are one file. What only turns up later (a file in a folder, a file that
 * another one names) is found when the output is made: see va_output.h.
 */
#include "base/va_beside.h"
#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_option_priv.h"
#include <string.h>
#include <sys/stat.h>

/* Where a path leads: the file, when it exists, and its folder and name in any case. */
struct place {
    const struct va_option *option; /* NULL: an operand */
    const char *path;
    bool exists, folder_exists;
    struct stat file, folder;
    char *beginning; /* stands for the name: va_beside.h */
};

struct places {
    struct place *items;
    int64_t count, room;
};

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool same(const struct place *a, const struct place *b)
{
    if (a->exists || b->exists)
        return a->exists && b->exists && same_file(&a->file, &b->file);
    return a->folder_exists && b->folder_exists && same_file(&a->folder, &b->folder) &&
           !strcmp(a->beginning, b->beginning);
}

/* 0, or -1 after reporting. */
static int add(struct places *list, const struct va_option *o, const char *path)
{
    struct place p = { .option = o, .path = path };
    char *file = va_beside_follow(path), *folder = NULL;
    int status = -1;

    if (file && va_beside_split(file, &folder, &p.beginning) == 0 &&
        va_grow(&list->items, &list->room, list->count + 1, sizeof(p)) == 0) {
        p.exists = stat(path, &p.file) == 0;
        p.folder_exists = stat(folder, &p.folder) == 0;
        list->items[list->count++] = p;
        status = 0;
    } else {
        va_free(p.beginning);
    }
    va_free(file);
    va_free(folder);
    return status;
}

static void release(struct places *list)
{
    for (int64_t i = 0; i < list->count; i++)
        va_free(list->items[i].beginning);
    va_free(list->items);
}

static int add_input(struct places *list, const struct va_option *o, const char *path)
{
    if (!strcmp(path, "-")) /* standard input */
        return 0;
    va_input_note(path);
    return add(list, o, path);
}

/* Sort the values of the options into what is read and what is written. */
static int collect(const struct va_option *table, char **operands, struct places *in,
                   struct places *out)
{
    int status = 0;

    for (const struct va_option *o = table; status == 0 && o->kind != VA_OPTION_END; o++) {
        if (o->kind == VA_OPTION_LIST) {
            const struct va_strings *list = o->target;

            for (int64_t i = 0; status == 0 && i < list->count; i++)
                status = add_input(in, o, list->items[i]);
        } else if (o->kind == VA_OPTION_FILE || o->kind == VA_OPTION_OUTPUT) {
            const char *path = *(const char **)o->target;

            if (path && strcmp(path, "-") != 0)
                status = o->kind == VA_OPTION_OUTPUT ? add(out, o, path)
                                                     : add_input(in, o, path);
        }
    }
    for (char **p = operands; status == 0 && *p; p++)
        status = add_input(in, NULL, *p);
    return status;
}

static int compare(const struct places *in, const struct places *out)
{
    for (int64_t i = 0; i < out->count; i++) {
        const struct place *o = &out->items[i];

        for (int64_t k = 0; k < in->count; k++)
            if (o->exists && same(o, &in->items[k]))
                return va_error("--%s %s: is also an input, %s: name another output",
                                o->option->name, o->path, in->items[k].path);
        for (int64_t k = 0; k < i; k++) /* two may share a folder */
            if (!(o->exists && S_ISDIR(o->file.st_mode)) && same(o, &out->items[k]) &&
                strcmp(o->option->value, "DIR") != 0)
                return va_error("--%s %s: is also the output of --%s: name another",
                                o->option->name, o->path, out->items[k].option->name);
    }
    return 0;
}

/* One output at most goes to standard output, and only one that can. */
static bool check_streams(const struct va_option *table, int *status)
{
    const struct va_option *first = NULL;

    for (const struct va_option *o = table; o->kind != VA_OPTION_END; o++) {
        const char *path = o->kind == VA_OPTION_OUTPUT ? *(const char **)o->target : NULL;

        if (!path || strcmp(path, "-") != 0)
            continue;
        if (!o->stream)
            return va_usage_error(status, "--%s -: cannot go to standard output, name a %s",
                                  o->name, !strcmp(o->value, "DIR") ? "folder" : "file");
        if (first)
            return va_usage_error(status, "--%s -: standard output is taken by --%s", o->name,
                                  first->name);
        first = o;
    }
    return true;
}

bool va_option_files_differ(const struct va_option *table, char **operands, int *status)
{
    struct places in = { 0 }, out = { 0 };
    bool good = true;

    if (!va_option_writes(table))
        return true;
    if (!check_streams(table, status))
        return false;
    if (collect(table, operands, &in, &out) < 0) {
        good = false;
        *status = va_error_status();
    } else if (compare(&in, &out) < 0) {
        good = false;
        *status = VA_EXIT_USAGE;
    }
    release(&in);
    release(&out);
    return good;
}
