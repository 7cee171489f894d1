#include "media/va_series_priv.h"

#include "media/va_decoder.h"
#include "media/va_source.h"

#include <string.h>

enum { SLOTS = 16, SLOT_LEAST = 8192 };

int va_series_start(struct va_series *s, va_worker_job job, const void *args, size_t size,
                    const struct va_bytes_input *input, const char *path)
{
    s->worker = va_worker_new(&(struct va_worker_start){
        .job = job,
        .args = args,
        .args_size = size,
        .input = input->fd,
        .spool = -1,
        .memory = va_decoder_memory(1, VA_SIDE_MAX, VA_PIXELS_MAX / VA_SIDE_MAX),
        .name = path,
    });
    return s->worker ? 0 : -1;
}

void va_series_post(struct va_side *side, const void *head, size_t head_size, const void *bytes,
                    int64_t size)
{
    uint8_t *slot = va_side_place(side, (int64_t)head_size + size);

    memcpy(slot, head, head_size);
    if (size)
        memcpy(slot + head_size, bytes, (size_t)size);
    va_side_post(side, (struct va_record){ .kind = VA_RECORD_FRAME }, NULL, NULL);
}

int va_series_next(struct va_series *s, size_t head, const uint8_t **block)
{
    if (s->held)
        va_worker_freed(s->worker);
    s->held = false;
    while (!s->ended) {
        const struct va_record *r = va_worker_next(s->worker, 1);

        if (!r || r->kind == VA_RECORD_FAILED)
            return -1;
        if (r->kind == VA_RECORD_END) {
            s->ended = true;
        } else if (r->kind == VA_RECORD_NEED && r->bytes > 0 && r->bytes <= VA_SERIES_MAX) {
            int64_t size = r->bytes < SLOT_LEAST ? SLOT_LEAST : (2 * r->bytes + 63) / 64 * 64;

            s->seen = 0;
            if (va_worker_resize(s->worker, SLOTS, 0, size) < 0)
                return -1;
        } else if (r->kind == VA_RECORD_FRAME &&
                   va_worker_out_size(s->worker) >= (int64_t)head) {
            *block = va_worker_out(s->worker, s->seen++);
            s->held = true;
            return 1;
        } else {
            return va_worker_senseless(s->worker);
        }
    }
    return 0;
}

bool va_series_holds(const struct va_series *s, size_t head, int64_t size, int64_t most)
{
    return size >= 0 && size <= most && (int64_t)head + size <= va_worker_out_size(s->worker);
}
