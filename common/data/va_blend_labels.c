#include "data/va_blend_labels.h"

#include "base/va_error.h"
#include "data/va_lists.h"

/* Add frame t, of which all files have a row. */
static void add_frame(struct va_blend *blend, const struct va_ensemble *e, int64_t t,
                      const double label[2])
{
    double z[VA_ENSEMBLE_MAX + 1];

    for (int d = 0; d < 2; d++) {
        for (int64_t k = 0; k < e->count; k++)
            z[k] = e->va[k][2 * t + d];
        z[e->count] = label[d];
        va_blend_add(&blend[d], z);
    }
}

static int add_frames(void *data, const struct va_ensemble *e, const char *name, int64_t T,
                      const double *label)
{
    (void)name;
    for (int64_t t = 0; t < T; t++)
        if (va_is_labelled(label + 2 * t))
            add_frame(data, e, t, label + 2 * t);
    return 0;
}

/* What a walk over the labelled videos needs. */
struct walk {
    struct va_ensemble *e;
    const struct va_blend_job *job;
    va_blend_take *take;
    void *data;
};

static int take_labels(const struct walk *w, const struct va_label_file *file,
                       const struct va_labels *labels)
{
    const struct va_ensemble *e = w->e;

    for (int64_t t = e->frames; w->job->missing != VA_ENSEMBLE_SKIP && t < labels->count; t++)
        if (va_is_labelled(labels->va + 2 * t))
            return va_error("%s: video '%s': found predictions for %lld frames, but frame %lld "
                            "is labelled in %s",
                            va_h5_path(e->files[e->from[0]]->in), file->name,
                            (long long)e->frames, (long long)t + 1, file->path);
    return w->take(w->data, e, file->name,
                   labels->count < e->frames ? labels->count : e->frames, labels->va);
}

static int take_video(const struct walk *w, const struct va_label_file *file)
{
    struct va_label_video video = { .name = file->name };
    struct va_ensemble *e = w->e;
    struct va_labels labels;
    int status;

    if (!va_ensemble_has(e, file->name)) {
        if (w->job->missing != VA_ENSEMBLE_SKIP)
            return va_error(
                "%s: video '%s' has no predictions: add them, or choose videos with "
                "--list, or leave the video out with --missing skip",
                file->path, file->name);
        va_info("%s: has no predictions, left out", file->name);
        return 0;
    }
    status = va_ensemble_load(e, file->name, w->job->missing);
    if (status <= 0)
        return status;
    if (va_labels_read(&labels, file->path, VA_LABELS_ANNOTATION) < 0)
        return -1;
    video.frames = e->frames;
    video.fps = va_rate_of_times(e->known.pts, e->frames);
    status = va_labels_fit(&labels, file->path, &w->job->rule, &video);
    if (status == 0)
        status = take_labels(w, file, &labels);
    va_labels_release(&labels);
    return status;
}

static int take_list(const struct walk *w, const struct va_label_files *files)
{
    struct va_name_list list;
    int status = va_name_list_read(&list, w->job->list);

    if (status < 0)
        return -1;
    for (int64_t i = 0; status == 0 && i < list.count; i++) {
        const struct va_label_file *file = va_label_files_find(files, list.items[i].name);

        status = file ? take_video(w, file)
                      : va_name_list_unknown(&list, i, "the folders of labels");
    }
    va_name_list_release(&list);
    return status;
}

int va_blend_each(struct va_ensemble *e, const struct va_blend_job *job, va_blend_take *take,
                  void *data)
{
    const struct walk w = { e, job, take, data };
    struct va_label_files files = { 0 };
    int status = 0;

    for (int64_t i = 0; status == 0 && i < job->folders.count; i++)
        status = va_label_files_add(&files, job->folders.items[i]);
    if (status == 0 && job->list)
        status = take_list(&w, &files);
    for (int64_t i = 0; status == 0 && !job->list && i < files.count; i++)
        status = take_video(&w, &files.items[i]);
    va_label_files_release(&files);
    return status;
}

int va_blend_add_labels(struct va_blend *blend, struct va_ensemble *e,
                        const struct va_blend_job *job)
{
    if (va_blend_each(e, job, add_frames, blend) < 0)
        return -1;
    return blend[0].frames ? 0
                           : va_error("%s: found no labelled frame that has predictions",
                                      job->folders.items[0]);
}
