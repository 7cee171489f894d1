#include "weights/va_keymap.h"

#include "base/va_error.h"
#include "base/va_mem.h"
#include "base/va_text.h"
#include "weights/va_batchnorm.h"
#include "weights/va_cnn_names.h"
#include "weights/va_rename.h"
#include "weights/va_variant.h"
#include "weights/va_vit_fold.h"
#include "weights/va_vit_names.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The authors' names; an empty name is a tensor that is there twice or never used. Both ways. */
static const struct va_rename authors_rules[] = {
    { "temporal.network.#.net.*", "" }, /* conv1, relu1, conv2, relu2 a second time */
    { "temporal.network.#.relu1.*", "tcn.#.prelu1.*" },
    { "temporal.network.#.relu2.*", "tcn.#.prelu2.*" },
    { "temporal.network.#.relu.*", "tcn.#.prelu3.*" },
    { "temporal.network.#.downsample.*", "tcn.#.shortcut.*" },
    { "temporal.network.#.*", "tcn.#.*" },
    { "mamba.mamba.layers.#.1.*", "mamba.#.norm.*" },
    { "mamba.mamba.layers.#.0.*", "mamba.#.*" },
    { "mamba.mamba.proj.*", "proj.*" },
    { "mamba.adaptor.0.*", "" }, /* 512 parameters that no input reaches */
    { "dual_reg.0.*", "fc1.*" },
    { "dual_reg.2.*", "fc2.*" },
};

/* Their blocks hold the layers a second time, as items of a sequence. */
static const struct va_rename authors_twice[] = {
    { "temporal.network.#.conv1.*", "temporal.network.#.net.0.*" },
    { "temporal.network.#.relu1.*", "temporal.network.#.net.2.*" },
    { "temporal.network.#.conv2.*", "temporal.network.#.net.4.*" },
    { "temporal.network.#.relu2.*", "temporal.network.#.net.6.*" },
};

/* Parts of a vision transformer that do not contribute to the CLS row; those of a masked
 * autoencoder last. */
static const struct va_rename encoder_rules[] = {
    { "head.*", "" },    { "head_dist.*", "" }, { "pre_logits.*", "" },
    { "decoder_*", "" }, { "mask_token", "" },
};
enum { MAE_RULES = 2 };

/* First parts of names of what takes the features, alone or after an underscore. Others beside
 * an encoder may be part of it, and are not left out without being told. */
static const char *const heads[] = { "head",      "heads",     "classifier", "classifiers",
                                     "regressor", "predictor", "projector",  "fc" };

static bool is_head(const char *name)
{
    size_t length = strcspn(name, ".");

    if (strncmp(name, "va_head.", 8) == 0 || strncmp(name, "expr_head.", 10) == 0)
        return false; /* those that va-finetune trains (model/va_rater.h) */
    for (size_t i = 0; i < VA_COUNT(heads) && name[length]; i++) {
        size_t n = strlen(heads[i]);

        if (length >= n && !memcmp(name + length - n, heads[i], n) &&
            (length == n || name[length - n - 1] == '_'))
            return true;
    }
    return false;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Without "module." and with the older names of weight normalisation. */
static char *plain_name(const char *name)
{
    static const char *const g = "parametrizations.weight.original0";
    static const char *const v = "parametrizations.weight.original1";

    if (strncmp(name, "module.", 7) == 0)
        name += 7;
    if (ends_with(name, g))
        return va_format("%.*sweight_g", (int)(strlen(name) - strlen(g)), name);
    if (ends_with(name, v))
        return va_format("%.*sweight_v", (int)(strlen(name) - strlen(v)), name);
    return va_strdup(name);
}

static int rename_plain(struct va_tensors *set)
{
    for (int64_t i = 0; i < set->count; i++) {
        char *name = plain_name(set->items[i].name);

        if (!name)
            return -1;
        va_free(set->items[i].name);
        set->items[i].name = name;
    }
    return 0;
}

enum { NAMES_SHOWN = 8 };

/* Add a name to a list of them for a message. */
static void list_name(char *text, size_t size, int64_t shown, const char *name)
{
    size_t used = strlen(text);

    if (shown < NAMES_SHOWN)
        snprintf(text + used, size - used, "%s%.100s", shown ? ", " : "", name);
    else if (shown == NAMES_SHOWN)
        snprintf(text + used, size - used, ", ...");
}

/* Remove the names of heads. */
static int unname_heads(struct va_tensors *set, const char *path)
{
    char text[1024] = "";
    int64_t count = 0;

    for (int64_t i = 0; i < set->count; i++) {
        char *none, *name = set->items[i].name;

        if (!is_head(name))
            continue;
        none = va_strdup("");
        if (!none)
            return -1;
        list_name(text, sizeof(text), count++, name);
        set->items[i].name = none;
        va_free(name);
    }
    if (count)
        va_info("%s: left out %lld tensors of heads: %s", path, (long long)count, text);
    return 0;
}

/* Remove tensors that lost their name; `what` they are is said, unless it is NULL. */
static void drop_nameless(struct va_tensors *set, const char *path, const char *what)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < set->count; i++) {
        if (*set->items[i].name) {
            set->items[kept++] = set->items[i];
            continue;
        }
        va_free(set->items[i].name);
        va_free(set->items[i].data);
    }
    if (what && kept < set->count)
        va_info("%s: left out %lld tensors %s", path, (long long)(set->count - kept), what);
    set->count = kept;
}

int va_keymap_drop(struct va_tensors *set, const char *path, const char *const *patterns,
                   int64_t count)
{
    bool *gone = va_new(set->count, sizeof(*gone));
    int64_t left = set->count;
    int result = gone ? 0 : -1;

    for (int64_t p = 0; p < count && result == 0; p++) {
        char text[1024] = "";
        int64_t found = 0;

        for (int64_t i = 0; i < set->count; i++)
            if (fnmatch(patterns[p], set->items[i].name, 0) == 0) {
                list_name(text, sizeof(text), found++, set->items[i].name);
                left -= !gone[i];
                gone[i] = true;
            }
        if (found)
            va_info("%s: --drop %s: left out %s", path, patterns[p], text);
        else
            result = va_error(
                "%s: --drop %s: matches no tensor of floating point, expected one "
                "like %s",
                path, patterns[p], set->count ? set->items[0].name : "none");
    }
    if (result == 0 && count && left == 0)
        result = va_error("%s: --drop leaves no tensor", path);
    for (int64_t i = 0; i < set->count && result == 0; i++)
        if (gone[i])
            *set->items[i].name = '\0';
    if (result == 0)
        drop_nameless(set, path, NULL);
    va_free(gone);
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_unique(const struct va_tensors *set, const char *path)
{
    const char **names = va_new(set->count, sizeof(*names));
    int result = 0;

    if (!names)
        return -1;
    for (int64_t i = 0; i < set->count; i++)
        names[i] = set->items[i].name;
    qsort(names, (size_t)set->count, sizeof(*names), by_name);
    for (int64_t i = 1; i < set->count && result == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            result = va_error("%s: %s: found twice, under two spellings", path, names[i]);
    va_free(names);
    return result;
}

static bool any(const struct va_tensors *set, const char *prefix)
{
    for (int64_t i = 0; i < set->count; i++)
        if (strncmp(set->items[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* A message that names the encoders of a set with several, and how to choose. */
static int several_encoders(const struct va_tensors *set, const char *path)
{
    char text[1024] = "", name[128];
    const char *top = "";
    int64_t count = 0;
    size_t length;

    for (int64_t i = 0; i < set->count; i++) {
        if (!va_vit_names_patches(set, set->items[i].name, &length))
            continue;
        if (length == 0) {
            top =
                " (or the one without a prefix, when --drop 'PREFIX.*' leaves the others out)";
            continue;
        }
        snprintf(name, sizeof(name), "--from %.*s", (int)length - 1, set->items[i].name);
        list_name(text, sizeof(text), count++, name);
    }
    return va_error("%s: found several encoders, choose one: %s%s", path, text, top);
}

/* A new string: what stands before the names of the encoder, or NULL where there is none; two of
 * them are an error. */
static int find_prefix(const struct va_tensors *set, const char *path, char **prefix)
{
    const char *first = NULL;
    size_t length = 0, other;

    *prefix = NULL;
    for (int64_t i = 0; i < set->count; i++) {
        const char *name = set->items[i].name;

        if (!va_vit_names_patches(set, name, &other))
            continue;
        if (first)
            return several_encoders(set, path);
        first = name;
        length = other;
    }
    if (!first)
        return 0;
    *prefix = va_format("%.*s", (int)length, first);
    return *prefix ? 0 : -1;
}

/* Names without the prefix; what has another name loses it. */
static int strip_prefix(struct va_tensors *set, const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    char *what;

    if (n == 0)
        return 0;
    for (int64_t i = 0; i < set->count; i++) {
        char *name = set->items[i].name;
        char *rest = va_strdup(strncmp(name, prefix, n) == 0 ? name + n : "");

        if (!rest)
            return -1;
        set->items[i].name = rest;
        va_free(name);
    }
    what = va_format("whose names do not begin with %s", prefix);
    if (!what)
        return -1;
    drop_nameless(set, path, what);
    va_free(what);
    return 0;
}

/* Our names; tensors that features do not need, such as CLIP's way to the space of texts (proj), are left out by
 * name. */
static int apply_names(struct va_tensors *set, const char *path)
{
    const int64_t n = set->count;
    char **before = va_new(n, sizeof(*before)), text[1024] = "";
    int64_t count = 0;
    int status = before ? 0 : -1;

    for (int64_t i = 0; i < n && status == 0; i++)
        status = (before[i] = va_strdup(set->items[i].name)) ? 0 : -1;
    if (status == 0)
        status = va_vit_names_apply(set, path);
    for (int64_t i = 0; i < n && status == 0; i++)
        if (!*set->items[i].name)
            list_name(text, sizeof(text), count++, before[i]);
    if (count)
        va_info("%s: left out %lld tensor%s that its features do not need: %s", path,
                (long long)count, va_plural(count), text);
    for (int64_t i = 0; before && i < n; i++)
        va_free(before[i]);
    va_free(before);
    drop_nameless(set, path, NULL);
    return status;
}

static int adopt_encoder(struct va_tensors *set, const char *path, bool decoder,
                         enum va_model_kind *kind)
{
    size_t count = VA_COUNT(encoder_rules) - (decoder ? MAE_RULES : 0);

    *kind = decoder ? VA_MODEL_MAE : VA_MODEL_ENCODER;
    if (apply_names(set, path) < 0 || va_variant_check(set, path) < 0 ||
        va_vit_fold(set, path) < 0)
        return -1;
    drop_nameless(set, path, NULL);
    if (decoder && !va_tensors_find(set, "decoder_embed.weight"))
        return va_error("%s: found no tensor decoder_embed.weight, expected a masked "
                        "autoencoder with its decoder",
                        path);
    if (va_rename_all(set, encoder_rules, count) < 0)
        return -1;
    drop_nameless(set, path, "of a decoder or classifier");
    if (unname_heads(set, path) < 0)
        return -1;
    drop_nameless(set, path, NULL);
    return 0;
}

int va_keymap_to_authors(struct va_tensors *set, const char *path, struct va_aliases *more)
{
    struct va_rename back[VA_COUNT(authors_rules)];
    struct va_tensor *proj, *weight;
    int64_t count = 0;

    if (!any(set, "tcn.0."))
        return va_error("%s: found no tensor tcn.0.conv1.weight_v, expected a model of arch "
                        "mamba-va for names of the authors",
                        path);
    for (size_t i = 0; i < VA_COUNT(authors_rules); i++)
        if (*authors_rules[i].ours)
            back[count++] = (struct va_rename){ authors_rules[i].ours,
                                                authors_rules[i].theirs };
    if (va_rename_all(set, back, (size_t)count) < 0)
        return -1;
    count = set->count;
    for (int64_t i = 0; i < count; i++) {
        char *name = va_rename(authors_twice, VA_COUNT(authors_twice), set->items[i].name);
        int result = !name                              ? -1
                     : strcmp(name, set->items[i].name) ? va_aliases_add(more, name, i)
                                                        : 0;

        va_free(name);
        if (result < 0)
            return -1;
    }
    /* What no input reaches, with the values it begins with: a scale of 1, a shift of 0. */
    proj = va_tensors_find(set, "mamba.mamba.proj.bias");
    if (!proj)
        return va_error("%s: proj.bias: tensor is missing", path);
    count = proj->count;
    weight = va_tensors_add(set, "mamba.adaptor.0.weight", VA_F32, 1, &count);
    for (int64_t i = 0; weight && i < count; i++)
        ((float *)weight->data)[i] = 1;
    return weight && va_tensors_add(set, "mamba.adaptor.0.bias", VA_F32, 1, &count) ? 0 : -1;
}

static int adopt_head(struct va_tensors *set, const char *path, bool authors)
{
    if (authors) {
        if (va_rename_all(set, authors_rules, VA_COUNT(authors_rules)) < 0)
            return -1;
        drop_nameless(set, path, "that the model never uses");
    } else if (!any(set, "tcn.0.")) {
        return va_error("%s: %s%s, which no known model has (ViT, EfficientNet, MobileFaceNet, "
                        "mamba-va); va-embed --filter runs other encoders",
                        path, set->count ? "found tensor " : "no tensors",
                        set->count ? set->items[0].name : "");
    }
    return 0;
}

/* The first tensor of a convolutional encoder; NULL where there is none. */
static const char *find_cnn(const struct va_tensors *set, size_t *length)
{
    for (int64_t i = 0; i < set->count; i++)
        if (va_cnn_names_first(set->items[i].name, length))
            return set->items[i].name;
    return NULL;
}

static int adopt_cnn(struct va_tensors *set, const char *path, const char *first, size_t length)
{
    static const struct va_rename classifier[] = { { "classifier.*", "" } };
    char *prefix = va_format("%.*s", (int)length, first);
    int result = !prefix || strip_prefix(set, path, prefix) < 0 ? -1
                                                                : va_cnn_names_apply(set, path);

    va_free(prefix);
    if (result < 0 || va_cnn_names_rated(set))
        return result;
    if (va_rename_all(set, classifier, VA_COUNT(classifier)) < 0)
        return -1;
    drop_nameless(set, path, "of a classifier");
    return 0;
}

/* X.bn1 follows X.conv1, X.bn follows X.conv2. */
static char *before_norm(const char *norm)
{
    size_t n = strlen(norm);

    if (ends_with(norm, ".bn1"))
        return va_format("%.*sconv1", (int)(n - 3), norm);
    if (ends_with(norm, ".bn"))
        return va_format("%.*sconv2", (int)(n - 2), norm);
    return va_strdup(norm); /* whose tensors are not those of a convolution */
}

int va_keymap_apply(struct va_tensors *set, const char *path, bool decoder,
                    enum va_model_kind *kind, bool *authors)
{
    const char *first;
    char *prefix;
    size_t length;
    int result = -1;

    *kind = VA_MODEL_HEAD;
    *authors = false;
    if (rename_plain(set) < 0)
        return -1;
    if ((first = find_cnn(set, &length))) {
        *kind = VA_MODEL_CNN;
        return adopt_cnn(set, path, first, length) < 0 ? -1 : check_unique(set, path);
    }
    if (any(set, "bbox_head.multi_level_cls.")) {
        *kind = VA_MODEL_YUNET;
        return va_batchnorm_fold(set, path, before_norm) < 0 ? -1 : check_unique(set, path);
    }
    if (any(set, "modules.0.skip.")) {
        *kind = VA_MODEL_XCEPTION;
        return check_unique(set, path);
    }
    if (find_prefix(set, path, &prefix) < 0)
        return -1;
    *authors = any(set, "temporal.network.");
    if (!prefix)
        result = adopt_head(set, path, *authors);
    else if (strip_prefix(set, path, prefix) == 0)
        result = adopt_encoder(set, path, decoder, kind);
    va_free(prefix);
    return result < 0 ? -1 : check_unique(set, path);
}
