#include "media/va_source.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct va_source *va_source_new(const char *path, const struct va_source_options *options)
{
    struct va_source *s = va_new(1, sizeof(*s));

    if (!s)
        return NULL;
    va_libav_quiet();
    s->input = (struct va_bytes_input){ .fd = -1, .spool = -1 };
    s->options = *options;
    if (s->options.every < 1)
        s->options.every = 1;
    s->path = va_strdup(strcmp(path, "-") ? path : "standard input");
    for (size_t n = s->path ? strlen(s->path) : 0; n > 1 && s->path[n - 1] == '/'; n--)
        s->path[n - 1] = 0; /* messages add names to it */
    s->rgb = va_rgb_new(options->width, options->height);
    if (s->path && s->rgb)
        return s;
    va_source_close(s);
    return NULL;
}

struct va_source *va_source_open(const char *path, const struct va_source_options *options)
{
    struct va_source *s = va_source_new(path, options);
    struct stat st;
    int result;

    if (!s)
        return NULL;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        result = va_folder_open(s, path);
    } else {
        result = va_bytes_find(&s->input, path);
        if (result == 0)
            result = va_worker_confined() ? va_remote_open(s) : va_video_open(s);
    }
    if (result == 0)
        return s;
    va_source_close(s);
    return NULL;
}

int va_source_next(struct va_source *s, struct va_frame *frame)
{
    return s->kind->next(s, frame);
}

double va_source_fps(const struct va_source *s)
{
    return s->fps;
}

int64_t va_source_frame_count(const struct va_source *s)
{
    return s->frame_count;
}

int64_t va_source_expected(const struct va_source *s)
{
    return s->expected;
}

int64_t va_source_broken(const struct va_source *s)
{
    return s->broken;
}

void va_source_close(struct va_source *s)
{
    if (!s)
        return;
    if (s->kind)
        s->kind->close(s);
    va_bytes_leave(&s->input);
    va_rgb_free(s->rgb);
    va_free(s->path);
    va_free(s);
}

bool va_source_wants(const struct va_source *s, int64_t index, double pts)
{
    const struct va_source_options *o = &s->options;

    va_worker_progress();
    return (index - 1) % o->every == 0 && !(o->start > 0 && pts < o->start) &&
           !(o->end > 0 && pts >= o->end);
}

int va_source_found_broken(struct va_source *s, const char *path, const char *format, ...)
{
    char what[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (va_mem_short())
        return va_error_memory("%s: out of memory", path);
    s->broken++;
    if (s->broken > s->options.tolerate) {
        if (s->options.tolerate == 0)
            return va_error("%s: %s", path, what);
        return va_error("%s: %s; found %lld broken, expected at most %lld", path, what,
                        (long long)s->broken, (long long)s->options.tolerate);
    }
    va_warn("%s: %s", path, what);
    return 0;
}

int va_source_check_size(const char *path, int64_t width, int64_t height)
{
    if (width >= 1 && height >= 1 && width <= VA_SIDE_MAX && height <= VA_SIDE_MAX &&
        width * height <= VA_PIXELS_MAX)
        return 0;
    return va_error("%s: found pictures of %lldx%lld, expected sides of 1..%d and at most %d "
                    "pixels",
                    path, (long long)width, (long long)height, VA_SIDE_MAX, VA_PIXELS_MAX);
}
