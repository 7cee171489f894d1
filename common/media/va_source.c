#include "media/va_source.h"

#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"
#include <string.h>
#include <sys/stat.h>

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
