#include "jobs/va_train_input.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "data/va_choose.h"
#include "data/va_origin.h"
#include "run/va_run_state.h"
#include "weights/va_model_file.h"
#include <stdio.h>

/* Labelled frames in the windows of the chosen videos; a frame in two windows counts twice. */
static int64_t labelled_frames(const struct va_window_index *index, const bool *chosen)
{
    int64_t labelled = 0;

    for (int64_t i = 0; i < index->window_count; i++) {
        const struct va_window *w = &index->windows[i];

        for (int64_t t = 0; chosen[w->video] && t < w->length; t++)
            labelled += index->timeline[index->videos[w->video].first + w->start + t].valid;
    }
    return labelled;
}

static bool *choose(const struct va_train_input *in, const struct va_train_job *job,
                    const char *list, char digest[17])
{
    bool *chosen = va_choose_videos(in->index, list, digest);

    if (chosen && !labelled_frames(in->index, chosen)) {
        va_error("%s: found no labelled frame in windows of the videos in %s", job->windows,
                 list);
        va_free(chosen);
        return NULL;
    }
    return chosen;
}

static void warn_of_overlap(const struct va_train_input *in, const struct va_train_job *job)
{
    int64_t both = 0;

    for (int64_t i = 0; i < in->index->video_count; i++)
        both += in->train[i] && in->val[i];
    if (both)
        va_info("%lld video%s in %s and also in %s: %s about new videos", (long long)both,
                va_plural(both), job->train, job->val,
                both == 1 ? "its score says nothing" : "their scores say nothing");
}

/* A preset that was asked for by name is complete only on windows that were cut as it says. */
static void compare_with_preset(const struct va_train_input *in, const struct va_train_job *job)
{
    const struct va_window_index *index = in->index;
    struct va_preset_windows w = va_preset_windows((enum va_preset)in->config.preset);

    if (index->window != w.window || index->stride != w.stride || index->tail != w.tail ||
        index->missing != w.missing || index->leading != w.leading)
        va_info("%s: windows %lld/%lld, %s, %s, %s; preset %s has %lld/%lld, %s, %s, %s "
                "(va-window --preset)",
                job->windows, (long long)index->window, (long long)index->stride,
                va_tail_names[index->tail], va_missing_names[index->missing],
                va_leading_names[index->leading], va_preset_names[in->config.preset],
                (long long)w.window, (long long)w.stride, va_tail_names[w.tail],
                va_missing_names[w.missing], va_leading_names[w.leading]);
}

/* The encoder of all features, and of those that --init was trained on; rates of training videos. */
static int find_origin(const struct va_train_input *in, const struct va_train_job *job,
                       struct va_origin *o)
{
    struct va_origin all, init;

    *o = (struct va_origin){ 0 };
    if (va_origin_add(o, in->index, in->train, job->any_encoder) < 0)
        return -1;
    all = *o;
    if (va_origin_add(&all, in->index, in->val, job->any_encoder) < 0)
        return -1;
    for (int64_t i = 0; i < o->stream_count; i++)
        o->streams[i].mixed = all.streams[i].mixed;
    if (!in->init)
        return 0;
    va_origin_load(&init, in->init, job->init, &in->model.streams);
    va_origin_compare_rates(&init, in->index, in->train);
    va_origin_compare_input(&init, in->index, in->train);
    return va_origin_add(&init, in->index, in->train, job->any_encoder);
}

/* All that decides the result, as pairs. */
static int make_identity(struct va_train_input *in, const struct va_train_job *job,
                         const char *train, const char *val)
{
    struct va_tensors *set = in->identity = va_tensors_new();
    struct va_origin origin;

    return set && find_origin(in, job, &origin) == 0 && va_origin_store(&origin, set) == 0 &&
                   va_temporal_config_store(&in->model, set) == 0 &&
                   va_settings_store(&va_train_settings, &in->config, set) == 0 &&
                   va_tensors_set_meta(set, "train.windows", in->windows_id) == 0 &&
                   va_tensors_set_meta(set, "train.init", in->init ? in->init_id : "none") ==
                       0 &&
                   va_tensors_set_meta(set, "train.videos", train) == 0 &&
                   va_tensors_set_meta(set, "train.validation-videos", val) == 0
               ? 0
               : -1;
}

/* The model for the streams of the index; with initial weights, streams get the order of their model. */
static int shape_model(struct va_train_config *c, struct va_window_index *index,
                       const struct va_tensors *init, const char *path,
                       struct va_temporal_config *model)
{
    struct va_temporal_config file;
    struct va_streams streams;

    if (init &&
        (va_temporal_config_load(&file, init, path) < 0 ||
         va_window_index_arrange(index, &file.streams, file.stream_dropout > 0, path) < 0))
        return -1;
    va_window_index_shape(index, &streams);
    return va_train_config_model(c, index->dim, &streams, init, path, model);
}

int va_train_input_open(struct va_train_input *in, const struct va_train_job *job)
{
    char train[17], val[17];

    *in = (struct va_train_input){ .config = job->config };
    in->index = va_window_index_read(job->windows, &in->windows_id);
    if (!in->index)
        return -1;
    in->train = choose(in, job, job->train, train);
    if (!in->train)
        return -1;
    in->val = choose(in, job, job->val, val);
    if (!in->val || va_window_index_open_features(in->index) < 0)
        return -1;
    warn_of_overlap(in, job);
    if (va_settings_named(&va_train_settings, in->config.source, "preset"))
        compare_with_preset(in, job);
    if (job->init && !(in->init = va_model_open(job->init, &in->init_id)))
        return -1;
    if (shape_model(&in->config, in->index, in->init, job->init, &in->model) < 0)
        return -1;
    return make_identity(in, job, train, val);
}

void va_train_input_release(struct va_train_input *in)
{
    va_window_index_free(in->index);
    va_free(in->windows_id);
    va_free(in->init_id);
    va_tensors_free(in->init);
    va_free(in->train);
    va_free(in->val);
    va_tensors_free(in->identity);
    *in = (struct va_train_input){ 0 };
}

/* Of the windows file; without one, what the preset wants of va-window. */
static void show_windows(const struct va_window_index *index, const char *path,
                         enum va_preset preset)
{
    struct va_preset_windows w = va_preset_windows(preset);
    char *shown = va_strdup(index ? path : "preset");
    const char *source = shown ? shown : "";

    if (shown)
        va_text_clean(shown);
    if (index) {
        w.window = index->window;
        w.stride = index->stride;
        w.tail = index->tail;
        w.missing = index->missing;
        w.leading = index->leading;
    }
    printf("window\t%lld\t%s\nstride\t%lld\t%s\n", (long long)w.window, source,
           (long long)w.stride, source);
    printf("tail\t%s\t%s\nmissing\t%s\t%s\nleading\t%s\t%s\n", va_tail_names[w.tail], source,
           va_missing_names[w.missing], source, va_leading_names[w.leading], source);
    if (index)
        printf("in-dim\t%lld\t%s\n", (long long)index->dim, source);
    va_free(shown);
}

/* What a preset wants of va-predict. */
static void show_test(enum va_preset preset)
{
    struct va_preset_windows w = va_preset_windows(preset);

    printf("test-mode\t%s\tpreset\ntest-window\t%lld\tpreset\ntest-missing\t%s\tpreset\n",
           w.test_overlap ? "overlap" : "chunk", (long long)w.test_window,
           va_missing_names[w.test_missing]);
}

int va_train_config_show(const struct va_train_job *job)
{
    struct va_train_config c = job->config;
    struct va_window_index *index = NULL;
    struct va_tensors *init = NULL;
    struct va_temporal_config model;
    int status = -1;

    if ((job->windows && !(index = va_window_index_read(job->windows, NULL))) ||
        (index && va_window_index_open_features(index) < 0) ||
        (job->init && !(init = va_model_open(job->init, NULL))))
        goto done;
    va_temporal_config_default(&model);
    if (init && va_temporal_config_load(&model, init, job->init) < 0)
        goto done;
    /* Without windows, whatever width the features have would do. */
    if ((index ? shape_model(&c, index, init, job->init, &model)
               : va_train_config_model(&c, model.in_dim, init ? &model.streams : NULL, init,
                                       job->init, &model)) < 0)
        goto done;
    printf("setting\tvalue\tsource\n");
    va_settings_print(&va_train_settings, &c, c.source, job->init, stdout);
    printf("beta1\t%g\tfixed\nbeta2\t%g\tfixed\n", VA_ADAM_BETA1, VA_ADAM_BETA2);
    show_windows(index, job->windows, (enum va_preset)c.preset);
    show_test((enum va_preset)c.preset);
    status = 0;
done:
    va_window_index_free(index);
    va_tensors_free(init);
    return status;
}
