#include "jobs/va_train_config.h"

#include "base/va_error.h"
#include "ops/va_ccc_loss.h"
#include "ops/va_device.h"
#include "run/va_run_tool.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *const va_select_names[] = { "best", "last", NULL };
const char *const va_decay_names[] = { "weights", "all", NULL };
const char *const va_validation_names[] = { "once", "windows", NULL };
const char *const va_loss_names[] = { "population", "sample", NULL };
const char *const va_draw_names[] = { "paper", "authors", NULL };

#define AT(field) .offset = offsetof(struct va_train_config, field)
static const struct va_setting items[] = {
    { .option = VA_OPT_GROUP("training (defaults shown: preset paper)") },
    { VA_OPT_CHOICE(0, "preset", NULL, va_preset_names,
                    "protocol that sets the defaults of all options below"),
      AT(preset), .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_INT(0, "epochs", NULL, 1, 1e6, "number of passes over the windows"), AT(epochs) },
    { VA_OPT_INT(0, "warmup-epochs", NULL, 0, 1e6,
                 "epochs during which the learning rate rises"),
      AT(warmup_epochs) },
    { VA_OPT_INT(0, "batch", NULL, 1, 65536, "windows in a batch"), AT(batch) },
    { VA_OPT_STEPS, AT(steps), .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_REAL(0, "lr", NULL, 0, 1e30, "highest learning rate"), AT(lr) },
    { VA_OPT_CHOICE(0, "schedule", NULL, va_schedule_names, "learning rate schedule"),
      AT(schedule) },
    { VA_OPT_REAL(0, "weight-decay", NULL, 0, 1e6, "weight decay of AdamW"), AT(weight_decay) },
    { VA_OPT_CHOICE(0, "decay", NULL, va_decay_names,
                    "parameters that decay: weights (not A_log, D, norms and biases), or all"),
      AT(decay) },
    { VA_OPT_REAL(0, "dropout", NULL, 0, .999, "probability that an activation is dropped"),
      AT(dropout) },
    { VA_OPT_CLIP_NORM, AT(clip) },
    { VA_OPT_REAL(0, "adam-eps", NULL, 0, 1, "epsilon of AdamW"), AT(adam_eps) },
    { VA_OPT_CHOICE(0, "moments", NULL, va_loss_names,
                    "moments in the CCC loss: of a population or of a sample"),
      AT(loss) },
    { VA_OPT_REAL(0, "loss-eps", NULL, 0, 1, "epsilon of the loss with sample moments"),
      AT(loss_eps) },
    { VA_OPT_YESNO(0, "shuffle", NULL, "shuffle the windows in each epoch"), AT(shuffle) },
    { VA_OPT_CHOICE(
          0, "validation", NULL, va_validation_names,
          "count each labelled frame once, averaging overlapping windows, or once per "
          "window"),
      AT(validation) },
    { VA_OPT_INT(0, "evaluations", NULL, 1, 1e6, "validations in an epoch"), AT(evaluations) },
    { VA_OPT_SELECT, AT(select) },
    { VA_OPT_SEED(NULL), AT(seed), .otherwise = VA_SOURCE_DEFAULT },
    { .option = VA_OPT_GROUP("model (with --init: from the file)") },
    { VA_OPT_CHOICE(0, "initial", NULL, va_draw_names, "distribution of the initial weights"),
      AT(draw) },
    { .sub = &va_temporal_settings, AT(model), .shape = true },
    { VA_OPT_FLOAT_PRECISION(NULL), AT(precision), .otherwise = VA_SOURCE_DEFAULT },
};
#undef AT
const struct va_settings va_train_settings = { items, VA_COUNT(items) };
const struct va_settings va_train_training = { items, VA_COUNT(items) - 1 };

void va_train_config_preset(struct va_train_config *c, enum va_preset preset)
{
    bool authors = preset != VA_PRESET_PAPER, fold0 = preset == VA_PRESET_AUTHORS_FOLD0;

    *c = (struct va_train_config){
        .preset = preset,
        .epochs = 50,
        .warmup_epochs = 5,
        .batch = 16,
        .lr = authors && !fold0 ? 3e-5 : 3e-4,
        .weight_decay = fold0 ? 1e-2 : 1e-3,
        .dropout = authors && !fold0 ? .2 : .3,
        .clip = authors ? 1 : 0,
        .adam_eps = authors ? 1e-7 : 1e-8,
        .loss_eps = 1e-8,
        .schedule = authors ? VA_SCHEDULE_AUTHORS : VA_SCHEDULE_PAPER,
        .loss = authors ? VA_CCC_SAMPLE : VA_CCC_POPULATION,
        .decay = authors ? VA_DECAY_ALL : VA_DECAY_WEIGHTS,
        .draw = authors ? VA_TEMPORAL_INIT_AUTHORS : VA_TEMPORAL_INIT_PAPER,
        .validation = authors ? VA_VALIDATION_WINDOWS : VA_VALIDATION_ONCE,
        .evaluations = authors ? 4 : 1,
        .select = VA_SELECT_BEST,
        .shuffle = true,
        .seed = 42,
    };
    va_temporal_config_default(&c->model);
    c->model.in_norm = authors;
    va_settings_begin(&va_train_settings, c->source);
}

/* Shapes are the file's; an option may repeat them. --in-norm and --stream-dropout, which no shape tells, may
 * say otherwise. */
static int take_shape(struct va_train_config *c, struct va_temporal_config *model,
                      const char *path)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(&va_train_settings, list);
    struct va_train_config file = *c;

    file.model = *model;
    if (!model->blocks) /* the width stands in the place of channels */
        file.model.channels[file.model.blocks++] = model->width;
    for (int64_t i = 0; i < count; i++) {
        const struct va_setting *s = &list[i];
        char ours[256], theirs[256];

        if (!s->shape || !s->option.help)
            continue;
        if (c->source[i] != VA_SOURCE_OPTION) {
            va_setting_copy(s, c, &file);
            c->source[i] = VA_SOURCE_FILE;
        } else if (s->offset == offsetof(struct va_train_config, model.in_norm)) {
            model->in_norm = c->model.in_norm;
        } else if (s->offset == offsetof(struct va_train_config, model.stream_dropout)) {
            model->stream_dropout = c->model.stream_dropout;
        } else if (strcmp(va_setting_text(s, c, ours, sizeof(ours)),
                          va_setting_text(s, &file, theirs, sizeof(theirs)))) {
            return va_error("%s: %s is %s, expected %s as --%s says", path, s->option.name,
                            theirs, ours, s->option.name);
        }
    }
    return 0;
}

/* Options of streams that would do nothing. */
static int refuse_idle(const struct va_train_config *c, const struct va_temporal_config *model)
{
    if (va_settings_named(&va_train_settings, c->source, "stream-dropout") &&
        !model->streams.count)
        return va_error("options: stream-dropout: found %g, but the features are no named "
                        "streams (va-window --stream)",
                        model->stream_dropout);
    if (va_settings_named(&va_train_settings, c->source, "stream-width") &&
        model->fusion == VA_FUSION_NONE)
        return va_error("options: stream-width: found %lld, which is for --fusion concat and "
                        "cross: leave it out, or give a fusion",
                        (long long)model->stream_width);
    return 0;
}

/* Options of another temporal model: commands that compare models give them to all. */
static void tell_idle(const struct va_train_config *c, const struct va_temporal_config *model)
{
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(&va_train_settings, list);
    char text[400] = "";
    int n = 0;

    for (int64_t i = 0; i < count; i++) {
        const struct va_setting *s = &list[i];

        if (s->shape && s->option.help && c->source[i] == VA_SOURCE_OPTION &&
            s->offset != offsetof(struct va_train_config, model.channels_list) &&
            !va_temporal_has(model, s))
            n += snprintf(text + n, sizeof(text) - (size_t)n, "%s--%s", n ? ", " : "",
                          s->option.name);
    }
    if (n)
        va_info("without effect for --temporal %s: %s", va_temporal_names[model->temporal],
                text);
}

int va_train_config_model(struct va_train_config *c, int64_t in_dim,
                          const struct va_streams *streams, const struct va_tensors *init,
                          const char *path, struct va_temporal_config *model)
{
    if (init) {
        if (va_temporal_config_load(model, init, path) < 0 || take_shape(c, model, path) < 0)
            return -1;
        if (model->in_dim != in_dim)
            return va_error("%s: expects %lld features per frame, but the windows have %lld",
                            path, (long long)model->in_dim, (long long)in_dim);
        return 0;
    }
    *model = c->model;
    model->in_dim = in_dim;
    if (streams)
        model->streams = *streams;
    model->width = model->channels[model->blocks - 1]; /* also without a TCN */
    if (va_temporal_config_check(model, "options") < 0 || refuse_idle(c, model) < 0)
        return -1;
    tell_idle(c, model);
    return 0;
}
