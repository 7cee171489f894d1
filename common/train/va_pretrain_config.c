#include "train/va_pretrain.h"

#include "base/va_error.h"
#include "io/va_model_file.h"
#include "nn/va_arch.h"
#include "ops/va_device.h"
#include <stdio.h>

/* The first ones are the sizes of the encoder, then of the decoder. No metadata of the model tell all
 * of them, so that they are kept with the other settings. */
enum { ENCODER_SIZES = 6, SIZES = 9 };

static const struct va_setting items[] = {
#define AT(field) offsetof(struct va_pretrain_config, field)
#define INT(name, field)                                                \
    {                                                                   \
        name, VA_SETTING_INT, AT(field), NULL, false, VA_SOURCE_DEFAULT \
    }
#define REAL(name, field)                                                \
    {                                                                    \
        name, VA_SETTING_REAL, AT(field), NULL, false, VA_SOURCE_DEFAULT \
    }
#define YESNO(name, field)                                                \
    {                                                                     \
        name, VA_SETTING_YESNO, AT(field), NULL, false, VA_SOURCE_DEFAULT \
    }
    INT("image", image),
    INT("patch", patch),
    INT("width", width),
    INT("depth", depth),
    INT("heads", heads),
    INT("mlp", mlp),
    INT("decoder-width", decoder_width),
    INT("decoder-depth", decoder_depth),
    INT("decoder-heads", decoder_heads),
    INT("epochs", epochs),
    INT("warmup-epochs", warmup_epochs),
    INT("steps", steps),
    INT("batch", batch),
    INT("accumulate", accumulate),
    REAL("blr", blr),
    REAL("lr", lr),
    REAL("min-lr", min_lr),
    REAL("weight-decay", weight_decay),
    REAL("clip-norm", clip),
    REAL("mask-ratio", mask_ratio),
    YESNO("norm-pix", norm_pix),
    REAL("crop", augment.scale[0]),
    REAL("flip", augment.flip),
    REAL("brightness", augment.brightness),
    REAL("contrast", augment.contrast),
    REAL("saturation", augment.saturation),
    REAL("hue", augment.hue),
    INT("every", every),
    YESNO("keep-decoder", keep_decoder),
    { "precision", VA_SETTING_CHOICE, AT(precision), va_precision_names, false,
      VA_SOURCE_DEFAULT },
    INT("seed", seed),
#undef AT
#undef INT
#undef REAL
#undef YESNO
};
const struct va_settings va_pretrain_settings = { items, VA_COUNT(items) };
_Static_assert(VA_COUNT(items) <= VA_PRETRAIN_SETTINGS_MAX, "settings fit their sources");

static void to_model(const struct va_pretrain_config *c, struct va_mae_config *m)
{
    m->encoder.image = c->image;
    m->encoder.patch = c->patch;
    m->encoder.width = c->width;
    m->encoder.depth = c->depth;
    m->encoder.heads = c->heads;
    m->encoder.mlp = c->mlp;
    m->width = c->decoder_width;
    m->depth = c->decoder_depth;
    m->heads = c->decoder_heads;
}

static void from_encoder(struct va_pretrain_config *c, const struct va_vit_config *e)
{
    c->image = e->image;
    c->patch = e->patch;
    c->width = e->width;
    c->depth = e->depth;
    c->heads = e->heads;
    c->mlp = e->mlp;
}

void va_pretrain_config_default(struct va_pretrain_config *c)
{
    struct va_mae_config m;

    va_mae_config_default(&m);
    *c = (struct va_pretrain_config){
        .arch = VA_ARCH_VIT_BASE,
        .decoder_width = m.width,
        .decoder_depth = m.depth,
        .decoder_heads = m.heads,
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
    struct va_pretrain_config arch = *c;
    struct va_vit_config e;

    va_arch_encoder((enum va_arch)c->arch, &e);
    if (c->width) {
        e.heads = c->width < 64 ? 1 : c->width / 64;
        e.mlp = 4 * c->width;
    }
    from_encoder(&arch, &e);
    for (int64_t i = 0; i < ENCODER_SIZES; i++)
        if (*(int64_t *)(void *)((char *)c + items[i].offset) == 0)
            va_setting_copy(&items[i], c, &arch);
}

/* The file decides. Of the decoder only if it has one. */
static int take_file(struct va_pretrain_config *c, const struct va_tensors *init,
                     const char *path, struct va_mae_config *model)
{
    bool decoder = va_tensors_find(init, "decoder_embed.weight") != NULL;

    if ((decoder ? va_mae_config_load(model, init, path)
                 : va_vit_config_load(&model->encoder, init, path)) < 0)
        return -1;
    from_encoder(c, &model->encoder);
    if (decoder) {
        c->decoder_width = model->width;
        c->decoder_depth = model->depth;
        c->decoder_heads = model->heads;
    }
    for (int64_t i = 0; i < (decoder ? SIZES : ENCODER_SIZES); i++) {
        if (c->source[i] == VA_SOURCE_OPTION)
            return va_error(
                "%s: --%s conflicts with --init: the file already fixes the model's "
                "size",
                path, items[i].name);
        c->source[i] = VA_SOURCE_FILE;
    }
    return 0;
}

int va_pretrain_config_resolve(struct va_pretrain_config *c, const struct va_tensors *init,
                               const char *path, struct va_mae_config *model)
{
    va_mae_config_default(model);
    if (!init)
        take_arch(c);
    else if (take_file(c, init, path, model) < 0)
        return -1;
    to_model(c, model);
    if (!named(c, "warmup-epochs"))
        c->warmup_epochs = c->epochs / 20;
    if (c->lr == 0)
        c->lr = c->blr * (double)(c->batch * c->accumulate) / 256;
    if (c->min_lr > c->lr)
        return va_error("--min-lr %g is above the learning rate, %g", c->min_lr, c->lr);
    if (c->width % 4)
        return va_error("%s: width is %lld, expected a multiple of 4", init ? path : "options",
                        (long long)c->width);
    return va_mae_config_check(model, init ? path : "options");
}

int va_pretrain_config_show(const struct va_pretrain_job *job)
{
    struct va_pretrain_config c = job->config;
    struct va_tensors *init = job->init ? va_model_read(job->init, NULL) : NULL;
    struct va_mae_config model;
    int status = -1;

    if ((!job->init || init) && va_pretrain_config_resolve(&c, init, job->init, &model) == 0) {
        printf("setting\tvalue\tsource\n");
        va_settings_print(&va_pretrain_settings, &c, c.source, job->init, stdout);
        printf("beta1\t%g\tfixed\nbeta2\t%g\tfixed\nadam-eps\t%g\tfixed\n", VA_PRETRAIN_BETA1,
               VA_PRETRAIN_BETA2, VA_PRETRAIN_EPS);
        status = 0;
    }
    va_tensors_free(init);
    return status;
}
