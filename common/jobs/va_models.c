#include "jobs/va_models.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_origin.h"
#include "model/va_embedder.h"
#include "model/va_temporal.h"
#include "model/va_yunet.h"
#include "ops/va_precision.h"
#include "weights/va_model_file.h"
#include <string.h>

int va_model_load(struct va_model *m, const char *path)
{
    *m = (struct va_model){ .path = path };
    m->set = va_model_open(path, &m->id);
    return m->set ? 0 : -1;
}

void va_model_release(struct va_model *m)
{
    va_tensors_free(m->set);
    va_free(m->id);
    *m = (struct va_model){ 0 };
}

/* Every va.model/1 has it. */
static const char *arch_of(const struct va_model *m)
{
    const char *arch = va_tensors_meta(m->set, "arch");

    return arch ? arch : "unknown";
}

bool va_model_is_temporal(const struct va_model *m)
{
    return !strcmp(arch_of(m), "mamba-va");
}

int64_t va_temporal_breadth(const struct va_temporal_config *config)
{
    struct va_temporal_config c = *config;
    int64_t most;

    va_temporal_config_resolve(&c);
    most = c.width;
    for (int64_t i = 0; i < c.blocks; i++)
        most = c.channels[i] > most ? c.channels[i] : most;
    return most;
}

int64_t va_model_breadth(const struct va_tensors *set, const char *path)
{
    struct va_temporal_config c;
    const char *arch = va_tensors_meta(set, "arch");

    if (arch && !strcmp(arch, "mamba-va"))
        return va_temporal_config_load(&c, set, path) < 0 ? -1 : va_temporal_breadth(&c);
    return va_embedder_in_f32(set) ? VA_BREADTH_NONE : VA_BREADTH_WIDE;
}

static int check_rates(const struct va_model *m)
{
    struct va_embedding_config c;

    if (va_model_is_temporal(m))
        return va_error(
            "%s: is a temporal model: name the encoder of its features with --encoder",
            m->path);
    if (va_embedder_config_load(&c, m->set, m->path) < 0)
        return -1;
    return c.rates ? 0
                   : va_error("%s: " VA_EMBEDDER_HEADLESS ": name it with --encoder, and a "
                              "temporal model on its features",
                              m->path);
}

/* Features of this width are those of the model, or of its named stream; others may be absent. */
static int fit_width(const struct va_model *encoder, const struct va_model *model,
                     const char *stream, int64_t width, const struct va_temporal_config *c)
{
    int64_t at = stream ? va_streams_find(&c->streams, stream) : -1;
    int64_t expected = at < 0 ? c->in_dim : c->streams.items[at].dim;
    char text[VA_STREAMS_TEXT];

    if (stream && !c->streams.count)
        return va_error("%s: has no named streams, found --stream %s; give --encoder",
                        model->path, stream);
    if (c->streams.count && at < 0)
        return va_error("%s: expects the streams %s; name that of the encoder with --stream "
                        "NAME=ENCODER.h5",
                        model->path, va_streams_text(&c->streams, text));
    if (expected != width)
        return va_error("%s: expects %lld features per frame, but %s has %lld", model->path,
                        (long long)expected, encoder->path, (long long)width);
    if (c->streams.count > 1 && !(c->stream_dropout > 0))
        return va_error("%s: expects the streams %s, and was trained without --stream-dropout: "
                        "cannot predict from %s alone",
                        model->path, va_streams_text(&c->streams, text), stream);
    return 0;
}

/* The encoder is that of the training. */
static int fit_origin(const struct va_model *encoder, const struct va_model *model,
                      const char *stream, const struct va_temporal_config *c)
{
    struct va_origin origin;
    const char *expected;

    va_origin_load(&origin, model->set, model->path, &c->streams);
    expected = va_origin_encoder(&origin, stream ? stream : "");
    if (!expected || !strcmp(expected, encoder->id))
        return 0;
    return va_error("%s: is encoder %s, expected %s as in %s (--any-encoder accepts it)",
                    encoder->path, encoder->id, expected, model->path);
}

int va_models_fit(const struct va_model *encoder, const struct va_model *model,
                  const char *stream, bool any)
{
    struct va_embedding_config e;
    struct va_temporal_config c;

    if (!encoder)
        return check_rates(model);
    if (!va_model_is_temporal(model))
        return va_error(
            "%s: found a model of arch %s, expected a temporal model (arch mamba-va) on the features of "
            "%s",
            model->path, arch_of(model), encoder->path);
    if (va_embedder_config_load(&e, encoder->set, encoder->path) < 0 ||
        va_temporal_config_load(&c, model->set, model->path) < 0)
        return -1;
    if (fit_width(encoder, model, stream, e.width, &c) < 0)
        return -1;
    return any ? 0 : fit_origin(encoder, model, stream, &c);
}

int64_t va_models_width(const struct va_model *model, const char *stream)
{
    struct va_temporal_config c;
    int64_t at, width;

    if (va_temporal_config_load(&c, model->set, model->path) < 0)
        return -1;
    at = stream ? va_streams_find(&c.streams, stream) : -1;
    width = at < 0 ? c.in_dim : c.streams.items[at].dim;
    return fit_width(NULL, model, stream, width, &c) < 0 ? -1 : width;
}

int va_models_check(const char *encoder, const char *const *models, int64_t count, bool any)
{
    struct va_model e = { 0 }, m = { 0 };
    int status = encoder ? va_model_load(&e, encoder) : 0;

    if (!encoder && count > 1)
        status = va_error("found %lld models, and no encoder of their features: give --encoder",
                          (long long)count);
    for (int64_t i = 0; i < count && status == 0; i++) {
        status = va_model_load(&m, models[i]);
        if (status == 0)
            status = va_models_fit(encoder ? &e : NULL, &m, NULL, any);
        va_model_release(&m);
    }
    va_model_release(&e);
    return status;
}

static int check_detector(const struct va_model *m)
{
    struct va_yunet_config c;
    struct va_params list;
    int status;

    va_params_init(&list, NULL);
    status = va_yunet_config_load(&c, m->set, m->path);
    if (status == 0)
        status = va_yunet_declare(&c, &list);
    if (status == 0)
        status = va_params_match(&list, m->set, m->path);
    va_params_release(&list);
    return status;
}

int va_models_check_detector(const char *path)
{
    struct va_model m;
    int status = va_model_load(&m, path);

    if (status == 0)
        status = check_detector(&m);
    va_model_release(&m);
    return status;
}
