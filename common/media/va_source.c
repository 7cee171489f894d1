#include "media/va_source.h"

#include "base/va_input.h"
#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool is_camera(const char *path)
{
    enum { VIDEO4LINUX = 81 }; /* number of its kind of devices */
    struct stat st;

    return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == VIDEO4LINUX;
}

struct va_source *va_source_open(const char *path, const struct va_source_options *options)
{
    struct va_source *s = va_source_new(path, options);
    int result;

    if (!s)
        return NULL;
    if (strcmp(path, "-") != 0 && va_is_picture_folder(path)) {
        result = va_folder_open(s);
    } else if (is_camera(path)) {
        s->input.camera = path;
        s->input.stop = &s->stopped;
        result = va_video_open(s);
    } else {
        result = va_bytes_find(&s->input, path);
        s->input.stop = &s->stopped;
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
    int got = atomic_load(&s->stopped) ? 0 : s->kind->next(s, frame);

    return atomic_load(&s->stopped) ? 0 : got;
}

void va_source_stop(struct va_source *s)
{
    atomic_store(&s->stopped, true);
    if (s->kind->stop)
        s->kind->stop(s);
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
