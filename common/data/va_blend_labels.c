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

static int add_video(struct va_blend *blend, struct va_ensemble *e,
                     const struct va_label_file *file, const struct va_blend_job *job)
{
    struct va_label_video video = { .name = file->name };
    struct va_labels labels;
    bool skip = job->skip;
    int status;

    if (!va_ensemble_has(e, file->name)) {
        if (!skip)
            return va_error(
                "%s: video '%s' has no predictions: add them, or choose videos with "
                "--list, or leave it out with --missing skip",
                file->path, file->name);
        va_info("%s: has no predictions, left out", file->name);
        return 0;
    }
    status = va_ensemble_load(e, file->name, skip ? VA_ENSEMBLE_SKIP : VA_ENSEMBLE_ERROR);
    if (status <= 0)
        return status;
    if (va_labels_read(&labels, file->path, VA_LABELS_ANNOTATION) < 0)
        return -1;
    video.frames = e->frames;
    video.fps = va_rate_of_times(e->known.pts, e->frames);
    status = va_labels_fit(&labels, file->path, &job->rule, &video);
    for (int64_t t = 0; status == 0 && t < labels.count; t++) {
        if (!va_is_labelled(labels.va + 2 * t))
            continue;
        if (t < e->frames)
            add_frame(blend, e, t, labels.va + 2 * t);
        else if (!skip)
            status = va_error(
                "%s: video '%s': found predictions for %lld frames, but frame %lld "
                "is labelled in %s",
                va_h5_path(e->files[0]->in), file->name, (long long)e->frames, (long long)t + 1,
                file->path);
    }
    va_labels_release(&labels);
    return status;
}

static int add_list(struct va_blend *blend, struct va_ensemble *e,
                    const struct va_label_files *files, const struct va_blend_job *job)
{
    struct va_name_list list;
    int status = va_name_list_read(&list, job->list);

    if (status < 0)
        return -1;
    for (int64_t i = 0; status == 0 && i < list.count; i++) {
        const struct va_label_file *file = va_label_files_find(files, list.items[i].name);

        status = file ? add_video(blend, e, file, job)
                      : va_name_list_unknown(&list, i, "the folders of labels");
    }
    va_name_list_release(&list);
    return status;
}

int va_blend_add_labels(struct va_blend *blend, struct va_ensemble *e,
                        const struct va_blend_job *job)
{
    struct va_label_files files = { 0 };
    int status = 0;

    for (int64_t i = 0; status == 0 && i < job->folders.count; i++)
        status = va_label_files_add(&files, job->folders.items[i]);
    if (status == 0 && job->list)
        status = add_list(blend, e, &files, job);
    for (int64_t i = 0; status == 0 && !job->list && i < files.count; i++)
        status = add_video(blend, e, &files.items[i], job);
    if (status == 0 && blend[0].frames == 0)
        status = va_error("%s: found no labelled frame that has predictions",
                          job->folders.items[0]);
    va_label_files_release(&files);
    return status;
}
