/*
 * Entries of a timeline that follow from the runs of its video: which rows stand for a frame.
 */
#include "base/va_mem.h"
#include "data/va_labels.h"
#include "data/va_track.h"
#include "data/va_window_index_priv.h"

int va_index_runs_add(void *arg, const struct va_track_block *b)
{
    struct va_index_runs *r = arg;

    for (int64_t i = 0; i < b->count; i++) {
        struct va_index_run *last = r->count ? &r->items[r->count - 1] : NULL;

        if (last && b->frames[i] == last->frame + last->count) {
            last->count++;
            continue;
        }
        if (va_grow(&r->items, &r->room, r->count + 1, sizeof(*last)) < 0)
            return -1;
        r->items[r->count++] = (struct va_index_run){ b->frames[i], (int32_t)(b->first + i),
                                                      1 };
    }
    return 0;
}

/* Which row stands for frame number f, between the end of one run and the begin of another; NULL: there is none. */
static void fill_gap(struct va_timeline_entry *e, const struct va_index_run *before,
                     const struct va_index_run *after, int64_t f, enum va_missing missing)
{
    int64_t last, gap;

    if (missing == VA_MISSING_ZERO || missing == VA_MISSING_DROP)
        return;
    if (before)
        e->row = before->row + before->count - 1;
    if (missing == VA_MISSING_PREVIOUS || !after)
        return;
    if (!before) {
        e->row = after->row;
        return;
    }
    last = before->frame + before->count - 1;
    gap = after->frame - last;
    if (missing == VA_MISSING_NEAREST) {
        if (2 * (f - last) > gap)
            e->row = after->row;
        return;
    }
    e->next = after->row;
    e->mix = (float)((double)(f - last) / (double)gap);
}

/* Entry t of a video with these runs and labels. */
struct va_timeline_entry va_index_entry(const struct va_index_video *v, enum va_missing missing,
                                        int64_t t)
{
    struct va_timeline_entry e = { .row = -1,
                                   .next = -1,
                                   .label = { VA_UNLABELLED, VA_UNLABELLED } };
    const double *va = t < v->label_count ? v->labels + 2 * t : NULL;
    const struct va_index_run *before;
    int64_t low = 0,
            high = v->run_count; /* runs that begin up to frame t + 1: the first `low` */

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (v->runs[middle].frame <= t + 1)
            low = middle + 1;
        else
            high = middle;
    }
    before = low ? &v->runs[low - 1] : NULL;
    if (before && t + 1 < before->frame + before->count) {
        e.present = 1;
        e.row = (int32_t)(before->row + t + 1 - before->frame);
    } else {
        fill_gap(&e, before, low < v->run_count ? &v->runs[low] : NULL, t + 1, missing);
    }
    if (va && va_is_labelled(va)) {
        e.valid = e.present || missing != VA_MISSING_DROP;
        e.label[0] = (float)va[0];
        e.label[1] = (float)va[1];
    }
    return e;
}

struct va_timeline_entry va_window_index_entry(const struct va_window_index *index,
                                               int64_t video, int64_t t)
{
    const struct va_index_video *v = &index->videos[video];

    return index->timeline ? index->timeline[v->first + t]
                           : va_index_entry(v, index->missing, t);
}
