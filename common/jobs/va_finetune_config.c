#include "jobs/va_finetune.h"

#include "feed/va_rated.h"
#include "jobs/va_train_config.h"
#include "model/va_rater.h"
#include "ops/va_device.h"
#include "run/va_run_tool.h"

const char *const va_finetune_loss_names[] = { "ccc", "mse", "mix", NULL };

#define AT(field) .offset = offsetof(struct va_finetune_config, field)
static const struct va_setting training[] = {
    { .option = VA_OPT_GROUP("training") },
    { VA_OPT_INT(0, "freeze-blocks", NULL, -1, VA_VIT_DEPTH_MAX,
                 "number of lower blocks that are not trained; 0: all are trained; -1: two "
                 "thirds are not"),
      AT(freeze) },
    { VA_OPT_INT(0, "epochs", NULL, 1, 1e6, "number of passes over the training videos"),
      AT(epochs) },
    { VA_OPT_INT(0, "warmup-epochs", NULL, 0, 1e6,
                 "epochs during which the learning rate rises"),
      AT(warmup_epochs) },
    { VA_OPT_INT(0, "per-video", NULL, 1, 1e6,
                 "pictures of each video in an epoch, spread over its length"),
      AT(per_video) },
    { VA_OPT_INT(0, "batch", NULL, 2, 65536, "pictures in a batch"), AT(batch) },
    { VA_OPT_STEPS, AT(steps) },
    { VA_OPT_REAL(0, "lr", NULL, 0, 1e30, "highest learning rate of the heads"), AT(lr) },
    { VA_OPT_MIN_LR, AT(min_lr) },
    { VA_OPT_REAL(0, "layer-decay", NULL, 1e-6, 1,
                  "learning rate of a block divided by that of the block above"),
      AT(layer_decay) },
    { VA_OPT_WEIGHT_DECAY, AT(weight_decay) },
    { VA_OPT_REAL(0, "drop-path", NULL, 0, .999,
                  "probability that the branches of the last block are dropped"),
      AT(drop_path) },
    { VA_OPT_CLIP_NORM, AT(clip) },
    { VA_OPT_CHOICE(0, "loss", NULL, va_finetune_loss_names,
                    "loss: 1 - CCC of the batch, mean squared error, or a mix"),
      AT(loss) },
    { VA_OPT_REAL(0, "mix", NULL, 0, 1, "share of the CCC in --loss mix"), AT(mix) },
    { VA_OPT_INT(0, "classes", NULL, 2, VA_CLASSES_MAX, "number of expression classes"),
      AT(classes) },
    { VA_OPT_REAL(0, "expr-weight", NULL, 0, 1e6,
                  "weight of the expression loss (cross-entropy)"),
      AT(expr_weight) },
    { VA_OPT_CHOICE(0, "unmatched", NULL, va_unmatched_names,
                    "pictures without a label row: refuse; skip a few (numbers within 1.5 "
                    "times); allow: skip any number"),
      AT(unmatched) },
    { VA_OPT_INT(0, "val-every", NULL, 1, 1e6,
                 "use every N-th labelled picture of a validation video: 1, 1 + N, ..."),
      AT(val_every) },
    { VA_OPT_SELECT, AT(select) },
    { VA_OPT_SEED(NULL), AT(seed) },
};
const struct va_settings va_finetune_training = { training, VA_COUNT(training) };

static const struct va_setting items[] = {
    { .sub = &va_finetune_training, .otherwise = VA_SOURCE_DEFAULT },
    { .sub = &va_augment_settings, AT(augment), .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_FLOAT_PRECISION(NULL), AT(precision), .otherwise = VA_SOURCE_DEFAULT },
};
#undef AT
const struct va_settings va_finetune_settings = { items, VA_COUNT(items) };

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
