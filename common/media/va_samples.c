/*
 * Samples come of a listener (va_listener_priv.h), in this process or in a worker (va_series_priv.h).
 */
#include "media/va_samples.h"

#include "base/va_mem.h"
#include "media/va_decoder.h"
#include "media/va_listener_priv.h"
#include <string.h>

/* ---- in the worker ------------------------------------------------------------------------ */

struct setup {
    struct va_samples_options options;
    int64_t size;
    char path[VA_TEXT];
};

struct head {
    int64_t first, count;
};

/* A block without samples says that there is sound. */
static void listen_all(struct va_side *side, const void *args)
{
    const struct setup *u = args;
    struct va_bytes_input input = { .fd = VA_WORKER_INPUT, .spool = -1, .size = u->size };
    struct va_samples_block b;
    struct va_listener l;
    int got = va_listener_open(&l, u->path, &input, &u->options);

    if (got > 0)
        va_series_post(side, &(struct head){ 0 }, sizeof(struct head), NULL, 0);
    while (got > 0 && (got = va_listener_next(&l, &b)) > 0)
        va_series_post(side, &(struct head){ b.first, b.count }, sizeof(struct head), b.samples,
                       b.count * (int64_t)sizeof(float));
    va_side_post(side, (struct va_record){ .kind = got < 0 ? VA_RECORD_FAILED : VA_RECORD_END },
                 NULL, NULL);
}

/* ---- here --------------------------------------------------------------------------------- */

struct va_samples {
    char *path;
    struct va_listener listener; /* in this process (here), or */
    struct va_series series;     /* in a worker */
    bool here;
    int64_t next; /* least number of the next sample */
};

static int next_there(struct va_samples *s, struct va_samples_block *b)
{
    struct head h;
    const uint8_t *slot;
    int got = va_series_next(&s->series, sizeof(h), &slot);

    if (got <= 0)
        return got;
    memcpy(&h, slot, sizeof(h));
    if (h.count < 0 || h.count > VA_LISTENER_BLOCK || h.first < s->next ||
        h.first > INT64_MAX / 2 ||
        !va_series_holds(&s->series, sizeof(h), h.count * (int64_t)sizeof(float),
                         VA_SERIES_MAX))
        return va_worker_senseless(s->series.worker);
    *b = (struct va_samples_block){ .samples = (const float *)(const void *)(slot + sizeof(h)),
                                    .count = h.count,
                                    .first = h.first };
    if (h.count > 0)
        s->next = h.first + h.count;
    return 1;
}

static int open_there(struct va_samples *s, struct va_bytes_input *input,
                      const struct va_samples_options *options)
{
    struct setup *u = va_new(1, sizeof(*u));
    struct va_samples_block none;
    int status;

    _Static_assert(sizeof(*u) <= VA_WORKER_ARGS, "arguments of a job");
    if (!u)
        return -1;
    u->options = *options;
    u->size = input->size;
    strncat(u->path, s->path, sizeof(u->path) - 1);
    status = va_series_start(&s->series, listen_all, u, sizeof(*u), input, s->path);
    va_free(u);
    return status == 0 ? next_there(s, &none) : -1;
}

int va_samples_open(struct va_samples **samples, const char *path,
                    const struct va_samples_options *options)
{
    struct va_samples *s = va_new(1, sizeof(*s));
    struct va_bytes_input input = { .fd = -1, .spool = -1 };
    int result = -1;

    *samples = NULL;
    if (!s || !(s->path = va_strdup(path)) || va_bytes_find(&input, path) < 0)
        goto done;
    s->next = INT64_MIN;
    s->here = !va_worker_confined();
    result = s->here ? va_listener_open(&s->listener, s->path, &input, options)
                     : open_there(s, &input, options);
done:
    va_bytes_leave(&input);
    if (result == 1)
        *samples = s;
    else
        va_samples_close(s);
    return result;
}

void va_samples_close(struct va_samples *s)
{
    if (!s)
        return;
    va_worker_free(s->series.worker);
    if (s->here)
        va_listener_close(&s->listener);
    va_free(s->path);
    va_free(s);
}

int va_samples_next(struct va_samples *s, struct va_samples_block *block)
{
    return s->here ? va_listener_next(&s->listener, block) : next_there(s, block);
}
