/*
 * A folder of crops: the file names are the timeline. All names are read first, so that the
 * order does not depend on the file system and a number that is there twice (1.jpg, 00001.png)
 * is refused before anything is written.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_image.h"
#include "media/va_source_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    int64_t number;
    char *name;
};

struct folder {
    struct entry *entries; /* [count], by number */
    int64_t count, room, next;
    struct va_images *images;
};

/* ---- names ------------------------------------------------------------------------------ */

/* The number of "00012.jpg"; -1 for other names, VA_NUMBER_MAX + 1 for one too large. */
static int64_t number_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    int64_t n = 0;

    if (!digits || name[digits] != '.' || strchr(name + digits + 1, '.') ||
        !va_image_name(name))
        return -1;
    for (size_t i = 0; i < digits && n <= VA_NUMBER_MAX; i++)
        n = 10 * n + (name[i] - '0');
    return n <= VA_NUMBER_MAX ? n : (int64_t)VA_NUMBER_MAX + 1;
}

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int add_name(struct va_source *s, const char *name)
{
    struct folder *f = s->state;
    int64_t number = number_of(name);
    struct entry *e;

    if (number < 0)
        return 0;
    if (number == 0 || number > VA_NUMBER_MAX)
        return va_error("%s/%s: found a frame number outside 1..%d", s->path, name,
                        VA_NUMBER_MAX);
    if (va_grow(&f->entries, &f->room, f->count + 1, sizeof(*f->entries)) < 0)
        return -1;
    e = &f->entries[f->count];
    e->number = number;
    e->name = va_strdup(name);
    if (!e->name)
        return -1;
    f->count++;
    return 0;
}

static int read_names(struct va_source *s, const char *path)
{
    struct folder *f = s->state;
    DIR *dir = opendir(path);
    struct dirent *d;
    int result = 0;

    if (!dir)
        return va_error_read(path, "read folder");
    while (result == 0 && (errno = 0, d = readdir(dir)))
        result = add_name(s, d->d_name);
    if (result == 0 && errno)
        result = va_error_read(path, "read folder");
    closedir(dir);
    if (result < 0)
        return -1;
    if (!f->count)
        return va_error("%s: found no image, expected files named NNNNN.jpg or NNNNN.png",
                        path);
    qsort(f->entries, (size_t)f->count, sizeof(*f->entries), by_number);
    for (int64_t i = 1; i < f->count; i++)
        if (f->entries[i].number == f->entries[i - 1].number)
            return va_error("%s: found %s and %s, expected one image for frame %lld", path,
                            f->entries[i - 1].name, f->entries[i].name,
                            (long long)f->entries[i].number);
    return 0;
}

/* ---- the source ------------------------------------------------------------------------- */

/* 1 and pixels in `out`, 0 when the image is broken and passed over, -1 after reporting. */
static int load(struct va_source *s, const struct entry *e, struct va_frame *out)
{
    struct folder *f = s->state;
    char *path = va_format("%s/%s", s->path, e->name);
    const char *why;
    int result = path ? va_images_read(f->images, path, out, &why) : -1;

    if (result == 0)
        result = va_source_found_broken(s, path, "broken image: %s", why);
    va_free(path);
    return result;
}

static double time_of(const struct va_source *s, const struct entry *e)
{
    return s->fps > 0 ? (double)(e->number - 1) / s->fps : 0;
}

/* The k-th image that is wanted from f->next on: for va_images_ahead. */
static char *ahead(void *source, int64_t k)
{
    const struct va_source *s = source;
    const struct folder *f = s->state;

    for (int64_t i = f->next; i < f->count; i++) {
        const struct entry *e = &f->entries[i];

        if (va_source_wants(s, e->number, time_of(s, e)) && k-- == 0)
            return va_format("%s/%s", s->path, e->name);
    }
    return NULL;
}

static int next(struct va_source *s, struct va_frame *frame)
{
    struct folder *f = s->state;

    while (f->next < f->count) {
        const struct entry *e = &f->entries[f->next++];
        double pts = time_of(s, e);
        int got;

        if (!va_source_wants(s, e->number, pts))
            continue;
        got = load(s, e, frame);
        if (got < 0)
            return -1;
        if (got == 0)
            continue;
        frame->index = e->number;
        frame->pts = pts;
        return 1;
    }
    return 0;
}

static void close_folder(struct va_source *s)
{
    struct folder *f = s->state;

    if (!f)
        return;
    for (int64_t i = 0; i < f->count; i++)
        va_free(f->entries[i].name);
    va_free(f->entries);
    va_images_free(f->images);
    va_free(f);
}

int va_folder_open(struct va_source *s, const char *path)
{
    static const struct va_source_kind kind = { next, close_folder };
    struct folder *f = va_new(1, sizeof(*f));
    int64_t last;

    if (!f)
        return -1;
    s->kind = &kind;
    s->state = f;
    if (read_names(s, path) < 0)
        return -1;
    f->images = va_images_new(s->options.width, s->options.height, true);
    if (!f->images)
        return -1;
    va_images_ahead(f->images, ahead, s);
    last = f->entries[f->count - 1].number;
    if (s->options.frame_count && s->options.frame_count < last)
        return va_error("%s/%s: found frame %lld, expected at most %lld frames", path,
                        f->entries[f->count - 1].name, (long long)last,
                        (long long)s->options.frame_count);
    s->fps = s->options.fps;
    if (s->fps == 0 && (s->options.start > 0 || s->options.end > 0))
        return va_error(
            "%s: a folder has no times: found a start or end in seconds, expected the "
            "rate (fps) as well",
            path);
    s->frame_count = s->options.frame_count ? s->options.frame_count : last;
    for (int64_t i = 0; i < f->count; i++)
        if (va_source_wants(s, f->entries[i].number, time_of(s, &f->entries[i])))
            s->expected++;
    return 0;
}
