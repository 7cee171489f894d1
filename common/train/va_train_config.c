#include "train/va_train_config.h"

#include "base/va_error.h"
#include "nn/va_ccc.h"
#include <stddef.h>
#include <string.h>

const char *const va_select_names[] = { "best", "last", NULL };
const char *const va_decay_names[] = { "weights", "all", NULL };
const char *const va_validation_names[] = { "once", "windows", NULL };
const char *const va_loss_names[] = { "population", "sample", NULL };
const char *const va_draw_names[] = { "paper", "authors", NULL };

static const struct va_setting items[] = {
#define AT(field) offsetof(struct va_train_config, field)
    { "preset", VA_SETTING_CHOICE, AT(preset), va_preset_names, false, VA_SOURCE_DEFAULT },
    { "epochs", VA_SETTING_INT, AT(epochs), NULL, false, VA_SOURCE_PRESET },
    { "warmup-epochs", VA_SETTING_INT, AT(warmup_epochs), NULL, false, VA_SOURCE_PRESET },
    { "batch", VA_SETTING_INT, AT(batch), NULL, false, VA_SOURCE_PRESET },
    { "steps", VA_SETTING_INT, AT(steps), NULL, false, VA_SOURCE_DEFAULT },
    { "lr", VA_SETTING_REAL, AT(lr), NULL, false, VA_SOURCE_PRESET },
    { "schedule", VA_SETTING_CHOICE, AT(schedule), va_schedule_names, false, VA_SOURCE_PRESET },
    { "weight-decay", VA_SETTING_REAL, AT(weight_decay), NULL, false, VA_SOURCE_PRESET },
    { "decay", VA_SETTING_CHOICE, AT(decay), va_decay_names, false, VA_SOURCE_PRESET },
    { "dropout", VA_SETTING_REAL, AT(dropout), NULL, false, VA_SOURCE_PRESET },
    { "clip-norm", VA_SETTING_REAL, AT(clip), NULL, false, VA_SOURCE_PRESET },
    { "adam-eps", VA_SETTING_REAL, AT(adam_eps), NULL, false, VA_SOURCE_PRESET },
    { "moments", VA_SETTING_CHOICE, AT(loss), va_loss_names, false, VA_SOURCE_PRESET },
    { "loss-eps", VA_SETTING_REAL, AT(loss_eps), NULL, false, VA_SOURCE_PRESET },
    { "initial", VA_SETTING_CHOICE, AT(draw), va_draw_names, false, VA_SOURCE_PRESET },
    { "validation", VA_SETTING_CHOICE, AT(validation), va_validation_names, false,
      VA_SOURCE_PRESET },
    { "evaluations", VA_SETTING_INT, AT(evaluations), NULL, false, VA_SOURCE_PRESET },
    { "select", VA_SETTING_CHOICE, AT(select), va_select_names, false, VA_SOURCE_PRESET },
    { "shuffle", VA_SETTING_YESNO, AT(shuffle), NULL, false, VA_SOURCE_PRESET },
    { "lookahead", VA_SETTING_INT, AT(lookahead), NULL, true, VA_SOURCE_PRESET },
    { "temporal", VA_SETTING_CHOICE, AT(temporal), va_temporal_names, true, VA_SOURCE_PRESET },
    { "in-norm", VA_SETTING_YESNO, AT(in_norm), NULL, true, VA_SOURCE_PRESET },
    { "channels", VA_SETTING_INTS, AT(channels), NULL, true, VA_SOURCE_PRESET },
    { "kernel", VA_SETTING_INT, AT(kernel), NULL, true, VA_SOURCE_PRESET },
    { "layers", VA_SETTING_INT, AT(layers), NULL, true, VA_SOURCE_PRESET },
    { "d-state", VA_SETTING_INT, AT(d_state), NULL, true, VA_SOURCE_PRESET },
    { "d-conv", VA_SETTING_INT, AT(d_conv), NULL, true, VA_SOURCE_PRESET },
    { "expand", VA_SETTING_INT, AT(expand), NULL, true, VA_SOURCE_PRESET },
    { "heads", VA_SETTING_INT, AT(heads), NULL, true, VA_SOURCE_PRESET },
    { "mlp", VA_SETTING_INT, AT(mlp), NULL, true, VA_SOURCE_PRESET },
    { "hidden", VA_SETTING_INT, AT(hidden), NULL, true, VA_SOURCE_PRESET },
    { "seed", VA_SETTING_INT, AT(seed), NULL, false, VA_SOURCE_DEFAULT },
#undef AT
};
static const struct va_settings settings = { items, VA_COUNT(items) };
_Static_assert(VA_COUNT(items) <= VA_SETTINGS_MAX, "settings fit their sources");

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
        .draw = authors ? VA_HEAD_INIT_AUTHORS : VA_HEAD_INIT_PAPER,
        .validation = authors ? VA_VALIDATION_WINDOWS : VA_VALIDATION_ONCE,
        .evaluations = authors ? 4 : 1,
        .select = VA_SELECT_BEST,
        .shuffle = true,
        .in_norm = authors,
        .channels = { .items = { 1024, 768, 512, 256 }, .count = 4 },
        .kernel = 15,
        .layers = 4,
        .d_state = 8,
        .d_conv = 4,
        .expand = 1,
        .heads = 4,
        .hidden = 128,
        .seed = 42,
    };
    va_settings_begin(&settings, c->source);
}

void va_train_config_override(struct va_train_config *c, const struct va_train_config *options,
                              bool (*given)(const char *name))
{
    va_settings_override(&settings, c, c->source, options, given);
}

bool va_train_config_named(const struct va_train_config *c, const char *setting)
{
    return va_settings_named(&settings, c->source, setting);
}

/* The settings of shape as a head's configuration, and back. Without a TCN the last of the
 * channels is the width. */
static void to_head(const struct va_train_config *c, struct va_head_config *head)
{
    head->temporal = c->temporal;
    head->blocks = c->channels.count;
    for (int64_t i = 0; i < c->channels.count && i < VA_HEAD_BLOCKS_MAX; i++)
        head->channels[i] = head->width = c->channels.items[i];
    head->kernel = c->kernel;
    head->layers = c->layers;
    head->d_state = c->d_state;
    head->d_conv = c->d_conv;
    head->expand = c->expand;
    head->dt_rank = 0; /* as wide as usual */
    head->heads = c->heads;
    head->mlp = c->mlp;
    head->hidden = c->hidden;
    head->in_norm = c->in_norm;
    head->lookahead = c->lookahead;
    va_head_config_resolve(head);
}

static void from_head(struct va_train_config *c, const struct va_head_config *head)
{
    c->temporal = head->temporal;
    c->channels.count = head->blocks ? head->blocks : 1;
    c->channels.items[0] = head->width;
    for (int64_t i = 0; i < head->blocks; i++)
        c->channels.items[i] = head->channels[i];
    c->kernel = head->kernel;
    c->layers = head->layers;
    c->d_state = head->d_state;
    c->d_conv = head->d_conv;
    c->expand = head->expand;
    c->heads = head->heads;
    c->mlp = head->mlp;
    c->hidden = head->hidden;
    c->in_norm = head->in_norm;
    c->lookahead = head->lookahead;
}

/* Shapes are the file's; an option may repeat them, and --in-norm, which no shape tells, may
 * say otherwise. */
static int take_shape(struct va_train_config *c, struct va_head_config *head, const char *path)
{
    struct va_train_config file = *c;

    from_head(&file, head);
    for (int64_t i = 0; i < settings.count; i++) {
        const struct va_setting *s = &settings.items[i];
        char ours[256], theirs[256];

        if (!s->shape)
            continue;
        if (c->source[i] != VA_SOURCE_OPTION) {
            va_setting_copy(s, c, &file);
            c->source[i] = VA_SOURCE_FILE;
        } else if (s->offset == offsetof(struct va_train_config, in_norm)) {
            head->in_norm = c->in_norm;
        } else if (strcmp(va_setting_text(s, c, ours, sizeof(ours)),
                          va_setting_text(s, &file, theirs, sizeof(theirs)))) {
            return va_error("%s: %s is %s, expected %s as --%s says", path, s->name, theirs,
                            ours, s->name);
        }
    }
    return 0;
}

int va_train_config_head(struct va_train_config *c, int64_t in_dim,
                         const struct va_tensors *init, const char *path,
                         struct va_head_config *head)
{
    if (c->channels.count > VA_HEAD_BLOCKS_MAX)
        return va_error("--channels: %lld blocks, expected at most %d",
                        (long long)c->channels.count, VA_HEAD_BLOCKS_MAX);
    va_head_config_default(head);
    if (init) {
        if (va_head_config_load(head, init, path) < 0 || take_shape(c, head, path) < 0)
            return -1;
        if (head->in_dim != in_dim)
            return va_error("%s: expects %lld features per frame, but the windows have %lld",
                            path, (long long)head->in_dim, (long long)in_dim);
        return 0;
    }
    to_head(c, head);
    head->in_dim = in_dim;
    return va_head_config_check(head, "options");
}

void va_train_config_print(const struct va_train_config *c, const char *init, FILE *stream)
{
    va_settings_print(&settings, c, c->source, init, stream);
}

int va_train_config_store(const struct va_train_config *c, struct va_tensors *set)
{
    return va_settings_store(&settings, c, set);
}
