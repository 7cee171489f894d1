/*
 * Images that are decoded in a confined process: both ends of it.
 *
 * A crop of 112x112 takes 50 microseconds, as much as two processes need to wake each other a
 * few times. So a reader that knows what comes next has a queue of images in the worker, fills it
 * when it is half empty, and is woken when several are done.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "media/va_image_priv.h"
#include "media/va_worker_priv.h"

#include <string.h>

struct setup {
    int64_t width, height;
    bool alike;
};

/* ---- in the worker ---------------------------------------------------------------------- */

static void decode_one(struct va_side *side, struct va_image_decoder *im)
{
    uint8_t *input;
    const struct va_request *q = va_side_request(side, &input);
    struct va_frame f = { 0 };
    const char *why = NULL;
    int got = va_image_decode(im, q->path, input, q->size, &f, &why);
    int64_t missing = va_side_missing(side);
    struct va_record r = { .kind = missing    ? VA_RECORD_NEED
                                   : got > 0  ? VA_RECORD_FRAME
                                   : got == 0 ? VA_RECORD_BROKEN
                                              : VA_RECORD_FAILED,
                           .bytes = missing,
                           .width = f.width,
                           .height = f.height };

    va_side_post(side, r, NULL, why);
    if (missing)
        va_side_await_slots(side);
}

static void decode_all(struct va_side *side, const void *args)
{
    const struct setup *u = args;
    struct va_image_decoder *im = va_image_decoder_new(u->width, u->height, u->alike);

    if (!im) {
        va_side_post(side, (struct va_record){ .kind = VA_RECORD_FAILED }, NULL, NULL);
        return;
    }
    va_image_decoder_into(im, va_side_output, side);
    va_side_post(side, (struct va_record){ .kind = VA_RECORD_READY }, NULL, NULL);
    for (;;)
        decode_one(side, im);
}

/* ---- here ------------------------------------------------------------------------------- */

enum {
    SLOTS_MAX = 64,
    SLOTS_BYTES = 8 << 20, /* of all slots together, */
    SLOTS_TWO = 64 << 20,  /* or of two of them; else there is one */
    IN_FIRST = 1 << 14,    /* bytes of a file, until a larger one comes */
    OUT_FIRST = 112 * 112 * 3,
    AHEAD_SLOTS = 4, /* with fewer than these nothing is decoded ahead */
    OUT_MAX = 3 * VA_PIXELS_MAX,
};
static const int64_t memory_max = (int64_t)1536 << 20; /* the largest, 4:4:4, progressive */

struct va_remote_images {
    struct va_worker *worker;
    bool ready;
    char *queue[SLOTS_MAX]; /* asked for and not yet answered, a ring */
    int first, count;
    const struct va_zip *zip; /* where images are; NULL: files */
    char *(*path)(void *arg, int64_t k);
    void *arg;
};

static void forget_queue(struct va_remote_images *m)
{
    for (; m->count > 0; m->count--, m->first = (m->first + 1) % SLOTS_MAX)
        va_free(m->queue[m->first]);
}

static int make_slots(struct va_remote_images *m, int64_t in, int64_t out)
{
    int64_t slots;

    in = (in + 63) / 64 * 64;
    out = (out + 63) / 64 * 64;
    slots = SLOTS_BYTES / (in + out);
    slots = slots > SLOTS_MAX             ? SLOTS_MAX
            : slots > 1                   ? slots
            : 2 * (in + out) <= SLOTS_TWO ? 2
                                          : 1;
    return va_worker_resize(m->worker, slots, in, out);
}

struct va_remote_images *va_remote_images_new(int64_t width, int64_t height, bool alike)
{
    const struct setup u = { width, height, alike };
    struct va_remote_images *m = va_new(1, sizeof(*m));
    const struct va_worker_start start = { .job = decode_all,
                                           .args = &u,
                                           .args_size = sizeof(u),
                                           .input = -1,
                                           .spool = -1,
                                           .memory = memory_max,
                                           .name = "images" };

    if (!m)
        return NULL;
    m->worker = va_worker_new(&start);
    if (m->worker && make_slots(m, IN_FIRST, width ? width * height * 3 : OUT_FIRST) == 0)
        return m;
    va_remote_images_free(m);
    return NULL;
}

void va_remote_images_free(struct va_remote_images *m)
{
    if (!m)
        return;
    va_worker_free(m->worker);
    forget_queue(m);
    va_free(m);
}

void va_remote_images_ahead(struct va_remote_images *m, char *(*path)(void *arg, int64_t k),
                            void *arg)
{
    m->path = path;
    m->arg = arg;
}

void va_remote_images_from(struct va_remote_images *m, const struct va_zip *zip)
{
    m->zip = zip;
}

/* Hand an image to the worker. The slots are large enough and one is free. 1; 0 and *why when it cannot be one; -1. */
static int ask(struct va_remote_images *m, const struct va_image_bytes *bytes, const char *path,
               const char **why)
{
    uint8_t *input = va_worker_in(m->worker, va_worker_asked(m->worker));
    int64_t size = va_image_load(bytes, path, input, why);
    char *copy = size >= 0 && !*why ? va_strdup(path) : NULL;

    if (!copy)
        return size >= 0 && *why ? 0 : -1;
    m->queue[(m->first + m->count++) % SLOTS_MAX] = copy;
    va_worker_ask(m->worker, path, size);
    return 1;
}

/* Ask for an image that is wanted now; the queue is empty. As `ask`. */
static int ask_now(struct va_remote_images *m, const char *path, const char **why)
{
    int64_t room = va_worker_in_size(m->worker);
    struct va_image_bytes bytes;
    int result = -1;

    if (va_image_open(&bytes, m->zip, path, why) < 0)
        return -1;
    while (room < bytes.size && !*why)
        room *= 2;
    if (*why)
        result = 0;
    else if (room == va_worker_in_size(m->worker) ||
             make_slots(m, room, va_worker_out_size(m->worker)) == 0)
        result = ask(m, &bytes, path, why);
    va_image_close(&bytes);
    return result;
}

/* Fill the queue. What cannot be read is left for the time when it is wanted, with its report. */
static int ask_ahead(struct va_remote_images *m)
{
    const int64_t slots = va_worker_slots(m->worker);
    const char *why;
    int more = 1;

    if (!m->path || slots < AHEAD_SLOTS || m->count > slots / 2)
        return 0;
    while (more > 0 && m->count < slots) {
        char *path = m->path(m->arg, m->count - 1);
        struct va_image_bytes bytes = { .fd = -1 };

        more = path && va_image_try(&bytes, m->zip, path) == 0 &&
               bytes.size <= va_worker_in_size(m->worker);
        if (more)
            more = ask(m, &bytes, path, &why);
        va_image_close(&bytes);
        va_free(path);
    }
    return more < 0 ? -1 : 0;
}

/* The answer to the first of the queue. */
static const struct va_record *answer(struct va_remote_images *m, const char *path)
{
    const int64_t some = va_worker_slots(m->worker) / 2;
    const struct va_record *r;

    va_worker_rename(m->worker, path);
    do
        r = va_worker_next(m->worker, m->count < some ? m->count : (int)some);
    while (r && r->kind == VA_RECORD_READY);
    va_worker_rename(m->worker, "images");
    va_free(m->queue[m->first]);
    m->first = (m->first + 1) % SLOTS_MAX;
    m->count--;
    return r;
}

/* Drop what was asked for in vain. */
static int drain(struct va_remote_images *m)
{
    while (m->count > 0) {
        const struct va_record *r = answer(m, m->queue[m->first]);

        if (!r || r->kind == VA_RECORD_FAILED)
            return -1;
        if (r->kind == VA_RECORD_NEED)
            forget_queue(m);
    }
    return 0;
}

int va_remote_images_read(struct va_remote_images *m, const char *path, struct va_frame *out,
                          const char **why)
{
    const struct va_record *r;
    uint64_t slot;
    int got;

    *why = NULL;
    if (m->count > 0 && strcmp(m->queue[m->first], path) != 0 && drain(m) < 0)
        return -1;
    for (;;) {
        got = m->count > 0 ? 1 : ask_now(m, path, why);
        if (got <= 0)
            return got;
        if (ask_ahead(m) < 0)
            return -1;
        slot = va_worker_asked(m->worker) - (uint64_t)m->count;
        r = answer(m, path);
        if (!r || r->kind == VA_RECORD_FAILED)
            return -1;
        if (r->kind != VA_RECORD_NEED)
            break;
        if (r->bytes <= va_worker_out_size(m->worker) || r->bytes > OUT_MAX)
            return va_worker_senseless(m->worker);
        forget_queue(m);
        if (make_slots(m, va_worker_in_size(m->worker), r->bytes) < 0)
            return -1;
    }
    if (r->kind == VA_RECORD_BROKEN) {
        *why = va_worker_text(m->worker);
        return 0;
    }
    if (r->kind != VA_RECORD_FRAME || r->width < 1 || r->height < 1 || r->width > VA_SIDE_MAX ||
        r->height > VA_SIDE_MAX || r->width * r->height * 3 > va_worker_out_size(m->worker))
        return va_worker_senseless(m->worker);
    out->pixels = va_worker_out(m->worker, slot);
    out->width = r->width;
    out->height = r->height;
    return 1;
}
