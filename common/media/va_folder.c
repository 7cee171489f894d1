/*
 * A folder of crops, or an archive of them: the file names are the timeline. All names are read first, so that the
 * order does not depend on the file system and a folder that is none is refused before anything
 * is written.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "media/va_crops.h"
#include "media/va_image.h"
#include "media/va_source_priv.h"

struct folder {
    struct va_crops crops;
    int64_t count, next; /* frames, which come first among the crops */
    struct va_images *images;
};

static int read_names(struct va_source *s)
{
    struct folder *f = s->state;
    const struct va_crops *c = &f->crops;

    if (va_crops_open(&f->crops, &s->path) < 0)
        return -1;
    if (c->zip && !c->count && c->folder_count)
        return va_error(
            "%s: found folders and no picture, expected one video: name a folder of the "
            "archive: %s/%s",
            s->path, s->path, c->folders[0]);
    while (f->count < c->count && c->items[f->count].number > 0)
        f->count++;
    if (!f->count)
        return va_error("%s: found no image with a number, expected names like 00012.jpg or "
                        "frame_00012.png",
                        s->path);
    if (f->count < c->count)
        va_warn(
            "%s: left out images without a number: %lld, the first is %s; frames are called "
            "00001.jpg, ...",
            s->path, (long long)(c->count - f->count), c->items[f->count].name);
    return 0;
}

/* ---- the source ------------------------------------------------------------------------- */

/* 1 and pixels in `out`, 0 when the image is broken and passed over, -1 after reporting. */
static int load(struct va_source *s, const struct va_crop *e, struct va_frame *out)
{
    struct folder *f = s->state;
    char *path = va_format("%s/%s", s->path, e->name);
    const char *why;
    int result = path ? va_images_read(f->images, path, out, &why) : -1;

    if (result == 0)
        result = va_source_found_broken(s, path, "%s", why);
    va_free(path);
    return result;
}

static double time_of(const struct va_source *s, const struct va_crop *e)
{
    return s->fps > 0 ? (double)(e->number - 1) / s->fps : 0;
}

/* The k-th image that is wanted from f->next on: for va_images_ahead. */
static char *ahead(void *source, int64_t k)
{
    const struct va_source *s = source;
    const struct folder *f = s->state;

    for (int64_t i = f->next; i < f->count; i++) {
        const struct va_crop *e = &f->crops.items[i];

        if (va_source_wants(s, e->number, time_of(s, e)) && k-- == 0)
            return va_format("%s/%s", s->path, e->name);
    }
    return NULL;
}

static int next(struct va_source *s, struct va_frame *frame)
{
    struct folder *f = s->state;

    while (f->next < f->count) {
        const struct va_crop *e = &f->crops.items[f->next++];
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
    va_images_free(f->images);
    va_crops_free(&f->crops);
    va_free(f);
}

int va_folder_open(struct va_source *s)
{
    static const struct va_source_kind kind = { next, close_folder, NULL };
    struct folder *f = va_new(1, sizeof(*f));
    int64_t last;

    if (!f)
        return -1;
    s->kind = &kind;
    s->state = f;
    if (read_names(s) < 0)
        return -1;
    f->images = va_images_new(s->options.width, s->options.height, true);
    if (!f->images)
        return -1;
    va_images_from(f->images, f->crops.zip);
    va_images_ahead(f->images, ahead, s,
                    s->options.threads ? s->options.threads : va_threads_available());
    last = f->crops.items[f->count - 1].number;
    if (s->options.frame_count && s->options.frame_count < last)
        return va_error("%s/%s: found frame %lld, expected at most %lld frames", s->path,
                        f->crops.items[f->count - 1].name, (long long)last,
                        (long long)s->options.frame_count);
    s->fps = s->options.fps;
    if (s->fps == 0 && (s->options.start > 0 || s->options.end > 0))
        return va_error(
            "%s: start and end in seconds need the frame rate of the folder (--fps)", s->path);
    s->frame_count = s->options.frame_count ? s->options.frame_count : last;
    for (int64_t i = 0; i < f->count; i++) {
        const struct va_crop *e = &f->crops.items[i];

        if (va_source_wants(s, e->number, time_of(s, e)))
            s->expected++;
    }
    return 0;
}
