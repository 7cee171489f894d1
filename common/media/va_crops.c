#include "media/va_crops.h"

#include "base/va_error.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "media/va_image.h"
#include "media/va_source.h"
#include "media/va_zip.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int by_number(const void *a, const void *b)
{
    const struct va_crop *x = a, *y = b;
    uint64_t m = (uint64_t)x->number, n = (uint64_t)y->number; /* -1 is the greatest */

    if (m != n)
        return m < n ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Where the digits before the extension begin, and how many there are. */
static size_t digits_of(const char *name, size_t *count)
{
    size_t end = (size_t)(strrchr(name, '.') - name), begin = end;

    while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9')
        begin--;
    *count = end - begin;
    return begin;
}

/* The number in a name as it stands there; -1 when there is none, VA_NUMBER_MAX + 1 of one that is
 * too large. */
static int64_t number_of(const char *name)
{
    size_t count, at = digits_of(name, &count);
    int64_t n = 0;

    for (size_t i = 0; i < count && n <= VA_NUMBER_MAX; i++)
        n = 10 * n + (name[at + i] - '0');
    return !count ? -1 : n <= VA_NUMBER_MAX ? n : (int64_t)VA_NUMBER_MAX + 1;
}

/* ---- reading ---------------------------------------------------------------------------- */

static bool ends_as_zip(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && !strcasecmp(name + length - 4, ".zip");
}

/* Whether an entry is a folder, or an archive. The system asks the disk only where the directory does not say. */
static bool is_folder(const char *path, const struct dirent *d)
{
    char *child;
    bool is;

    if (d->d_type != DT_UNKNOWN && d->d_type != DT_LNK)
        return d->d_type == DT_DIR || (d->d_type == DT_REG && ends_as_zip(d->d_name));
    child = va_format("%s/%s", path, d->d_name);
    is = child && (va_is_folder(child) || (ends_as_zip(child) && va_is_picture_folder(child)));
    va_free(child);
    return is;
}

static int add_folder(struct va_crops *c, const char *name)
{
    if (va_grow(&c->folders, &c->folder_room, c->folder_count + 1, sizeof(*c->folders)) < 0 ||
        !(c->folders[c->folder_count] = va_strdup(name)))
        return -1;
    c->folder_count++;
    return 0;
}

static int add_picture(struct va_crops *c, const char *name)
{
    struct va_crop crop = { .number = number_of(name) };

    if (va_grow(&c->items, &c->room, c->count + 1, sizeof(*c->items)) < 0 ||
        !(crop.name = va_strdup(name)))
        return -1;
    c->items[c->count++] = crop;
    return 0;
}

static int add(void *crops, const char *name, bool folder)
{
    return folder ? add_folder(crops, name) : add_picture(crops, name);
}

static int read_folder(struct va_crops *c, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    int result = 0;

    if (!dir)
        return va_error_read(path, "read folder");
    while (result == 0 && (errno = 0, d = readdir(dir))) {
        if (d->d_name[0] == '.')
            continue;
        if (is_folder(path, d))
            result = add_folder(c, d->d_name);
        else if (va_image_name(d->d_name))
            result = add_picture(c, d->d_name);
    }
    if (result == 0 && errno)
        result = va_error_read(path, "read folder");
    closedir(dir);
    return result;
}

/* Of VIDEO and VIDEO.zip in one folder, leave the folder. Archives have no archives. */
static void drop_zips(struct va_crops *c)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < c->folder_count; i++) {
        char *name = c->folders[i], *end = name + strlen(name) - 4;
        bool twice = false;

        if (!c->zip && ends_as_zip(name)) {
            char dot = *end;

            *end = 0;
            twice = bsearch(&name, c->folders, (size_t)kept, sizeof(name), by_name);
            *end = dot;
        }
        if (twice)
            va_free(name);
        else
            c->folders[kept++] = name;
    }
    c->folder_count = kept;
}

static int read_names(struct va_crops *c, const char *path)
{
    int got = va_zip_open(path, &c->zip);

    if (got < 0 || (got ? va_zip_list(c->zip, path, add, c) : read_folder(c, path)) < 0)
        return -1;
    if (c->folder_count)
        qsort(c->folders, (size_t)c->folder_count, sizeof(*c->folders), by_name);
    drop_zips(c);
    return 0;
}

/* ---- the rule --------------------------------------------------------------------------- */

/* Which two names break the rule: *b NULL when one does by itself. False: none. */
static bool find_fault(const struct va_crops *c, int64_t numbered, const char **a,
                       const char **b)
{
    size_t length = 0, count;
    int64_t max = numbered && c->items[0].number == 0 ? VA_NUMBER_MAX - 1 : VA_NUMBER_MAX;

    for (int64_t i = 0; i < numbered; i++) {
        *a = c->items[i ? i - 1 : 0].name;
        *b = c->items[i].name;
        if (i == 0)
            length = digits_of(*b, &count);
        else if (digits_of(*b, &count) != length || memcmp(*a, *b, length) != 0 ||
                 c->items[i].number == c->items[i - 1].number)
            return true;
        if (c->items[i].number > max) {
            *a = *b;
            *b = NULL;
            return true;
        }
    }
    return false;
}

static int refuse(const char *path, const char *a, const char *b)
{
    if (!b)
        return va_error("%s/%s: found a frame number outside 1..%d", path, a, VA_NUMBER_MAX);
    if (number_of(a) == number_of(b))
        return va_error("%s: found %s and %s, expected one image for frame %lld", path, a, b,
                        (long long)number_of(a));
    return va_error("%s: found %s and %s, expected one kind of names in a folder of crops",
                    path, a, b);
}

/* From the numbers in names to those of frames. */
static int number_frames(struct va_crops *c, const char *path, bool frames)
{
    const char *a = NULL, *b = NULL;
    int64_t numbered = 0, shift;
    bool fault;

    while (numbered < c->count && c->items[numbered].number >= 0)
        numbered++;
    fault = find_fault(c, numbered, &a, &b);
    if (fault && frames)
        return refuse(path, a, b);
    shift = numbered && c->items[0].number == 0;
    for (int64_t i = 0; i < c->count; i++)
        c->items[i].number = i < numbered && !fault ? c->items[i].number + shift : 0;
    return 0;
}

int va_crops_read(struct va_crops *c, const char *path, bool frames)
{
    if (read_names(c, path) < 0)
        return -1;
    if (c->count)
        va_input_note(path);
    if (c->count)
        qsort(c->items, (size_t)c->count, sizeof(*c->items), by_number);
    return number_frames(c, path, frames);
}

int va_crops_open(struct va_crops *c, char **path)
{
    int result = va_crops_read(c, *path, true);

    while (result == 0 && c->zip && !c->count && c->folder_count == 1) {
        char *only = va_format("%s/%s", *path, c->folders[0]);

        va_crops_free(c);
        if (!only)
            return -1;
        va_free(*path);
        *path = only;
        result = va_crops_read(c, *path, true);
    }
    return result;
}

void va_crops_free(struct va_crops *c)
{
    for (int64_t i = 0; i < c->count; i++)
        va_free(c->items[i].name);
    for (int64_t i = 0; i < c->folder_count; i++)
        va_free(c->folders[i]);
    va_free(c->items);
    va_free(c->folders);
    va_zip_close(c->zip);
    *c = (struct va_crops){ 0 };
}

/* ---- folders of folders ----------------------------------------------------------------- */

enum { DEPTH_MAX = 16 };

static int add_path(const char *path, char ***paths, int64_t *count, int64_t *room)
{
    if (va_grow(paths, room, *count + 1, sizeof(**paths)) < 0 ||
        !((*paths)[*count] = va_strdup(path)))
        return -1;
    ++*count;
    return 0;
}

static int find_below(const char *path, int depth, char ***paths, int64_t *count, int64_t *room)
{
    struct va_crops c = { 0 };
    int result = va_crops_read(&c, path, false);

    if (result == 0 && c.count)
        result = add_path(path, paths, count, room);
    for (int64_t i = 0; result == 0 && !c.count && i < c.folder_count; i++) {
        char *child = va_format("%s/%s", path, c.folders[i]);

        result = !child ? -1
                 : depth < DEPTH_MAX
                     ? find_below(child, depth + 1, paths, count, room)
                     : va_error("%s: found folders more than %d deep", child, DEPTH_MAX);
        va_free(child);
    }
    va_crops_free(&c);
    return result;
}

int va_crops_find(const char *path, char ***paths, int64_t *count, int64_t *room)
{
    int64_t before = *count;
    size_t length = strlen(path);
    char *folder;
    int result = 0;

    if (strcmp(path, "-") != 0 && va_is_picture_folder(path)) {
        while (length > 1 && path[length - 1] == '/')
            length--;
        folder = va_format("%.*s", (int)length, path);
        result = folder ? find_below(folder, 0, paths, count, room) : -1;
        va_free(folder);
    }
    return result == 0 && *count == before ? add_path(path, paths, count, room) : result;
}
