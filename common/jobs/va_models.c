#include "jobs/va_models.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "data/va_origin.h"
#include "model/va_embedder.h"
#include "model/va_temporal.h"
#include "model/va_yunet.h"
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

static bool is_temporal(const struct va_model *m)
{
    return !strcmp(arch_of(m), "mamba-va");
}

static int check_rates(const struct va_model *m)
{
    struct va_embedding_config c;

    if (is_temporal(m))
        return va_error(
            "%s: is a temporal model: name the encoder of its features with --encoder",
            m->path);
    if (va_embedder_config_load(&c, m->set, m->path) < 0)
        return -1;
    return c.rates
               ? 0
               : va_error("%s: va_head.weight: tensor is missing, expected an encoder that "
                          "was fine-tuned (va-finetune), or --encoder with a temporal model",
                          m->path);
}

int va_models_fit(const struct va_model *encoder, const struct va_model *model, bool any)
{
    struct va_embedding_config e;
    struct va_temporal_config c;
    struct va_origin origin;
    const char *expected;

    if (!encoder)
        return check_rates(model);
    if (!is_temporal(model))
        return va_error(
            "%s: found a model of arch %s, expected a temporal model (arch mamba-va) on the features of "
            "%s",
            model->path, arch_of(model), encoder->path);
    if (va_embedder_config_load(&e, encoder->set, encoder->path) < 0 ||
        va_temporal_config_load(&c, model->set, model->path) < 0)
        return -1;
    if (c.in_dim != e.width)
        return va_error("%s: expects %lld features per frame, but %s has %lld", model->path,
                        (long long)c.in_dim, encoder->path, (long long)e.width);
    va_origin_load(&origin, model->set, model->path, NULL);
    expected = va_origin_encoder(&origin, "");
    if (expected && strcmp(expected, encoder->id) != 0 && !any)
        return va_error("%s: is encoder %s, expected %s as in %s (--any-encoder accepts it)",
                        encoder->path, encoder->id, expected, model->path);
    return 0;
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
            status = va_models_fit(encoder ? &e : NULL, &m, any);
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
