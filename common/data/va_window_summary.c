#include "data/va_window_summary.h"

struct summary {
    int64_t timeline, frames, labels, labelled, faceless, windows, uncovered;
};

/* Windows are in order of their start, so what none covers lies between them. */
static struct summary summarise(const struct va_window_index *index, int64_t video)
{
    const struct va_index_video *v = &index->videos[video];
    struct summary s = { .timeline = v->frames,
                         .frames = v->frame_count,
                         .labels = v->label_count,
                         .windows = v->window_count };
    int64_t covered = 0;

    for (int64_t i = 0; i < v->frames; i++) {
        const struct va_timeline_entry e = va_window_index_entry(index, video, i);

        s.labelled += e.valid;
        s.faceless += !e.present;
    }
    for (int64_t k = 0; k < v->window_count; k++) {
        const struct va_window *w = &index->windows[v->first_window + k];

        if (w->start > covered)
            s.uncovered += w->start - covered;
        if (w->start + w->length > covered)
            covered = w->start + w->length;
    }
    s.uncovered += v->frames - covered;
    return s;
}

static void print_row(const char *name, const struct summary *s, FILE *stream)
{
    fprintf(stream, "%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\n", name,
            (long long)s->timeline, (long long)s->frames, (long long)s->labels,
            (long long)s->labelled, (long long)s->faceless, (long long)s->windows,
            (long long)s->uncovered);
}

void va_window_index_print(const struct va_window_index *index, FILE *stream)
{
    struct summary all = { 0 };
    char title[40];

    fprintf(stream,
            "video\ttimeline\tframes\tlabels\tlabelled\tno_face\twindows\tin_no_window\n");
    for (int64_t i = 0; i < index->video_count; i++) {
        struct summary s = summarise(index, i);

        print_row(index->videos[i].name, &s, stream);
        all.timeline += s.timeline;
        all.frames += s.frames;
        all.labels += s.labels;
        all.labelled += s.labelled;
        all.faceless += s.faceless;
        all.windows += s.windows;
        all.uncovered += s.uncovered;
    }
    snprintf(title, sizeof(title), "all %lld", (long long)index->video_count);
    print_row(title, &all, stream);
}
