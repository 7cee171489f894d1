#include "jobs/va_pretrain.h"

#include "base/va_error.h"
#include "media/va_source.h"
#include "model/va_arch.h"
#include "ops/va_device.h"
#include "run/va_run_tool.h"
#include "weights/va_model_file.h"
#include <stdio.h>

/* No metadata of the model tell all sizes, so that they are kept with the other settings. The encoder's
 * come first. */
static const struct va_setting sizes[] = {
    { .sub = &va_vit_settings, .offset = offsetof(struct va_mae_config, encoder) },
    { .sub = &va_mae_settings },
};
const struct va_settings va_pretrain_sizes = { sizes, VA_COUNT(sizes) };

#define AT(field) .offset = offsetof(struct va_pretrain_config, field)
static const struct va_setting training[] = {
    { .option = VA_OPT_GROUP("training") },
    { VA_OPT_INT(0, "epochs", NULL, 1, 1e6, "number of passes over the pictures"), AT(epochs) },
    { VA_OPT_INT(0, "warmup-epochs", NULL, 0, 1e6,
                 "epochs during which the learning rate rises (default: a 20th of all epochs)"),
      AT(warmup_epochs) },
    { VA_OPT_INT(0, "batch", NULL, 1, 65536, "pictures in a batch"), AT(batch) },
    { VA_OPT_INT(0, "accumulate", NULL, 1, 65536,
                 "number of batches in an update, computed one after the other"),
      AT(accumulate) },
    { VA_OPT_STEPS, AT(steps) },
    { VA_OPT_REAL(0, "blr", NULL, 0, 1e30,
                  "learning rate per 256 pictures of an update, used if --lr is 0"),
      AT(blr) },
    { VA_OPT_REAL(0, "lr", NULL, 0, 1e30,
                  "highest learning rate; 0: --blr times the pictures of an update / 256"),
      AT(lr) },
    { VA_OPT_MIN_LR, AT(min_lr) },
    { VA_OPT_WEIGHT_DECAY, AT(weight_decay) },
    { VA_OPT_CLIP_NORM, AT(clip) },
    { VA_OPT_REAL(0, "mask-ratio", NULL, 0, 1, "share of the patches that are hidden"),
      AT(mask_ratio) },
    { VA_OPT_YESNO(0, "norm-pix", NULL,
                   "normalise the pixels of each patch to zero mean and unit deviation"),
      AT(norm_pix) },
    { VA_OPT_SEED(NULL), AT(seed) },
};
const struct va_settings va_pretrain_training = { training, VA_COUNT(training) };

static const struct va_setting items[] = {
    { .sub = &va_pretrain_sizes, AT(model), .otherwise = VA_SOURCE_DEFAULT },
    { .sub = &va_pretrain_training, .otherwise = VA_SOURCE_DEFAULT },
    { .sub = &va_augment_settings, AT(augment), .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_INT(0, "every", NULL, 1, VA_NUMBER_MAX,
                 "use every N-th picture of a video: 1, 1 + N, ..."),
      AT(every), .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_FLAG(0, "keep-decoder", NULL,
                  "write the decoder too, so that --init can continue with both"),
      AT(keep_decoder), .otherwise = VA_SOURCE_DEFAULT },
    { VA_OPT_FLOAT_PRECISION(NULL), AT(precision), .otherwise = VA_SOURCE_DEFAULT },
};
#undef AT
const struct va_settings va_pretrain_settings = { items, VA_COUNT(items) };

void va_pretrain_config_default(struct va_pretrain_config *c)
{
    *c = (struct va_pretrain_config){
        .arch = VA_ARCH_VIT_BASE,
        .epochs = 800,
        .warmup_epochs = 40,
        .batch = 64,
        .accumulate = 1,
        .blr = 1.5e-4,
        .weight_decay = .05,
        .mask_ratio = .75,
        .norm_pix = true,
        .augment = { .scale = { .2, 1 }, .flip = .5 },
        .every = 1,
        .seed = 42,
    };
    va_mae_config_default(&c->model);
    for (int64_t i = 0; i < va_vit_settings.count; i++)
        *va_vit_size(&c->model.encoder, i) = 0;
    va_settings_begin(&va_pretrain_settings, c->source);
}

static bool named(const struct va_pretrain_config *c, const char *name)
{
    return va_settings_named(&va_pretrain_settings, c->source, name);
}

/* Sizes that are 0 are those of `arch`; with another width heads of 64 and an MLP of four
 * times that width. */
static void take_arch(struct va_pretrain_config *c)
{
    struct va_vit_config *own = &c->model.encoder, e;

    va_arch_encoder((enum va_arch)c->arch, &e);
    if (own->width) {
        e.heads = own->width < 64 ? 1 : own->width / 64;
        e.mlp = 4 * own->width;
    }
    for (int64_t i = 0; i < va_vit_settings.count; i++)
        if (*va_vit_size(own, i) == 0)
            *va_vit_size(own, i) = *va_vit_size(&e, i);
}

/* The file decides. Of the decoder only if it has one. */
static int take_file(struct va_pretrain_config *c, const struct va_tensors *init,
                     const char *path)
{
    bool decoder = va_tensors_find(init, "decoder_embed.weight") != NULL;
    struct va_setting list[VA_SETTINGS_MAX];
    int64_t count = va_settings_list(decoder ? &va_pretrain_sizes : &va_vit_settings, list);

    if ((decoder ? va_mae_config_load(&c->model, init, path)
                 : va_vit_config_load(&c->model.encoder, init, path)) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        if (c->source[i] == VA_SOURCE_OPTION) /* sizes are the first settings */
            return va_error(
                "%s: --%s conflicts with --init: the file already fixes the model's "
                "size",
                path, list[i].option.name);
        c->source[i] = VA_SOURCE_FILE;
    }
    return 0;
}

int va_pretrain_config_resolve(struct va_pretrain_config *c, const struct va_tensors *init,
                               const char *path)
{
    if (!init)
        take_arch(c);
    else if (take_file(c, init, path) < 0)
        return -1;
    if (!named(c, "warmup-epochs"))
        c->warmup_epochs = c->epochs / 20;
    if (c->lr == 0)
        c->lr = c->blr * (double)(c->batch * c->accumulate) / 256;
    if (c->min_lr > c->lr)
        return va_error("--min-lr %g is above the learning rate, %g", c->min_lr, c->lr);
    if (c->model.encoder.width % 4)
        return va_error("%s: width is %lld, expected a multiple of 4", init ? path : "options",
                        (long long)c->model.encoder.width);
    return va_mae_config_check(&c->model, init ? path : "options");
}

int va_pretrain_config_show(const struct va_pretrain_job *job)
{
    struct va_pretrain_config c = job->config;
    struct va_tensors *init = job->init ? va_model_open(job->init, NULL) : NULL;
    int status = -1;

    if ((!job->init || init) && va_pretrain_config_resolve(&c, init, job->init) == 0) {
        printf("setting\tvalue\tsource\n");
        va_settings_print(&va_pretrain_settings, &c, c.source, job->init, stdout);
        printf("beta1\t%g\tfixed\nbeta2\t%g\tfixed\nadam-eps\t%g\tfixed\n", VA_PRETRAIN_BETA1,
               VA_PRETRAIN_BETA2, VA_PRETRAIN_EPS);
        status = 0;
    }
    va_tensors_free(init);
    return status;
}
