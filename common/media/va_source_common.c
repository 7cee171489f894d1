/* What videos and folders share, below both of them: a source that is not open yet, what it counts. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

enum { LIVE_WARNINGS = 10 }; /* runs of a source that may go on for days */

int va_source_found_broken(struct va_source *s, const char *path, const char *format, ...)
{
    const bool all = !s->options.live && s->options.tolerate < VA_NUMBER_MAX;
    char what[1024];
    va_list args;

    if (s->hasty) {
        s->anew = true;
        return -1;
    }
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
    s->runs += !s->hurt;
    if (all || (!s->hurt && (!s->options.live || s->runs <= LIVE_WARNINGS)))
        va_warn("%s: %s", path, what);
    s->hurt = true;
    return 0;
}
