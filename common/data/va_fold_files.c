/*
 * A split as files: <k>/train.txt and <k>/val.txt, all of them or none.
 *
 * A list of names has no mark of its own, and people write such lists by hand. So split.tsv beside
 * the lists records a fingerprint of each list that was written here. A list without one is
 * somebody's own, or was edited: only --force replaces it. The record keeps earlier rows: when a
 * run is killed, the lists there are earlier ones, or new ones, and both are known.
 */
#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_lock.h"
#include "base/va_mem.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include "data/va_folds.h"
#include "data/va_table.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    RECORD = -1
}; /* the number of split.tsv; list i is of fold i / 2, the odd ones held out */

/* Path of file i of a split in `folder`, a new string. */
static char *path_of(const char *folder, int64_t i)
{
    if (i == RECORD)
        return va_format("%s/split.tsv", folder);
    return va_format("%s/%lld/%s.txt", folder, (long long)(i / 2), i % 2 ? "val" : "train");
}

/* ---- which lists are ours ----------------------------------------------------------------- */

static bool is_record(const char *head, size_t size)
{
    return va_output_begins(head, size, "list\tid\n");
}

static bool is_nobodys(const char *head, size_t size)
{
    (void)head;
    (void)size;
    return false;
}

/* Fingerprint of the file `path`. Whether it could be read. */
static bool identify(const char *path, char id[VA_HASH_TEXT])
{
    char buffer[VA_OUTPUT_HEAD];
    struct va_hash h;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    va_hash_init(&h);
    while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
        va_hash_add(&h, buffer, (size_t)n);
    if (fd >= 0)
        close(fd);
    va_hash_finish(&h, id);
    return n == 0;
}

/* Whether the record has this row. */
static bool is_recorded(const struct va_table *record, const char *list, const char *id)
{
    for (int64_t row = 0; row < record->rows; row++)
        if (!strcmp(va_table_text(record, row, 0), list) &&
            !strcmp(va_table_text(record, row, 1), id))
            return true;
    return false;
}

/* Whether `target` may be replaced by the list with fingerprint `id`. */
static int check_list(const struct va_table *record, const char *target, const char *list,
                      const char *id)
{
    char found[VA_HASH_TEXT];
    bool ours = identify(target, found) &&
                (!strcmp(found, id) || is_recorded(record, list, found));

    return va_output_check(target, ours ? NULL : is_nobodys);
}

static int read_record(struct va_table *record, const char *folder)
{
    char *path = path_of(folder, RECORD);
    int status = path ? va_output_check(path, is_record) : -1;

    if (status == 0 && access(path, F_OK) == 0 && (status = va_table_read(record, path)) == 0 &&
        record->columns != 2)
        status = va_error("%s: expected the columns list and id", path);
    va_free(path);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_list(const struct va_fold_plan *plan, const char *path, int64_t k,
                      bool held_out)
{
    struct va_textfile f;

    if (va_textfile_create(&f, path, NULL) < 0)
        return -1;
    for (int64_t i = 0; i < plan->count; i++)
        if (va_folds_held_out(plan, k, i) == held_out)
            fprintf(f.stream, "%s\n", plan->videos[i].name);
    return va_textfile_commit(&f);
}

/* Make list i in `stage`, if it may go to `folder` later, and its row of the new record. */
static int make_list(const struct va_fold_plan *plan, const char *stage, const char *folder,
                     int64_t i, const struct va_table *record, FILE *rows)
{
    char *path = path_of(stage, i), *target = path_of(folder, i), id[VA_HASH_TEXT];
    const char *list = target ? target + strlen(folder) + 1 : NULL;
    int status = path && target ? write_list(plan, path, i / 2, i % 2) : -1;

    if (status == 0 && !identify(path, id))
        status = va_error_read(path, "read");
    if (status == 0)
        status = check_list(record, target, list, id);
    if (status == 0 && !is_recorded(record, list, id))
        fprintf(rows, "%s\t%s\n", list, id);
    va_free(path);
    va_free(target);
    return status;
}

/* Move file i of a split between two folders, in exchange for the one that is there, if any: so that
 * the same call the other way round undoes it. *lost: an earlier file is gone, as the file system
 * cannot exchange. -1 with errno. */
static int swap_file(const char *from, const char *to, int64_t i, bool *lost)
{
    char *path = path_of(from, i), *target = path_of(to, i);
    int status = path && target ? 0 : -1;

    if (status == 0)
        status = renameat2(AT_FDCWD, path, AT_FDCWD, target, RENAME_EXCHANGE);
    if (status < 0 && path && target &&
        (errno == ENOENT || errno == EINVAL || errno == ENOSYS)) {
        *lost = *lost || errno != ENOENT;
        status = rename(path, target);
    }
    va_free(path);
    va_free(target);
    return status;
}

/* All files or none; the record first. */
static int move_files(const char *stage, const char *folder, int64_t lists)
{
    bool lost = false;
    int error;

    for (int64_t i = RECORD; i < lists; i++) {
        if (swap_file(stage, folder, i, &lost) == 0)
            continue;
        error = errno;
        while (!lost && i-- > RECORD)
            if (swap_file(folder, stage, i, &lost) < 0)
                break; /* the disk refuses everything: the line below stands for it */
        errno = error;
        return va_error_write(folder, "move the lists there");
    }
    return 0;
}

/* Make PARENT/k. */
static int make_fold_folder(const char *parent, int64_t k)
{
    char *path = va_format("%s/%lld", parent, (long long)k);
    int status = path ? va_make_folder(path) : -1;

    va_free(path);
    return status;
}

/* All lists and the record in `stage`, whole and on the disk. */
static int write_stage(const struct va_fold_plan *plan, const char *stage, const char *folder,
                       const struct va_table *record)
{
    char *path = path_of(stage, RECORD);
    struct va_textfile f = { 0 };
    int status = path ? va_textfile_create(&f, path, NULL) : -1;

    va_free(path);
    if (status < 0)
        return -1;
    fputs("list\tid\n", f.stream);
    for (int64_t row = 0; row < record->rows; row++)
        fprintf(f.stream, "%s\t%s\n", va_table_text(record, row, 0),
                va_table_text(record, row, 1));
    for (int64_t i = 0; status == 0 && i < 2 * va_folds_count(plan); i++) {
        if (i % 2 == 0)
            status = make_fold_folder(stage, i / 2);
        if (status == 0)
            status = make_list(plan, stage, folder, i, record, f.stream);
    }
    if (status == 0)
        return va_textfile_commit(&f);
    va_textfile_abort(&f);
    return -1;
}

/* First everything in `stage`, then all folders; then the files, which only change their place:
 * that needs no space. */
static int write_all(const struct va_fold_plan *plan, const char *stage, const char *folder)
{
    struct va_table record = { 0 };
    int64_t folds = va_folds_count(plan);
    int status = read_record(&record, folder);

    if (status == 0)
        status = write_stage(plan, stage, folder, &record);
    va_table_release(&record);
    for (int64_t k = 0; status == 0 && k < folds; k++)
        status = make_fold_folder(folder, k);
    return status == 0 ? move_files(stage, folder, 2 * folds) : -1;
}

/* After a failure: folders that hold nothing were made by this run, or by one that failed. */
static void remove_empty(const struct va_fold_plan *plan, const char *folder, bool existed)
{
    for (int64_t k = 0; k < va_folds_count(plan); k++) {
        char *path = va_format("%s/%lld", folder, (long long)k);

        if (path)
            rmdir(path);
        va_free(path);
    }
    if (!existed)
        rmdir(folder);
}

int va_folds_write(const struct va_fold_plan *plan, const char *folder)
{
    char *stage = va_format("%s/.split.part", folder);
    struct va_lock *lock = NULL;
    bool existed = access(folder, F_OK) == 0;
    int status = -1;

    if (!stage || va_make_folder(folder) < 0)
        goto done;
    lock = va_lock_take(stage);
    if (!lock)
        goto done;
    if (va_make_folder(stage) == 0 && va_clear_folder(stage) == 0) {
        status = write_all(plan, stage, folder);
        (void)!va_clear_folder(stage);
    }
    rmdir(stage);
    va_lock_release(lock);
    if (status < 0)
        remove_empty(plan, folder, existed);
done:
    va_free(stage);
    return status;
}
