/* Order of the batches, presets and settings, logs, checkpoints. */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "feed/va_batch.h"
#include "io/va_h5.h"
#include "jobs/va_train.h"
#include "ops/va_ccc_loss.h"
#include "ref/va_ref_ops.h"
#include "run/va_run_state.h"
#include "test/va_test.h"
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/va-test-training-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* ---- order ------------------------------------------------------------------------------- */

enum { VIDEOS = 3, WINDOWS = 23 };
static struct va_window windows[WINDOWS];
static const struct va_window_index fake = {
    .window = 10, .windows = windows, .window_count = WINDOWS, .video_count = VIDEOS
};
static const bool two_of_three[VIDEOS] = { true, false, true };

static struct va_batch_order order(int64_t batch, bool shuffle, uint64_t seed)
{
    struct va_batch_order o;

    for (int i = 0; i < WINDOWS; i++)
        windows[i] = (struct va_window){ .video = i % VIDEOS, .start = i, .length = 10 };
    VA_CHECK(va_batch_order_init(&o, &fake, two_of_three, batch, shuffle, seed) == 0);
    return o;
}

static void an_epoch_holds_each_window_once(void)
{
    struct va_batch_order o = order(4, true, 42);

    VA_CHECK_INT(o.count, 15); /* 8 of video 0, 7 of video 2 */
    VA_CHECK_INT(o.per_epoch, 4);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        int seen[WINDOWS] = { 0 };
        const int64_t *w;

        for (int64_t b = 0; b < o.per_epoch; b++) {
            int64_t n = va_batch_order_at(&o, epoch * o.per_epoch + b, &w);

            VA_CHECK_INT(n, b == 3 ? 3 : 4);
            for (int64_t i = 0; i < n; i++)
                seen[w[i]]++;
        }
        for (int i = 0; i < WINDOWS; i++)
            VA_CHECK_INT(seen[i], i % VIDEOS == 1 ? 0 : 1);
    }
    va_batch_order_release(&o);
}

static void the_order_is_a_function_of_seed_and_epoch(void)
{
    struct va_batch_order o = order(15, true, 42), late = order(15, true, 42),
                          other = order(15, true, 43), still = order(15, false, 42);
    const int64_t *w, *v;
    int64_t first[15];

    va_batch_order_at(&o, 0, &w);
    memcpy(first, w, sizeof(first));
    va_batch_order_at(&other, 0, &v);
    VA_CHECK(memcmp(first, v, sizeof(first)) != 0);
    va_batch_order_at(&o, 1, &w);
    VA_CHECK(memcmp(first, w, sizeof(first)) != 0);
    va_batch_order_at(&o, 2, &w);
    va_batch_order_at(&late, 2, &v); /* as a resumed run does */
    VA_CHECK(memcmp(w, v, sizeof(first)) == 0);
    va_batch_order_at(&still, 5, &w);
    for (int i = 1; i < 15; i++)
        VA_CHECK(w[i - 1] < w[i]);
    va_batch_order_release(&o);
    va_batch_order_release(&late);
    va_batch_order_release(&other);
    va_batch_order_release(&still);
}

/* ---- settings ---------------------------------------------------------------------------- */

static void presets_are_those_of_the_table(void)
{
    struct va_train_config p, a, z;

    va_train_config_preset(&p, VA_PRESET_PAPER);
    va_train_config_preset(&a, VA_PRESET_AUTHORS);
    va_train_config_preset(&z, VA_PRESET_AUTHORS_FOLD0);
    VA_CHECK(p.lr == 3e-4 && a.lr == 3e-5 && z.lr == 3e-4);
    VA_CHECK(p.weight_decay == 1e-3 && a.weight_decay == 1e-3 && z.weight_decay == 1e-2);
    VA_CHECK(p.dropout == .3 && a.dropout == .2 && z.dropout == .3);
    VA_CHECK(p.clip == 0 && a.clip == 1 && z.clip == 1);
    VA_CHECK(p.adam_eps == 1e-8 && a.adam_eps == 1e-7 && z.adam_eps == 1e-7);
    VA_CHECK(!p.model.in_norm && a.model.in_norm && z.model.in_norm);
    VA_CHECK(p.loss == VA_CCC_POPULATION && a.loss == VA_CCC_SAMPLE);
    VA_CHECK(p.evaluations == 1 && a.evaluations == 4);
    VA_CHECK(p.schedule == VA_SCHEDULE_PAPER && a.schedule == VA_SCHEDULE_AUTHORS);
    VA_CHECK(p.batch == 16 && p.epochs == 50 && p.warmup_epochs == 5 && a.batch == 16);
}

static bool lr_and_layers(const char *name)
{
    return !strcmp(name, "lr") || !strcmp(name, "layers") || !strcmp(name, "in-norm");
}

static void options_override_presets_and_files(void)
{
    struct va_train_config c, options;
    struct va_temporal_config temporal, file;
    struct va_tensors *set = va_tensors_new();
    struct va_backend *be = va_ref_backend_new();
    struct va_temporal *model;
    char line[256];

    va_train_config_preset(&c, VA_PRESET_AUTHORS);
    va_train_config_preset(&options, VA_PRESET_PAPER);
    options.lr = 0.5;
    options.model.layers = 2;
    options.dropout = .9; /* not affirmed below */
    va_settings_override(&va_train_settings, &c, c.source, &options, lr_and_layers);
    VA_CHECK(c.lr == 0.5 && c.model.layers == 2 && c.dropout == .2 && !c.model.in_norm);
    VA_CHECK(va_train_config_model(&c, 40, NULL, NULL, NULL, &temporal) == 0);
    VA_CHECK(temporal.in_dim == 40 && temporal.layers == 2 && temporal.blocks == 4 &&
             !temporal.in_norm);

    va_temporal_config_default(&file);
    file.in_dim = 7;
    file.blocks = 1;
    file.channels[0] = 6;
    file.kernel = 3;
    file.layers = 2;
    file.dt_rank = 2;
    file.in_norm = true;
    model = va_temporal_new(be, &file, VA_TEMPORAL_INIT_PAPER, false);
    VA_CHECK(model && va_params_draw(va_temporal_params(model), 1) == 0 &&
             va_params_store(va_temporal_params(model), set) == 0 &&
             va_temporal_config_store(&file, set) == 0);
    VA_CHECK(va_train_config_model(&c, 7, NULL, set, "m.h5", &temporal) == 0);
    VA_CHECK(temporal.dt_rank == 2 && temporal.blocks == 1 && temporal.layers == 2);
    VA_CHECK(!temporal.in_norm); /* the option's */
    VA_CHECK_INT(c.model.kernel, 3);
    c.model.layers = 3;
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_train_config_model(&c, 7, NULL, set, "m.h5", &temporal) < 0);
    VA_CHECK(strcmp(line, "m.h5: layers is 2, expected 3 as --layers says") == 0);
    va_error_catch_end();
    va_temporal_free(model);
    va_backend_free(be);
    va_tensors_free(set);
}

static void save_every_takes_steps_and_times(void)
{
    struct va_run_job job = { 0 };

    VA_CHECK(va_run_save_every(&job, "7") && job.save_steps == 7 && job.save_seconds == 0);
    VA_CHECK(va_run_save_every(&job, "30s") && !job.save_steps && job.save_seconds == 30);
    VA_CHECK(va_run_save_every(&job, "5m") && job.save_seconds == 300);
    VA_CHECK(va_run_save_every(&job, "2h") && job.save_seconds == 7200);
    VA_CHECK(!va_run_save_every(&job, "") && !va_run_save_every(&job, "0") &&
             !va_run_save_every(&job, "m") && !va_run_save_every(&job, "5ms") &&
             !va_run_save_every(&job, "-1") && !va_run_save_every(&job, "5d") &&
             !va_run_save_every(&job, "99999999999999999999"));
}

/* ---- logs -------------------------------------------------------------------------------- */

static void logs_begin_with_the_rows_they_have(void)
{
    struct va_log log;
    char text[256] = "";
    FILE *f;

    va_val_log_init(&log);
    VA_CHECK(va_log_last(&log) == NULL);
    VA_CHECK(va_log_add(&log, (double[]){ 4, 1, .1, -NAN, NAN, 1. / 3 }) == 0);
    f = fopen(in_folder("val.tsv"), "w");
    fputs("step\nrows of a run that was cut off\n", f);
    fclose(f);
    VA_CHECK(va_log_open(&log, folder, "val.tsv") == 0);
    VA_CHECK(va_log_add(&log, (double[]){ 8, 2, 0, 1, .5, .5 }) == 0);
    VA_CHECK_INT(va_log_last(&log)[0], 8);
    f = fopen(in_folder("val.tsv"), "r");
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    VA_CHECK(strcmp(text, "step\tepoch\tvalence\tarousal\tmean\tbest\n"
                          "4\t1\t0.1\tnan\tnan\t0.333333333\n8\t2\t0\t1\t0.5\t0.5\n") == 0);
    va_log_release(&log);
}

/* ---- checkpoints ------------------------------------------------------------------------- */

static const struct va_temporal_config tiny = {
    .in_dim = 5,
    .blocks = 2,
    .channels = { 4, 6 },
    .kernel = 3,
    .layers = 1,
    .d_state = 2,
    .d_conv = 3,
    .expand = 2,
    .hidden = 3,
};

struct fixture {
    struct va_temporal *temporal;
    struct va_optimiser *optimiser;
    struct va_tensors *identity;
    struct va_run_state state;
};

static struct fixture fixture(struct va_backend *be, uint64_t seed)
{
    static const struct va_optimiser_config adam = { .beta1 = .9, .beta2 = .999, .eps = 1e-8 };
    struct fixture f = { .temporal = va_temporal_new(be, &tiny, VA_TEMPORAL_INIT_PAPER,
                                                     false) };
    struct va_params *params = va_temporal_params(f.temporal);

    VA_CHECK(va_params_allocate_training(params) == 0 && va_params_draw(params, seed) == 0);
    f.optimiser = va_optimiser_new(params, &adam);
    f.identity = va_tensors_new();
    VA_CHECK(va_temporal_config_store(&tiny, f.identity) == 0 &&
             va_tensors_set_meta(f.identity, "train.lr", "0.0003") == 0);
    f.state = (struct va_run_state){
        .params = params,
        .optimiser = f.optimiser,
        .identity = f.identity,
        .input = "w.h5",
        .input_id = "0123456789abcdef0123456789abcdef",
        .per_epoch = 4,
        .best = NAN,
    };
    va_run_log_init(&f.state.train);
    va_val_log_init(&f.state.val);
    return f;
}

static void drop(struct fixture *f)
{
    va_run_state_release(&f->state);
    va_tensors_free(f->identity);
    va_optimiser_free(f->optimiser);
    va_temporal_free(f->temporal);
}

/* Moments that say which element they belong to. */
static void fill_moments(struct va_backend *be, struct va_params *params)
{
    for (int64_t i = 0; i < params->count; i++) {
        struct va_param *p = &params->items[i];
        float *x = va_new(p->count, sizeof(*x));

        for (int64_t j = 0; j < p->count; j++)
            x[j] = (float)(i + 1) / (float)(j + 1);
        be->ops->put_f32(be, p->v, x, p->count);
        for (int64_t j = 0; j < p->count; j++)
            x[j] = -x[j] / 3;
        be->ops->put_f32(be, p->m, x, p->count);
        va_free(x);
    }
}

static bool same(struct va_backend *be, const void *a, const void *b, int64_t n)
{
    float *x = va_new(2 * n, sizeof(*x));
    bool equal;

    be->ops->get_f32(be, x, a, n);
    be->ops->get_f32(be, x + n, b, n);
    equal = memcmp(x, x + n, sizeof(*x) * (size_t)n) == 0;
    va_free(x);
    return equal;
}

static void a_checkpoint_gives_back_what_it_was_given(void)
{
    struct va_backend *be = va_ref_backend_new();
    struct fixture a = fixture(be, 1), b = fixture(be, 2);
    const char *path = in_folder("m.state");

    fill_moments(be, a.state.params);
    a.state.batches = 3;
    a.state.skipped = 1;
    a.state.best_step = 2;
    va_optimiser_set_updates(a.optimiser, 2);
    a.state.best_weights = va_tensors_new();
    VA_CHECK(va_params_store(a.state.params, a.state.best_weights) == 0);
    ((float *)a.state.best_weights->items[0].data)[1] = 77;
    VA_CHECK(va_log_add(&a.state.train, (double[]){ 1, 1, .1, 2, 0, 0, 1. / 3 }) == 0 &&
             va_log_add(&a.state.train, (double[]){ 3, 1, .1, 1, 0, 0, 5 }) == 0 &&
             va_log_add(&a.state.val, (double[]){ 2, 1, .1, NAN, NAN, NAN }) == 0);
    VA_CHECK(va_run_state_save(&a.state, path) == 0);
    VA_CHECK(va_run_state_load(&b.state, path) == 0);
    for (int64_t i = 0; i < a.state.params->count; i++) {
        const struct va_param *p = &a.state.params->items[i], *q = &b.state.params->items[i];

        VA_CHECK(same(be, p->value.data, q->value.data, p->count) &&
                 same(be, p->m, q->m, p->count) && same(be, p->v, q->v, p->count));
    }
    VA_CHECK(b.state.batches == 3 && b.state.skipped == 1 && b.state.best_step == 2);
    VA_CHECK(isnan(b.state.best));
    VA_CHECK_INT(va_optimiser_updates(b.optimiser), 2);
    VA_CHECK(b.state.best_weights && ((float *)b.state.best_weights->items[0].data)[1] == 77);
    VA_CHECK_INT(b.state.train.count, 2);
    VA_CHECK(memcmp(a.state.train.rows, b.state.train.rows, sizeof(double) * 14) == 0);
    VA_CHECK_INT(b.state.val.count, 1);
    drop(&a);
    drop(&b);
    va_backend_free(be);
}

/* Moments are zero before the first update, and not in the file. */
static void a_checkpoint_before_the_first_update(void)
{
    struct va_backend *be = va_ref_backend_new();
    struct fixture a = fixture(be, 1), b = fixture(be, 2);
    const char *path = in_folder("begun.state");
    struct va_h5_in *in;

    VA_CHECK(va_run_state_save(&a.state, path) == 0);
    in = va_h5_open(path, "va.state/1");
    VA_CHECK(in && va_h5_has(in, "/tensors") && !va_h5_has(in, "/optimizer"));
    va_h5_close(in);
    VA_CHECK(va_run_state_load(&b.state, path) == 0);
    for (int64_t i = 0; i < a.state.params->count; i++) {
        const struct va_param *p = &a.state.params->items[i], *q = &b.state.params->items[i];

        VA_CHECK(same(be, p->value.data, q->value.data, p->count) &&
                 same(be, p->m, q->m, p->count) && same(be, p->v, q->v, p->count));
    }
    drop(&a);
    drop(&b);
    va_backend_free(be);
}

static void a_checkpoint_of_another_run_is_refused(void)
{
    struct va_backend *be = va_ref_backend_new();
    struct fixture a = fixture(be, 1), b = fixture(be, 2);
    const char *path = in_folder("m.state");
    char line[512];

    VA_CHECK(va_run_state_save(&a.state, path) == 0);
    VA_CHECK(va_tensors_set_meta(b.identity, "train.lr", "0.1") == 0);
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_run_state_load(&b.state, path) < 0);
    VA_CHECK(strstr(line, "the run has train.lr 0.0003, this command 0.1: ") != NULL);
    va_error_catch_end();
    va_error_catch_begin(line, sizeof(line));
    a.state.batches = 9; /* which 0 updates and 0 skipped do not explain */
    VA_CHECK(va_run_state_save(&a.state, path) == 0);
    VA_CHECK(va_tensors_set_meta(b.identity, "train.lr", "0.0003") == 0);
    VA_CHECK(va_run_state_load(&b.state, path) < 0);
    VA_CHECK(strstr(line, "counters contradict each other") != NULL);
    va_error_catch_end();
    drop(&a);
    drop(&b);
    va_backend_free(be);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    VA_TEST(an_epoch_holds_each_window_once);
    VA_TEST(the_order_is_a_function_of_seed_and_epoch);
    VA_TEST(presets_are_those_of_the_table);
    VA_TEST(options_override_presets_and_files);
    VA_TEST(save_every_takes_steps_and_times);
    VA_TEST(logs_begin_with_the_rows_they_have);
    VA_TEST(a_checkpoint_gives_back_what_it_was_given);
    VA_TEST(a_checkpoint_before_the_first_update);
    VA_TEST(a_checkpoint_of_another_run_is_refused);
    unlink(in_folder("val.tsv"));
    unlink(in_folder("m.state"));
    rmdir(folder);
    return va_test_finish();
}
