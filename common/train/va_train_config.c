#include "train/va_train_config.h"

#include "base/va_error.h"
#include "nn/va_ccc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char *const va_select_names[] = { "best", "last", NULL };
const char *const va_decay_names[] = { "weights", "all", NULL };
const char *const va_validation_names[] = { "once", "windows", NULL };
const char *const va_loss_names[] = { "population", "sample", NULL };
const char *const va_draw_names[] = { "paper", "authors", NULL };

enum kind { INT, REAL, YESNO, CHOICE, INTS };

static const struct setting {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *const *names; /* of a choice */
    bool shape;               /* of the model: with --init the file's */
    enum va_source otherwise; /* where it comes from when no option says it */
} settings[] = {
#define AT(field) offsetof(struct va_train_config, field)
    { "preset", CHOICE, AT(preset), va_preset_names, false, VA_SOURCE_DEFAULT },
    { "epochs", INT, AT(epochs), NULL, false, VA_SOURCE_PRESET },
    { "warmup-epochs", INT, AT(warmup_epochs), NULL, false, VA_SOURCE_PRESET },
    { "batch", INT, AT(batch), NULL, false, VA_SOURCE_PRESET },
    { "steps", INT, AT(steps), NULL, false, VA_SOURCE_DEFAULT },
    { "lr", REAL, AT(lr), NULL, false, VA_SOURCE_PRESET },
    { "schedule", CHOICE, AT(schedule), va_schedule_names, false, VA_SOURCE_PRESET },
    { "weight-decay", REAL, AT(weight_decay), NULL, false, VA_SOURCE_PRESET },
    { "decay", CHOICE, AT(decay), va_decay_names, false, VA_SOURCE_PRESET },
    { "dropout", REAL, AT(dropout), NULL, false, VA_SOURCE_PRESET },
    { "clip", REAL, AT(clip), NULL, false, VA_SOURCE_PRESET },
    { "adam-eps", REAL, AT(adam_eps), NULL, false, VA_SOURCE_PRESET },
    { "loss", CHOICE, AT(loss), va_loss_names, false, VA_SOURCE_PRESET },
    { "loss-eps", REAL, AT(loss_eps), NULL, false, VA_SOURCE_PRESET },
    { "draw", CHOICE, AT(draw), va_draw_names, false, VA_SOURCE_PRESET },
    { "validation", CHOICE, AT(validation), va_validation_names, false, VA_SOURCE_PRESET },
    { "evaluations", INT, AT(evaluations), NULL, false, VA_SOURCE_PRESET },
    { "select", CHOICE, AT(select), va_select_names, false, VA_SOURCE_PRESET },
    { "shuffle", YESNO, AT(shuffle), NULL, false, VA_SOURCE_PRESET },
    { "lookahead", INT, AT(lookahead), NULL, true, VA_SOURCE_PRESET },
    { "temporal", CHOICE, AT(temporal), va_temporal_names, true, VA_SOURCE_PRESET },
    { "in-norm", YESNO, AT(in_norm), NULL, true, VA_SOURCE_PRESET },
    { "channels", INTS, AT(channels), NULL, true, VA_SOURCE_PRESET },
    { "kernel", INT, AT(kernel), NULL, true, VA_SOURCE_PRESET },
    { "layers", INT, AT(layers), NULL, true, VA_SOURCE_PRESET },
    { "d-state", INT, AT(d_state), NULL, true, VA_SOURCE_PRESET },
    { "d-conv", INT, AT(d_conv), NULL, true, VA_SOURCE_PRESET },
    { "expand", INT, AT(expand), NULL, true, VA_SOURCE_PRESET },
    { "heads", INT, AT(heads), NULL, true, VA_SOURCE_PRESET },
    { "mlp", INT, AT(mlp), NULL, true, VA_SOURCE_PRESET },
    { "hidden", INT, AT(hidden), NULL, true, VA_SOURCE_PRESET },
    { "seed", INT, AT(seed), NULL, false, VA_SOURCE_DEFAULT },
#undef AT
};
_Static_assert(VA_COUNT(settings) <= VA_SETTINGS_MAX, "settings fit their sources");

static size_t size_of(const struct setting *s)
{
    switch (s->kind) {
    case INT: return sizeof(int64_t);
    case REAL: return sizeof(double);
    case YESNO: return sizeof(bool);
    case CHOICE: return sizeof(int);
    case INTS: return sizeof(struct va_ints);
    }
    return 0;
}

static const void *at(const struct va_train_config *c, const struct setting *s)
{
    return (const char *)c + s->offset;
}

/* Values as text that reads back to the same value. */
static const char *text_of(const struct va_train_config *c, const struct setting *s,
                           char *buffer, size_t size)
{
    size_t n = 0;

    buffer[0] = 0;
    switch (s->kind) {
    case INT: snprintf(buffer, size, "%lld", (long long)*(const int64_t *)at(c, s)); break;
    case REAL: {
        double x = *(const double *)at(c, s);

        snprintf(buffer, size, "%.15g", x);
        if (strtod(buffer, NULL) != x)
            snprintf(buffer, size, "%.17g", x);
        break;
    }
    case YESNO: snprintf(buffer, size, "%s", *(const bool *)at(c, s) ? "yes" : "no"); break;
    case CHOICE: snprintf(buffer, size, "%s", s->names[*(const int *)at(c, s)]); break;
    case INTS: {
        const struct va_ints *list = at(c, s);

        for (int64_t i = 0; i < list->count && n < size; i++)
            n += (size_t)snprintf(buffer + n, size - n, "%s%lld", i ? "," : "",
                                  (long long)list->items[i]);
        break;
    }
    }
    return buffer;
}

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
    for (size_t i = 0; i < VA_COUNT(settings); i++)
        c->source[i] = (unsigned char)settings[i].otherwise;
}

void va_train_config_override(struct va_train_config *c, const struct va_train_config *options,
                              bool (*given)(const char *name))
{
    for (size_t i = 0; i < VA_COUNT(settings); i++)
        if (given(settings[i].name)) {
            memcpy((char *)c + settings[i].offset, at(options, &settings[i]),
                   size_of(&settings[i]));
            c->source[i] = VA_SOURCE_OPTION;
        }
}

bool va_train_config_named(const struct va_train_config *c, const char *setting)
{
    for (size_t i = 0; i < VA_COUNT(settings); i++)
        if (strcmp(settings[i].name, setting) == 0)
            return c->source[i] == VA_SOURCE_OPTION;
    return false;
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
    for (size_t i = 0; i < VA_COUNT(settings); i++) {
        const struct setting *s = &settings[i];
        char ours[256], theirs[256];

        if (!s->shape)
            continue;
        if (c->source[i] != VA_SOURCE_OPTION) {
            memcpy((char *)c + s->offset, at(&file, s), size_of(s));
            c->source[i] = VA_SOURCE_FILE;
        } else if (s->offset == offsetof(struct va_train_config, in_norm)) {
            head->in_norm = c->in_norm;
        } else if (strcmp(text_of(c, s, ours, sizeof(ours)),
                          text_of(&file, s, theirs, sizeof(theirs)))) {
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
            return va_error("%s: made for features of %lld numbers, expected %lld as in the "
                            "windows",
                            path, (long long)head->in_dim, (long long)in_dim);
        return 0;
    }
    to_head(c, head);
    head->in_dim = in_dim;
    return va_head_config_check(head, "options");
}

void va_train_config_print(const struct va_train_config *c, const char *init, FILE *stream)
{
    static const char *const sources[] = { "preset", "default", "option" };
    char value[256];

    for (size_t i = 0; i < VA_COUNT(settings); i++)
        fprintf(stream, "%s\t%s\t%s\n", settings[i].name,
                text_of(c, &settings[i], value, sizeof(value)),
                c->source[i] == VA_SOURCE_FILE ? init : sources[c->source[i]]);
}

int va_train_config_store(const struct va_train_config *c, struct va_tensors *set)
{
    char key[64], value[256];

    for (size_t i = 0; i < VA_COUNT(settings); i++) {
        if (settings[i].shape)
            continue;
        snprintf(key, sizeof(key), "train.%s", settings[i].name);
        if (va_tensors_set_meta(set, key, text_of(c, &settings[i], value, sizeof(value))) < 0)
            return -1;
    }
    return 0;
}
