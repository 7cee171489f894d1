#include "model/va_embedder.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_cnn.h"
#include "model/va_rater.h"
#include "model/va_xception.h"
#include <math.h>
#include <string.h>

struct va_embedder {
    struct va_backend *be;
    char *path;
    struct va_rater *rater;
    void *patches, *cls, *va; /* of one batch, on the device */
    void *pixels,
        *table; /* the same as bytes, and what these stand for; NULL: cut by the host */
    /* or */
    struct va_xception *xception;
    float *probabilities; /* [batch, classes] */
    /* or */
    struct va_cnn *cnn;
    void *features,
        *answers;   /* [batch, width] from outside and [batch, classes], on the device */
    float *classes; /* the answers on the host */
};

/* What a set holds. */
enum kind { RATER, XCEPTION, CNN };

static enum kind kind_of(const struct va_tensors *set)
{
    const char *arch = va_tensors_meta(set, "arch");

    if (va_cnn_is(arch))
        return CNN;
    return arch && !strcmp(arch, "mini-xception") ? XCEPTION : RATER;
}

bool va_embedder_in_f32(const struct va_tensors *set)
{
    return kind_of(set) != RATER;
}

static int match_rater(struct va_embedding_config *c, struct va_params *list,
                       const struct va_tensors *set, const char *path)
{
    struct va_rater_config rater;

    if (va_rater_config_load(&rater, set, path) < 0 || va_rater_declare(&rater, list) < 0)
        return -1;
    *c = (struct va_embedding_config){ rater.encoder.width, rater.va };
    return va_params_match(list, set, path);
}

static int match_xception(struct va_embedding_config *c, struct va_params *list,
                          const struct va_tensors *set, const char *path)
{
    struct va_xception_config net;

    if (va_xception_config_load(&net, set, path) < 0 || va_xception_declare(&net, list) < 0)
        return -1;
    *c = (struct va_embedding_config){ VA_XCEPTION_CLASSES, true };
    return va_params_match(list, set, path);
}

static int match_cnn(struct va_embedding_config *c, struct va_params *list,
                     const struct va_tensors *set, const char *path)
{
    struct va_cnn_config net;

    if (va_cnn_config_load(&net, set, path) < 0 || va_cnn_declare(&net, list) < 0)
        return -1;
    *c = (struct va_embedding_config){ net.width, net.classes > 0 };
    return va_params_match(list, set, path);
}

int va_embedder_config_load(struct va_embedding_config *c, const struct va_tensors *set,
                            const char *path)
{
    int (*const match[])(struct va_embedding_config *, struct va_params *,
                         const struct va_tensors *,
                         const char *) = { match_rater, match_xception, match_cnn };
    struct va_params list;
    int status;

    va_params_init(&list, NULL);
    status = match[kind_of(set)](c, &list, set, path);
    va_params_release(&list);
    return status;
}

/* Words of a picture whose bytes go to the device. */
static int64_t words_of(const struct va_vit_config *c)
{
    return (3 * c->image * c->image + 3) / 4;
}

/* Where the device makes patches itself. */
static int take_bytes(struct va_embedder *e, const struct va_vit_config *c, int64_t batch)
{
    enum { TABLE = 3 * 256 };

    if (!e->be->ops->patches)
        return 0;
    e->pixels = e->be->ops->alloc(e->be, batch * words_of(c));
    e->table = e->be->ops->alloc(e->be, TABLE);
    if (!e->pixels || !e->table)
        return -1;
    e->be->ops->put_f32(e->be, e->table, va_vit_pixel_table(va_rater_encoder(e->rater)), TABLE);
    return 0;
}

static int open_rater(struct va_embedder *e, const struct va_tensors *set, int64_t batch)
{
    struct va_backend *be = e->be;
    struct va_rater_config c;
    int64_t size;

    if (va_rater_config_load(&c, set, e->path) < 0)
        return -1;
    size = va_vit_patches(&c.encoder) * va_vit_patch_size(&c.encoder);
    if (!(e->rater = va_rater_new_run_only(be, &c)) ||
        va_params_load(va_rater_params(e->rater), set, e->path) < 0)
        return -1;
    va_params_changed(va_rater_params(e->rater));
    if (va_vit_reserve(va_rater_encoder(e->rater), batch) < 0 ||
        !(e->patches = be->ops->alloc(be, batch * size)) ||
        !(e->cls = be->ops->alloc(be, batch * c.encoder.width)) ||
        !(e->va = be->ops->alloc(be, batch * 2)))
        return -1;
    return take_bytes(e, &c.encoder, batch);
}

static int open_xception(struct va_embedder *e, const struct va_tensors *set, int64_t batch)
{
    e->xception = va_xception_new(e->be, set, e->path, batch);
    e->probabilities = va_new(batch * VA_XCEPTION_CLASSES, sizeof(*e->probabilities));
    return e->xception && e->probabilities ? 0 : -1;
}

static int open_cnn(struct va_embedder *e, const struct va_tensors *set, int64_t batch)
{
    e->cnn = va_cnn_new(e->be, set, e->path, batch);
    e->features = e->cnn ? e->be->ops->alloc(e->be, batch * va_cnn_config(e->cnn)->width)
                         : NULL;
    e->answers = e->features ? e->be->ops->alloc(e->be, batch * VA_CNN_RATED) : NULL;
    e->classes = va_new(batch * VA_CNN_RATED, sizeof(*e->classes));
    return e->answers && e->classes ? 0 : -1;
}

struct va_embedder *va_embedder_new(struct va_backend *be, const struct va_tensors *set,
                                    const char *path, int64_t batch)
{
    int (*const open[])(struct va_embedder *, const struct va_tensors *,
                        int64_t) = { open_rater, open_xception, open_cnn };
    struct va_embedder *e = va_new(1, sizeof(*e));

    if (!e)
        return NULL;
    e->be = be;
    e->path = va_strdup(path);
    if (e->path && open[kind_of(set)](e, set, batch) == 0)
        return e;
    va_embedder_free(e);
    return NULL;
}

void va_embedder_free(struct va_embedder *e)
{
    if (!e)
        return;
    e->be->ops->free(e->be, e->patches);
    e->be->ops->free(e->be, e->cls);
    e->be->ops->free(e->be, e->va);
    e->be->ops->free(e->be, e->pixels);
    e->be->ops->free(e->be, e->table);
    va_rater_free(e->rater);
    va_xception_free(e->xception);
    e->be->ops->free(e->be, e->features);
    e->be->ops->free(e->be, e->answers);
    va_cnn_free(e->cnn);
    va_free(e->classes);
    va_free(e->probabilities);
    va_free(e->path);
    va_free(e);
}

/* As it is. */
static void keep(const void *embedder, const uint8_t *picture, float *row)
{
    const struct va_embedder *e = embedder;
    const struct va_vit_config *c = &va_rater_config(e->rater)->encoder;

    memcpy(row, picture, (size_t)(3 * c->image * c->image));
}

struct va_intake va_embedder_intake(const struct va_embedder *e)
{
    const struct va_vit_config *c = e->rater ? &va_rater_config(e->rater)->encoder : NULL;

    if (e->cnn)
        return va_cnn_intake(e->cnn);
    if (!c)
        return va_xception_intake(e->xception);
    return e->pixels ? (struct va_intake){ c->image, words_of(c), keep, e }
                     : va_vit_intake(va_rater_encoder(e->rater));
}

int64_t va_embedder_width(const struct va_embedder *e)
{
    if (e->cnn)
        return va_cnn_config(e->cnn)->width;
    return e->rater ? va_rater_config(e->rater)->encoder.width : VA_XCEPTION_CLASSES;
}

bool va_embedder_rates(const struct va_embedder *e)
{
    if (e->cnn)
        return va_cnn_config(e->cnn)->classes > 0;
    return !e->rater || va_rater_config(e->rater)->va;
}

/* Of the encoder. */
static void forward(struct va_embedder *e, int64_t count, const float *cut)
{
    const struct va_vit_config *c = &va_rater_config(e->rater)->encoder;

    if (e->pixels) {
        const struct va_patches p = { count,     c->image, c->patch,  4 * words_of(c),
                                      e->pixels, e->table, e->patches };

        e->be->ops->put_bytes(e->be, e->pixels, cut, count * p.step);
        e->be->ops->patches(e->be, &p);
    } else {
        e->be->ops->put_f32(e->be, e->patches, cut,
                            count * va_vit_patches(c) * va_vit_patch_size(c));
    }
    va_vit_forward(va_rater_encoder(e->rater), count, e->patches, e->cls);
}

/* Numbers [count, width] from the device, which must be finite. */
static int fetch(struct va_embedder *e, int64_t count, int64_t width, const void *from,
                 const char *what, float *to)
{
    e->be->ops->get_f32(e->be, to, from, count * width);
    if (va_backend_check(e->be) < 0)
        return -1;
    for (int64_t i = 0; i < count * width; i++)
        if (!isfinite(to[i]))
            return va_error("%s: %s %lld comes out as %g: the weights overflow", e->path, what,
                            (long long)(i % width), (double)to[i]);
    return 0;
}

int va_embedder_run(struct va_embedder *e, int64_t count, const float *cut, float *rows)
{
    if (e->cnn)
        return fetch(e, count, va_embedder_width(e), va_cnn_forward(e->cnn, count, cut),
                     "feature", rows);
    if (!e->rater)
        return va_xception_classify(e->xception, count, cut, rows);
    forward(e, count, cut);
    return fetch(e, count, va_embedder_width(e), e->cls, "feature", rows);
}

/* The heads alone, on what the last forward gave or rows from outside. */
static int rate(struct va_embedder *e, int64_t count, float *va)
{
    va_rater_heads(e->rater, count, e->cls, e->va, NULL);
    return fetch(e, count, 2, e->va, "prediction", va);
}

/* The last two classes of features on the device. */
static int rate_features(struct va_embedder *e, int64_t count, const void *features, float *va)
{
    int64_t n = va_cnn_config(e->cnn)->classes;

    va_cnn_classify(e->cnn, count, features, e->answers);
    if (fetch(e, count, n, e->answers, "class", e->classes) < 0)
        return -1;
    for (int64_t i = 0; i < 2 * count; i++)
        va[i] = e->classes[i / 2 * n + n - 2 + i % 2];
    return 0;
}

static void place(int64_t count, const float *probabilities, float *va)
{
    for (int64_t i = 0; i < count; i++)
        va_xception_place(probabilities + i * VA_XCEPTION_CLASSES, va + 2 * i);
}

int va_embedder_rate(struct va_embedder *e, int64_t count, const float *cut, float *va)
{
    if (e->cnn)
        return rate_features(e, count, va_cnn_forward(e->cnn, count, cut), va);
    if (e->rater) {
        forward(e, count, cut);
        return rate(e, count, va);
    }
    if (va_xception_classify(e->xception, count, cut, e->probabilities) < 0)
        return -1;
    place(count, e->probabilities, va);
    return 0;
}

int va_embedder_rate_rows(struct va_embedder *e, int64_t count, const float *rows, float *va)
{
    if (e->cnn) {
        e->be->ops->put_f32(e->be, e->features, rows, count * va_embedder_width(e));
        return rate_features(e, count, e->features, va);
    }
    if (!e->rater) {
        place(count, rows, va);
        return 0;
    }
    e->be->ops->put_f32(e->be, e->cls, rows, count * va_embedder_width(e));
    return rate(e, count, va);
}
