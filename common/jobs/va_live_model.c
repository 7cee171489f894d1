#include "jobs/va_live_model.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_origin.h"
#include "media/va_resize.h"
#include "model/va_embedder.h"
#include "model/va_live.h"
#include "ops/va_device.h"
#include "weights/va_model_file.h"
#include <math.h>
#include <string.h>

struct va_live_model {
    struct va_live_model_options options;
    struct va_backend *be;
    struct va_embedder *embedder;
    struct va_intake intake;
    struct va_resize *resize;
    uint8_t *picture;             /* [side, side, 3] */
    float *cut, *rows;            /* [slots, numbers], [slots, width] */
    int64_t width;                /* of a row: features, or 2 of a rating */
    float *held;                  /* [slots, width] of each slot */
    struct va_temporal *temporal; /* NULL: the embedder rates */
    struct va_live **live;        /* [slots], made when first used */
    struct va_origin origin;      /* only its rates */
};

/* ---- opening ---------------------------------------------------------------------------- */

static bool is_temporal(const struct va_tensors *set)
{
    const char *arch = va_tensors_meta(set, "arch");

    return arch && !strcmp(arch, "mamba-va");
}

static int open_temporal(struct va_live_model *m, const struct va_tensors *set, const char *id)
{
    const struct va_live_model_options *o = &m->options;
    struct va_temporal_config c;

    if (va_temporal_config_load(&c, set, o->model) < 0)
        return -1;
    if (c.in_dim != va_embedder_width(m->embedder))
        return va_error("%s: expects %lld features per frame, but %s has %lld", o->model,
                        (long long)c.in_dim, o->encoder,
                        (long long)va_embedder_width(m->embedder));
    va_origin_load(&m->origin, set, o->model);
    if (m->origin.encoder && strcmp(m->origin.encoder, id) != 0 && !o->any_encoder)
        return va_error("%s: is encoder %s, expected %s as in %s (--any-encoder accepts it)",
                        o->encoder, id, m->origin.encoder, o->model);
    m->temporal = va_temporal_new(m->be, &c, VA_TEMPORAL_INIT_PAPER, false);
    if (!m->temporal || va_params_load(va_temporal_params(m->temporal), set, o->model) < 0)
        return -1;
    va_params_changed(va_temporal_params(m->temporal));
    m->live = va_new(o->slots, sizeof(struct va_live *));
    return m->live ? 0 : -1;
}

/* The embedder, and room for what it takes and gives. */
static int open_embedder(struct va_live_model *m, const struct va_tensors *set,
                         const char *path)
{
    const struct va_live_model_options *o = &m->options;

    m->embedder = va_embedder_new(m->be, set, path, o->slots);
    if (!m->embedder)
        return -1;
    m->intake = va_embedder_intake(m->embedder);
    m->width = o->encoder ? va_embedder_width(m->embedder) : 2;
    m->resize = va_resize_new(o->size, o->size, m->intake.side, m->intake.side);
    m->picture = va_new(m->intake.side * m->intake.side, 3);
    m->cut = va_new(o->slots * m->intake.numbers, sizeof(*m->cut));
    m->rows = va_new(o->slots * m->width, sizeof(*m->rows));
    m->held = va_new(o->slots * m->width, sizeof(*m->held));
    return m->resize && m->picture && m->cut && m->rows && m->held ? 0 : -1;
}

/* Whether these two models work together. */
static int check(const struct va_live_model *m, const struct va_tensors *model)
{
    const struct va_live_model_options *o = &m->options;

    if (is_temporal(model) && !o->encoder)
        return va_error(
            "%s: is a temporal model: name the encoder of its features with --encoder",
            o->model);
    if (!is_temporal(model) && o->encoder)
        return va_error(
            "%s: found a model of pictures, expected a temporal model on the features "
            "of %s",
            o->model, o->encoder);
    return 0;
}

static int open_models(struct va_live_model *m, const struct va_tensors *model)
{
    const struct va_live_model_options *o = &m->options;
    const char *note = va_tensors_meta(model, "note");
    struct va_tensors *encoder = NULL;
    char *id = NULL;
    int result = -1;

    if (check(m, model) < 0)
        return -1;
    if (note)
        va_warn("%s: %s", o->model, note);
    if (!o->encoder) {
        if (open_embedder(m, model, o->model) < 0)
            return -1;
        return va_embedder_rates(m->embedder)
                   ? 0
                   : va_error(
                         "%s: va_head.weight: tensor is missing, expected an encoder that "
                         "was fine-tuned (va-finetune), or --encoder with a temporal model",
                         o->model);
    }
    encoder = va_model_open(o->encoder, &id);
    if (encoder && open_embedder(m, encoder, o->encoder) == 0 && m->width == 0)
        va_error("%s: found a net that rates pictures, expected an encoder with features",
                 o->encoder);
    else if (m->width)
        result = open_temporal(m, model, id);
    va_tensors_free(encoder);
    va_free(id);
    return result;
}

struct va_live_model *va_live_model_new(const struct va_live_model_options *options)
{
    struct va_live_model *m = va_new(1, sizeof(*m));
    struct va_tensors *model;

    if (!m)
        return NULL;
    m->options = *options;
    model = va_model_open(options->model, NULL);
    m->be = model ? va_device_open(options->device) : NULL;
    if (m->be) {
        m->be->precision = (enum va_precision)options->precision;
        if (open_models(m, model) == 0) {
            va_tensors_free(model);
            return m;
        }
    }
    va_tensors_free(model);
    va_live_model_free(m);
    return NULL;
}

void va_live_model_free(struct va_live_model *m)
{
    if (!m)
        return;
    for (int64_t i = 0; m->live && i < m->options.slots; i++)
        va_live_free(m->live[i]);
    va_free(m->live);
    va_temporal_free(m->temporal);
    va_embedder_free(m->embedder);
    va_backend_free(m->be);
    va_resize_free(m->resize);
    va_free(m->picture);
    va_free(m->cut);
    va_free(m->rows);
    va_free(m->held);
    va_free(m);
}

int64_t va_live_model_ahead(const struct va_live_model *m)
{
    return m->temporal ? va_temporal_config(m->temporal)->lookahead : 0;
}

bool va_live_model_far(const struct va_live_model *m, double fps)
{
    return va_origin_is_far(&m->origin, fps);
}

/* ---- frames ----------------------------------------------------------------------------- */

int va_live_model_begin(struct va_live_model *m, int64_t slot)
{
    if (!m->temporal)
        return 0;
    if (m->live[slot])
        va_live_reset(m->live[slot]);
    else
        m->live[slot] = va_live_new(m->temporal);
    return m->live[slot] ? 0 : -1;
}

int va_live_model_see(struct va_live_model *m, int64_t count, const int64_t *slots,
                      const uint8_t *const *crops)
{
    for (int64_t i = 0; i < count; i++) {
        va_resize_run(m->resize, crops[i], m->picture);
        m->intake.cut(m->intake.model, m->picture, m->cut + i * m->intake.numbers);
    }
    if (count > 0 && (m->temporal ? va_embedder_run(m->embedder, count, m->cut, m->rows)
                                  : va_embedder_rate(m->embedder, count, m->cut, m->rows)) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        memcpy(m->held + slots[i] * m->width, m->rows + i * m->width,
               (size_t)m->width * sizeof(*m->held));
    return 0;
}

int va_live_model_step(struct va_live_model *m, int64_t slot, float *va)
{
    const float *held = m->held + slot * m->width;

    if (!m->temporal)
        memcpy(va, held, 2 * sizeof(*va));
    else if (va_live_frame(m->live[slot], held, va) < 0)
        return -1;
    for (int d = 0; d < 2; d++) {
        if (!isfinite(va[d]))
            return va_error_machine("%s: %s is not finite", m->options.model,
                                    d ? "arousal" : "valence");
        va[d] = fminf(1, fmaxf(-1, va[d]));
    }
    return 0;
}
