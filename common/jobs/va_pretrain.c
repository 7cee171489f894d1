#include "jobs/va_pretrain.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "comm/va_comm.h"
#include "jobs/va_pretrain_priv.h"
#include "ops/va_device.h"
#include "weights/va_model_file.h"
#include <math.h>

/* ---- what the run asks of it ------------------------------------------------------------------ */

/* All parameters, or those of the encoder alone, from the file of --init; what it lacks is drawn. */
static int draw(void *arg)
{
    struct va_pretrainer *t = arg;
    struct va_params *params = t->run.state.params, encoder = *params;

    encoder.count = va_mae_encoder_params(t->mae);
    if (!t->init)
        return va_params_draw(params, (uint64_t)t->config.seed);
    if (va_tensors_find(t->init, "decoder_embed.weight"))
        return va_params_load(params, t->init, t->job->init);
    return va_params_draw(params, (uint64_t)t->config.seed) < 0
               ? -1
               : va_params_load(&encoder, t->init, t->job->init);
}

static void changed(void *arg)
{
    struct va_pretrainer *t = arg;

    va_tensors_free(t->init); /* as large as the model: before the prepared forms take room */
    t->init = NULL;
    va_params_changed(t->run.state.params);
}

static int put_model(const struct va_pretrainer *t, const struct va_tensors *set)
{
    const struct va_model_source from[] = { { "pictures", t->digest },
                                            { t->job->init, t->init_id } };

    return va_model_save(t->job->run.output, set, &t->config.seed, from, VA_COUNT(from));
}

/* The first parameters are the encoder's. */
static int put_encoder(const struct va_pretrainer *t)
{
    struct va_params encoder = *t->run.state.params;
    struct va_tensors *set = va_tensors_new();
    int status = -1;

    encoder.count = va_mae_encoder_params(t->mae);
    if (set && va_params_lend(&encoder, NULL, set) == 0 &&
        va_train_identity_copy(set, t->identity) == 0)
        status = put_model(t, set);
    va_tensors_free(set);
    return status;
}

/* `weights` are those there are: no evaluation has chosen others. */
static int write_model(void *arg, const struct va_tensors *weights)
{
    struct va_pretrainer *t = arg;
    const struct va_run_state *s = &t->run.state;
    const double *last = va_log_last(&s->train);
    const int64_t epochs = va_run_epoch(s);

    va_feed_free(t->feed); /* nobody else is at the HDF5 library now */
    t->feed = NULL;
    if (va_pretrain_sheet(t) < 0 ||
        (t->config.keep_decoder ? put_model(t, weights) : put_encoder(t)) < 0)
        return -1;
    va_info("%s: %lld update%s in %lld epoch%s, loss %.4f in the last", t->job->run.output,
            (long long)s->batches, va_plural(s->batches), (long long)epochs, va_plural(epochs),
            last ? last[3] : NAN);
    return 0;
}

/* ---- inputs ----------------------------------------------------------------------------------- */

/* Cached pictures are large enough for the smallest crop that is not to be blown up. */
static int open_pictures(struct va_pretrainer *t)
{
    const struct va_pretrain_config *c = &t->config;
    const struct va_pretrain_job *job = t->job;
    const struct va_pictures_options options = {
        .every = c->every,
        .cache = job->cache,
        .side = (int64_t)ceil((double)c->model.encoder.image / sqrt(c->augment.scale[0])),
        .tolerate = job->tolerate,
    };

    t->pictures = va_pictures_open(job->inputs, job->input_count, &options);
    return t->pictures ? va_pictures_digest(t->pictures, t->digest) : -1;
}

/* Rank 0 first: it decodes videos, the others on its machine find them in the cache. */
static int open_in_turn(struct va_pretrainer *t)
{
    int status = va_comm_rank() == 0 ? open_pictures(t) : 0;

    if (va_comm_agree(status) < 0)
        return -1;
    status = va_comm_rank() ? open_pictures(t) : 0;
    return va_comm_agree(status);
}

/* All that decides the result, as pairs. */
static int make_identity(struct va_pretrainer *t)
{
    struct va_tensors *set = t->identity = va_tensors_new();
    const char *input = va_pictures_input(t->pictures);

    return set && va_mae_config_store(&t->config.model, set) == 0 &&
                   va_settings_store(&va_pretrain_settings, &t->config, set) == 0 &&
                   (!input || va_tensors_set_meta(set, "input", input) == 0) &&
                   va_tensors_set_meta(set, "train.pictures", t->digest) == 0 &&
                   va_tensors_set_meta(set, "train.init", t->init ? t->init_id : "none") == 0
               ? 0
               : -1;
}

static int open_settings(struct va_pretrainer *t)
{
    const struct va_pretrain_job *job = t->job;

    if (job->init && !(t->init = va_model_open(job->init, &t->init_id)))
        return -1;
    return va_pretrain_config_resolve(&t->config, t->init, job->init);
}

static int check_count(struct va_pretrainer *t)
{
    const struct va_pretrain_config *c = &t->config;
    int64_t count = va_pictures_count(t->pictures), update = c->batch * c->accumulate;

    t->run.state.per_epoch = count / update;
    if (!t->run.state.per_epoch)
        return va_error("%s%s: found %lld pictures, expected at least the %lld of one update",
                        t->job->inputs[0], t->job->input_count > 1 ? " and others" : "",
                        (long long)count, (long long)update);
    if (c->batch < va_comm_size())
        return va_error(
            "a batch of %lld pictures for %d ranks, expected at least one for each rank",
            (long long)c->batch, va_comm_size());
    return make_identity(t);
}

/* ---- setting up --------------------------------------------------------------------------------- */

static void describe(struct va_pretrainer *t)
{
    const struct va_pretrain_config *c = &t->config;
    struct va_run *r = &t->run;

    r->epochs = c->epochs;
    r->steps = c->steps;
    r->state.params = va_mae_params(t->mae);
    r->state.optimiser = t->optimiser;
    r->state.input = "pictures";
    r->state.input_id = t->digest;
    r->state.seed = (uint64_t)c->seed;
    r->state.train = (struct va_log){ .columns = VA_PRETRAIN_COLUMNS,
                                      .header = "step\tepoch\tlr\tloss\tgrad_norm\n" };
}

static int make_model(void *arg)
{
    struct va_pretrainer *t = arg;
    const struct va_pretrain_config *c = &t->config;
    const struct va_optimiser_config adam = {
        .decay = c->weight_decay,
        .clip = c->clip,
        .beta1 = VA_PRETRAIN_BETA1,
        .beta2 = VA_PRETRAIN_BETA2,
        .eps = VA_PRETRAIN_EPS,
    };
    int64_t room = va_share_most(c->batch);

    t->be = va_device_open(t->job->device);
    if (!t->be)
        return -1;
    t->be->precision = (enum va_precision)c->precision;
    t->be->batch = c->batch;
    t->mae = va_mae_new(t->be, &t->config.model);
    if (!t->mae || va_params_allocate_training(va_mae_params(t->mae)) < 0 ||
        va_mae_reserve(t->mae, room, c->mask_ratio) < 0 ||
        va_masked_init(&t->room, &t->config.model, room, c->mask_ratio) < 0 ||
        !(t->optimiser = va_optimiser_new(va_mae_params(t->mae), &adam)))
        return -1;
    if (t->job->sheet_every && va_comm_rank() == 0 &&
        !(t->sheet = va_sheet_new(t->mae, t->pictures, c->mask_ratio, c->norm_pix,
                                  (uint64_t)c->seed)))
        return -1;
    describe(t);
    return 0;
}

static int open_input(void *arg, const struct va_tensors **identity)
{
    struct va_pretrainer *t = arg;
    int status = va_comm_agree(open_settings(t));

    if (status == 0)
        status = open_in_turn(t);
    if (status == 0)
        status = va_comm_agree(check_count(t));
    *identity = t->identity;
    return status;
}

int va_pretrain_run(const struct va_pretrain_job *job)
{
    static const struct va_run_kind kind = {
        open_input, make_model, draw, changed, va_pretrain_step, NULL, write_model,
    };
    struct va_pretrainer t = { .job = job, .config = job->config, .fill = va_pretrain_fill };
    int status = va_run_train(&t.run, &job->run, &kind, &t);

    va_feed_free(t.feed);
    va_run_release(&t.run);
    va_replay_release(&t.replay);
    va_optimiser_free(t.optimiser);
    va_sheet_free(t.sheet);
    va_masked_release(&t.room);
    va_mae_free(t.mae);
    va_pictures_free(t.pictures);
    va_tensors_free(t.init);
    va_tensors_free(t.identity);
    va_free(t.init_id);
    va_backend_free(t.be);
    return status;
}
