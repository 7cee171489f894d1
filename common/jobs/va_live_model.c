#include "jobs/va_live_model.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_origin.h"
#include "jobs/va_models.h"
#include "media/va_resize.h"
#include "model/va_embedder.h"
#include "model/va_live.h"
#include "ops/va_device.h"
#include "ops/va_precision.h"
#include <math.h>
#include <string.h>

struct va_live_model {
    struct va_live_model_options options;
    struct va_backend *be;
    struct va_embedder *embedder; /* NULL: features come as they are */
    struct va_intake intake;
    struct va_resize *resize;        /* of crops of */
    int64_t crop_width, crop_height; /* this size, that of the last ones */
    uint8_t *picture;                /* [side, side, 3] */
    float *cut, *rows;               /* [slots, numbers], [slots, width] */
    int64_t width;                   /* of a row: features, or 2 of a rating */
    float *held;                     /* [slots, width] of each slot */
    bool *seen;                      /* [slots] in the frame that comes next */
    float *row;   /* what the temporal model gets: [its in_dim], zeros but from */
    int64_t from; /* this column on, */
    bool streams; /* where a column follows that tells whether the slot was seen */
    struct va_temporal *temporal; /* NULL: the embedder rates */
    struct va_live **live;        /* [slots], made when first used */
    struct va_origin origin;      /* only its rates */
};

/* ---- opening ---------------------------------------------------------------------------- */

static int open_temporal(struct va_live_model *m, const struct va_tensors *set)
{
    const struct va_live_model_options *o = &m->options;
    struct va_temporal_config c;

    if (va_temporal_config_load(&c, set, o->model) < 0)
        return -1;
    va_origin_load(&m->origin, set, o->model, &c.streams);
    m->temporal = va_temporal_new(m->be, &c, VA_TEMPORAL_INIT_PAPER, false);
    if (!m->temporal || va_params_load(va_temporal_params(m->temporal), set, o->model) < 0)
        return -1;
    va_params_changed(va_temporal_params(m->temporal));
    m->streams = c.streams.count;
    for (int64_t k = 0; k < c.streams.count && strcmp(c.streams.items[k].name, o->stream); k++)
        m->from += c.streams.items[k].dim + 1;
    m->row = va_new(c.in_dim, sizeof(*m->row));
    m->live = va_new(o->slots, sizeof(struct va_live *));
    return m->live && m->row ? 0 : -1;
}

/* The embedder, and room for what it takes and gives. */
static int open_embedder(struct va_live_model *m, const struct va_model *of)
{
    const struct va_live_model_options *o = &m->options;

    m->embedder = va_embedder_new(m->be, of->set, of->path, o->slots);
    if (!m->embedder)
        return -1;
    m->intake = va_embedder_intake(m->embedder);
    m->width = o->encoder ? va_embedder_width(m->embedder) : 2;
    m->picture = va_new(m->intake.side * m->intake.side, 3);
    m->cut = va_new(o->slots * m->intake.numbers, sizeof(*m->cut));
    m->rows = va_new(o->slots * m->width, sizeof(*m->rows));
    return m->picture && m->cut && m->rows ? 0 : -1;
}

/* What was seen last of each slot. */
static int open_held(struct va_live_model *m)
{
    m->held = va_new(m->options.slots * m->width, sizeof(*m->held));
    m->seen = va_new(m->options.slots, sizeof(*m->seen));
    return m->held && m->seen ? 0 : -1;
}

/* One for both models: as the broader needs it. */
static int choose_precision(struct va_live_model *m, const struct va_model *encoder,
                            const struct va_model *model)
{
    struct va_live_model_options *o = &m->options;
    int64_t most = va_model_breadth(model->set, model->path);
    int64_t other = encoder ? va_model_breadth(encoder->set, encoder->path) : 0;

    if (most < 0 || other < 0 ||
        va_precision_choose(va_float_precision_names, o->device, other > most ? other : most,
                            &o->precision) < 0)
        return -1;
    m->be->precision = (enum va_precision)o->precision;
    return 0;
}

static int open_models(struct va_live_model *m, const struct va_model *encoder,
                       const struct va_model *model)
{
    const char *note = va_tensors_meta(model->set, "note");

    m->options.features = m->options.features && !encoder && va_model_is_temporal(model);
    if (m->options.features)
        m->width = va_models_width(model, m->options.stream);
    else if (va_models_fit(encoder, model, m->options.stream, m->options.any_encoder) < 0)
        return -1;
    if (m->width < 0 || choose_precision(m, encoder, model) < 0)
        return -1;
    if (note)
        va_warn("%s: %s", model->path, note);
    if (!m->options.features && open_embedder(m, encoder ? encoder : model) < 0)
        return -1;
    if ((encoder || m->options.features) && open_temporal(m, model->set) < 0)
        return -1;
    return open_held(m);
}

struct va_live_model *va_live_model_new(const struct va_live_model_options *options)
{
    struct va_live_model *m = va_new(1, sizeof(*m));
    struct va_model encoder = { 0 }, model = { 0 };
    int status = -1;

    if (!m)
        return NULL;
    m->options = *options;
    if (va_model_load(&model, options->model) == 0 &&
        (!options->encoder || va_model_load(&encoder, options->encoder) == 0) &&
        (m->be = va_device_open(options->device)))
        status = open_models(m, options->encoder ? &encoder : NULL, &model);
    va_model_release(&model);
    va_model_release(&encoder);
    if (status == 0)
        return m;
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
    va_free(m->seen);
    va_free(m->row);
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

int64_t va_live_model_width(const struct va_live_model *m)
{
    return m->temporal ? m->width : 0;
}

bool va_live_model_sees(const struct va_live_model *m)
{
    return m->embedder;
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

/* Crops of this size come. */
static int fit_resize(struct va_live_model *m, int64_t width, int64_t height)
{
    if (m->resize && m->crop_width == width && m->crop_height == height)
        return 0;
    va_resize_free(m->resize);
    m->resize = va_resize_new(width, height, m->intake.side, m->intake.side);
    m->crop_width = width;
    m->crop_height = height;
    return m->resize ? 0 : -1;
}

/* Numbers [width] of what a slot shows in its next frame. */
static void hold(struct va_live_model *m, int64_t slot, const float *numbers)
{
    memcpy(m->held + slot * m->width, numbers, (size_t)m->width * sizeof(*numbers));
    m->seen[slot] = true;
}

int va_live_model_see(struct va_live_model *m, int64_t count, const int64_t *slots,
                      const uint8_t *const *crops, int64_t width, int64_t height)
{
    if (count == 0)
        return 0;
    if (fit_resize(m, width, height) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        va_resize_run(m->resize, crops[i], m->picture);
        m->intake.cut(m->intake.model, m->picture, m->cut + i * m->intake.numbers);
    }
    if ((m->temporal ? va_embedder_run(m->embedder, count, m->cut, m->rows)
                     : va_embedder_rate(m->embedder, count, m->cut, m->rows)) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        hold(m, slots[i], m->rows + i * m->width);
    return 0;
}

void va_live_model_take(struct va_live_model *m, int64_t slot, const float *features)
{
    hold(m, slot, features);
}

/* The next frame of a slot, for the temporal model. */
static const float *row_of(struct va_live_model *m, int64_t slot)
{
    memcpy(m->row + m->from, m->held + slot * m->width, (size_t)m->width * sizeof(*m->row));
    if (m->streams)
        m->row[m->from + m->width] = m->seen[slot];
    m->seen[slot] = false;
    return m->row;
}

int va_live_model_step(struct va_live_model *m, int64_t slot, float *va)
{
    if (!m->temporal)
        memcpy(va, m->held + slot * m->width, 2 * sizeof(*va));
    else if (va_live_frame(m->live[slot], row_of(m, slot), va) < 0)
        return -1;
    for (int d = 0; d < 2; d++) {
        if (!isfinite(va[d]))
            return va_error("%s: %s is not finite: make features with the model's encoder, or "
                            "train the model again",
                            m->options.model, d ? "arousal" : "valence");
        va[d] = fminf(1, fmaxf(-1, va[d]));
    }
    return 0;
}
