#include "train/va_finetune.h"

#include "ops/va_device.h"
#include "train/va_rated.h"
#include "train/va_train_config.h"

const char *const va_finetune_loss_names[] = { "ccc", "mse", "mix", NULL };

static const struct va_setting items[] = {
#define AT(field) offsetof(struct va_finetune_config, field)
#define INT(name, field)                                                \
    {                                                                   \
        name, VA_SETTING_INT, AT(field), NULL, false, VA_SOURCE_DEFAULT \
    }
#define REAL(name, field)                                                \
    {                                                                    \
        name, VA_SETTING_REAL, AT(field), NULL, false, VA_SOURCE_DEFAULT \
    }
#define CHOICE(name, field, names)                                          \
    {                                                                       \
        name, VA_SETTING_CHOICE, AT(field), names, false, VA_SOURCE_DEFAULT \
    }
    INT("freeze-blocks", freeze),
    INT("epochs", epochs),
    INT("warmup-epochs", warmup_epochs),
    INT("steps", steps),
    INT("batch", batch),
    INT("per-video", per_video),
    REAL("lr", lr),
    REAL("min-lr", min_lr),
    REAL("layer-decay", layer_decay),
    REAL("weight-decay", weight_decay),
    REAL("drop-path", drop_path),
    REAL("clip-norm", clip),
    CHOICE("loss", loss, va_finetune_loss_names),
    REAL("mix", mix),
    REAL("expr-weight", expr_weight),
    INT("classes", classes),
    REAL("crop", augment.scale[0]),
    REAL("flip", augment.flip),
    REAL("brightness", augment.brightness),
    REAL("contrast", augment.contrast),
    REAL("saturation", augment.saturation),
    REAL("hue", augment.hue),
    INT("val-every", val_every),
    CHOICE("unmatched", unmatched, va_unmatched_names),
    CHOICE("select", select, va_select_names),
    CHOICE("precision", precision, va_precision_names),
    INT("seed", seed),
#undef AT
#undef INT
#undef REAL
#undef CHOICE
};
const struct va_settings va_finetune_settings = { items, VA_COUNT(items) };
_Static_assert(VA_COUNT(items) <= VA_FINETUNE_SETTINGS_MAX, "settings fit their sources");

void va_finetune_config_default(struct va_finetune_config *c)
{
    *c = (struct va_finetune_config){
        .freeze = -1,
        .epochs = 20,
        .warmup_epochs = 2,
        .batch = 64,
        .per_video = 200,
        .lr = 5e-4,
        .min_lr = 1e-6,
        .layer_decay = .75,
        .weight_decay = .05,
        .drop_path = .1,
        .mix = .5,
        .expr_weight = 1,
        .classes = 8,
        .augment = { .scale = { .8, 1 },
                     .flip = .5,
                     .brightness = .2,
                     .contrast = .2,
                     .saturation = .2 },
        .val_every = 1,
        .select = VA_SELECT_BEST,
        .seed = 42,
    };
    va_settings_begin(&va_finetune_settings, c->source);
}
