#include "data/va_labels.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_lines.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_output.h"
#include "base/va_tempfile.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char header[] = "valence,arousal";

static int bad(const struct va_lines *lines, const char *found, const char *expected)
{
    return va_error("%s: line %lld: found '%.60s', expected %s", lines->path,
                    (long long)lines->number, found, expected);
}

static int check_header(struct va_lines *lines)
{
    char line[VA_LINE_MAX + 1], *fields[2];
    int got = va_lines_next(lines);

    if (got < 0)
        return -1;
    if (got == 0)
        return va_error("%s: found an empty file, expected the header %s", lines->path, header);
    memcpy(line, lines->text, sizeof(line));
    if (va_split(line, ',', fields, 2) != 2 || strcasecmp(va_trim(fields[0]), "valence") ||
        strcasecmp(va_trim(fields[1]), "arousal"))
        return bad(lines, lines->text, "the header valence,arousal");
    return 0;
}

static int parse_row(struct va_lines *lines, enum va_labels_kind kind, double va[2])
{
    char line[VA_LINE_MAX + 1], *fields[2];

    memcpy(line, lines->text, sizeof(line));
    if (va_split(line, ',', fields, 2) != 2)
        return bad(lines, lines->text, "two numbers: valence,arousal");
    for (int d = 0; d < 2; d++) {
        const char *field = va_trim(fields[d]);

        if (va_parse_decimal(field, &va[d]) < 0)
            return bad(lines, field, "a number");
        if (kind == VA_LABELS_PREDICTION) { /* float32 of which the text keeps 9 digits */
            va[d] = (double)(float)va[d];
            if (!isfinite(va[d]))
                return bad(lines, field, "a number within the range of float32");
        }
        if (kind == VA_LABELS_ANNOTATION && va[d] != VA_UNLABELLED &&
            !(va[d] >= -1 && va[d] <= 1))
            return bad(lines, field, "a number in [-1, 1], or -5");
    }
    return 0;
}

int va_labels_each(const char *path, enum va_labels_kind kind, va_labels_row_fn *fn, void *arg,
                   int64_t *count)
{
    struct va_lines lines;
    int64_t empty = 0; /* number of the first empty line after the last row */
    double va[2];
    int got, status = -1;

    *count = 0;
    if (va_lines_open_file(&lines, path) < 0)
        return -1;
    if (check_header(&lines) < 0)
        goto done;
    while ((got = va_lines_next(&lines)) > 0) {
        if (!lines.text[strspn(lines.text, " \t\r")]) {
            if (!empty)
                empty = lines.number;
            continue;
        }
        if (empty) {
            lines.number = empty;
            bad(&lines, "", "valence,arousal: more rows follow the empty line");
            goto done;
        }
        if (*count == VA_FRAMES_MAX) {
            va_error("%s: more than %d rows", path, VA_FRAMES_MAX);
            goto done;
        }
        if (parse_row(&lines, kind, va) < 0 || fn(arg, *count, va) < 0)
            goto done;
        ++*count;
    }
    status = got;
done:
    va_lines_close(&lines);
    return status;
}

static int keep_row(void *arg, int64_t row, const double *va)
{
    struct va_labels *labels = arg;

    if (va_grow(&labels->va, &labels->room, row + 1, 2 * sizeof(double)) < 0)
        return -1;
    memcpy(labels->va + 2 * row, va, 2 * sizeof(*va));
    return 0;
}

int va_labels_read(struct va_labels *labels, const char *path, enum va_labels_kind kind)
{
    *labels = (struct va_labels){ 0 };
    if (va_labels_each(path, kind, keep_row, labels, &labels->count) == 0)
        return 0;
    va_labels_release(labels);
    return -1;
}

void va_labels_release(struct va_labels *labels)
{
    va_free(labels->va);
    *labels = (struct va_labels){ 0 };
}

/* Whether a line is what va_labels_write makes of two numbers; labels of people rarely are: most
 * have fewer digits than the nearest float32 needs, and they mark frames with -5. */
static bool is_written(const char *line, size_t length)
{
    char text[64], again[64], *end;
    float valence, arousal;

    if (length >= sizeof(text))
        return false;
    memcpy(text, line, length);
    text[length] = '\0';
    valence = strtof(text, &end);
    if (*end != ',')
        return false;
    arousal = strtof(end + 1, &end);
    snprintf(again, sizeof(again), "%.9g,%.9g", (double)valence, (double)arousal);
    return !*end && valence > -5 && !strcmp(text, again);
}

bool va_labels_ours(const char *head, size_t size)
{
    size_t at = strlen(header) + 1;
    const char *end;

    if (!va_output_begins(head, size, header) || size < at || head[at - 1] != '\n')
        return false;
    for (; at < size && (end = memchr(head + at, '\n', size - at));
         at = (size_t)(end - head) + 1)
        if (!is_written(head + at, (size_t)(end - head) - at))
            return false;
    return true;
}

static int write_over(const char *path, int64_t count, const float *va, va_output_ours *ours)
{
    struct va_textfile f;

    if (va_textfile_create(&f, path, ours) < 0)
        return -1;
    fprintf(f.stream, "%s\n", header);
    for (int64_t i = 0; i < count; i++)
        fprintf(f.stream, "%.9g,%.9g\n", (double)va[2 * i] + 0.0, /* 0 has no sign */
                (double)va[2 * i + 1] + 0.0);
    return va_textfile_commit(&f); /* sees the errors of all writes before it */
}

int va_labels_write(const char *path, int64_t count, const float *va)
{
    return write_over(path, count, va, va_labels_ours);
}

static bool is_nobodys(const char *head, size_t size)
{
    (void)head, (void)size;
    return false;
}

int va_labels_write_new(const char *path, int64_t count, const float *va)
{
    struct stat st;

    if (!va_output_forced() && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        !va_input_is(&st))
        return va_error("%s: exists: label files are replaced only with --force", path);
    return write_over(path, count, va, is_nobodys);
}

/* ---- folders --------------------------------------------------------------------------- */

static int by_name_then_folder(const void *a, const void *b)
{
    const struct va_label_file *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->folder > y->folder) - (x->folder < y->folder);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct va_label_file *)a)->name,
                  ((const struct va_label_file *)b)->name);
}

static bool is_label_file(const char *file)
{
    size_t n = strlen(file);

    return file[0] != '.' && n > 4 && !strcasecmp(file + n - 4, ".txt");
}

static int add_file(struct va_label_files *files, const char *folder, const char *file)
{
    struct va_label_file item = { .folder = files->folders };

    item.path = va_format("%s/%s", folder, file);
    item.name = item.path ? va_video_name(file) : NULL;
    if (!item.name || va_grow(&files->items, &files->room, files->count + 1, sizeof(item)) < 0)
        goto failed;
    if (!va_video_name_valid(item.name)) {
        va_error("%s: found '%s', expected the name of a video", item.path, item.name);
        goto failed;
    }
    files->items[files->count++] = item;
    return 0;
failed:
    va_free(item.path);
    va_free(item.name);
    return -1;
}

/* Sort, refuse two of a name from one folder, keep the first folder's otherwise. */
static int settle(struct va_label_files *files)
{
    int64_t kept = 0;
    int status = 0;

    if (files->count)
        qsort(files->items, (size_t)files->count, sizeof(*files->items), by_name_then_folder);
    for (int64_t i = 0; i < files->count; i++) {
        struct va_label_file *last = kept ? &files->items[kept - 1] : NULL,
                             *item = &files->items[i];

        if (!last || strcmp(last->name, item->name)) {
            files->items[kept++] = *item;
            continue;
        }
        if (last->folder == item->folder && status == 0)
            status = va_error("%s: second file for video '%s', the first is %s", item->path,
                              item->name, last->path);
        va_free(item->name);
        va_free(item->path);
    }
    files->count = kept;
    return status;
}

int va_label_files_add(struct va_label_files *files, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int status = 0;

    if (!dir)
        return va_error_read(folder, "open folder");
    errno = 0;
    while (status == 0 && (entry = readdir(dir))) {
        if (is_label_file(entry->d_name))
            status = add_file(files, folder, entry->d_name);
        errno = 0;
    }
    if (status == 0 && errno)
        status = va_error_read(folder, "read folder");
    closedir(dir);
    if (status == 0)
        status = settle(files);
    files->folders++;
    return status;
}

const struct va_label_file *va_label_files_find(const struct va_label_files *files,
                                                const char *name)
{
    struct va_label_file key = { .name = NULL };

    if (!files->count)
        return NULL;
    memcpy(&key.name, &name, sizeof(name)); /* only compared */
    return bsearch(&key, files->items, (size_t)files->count, sizeof(key), by_name);
}

void va_label_files_release(struct va_label_files *files)
{
    for (int64_t i = 0; i < files->count; i++) {
        va_free(files->items[i].name);
        va_free(files->items[i].path);
    }
    va_free(files->items);
    *files = (struct va_label_files){ 0 };
}
