#include "feed/va_pictures.h"

#include "base/va_error.h"
#include "base/va_hash.h"
#include "base/va_input.h"
#include "base/va_mem.h"
#include "base/va_names.h"
#include "base/va_progress.h"
#include "base/va_tempfile.h"
#include "data/va_frames.h"
#include "data/va_frames_write.h"
#include "io/va_pictured.h"
#include "media/va_crops.h"
#include "media/va_image.h"
#include "media/va_zip.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct video {
    struct va_picture_video of;
    char *path, *name;
    struct va_frames *frames; /* NULL: a folder, whose images are */
    struct va_zip *zip;       /* in this archive, unless it is NULL */
    char *names;              /* their file names, each with its end */
    int64_t *at;              /* where each begins */
};

struct va_pictures {
    struct va_pictures_options options;
    struct video *videos;
    int64_t video_count, video_room;
    struct va_picture *items;
    int64_t count, room;
    atomic_llong broken;
    atomic_uchar *known; /* [count] 1: broken, and counted */
};

/* ---- finding them ----------------------------------------------------------------------- */

static int add_picture(struct va_pictures *p, int64_t number, int64_t row)
{
    if (va_grow(&p->items, &p->room, p->count + 1, sizeof(*p->items)) < 0)
        return -1;
    p->items[p->count++] = (struct va_picture){ .video = (int32_t)p->video_count,
                                                .number = (int32_t)number,
                                                .row = row };
    return 0;
}

/* Room for a video; it counts once it is complete, else it is released with the collection. */
static struct video *begin_video(struct va_pictures *p, const char *path)
{
    struct video *v;

    if (p->video_count == INT32_MAX ||
        va_grow(&p->videos, &p->video_room, p->video_count + 1, sizeof(*p->videos)) < 0)
        return NULL;
    v = &p->videos[p->video_count];
    v->path = va_strdup(path);
    v->of.first = p->count;
    return v->path ? v : NULL;
}

static void end_video(struct va_pictures *p, struct video *v)
{
    v->of.path = v->path;
    v->of.name = v->name;
    v->of.count = p->count - v->of.first;
    p->video_count++;
}

/* `given`: the file was an input, and not made from one. */
static int add_frames(struct va_pictures *p, const char *path, bool given)
{
    struct video *v = begin_video(p, path);
    const struct va_frames_info *info;
    const int32_t *numbers;

    if (!v || !(v->frames = va_frames_open(path)))
        return -1;
    info = va_frames_info(v->frames);
    numbers = va_frames_numbers(v->frames);
    if (info->width < 1 || info->height < 1 || info->width > VA_SIDE_MAX ||
        info->height > VA_SIDE_MAX || info->width * info->height > VA_PIXELS_MAX)
        return va_error("%s: /frames: found pictures of %lldx%lld, expected sides of 1..%d",
                        path, (long long)info->width, (long long)info->height, VA_SIDE_MAX);
    v->name = va_strdup(info->video);
    if (!v->name)
        return -1;
    if (given)
        v->of.id = info->id;
    v->of.input = info->input;
    v->of.frame_count = info->frame_count;
    v->of.fps = info->fps;
    for (int64_t t = 0; t < info->T; t++)
        if ((!given || (numbers[t] - 1) % p->options.every == 0) &&
            add_picture(p, numbers[t], t) < 0)
            return -1;
    end_video(p, v);
    return 0;
}

static int add_images(struct va_pictures *p, const char *path, const struct va_crops *c)
{
    struct video *v = begin_video(p, path);
    int64_t size = 0, at = 0;

    for (int64_t i = 0; i < c->count; i++)
        size += (int64_t)strlen(c->items[i].name) + 1;
    if (!v || !(v->names = va_new(size, 1)) || !(v->at = va_new(c->count, sizeof(*v->at))) ||
        !(v->name = va_video_name_enter(path, "rename it")) || va_zip_open(path, &v->zip) < 0)
        return -1;
    for (int64_t i = 0; i < c->count; i++) {
        size_t n = strlen(c->items[i].name) + 1;
        int64_t number = c->items[i].number;

        memcpy(v->names + at, c->items[i].name, n);
        v->at[i] = at;
        if (number > v->of.frame_count)
            v->of.frame_count = number;
        at += (int64_t)n;
        if (((number ? number - 1 : i) % p->options.every == 0) &&
            add_picture(p, number, i) < 0)
            return -1;
    }
    v->of.input = v->of.frame_count ? VA_PICTURED_CROP : NULL; /* numbered as frames */
    end_video(p, v);
    return 0;
}

enum { DEPTH_MAX = 16 }; /* of folders in folders */

static int add_folder(struct va_pictures *p, const char *path, int depth)
{
    struct va_crops c = { 0 };
    int result = va_crops_read(&c, path, false);

    for (int64_t i = 0; result == 0 && i < c.folder_count; i++) {
        char *child = va_format("%s/%s", path, c.folders[i]);

        result = !child ? -1
                 : depth < DEPTH_MAX
                     ? add_folder(p, child, depth + 1)
                     : va_error("%s: found folders more than %d deep", child, DEPTH_MAX);
        va_free(child);
    }
    if (result == 0 && c.count)
        result = add_images(p, path, &c);
    va_crops_free(&c);
    return result;
}

/* ---- videos ----------------------------------------------------------------------------- */

/* Where the frames of a video are kept: named after all that decides what is in it. A new string. */
static char *cached_path(const struct va_pictures *p, const char *path, const char *name)
{
    char text[VA_HASH_TEXT], *full = realpath(path, NULL), *key = NULL, *result = NULL;
    struct va_hash hash;
    struct stat st;

    if (!full || stat(full, &st) < 0) {
        va_error_read(path, "open");
        goto done;
    }
    key = va_format("%s %lld %lld.%09ld %lld %lld", full, (long long)st.st_size,
                    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                    (long long)p->options.every, (long long)p->options.side);
    if (!key)
        goto done;
    va_hash_init(&hash);
    va_hash_add(&hash, key, strlen(key));
    va_hash_finish(&hash, text);
    result = va_format("%s/%s-%.16s.h5", p->options.cache, name, text);
done:
    free(full);
    va_free(key);
    return result;
}

/* The size of cached pictures, once that of the video is known. */
static void shrink(const struct va_pictures *p, const struct va_frame *f,
                   struct va_source_options *o)
{
    double side = (double)(f->width < f->height ? f->width : f->height);
    double scale = (double)p->options.side / side;

    o->width = scale < 1 ? (int64_t)((double)f->width * scale + .5) : f->width;
    o->height = scale < 1 ? (int64_t)((double)f->height * scale + .5) : f->height;
}

static int decode(struct va_pictures *p, const char *path, const char *name, const char *output)
{
    struct va_source_options o = { .every = p->options.every, .tolerate = p->options.tolerate };
    struct va_source *source = va_source_open(path, &o);
    struct va_frames_writer w = { 0 };
    struct va_frame f;
    int64_t done = 0;
    int got = source ? va_source_next(source, &f) : -1, result = -1;

    if (got > 0) { /* again, in the size that is wanted */
        shrink(p, &f, &o);
        if (o.width != f.width) {
            va_source_close(source);
            source = va_source_open(path, &o);
            got = source ? va_source_next(source, &f) : -1;
        }
    }
    if (got == 0)
        va_error("%s: found no frame", path);
    if (got <= 0 || va_frames_create(&w, output, va_source_expected(source)) < 0 ||
        va_h5_put_string(w.out, NULL, "input", VA_PICTURED_WHOLE) < 0)
        goto done;
    va_progress_begin("frames", va_source_expected(source));
    for (; got > 0; got = va_source_next(source, &f)) {
        if (va_frames_append(&w, f.pixels, f.height, f.width, (int32_t)f.index, f.pts) < 0)
            goto done;
        va_progress_update(++done);
    }
    if (got == 0)
        result = va_frames_commit(&w, name, va_source_fps(source),
                                  va_source_frame_count(source));
    p->broken += va_source_broken(source);
done:
    va_progress_end();
    va_frames_abort(&w);
    va_source_close(source);
    return result;
}

static int add_video(struct va_pictures *p, const char *path)
{
    char *name = va_video_name_enter(path, "rename it"), *cached = NULL;
    struct stat st;
    int result = -1;

    if (!name)
        return -1;
    if (!p->options.cache)
        va_error("%s: found a video, expected frames or a folder of images: "
                 "decode it with va-decode, or give va-mae-pretrain --cache DIR",
                 path);
    else if (va_make_folder(p->options.cache) == 0)
        cached = cached_path(p, path, name);
    if (cached)
        result = stat(cached, &st) == 0 ? 0 : decode(p, path, name, cached);
    if (result == 0)
        result = add_frames(p, cached, false);
    va_free(cached);
    va_free(name);
    return result;
}

/* ---- the collection --------------------------------------------------------------------- */

static int add_input(struct va_pictures *p, const char *path)
{
    int64_t before = p->count;
    size_t length = strlen(path);
    char *folder;
    int result;

    if (va_h5_named(path)) {
        result = add_frames(p, path, true);
    } else if (va_is_picture_folder(path)) {
        while (length > 1 && path[length - 1] == '/')
            length--;
        folder = va_format("%.*s", (int)length, path);
        result = folder ? add_folder(p, folder, 0) : -1;
        va_free(folder);
    } else {
        result = add_video(p, path);
    }
    if (result == 0 && p->count == before)
        return va_error("%s: found no picture", path);
    return result;
}

struct va_pictures *va_pictures_open(char *const *inputs, int64_t count,
                                     const struct va_pictures_options *options)
{
    struct va_pictures *p = va_new(1, sizeof(*p));

    if (!p)
        return NULL;
    p->options = *options;
    if (p->options.every < 1)
        p->options.every = 1;
    for (int64_t i = 0; i < count; i++)
        if (add_input(p, inputs[i]) < 0) {
            va_pictures_free(p);
            return NULL;
        }
    p->known = va_new(p->count, sizeof(*p->known));
    if (!p->known) {
        va_pictures_free(p);
        return NULL;
    }
    return p;
}

void va_pictures_free(struct va_pictures *p)
{
    if (!p)
        return;
    for (int64_t i = 0; i < p->video_room; i++) {
        struct video *v = &p->videos[i];

        va_frames_close(v->frames);
        va_zip_close(v->zip);
        va_free(v->path);
        va_free(v->name);
        va_free(v->names);
        va_free(v->at);
    }
    va_free(p->videos);
    va_free(p->items);
    va_free(p->known);
    va_free(p);
}

int64_t va_pictures_count(const struct va_pictures *p)
{
    return p->count;
}

const struct va_picture *va_pictures_at(const struct va_pictures *p, int64_t i)
{
    return &p->items[i];
}

int64_t va_pictures_videos(const struct va_pictures *p)
{
    return p->video_count;
}

const struct va_picture_video *va_pictures_video(const struct va_pictures *p, int64_t v)
{
    return &p->videos[v].of;
}

/* What tells an image apart, without reading it. */
static int hash_image(const struct video *v, int64_t row, struct va_hash *h)
{
    const char *name = v->names + v->at[row];
    char *path = va_format("%s/%s", v->path, name);
    int64_t size = -1, member;
    struct stat st;

    if (path && v->zip)
        size = (member = va_zip_find(v->zip, path)) < 0 ? -1 : va_zip_size(v->zip, member);
    else if (path && stat(path, &st) == 0)
        size = (int64_t)st.st_size;
    else if (path)
        va_error_read(path, "open");
    va_free(path);
    va_hash_add(h, name, strlen(name) + 1);
    va_hash_add(h, &size, sizeof(size));
    return size < 0 ? -1 : 0;
}

const char *va_pictures_input(const struct va_pictures *p)
{
    const char *input = p->video_count ? p->videos[0].of.input : NULL;

    for (int64_t i = 1; i < p->video_count; i++)
        input = va_pictured_common(input, p->videos[i].of.input);
    return input;
}

int va_pictures_digest(const struct va_pictures *p, char text[VA_HASH_TEXT])
{
    struct va_hash h;

    va_hash_init(&h);
    for (int64_t i = 0; i < p->video_count; i++) {
        const struct video *v = &p->videos[i];

        va_hash_add(&h, v->name, strlen(v->name) + 1);
        va_hash_add(&h, &v->of.count, sizeof(v->of.count));
        if (v->frames)
            va_hash_add(&h, va_frames_info(v->frames)->id,
                        strlen(va_frames_info(v->frames)->id) + 1);
        for (int64_t k = v->of.first; k < v->of.first + v->of.count; k++) {
            const struct va_picture *at = &p->items[k];

            va_hash_add(&h, &at->number, sizeof(at->number));
            if (!v->frames && hash_image(v, at->row, &h) < 0)
                return -1;
        }
    }
    va_hash_finish(&h, text);
    return 0;
}

/* ---- reading ---------------------------------------------------------------------------- */

struct va_picture_reader {
    struct va_pictures *of;
    struct va_images *images;
    uint8_t *buffer;
    int64_t room;
};

struct va_picture_reader *va_picture_reader_new(struct va_pictures *p)
{
    struct va_picture_reader *r = va_new(1, sizeof(*r));

    if (!r)
        return NULL;
    r->of = p;
    return r;
}

void va_picture_reader_free(struct va_picture_reader *r)
{
    if (!r)
        return;
    va_images_free(r->images);
    va_free(r->buffer);
    va_free(r);
}

static int read_frames(struct va_picture_reader *r, const struct video *v, int64_t row,
                       struct va_frame *out)
{
    const struct va_frames_info *info = va_frames_info(v->frames);

    if (va_grow(&r->buffer, &r->room, info->width * info->height, 3) < 0)
        return -1;
    out->width = info->width;
    out->height = info->height;
    out->pixels = va_frames_at(v->frames, row, r->buffer);
    return out->pixels ? 1 : -1;
}

/* Count a broken image, once: 0 when that is tolerated, -1 after reporting. */
static int found_broken(struct va_pictures *p, int64_t i, const char *path, const char *why)
{
    long long broken;

    if (atomic_exchange(&p->known[i], 1))
        return 0;
    broken = ++p->broken;
    if (broken > p->options.tolerate)
        return p->options.tolerate
                   ? va_error("%s: %s; found %lld broken, expected at most %lld", path, why,
                              broken, (long long)p->options.tolerate)
                   : va_error("%s: %s", path, why);
    va_warn("%s: %s", path, why);
    return 0;
}

/* 1, 0 when image i is broken and that is tolerated, -1. */
static int read_image(struct va_picture_reader *r, const struct video *v, int64_t i,
                      struct va_frame *out)
{
    char *path = va_format("%s/%s", v->path, v->names + v->at[r->of->items[i].row]);
    const char *why;
    int got = -1;

    if (!r->images) /* a reader of frames files needs none */
        r->images = va_images_new(0, 0, false);
    if (path && r->images) {
        va_images_from(r->images, v->zip);
        got = va_images_read(r->images, path, out, &why);
    }
    if (got == 0)
        got = found_broken(r->of, i, path, why);
    va_free(path);
    return got;
}

int va_picture_read(struct va_picture_reader *r, int64_t i, struct va_frame *out)
{
    const struct va_pictures *p = r->of;
    const struct video *v = &p->videos[p->items[i].video];

    for (int64_t tries = 0; tries < v->of.count; tries++) {
        int64_t k = v->of.first + (i - v->of.first + tries) % v->of.count;
        int got = v->frames ? read_frames(r, v, p->items[k].row, out)
                            : read_image(r, v, k, out);

        if (got != 0)
            return got < 0 ? -1 : k == i ? 0 : 1;
    }
    return va_error("%s: found no intact image", v->path);
}
