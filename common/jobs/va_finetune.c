#include "jobs/va_finetune.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "comm/va_comm.h"
#include "jobs/va_finetune_priv.h"
#include "jobs/va_train_config.h"
#include "ops/va_device.h"
#include "run/va_share.h"
#include "weights/va_model_file.h"
#include <stdio.h>

/* ---- what the run asks of it ------------------------------------------------------------------ */

static int draw(void *arg)
{
    struct va_tuner *t = arg;

    return va_rater_add_heads(&t->shape, t->weights, (uint64_t)t->config.seed) < 0
               ? -1
               : va_params_load(t->run.state.params, t->weights, t->job->weights);
}

static void changed(void *arg)
{
    struct va_tuner *t = arg;

    va_tensors_free(
        t->weights); /* as large as the model: before the prepared forms take room */
    t->weights = NULL;
    va_params_changed(t->run.state.params);
}

/* Add the frames files of the videos of a set. */
static void add_frames(const struct va_tuner *t, const struct va_rated *set,
                       struct va_model_source *from, int64_t *count)
{
    for (int64_t i = 0; i < set->video_count; i++) {
        const struct va_picture_video *v = va_pictures_video(t->pictures, set->videos[i].video);

        if (v->id)
            from[(*count)++] = (struct va_model_source){ v->path, v->id };
    }
}

static int put_model(const struct va_tuner *t, const struct va_tensors *weights)
{
    int64_t count = 1, most = 1 + t->train.video_count + t->val.video_count;
    struct va_model_source *from = va_new(most, sizeof(*from));
    int status;

    if (!from)
        return -1;
    from[0] = (struct va_model_source){ t->job->weights, t->weights_id };
    add_frames(t, &t->train, from, &count);
    add_frames(t, &t->val, from, &count);
    status = va_model_save(t->job->run.output, weights, &t->config.seed, from, count);
    va_free(from);
    return status;
}

static int write_model(void *arg, const struct va_tensors *weights)
{
    struct va_tuner *t = arg;

    if (put_model(t, weights) < 0)
        return -1;
    va_run_summarise(&t->run, "annotated picture");
    return 0;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static int add_folders(struct va_label_files *files, const struct va_strings *folders)
{
    for (int64_t i = 0; i < folders->count; i++)
        if (va_label_files_add(files, folders->items[i]) < 0)
            return -1;
    return 0;
}

static int read_sets(struct va_tuner *t)
{
    const struct va_finetune_job *job = t->job;
    struct va_label_files labels = { 0 }, expressions = { 0 };
    struct va_rated_sources from = { .pictures = t->pictures,
                                     .labels = &labels,
                                     .classes = t->config.classes,
                                     .unmatched = (enum va_unmatched)t->config.unmatched,
                                     .label_fps = job->label_fps,
                                     .every = 1 };
    const char *both;
    int status = -1;

    if (job->expressions.count)
        from.expressions = &expressions;
    if (add_folders(&labels, &job->labels) < 0 ||
        add_folders(&expressions, &job->expressions) < 0 ||
        va_rated_read(&t->train, job->train, &from) < 0)
        goto done;
    from.every = t->config.val_every;
    if (va_rated_read(&t->val, job->val, &from) < 0)
        goto done;
    both = va_rated_common(&t->train, &t->val, t->pictures);
    status = both ? va_error("%s: video %s is also in %s", job->val, both, job->train) : 0;
done:
    va_label_files_release(&labels);
    va_label_files_release(&expressions);
    return status;
}

/* The shape of the model, from its file and from what there is to learn. */
static int take_shape(struct va_tuner *t)
{
    const char *path = t->job->weights;
    struct va_finetune_config *c = &t->config;
    int64_t depth, classes;

    if (va_rater_config_load(&t->shape, t->weights, path) < 0)
        return -1;
    depth = t->shape.encoder.depth;
    if (c->freeze < 0)
        c->freeze = 2 * depth / 3;
    if (c->freeze > depth)
        return va_error("%s: found %lld blocks, expected at least the %lld of --freeze-blocks",
                        path, (long long)depth, (long long)c->freeze);
    classes = t->job->expressions.count ? c->classes : 0;
    if (t->shape.classes && t->shape.classes != classes)
        return va_error("%s: expr_head.weight: found %lld classes, expected %lld as %s", path,
                        (long long)t->shape.classes, (long long)classes,
                        classes ? "--classes says" : "there are no --expressions");
    t->shape.classes = classes;
    t->shape.va = true;
    va_rated_balance(&t->train, classes, t->class_weight);
    return 0;
}

/* All that decides the result, as pairs. */
static int make_identity(struct va_tuner *t)
{
    struct va_tensors *set = t->identity = va_tensors_new();
    const char *input = va_pictures_input(t->pictures);

    return set && va_vit_config_store(&t->shape.encoder, set) == 0 &&
                   va_settings_store(&va_finetune_settings, &t->config, set) == 0 &&
                   va_tensors_set_meta(set, "train.weights", t->weights_id) == 0 &&
                   (!input || va_tensors_set_meta(set, "input", input) == 0) &&
                   va_tensors_set_meta(set, "train.pictures", t->train.digest) == 0 &&
                   va_tensors_set_meta(set, "train.validation-pictures", t->val.digest) == 0
               ? 0
               : -1;
}

static int open_input(struct va_tuner *t)
{
    const struct va_finetune_job *job = t->job;

    t->weights = va_model_open(job->weights, &t->weights_id);
    t->pictures = t->weights ? va_pictures_open(job->inputs, job->input_count,
                                                &(struct va_pictures_options){
                                                    .every = 1, .tolerate = job->tolerate })
                             : NULL;
    if (!t->pictures || read_sets(t) < 0 || take_shape(t) < 0)
        return -1;
    va_sampler_init(&t->sampler, &t->train, t->config.per_video, t->config.batch,
                    (uint64_t)t->config.seed);
    if (t->sampler.batch < va_comm_size())
        return va_error(
            "a batch of %lld pictures for %d ranks, expected at least one for each rank",
            (long long)t->sampler.batch, va_comm_size());
    return make_identity(t);
}

/* ---- setting up ----------------------------------------------------------------------------- */

static void describe(struct va_tuner *t, struct va_params *params)
{
    const struct va_finetune_config *c = &t->config;
    struct va_run *r = &t->run;

    r->epochs = c->epochs;
    r->steps = c->steps;
    r->evaluations = 1;
    r->keep_best = c->select == VA_SELECT_BEST;
    r->state.params = params;
    r->state.optimiser = t->optimiser;
    r->state.input = t->job->weights;
    r->state.input_id = t->weights_id;
    r->state.seed = (uint64_t)c->seed;
    r->state.per_epoch = t->sampler.per_epoch;
    r->state.train = (struct va_log){
        .columns = VA_FINETUNE_TRAIN_COLUMNS,
        .header = "step\tepoch\tlr\tloss\tccc_valence\tccc_arousal\tmse\tcross_entropy\t"
                  "grad_norm\n",
    };
    r->state.val =
        (struct va_log){ .columns = VA_FINETUNE_VAL_COLUMNS,
                         .header = "step\tepoch\tvalence\tarousal\tmean\tf1\tbest\n" };
}

/* Room for the largest share of a batch. */
static int make_room(struct va_tuner *t)
{
    const struct va_vit_config *c = &t->shape.encoder;
    int64_t B = t->room = va_share_most(t->sampler.batch),
            classes = t->shape.classes ? t->shape.classes : 1;
    const struct va_ops *ops = t->be->ops;

    t->keep = va_new(c->depth * 2 * B, sizeof(*t->keep));
    t->prob = va_new(B * classes, sizeof(*t->prob));
    t->label = va_new(B, 2 * sizeof(*t->label));
    t->ok = va_new(B, sizeof(*t->ok));
    t->expression = va_new(B, sizeof(*t->expression));
    return t->keep && t->prob && t->label && t->ok && t->expression &&
                   (t->va = ops->alloc(t->be, B * 2)) && (t->valid = ops->alloc(t->be, B)) &&
                   (t->dpred = ops->alloc(t->be, B * 2)) &&
                   (t->dlogits = ops->alloc(t->be, B * classes)) &&
                   (t->class = va_bytes_new(t->be, B * (int64_t)sizeof(*t->expression))) &&
                   (t->weight_of_class = va_bytes_new(t->be, sizeof(t->class_weight)))
               ? 0
               : -1;
}

static int make_model(void *arg)
{
    struct va_tuner *t = arg;
    const struct va_finetune_config *c = &t->config;
    struct va_optimiser_config adam = {
        .decay = c->weight_decay,
        .clip = c->clip,
        .beta1 = VA_ADAM_BETA1,
        .beta2 = VA_ADAM_BETA2,
        .eps = 1e-8,
    };
    struct va_params *params;

    t->be = va_device_open(t->job->device);
    if (!t->be)
        return -1;
    t->be->precision = (enum va_precision)c->precision;
    t->be->batch = c->batch > 3 ? c->batch : 0; /* half of it is 2 or more */
    t->rater = va_rater_new(t->be, &t->shape, c->freeze);
    if (!t->rater)
        return -1;
    params = va_rater_params(t->rater);
    va_rater_set_rates(t->rater, c->layer_decay);
    if (va_params_allocate_training(params) < 0 || make_room(t) < 0 ||
        va_rater_reserve(t->rater, t->room) < 0 ||
        !(t->optimiser = va_optimiser_new(params, &adam)))
        return -1;
    t->be->ops->put_bytes(t->be, t->weight_of_class, t->class_weight, sizeof(t->class_weight));
    describe(t, params);
    return 0;
}

static int open_all(void *arg, const struct va_tensors **identity)
{
    struct va_tuner *t = arg;
    int status = open_input(t);

    *identity = t->identity;
    return va_comm_agree(status);
}

int va_finetune_run(const struct va_finetune_job *job)
{
    static const struct va_run_kind kind = {
        open_all, make_model, draw, changed, va_tuner_step, va_tuner_evaluate, write_model,
    };
    struct va_tuner t = { .job = job, .config = job->config };
    int status = va_run_train(&t.run, &job->run, &kind, &t);

    va_feed_free(t.feed);
    va_run_release(&t.run);
    va_replay_release(&t.replay);
    va_optimiser_free(t.optimiser);
    va_rater_free(t.rater);
    if (t.be) {
        void *buffers[] = { t.va, t.valid, t.dpred, t.dlogits, t.class, t.weight_of_class };

        for (size_t i = 0; i < VA_COUNT(buffers); i++)
            t.be->ops->free(t.be, buffers[i]);
    }
    va_free(t.keep);
    va_free(t.prob);
    va_free(t.label);
    va_free(t.ok);
    va_free(t.expression);
    va_rated_release(&t.train);
    va_rated_release(&t.val);
    va_pictures_free(t.pictures);
    va_tensors_free(t.weights);
    va_tensors_free(t.identity);
    va_free(t.weights_id);
    va_backend_free(t.be);
    return status;
}
