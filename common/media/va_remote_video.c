/* A video that is decoded in a confined process: both ends of it. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_thread.h"
#include "media/va_decoder.h"
#include "media/va_source_priv.h"
#include "media/va_worker_priv.h"

#include <string.h>

struct setup {
    struct va_source_options options;
    int64_t size;
    int no_spool;
    bool spool;
    char path[VA_TEXT];
};

/* ---- in the worker ---------------------------------------------------------------------- */

static void decode_all(struct va_side *side, const void *args)
{
    const struct setup *u = args;
    struct va_source *s = va_source_new(u->path, &u->options);
    struct va_record r = { .kind = VA_RECORD_FAILED };
    struct va_frame f;
    int got;

    if (s) {
        va_side_source(side, s);
        va_rgb_into(s->rgb, va_side_place, side);
        s->input = (struct va_bytes_input){ .fd = VA_WORKER_INPUT,
                                            .spool = u->spool ? VA_WORKER_SPOOL : -1,
                                            .no_spool = u->no_spool,
                                            .size = u->size };
    }
    if (!s || va_video_open(s) < 0) {
        va_side_post(side, r, s, NULL);
        return;
    }
    va_side_post(side, (struct va_record){ .kind = VA_RECORD_READY }, s, NULL);
    while ((got = s->kind->next(s, &f)) > 0) {
        r = (struct va_record){ .kind = VA_RECORD_FRAME,
                                .width = f.width,
                                .height = f.height,
                                .index = f.index,
                                .pts = f.pts,
                                .arrived = f.arrived };
        va_side_post(side, r, s, NULL);
    }
    r = (struct va_record){ .kind = got < 0 ? VA_RECORD_FAILED : VA_RECORD_END };
    va_side_post(side, r, s, NULL);
}

/* ---- here ------------------------------------------------------------------------------- */

enum { SLOTS_MAX = 32, SLOTS_BYTES = 16 << 20, BYTES_MAX = 3 * VA_PIXELS_MAX };

struct remote {
    struct va_worker *worker;
    uint64_t frames; /* seen in these slots */
    bool held;       /* the caller looks at the last one */
    int ended;       /* 1 at the end, -1 after a failure */
};

static const struct va_record *next_record(struct va_source *s)
{
    struct remote *m = s->state;
    const struct va_record *r = va_worker_next(m->worker, 1);

    if (!r)
        return NULL;
    s->expected = r->expected;
    s->frame_count = r->frame_count;
    s->broken = r->broken;
    s->fps = r->fps;
    return r;
}

/* Enough slots that neither side waits for the other one, few where each is large. */
static int make_slots(struct remote *m, int64_t size)
{
    int64_t slots = SLOTS_BYTES / size;

    size = (size + 63) / 64 * 64;
    slots = slots < 1 ? 1 : slots > SLOTS_MAX ? SLOTS_MAX : slots;
    if (slots == 1 && size <= SLOTS_BYTES * 2)
        slots = 2;
    m->frames = 0;
    return va_worker_resize(m->worker, slots, 0, size);
}

/* Whether a frame fits its slot: the worker's word is not enough. */
static bool fits(const struct va_source *s, int64_t width, int64_t height)
{
    const struct remote *m = s->state;

    if (s->options.times)
        return true; /* it has no pixels */
    return width >= 1 && height >= 1 && width <= VA_SIDE_MAX && height <= VA_SIDE_MAX &&
           width * height * 3 <= va_worker_out_size(m->worker);
}

static int next(struct va_source *s, struct va_frame *out)
{
    struct remote *m = s->state;
    const struct va_record *r;

    if (m->held)
        va_worker_freed(m->worker);
    m->held = false;
    while (!m->ended) {
        r = next_record(s);
        if (!r || r->kind == VA_RECORD_FAILED) {
            m->ended = -1;
        } else if (r->kind == VA_RECORD_END) {
            m->ended = 1;
        } else if (r->kind == VA_RECORD_NEED && r->bytes >= 3 && r->bytes <= BYTES_MAX) {
            m->ended = make_slots(m, r->bytes);
        } else if (r->kind == VA_RECORD_FRAME && fits(s, r->width, r->height)) {
            *out = (struct va_frame){ .pixels = s->options.times
                                                    ? NULL
                                                    : va_worker_out(m->worker, m->frames++),
                                      .width = r->width,
                                      .height = r->height,
                                      .index = r->index,
                                      .pts = r->pts,
                                      .arrived = r->arrived };
            m->held = out->pixels;
            return 1;
        } else {
            m->ended = va_worker_senseless(m->worker);
        }
    }
    return m->ended < 0 ? -1 : 0;
}

static void close_remote(struct va_source *s)
{
    struct remote *m = s->state;

    if (m)
        va_worker_free(m->worker);
    va_free(m);
}

static void stop(struct va_source *s)
{
    struct remote *m = s->state;

    va_worker_stop(m->worker);
}

static int start(struct va_source *s, struct remote *m)
{
    struct setup *u = va_new(1, sizeof(*u));
    const struct va_worker_start start = {
        .job = decode_all,
        .args = u,
        .args_size = sizeof(*u),
        .input = s->input.fd,
        .spool = s->input.spool,
        .memory = va_decoder_memory(1, VA_SIDE_MAX, VA_PIXELS_MAX / VA_SIDE_MAX),
        .name = s->path,
    };

    _Static_assert(sizeof(*u) <= VA_WORKER_ARGS, "arguments of a job");
    if (!u)
        return -1;
    u->options = s->options;
    if (!u->options.threads)
        u->options.threads = va_threads_available(); /* the worker cannot ask */
    u->size = s->input.size;
    u->spool = s->input.spool >= 0;
    u->no_spool = s->input.no_spool;
    strncat(u->path, s->path, sizeof(u->path) - 1);
    m->worker = va_worker_new(&start);
    va_free(u);
    va_bytes_leave(&s->input); /* the worker has its own */
    return m->worker ? 0 : -1;
}

int va_remote_open(struct va_source *s)
{
    static const struct va_source_kind kind = { next, close_remote, stop };
    struct remote *m = va_new(1, sizeof(*m));
    const struct va_record *r;

    if (!m)
        return -1;
    s->kind = &kind;
    s->state = m;
    if (start(s, m) < 0)
        return -1;
    r = next_record(s);
    if (r && r->kind != VA_RECORD_READY && r->kind != VA_RECORD_FAILED)
        return va_worker_senseless(m->worker);
    return r && r->kind == VA_RECORD_READY ? 0 : -1;
}
