/*
 * Checkpoints of others: renamed, in order, without what is not needed.
 */
#include "base/va_error.h"
#include "base/va_mem.h"
#include "model/va_arch.h"
#include "ref/va_ref_ops.h"
#include "test/va_test.h"
#include <stdlib.h>

static struct va_tensors *head(void)
{
    struct va_backend *be = va_ref_backend_new();
    struct va_temporal_config c;
    struct va_tensors *set = NULL;

    va_temporal_config_default(&c);
    c.in_dim = 5;
    c.blocks = c.layers = 2;
    c.channels[0] = 6;
    c.channels[1] = 4;
    c.kernel = 3;
    c.hidden = 3;
    if (be)
        set = va_arch_init_temporal(be, &c, VA_TEMPORAL_INIT_PAPER, 7);
    va_backend_free(be);
    if (!set)
        abort();
    return set;
}

/* The authors' name of one of ours; written down by hand from their state dict. */
static void their_name(const char *ours, char *theirs, size_t size)
{
    static const char *const parts[][2] = {
        { "prelu1", "relu1" },        { "prelu2", "relu2" }, { "prelu3", "relu" },
        { "shortcut", "downsample" }, { "conv1", "conv1" },  { "conv2", "conv2" },
    };
    const char *rest = strchr(ours, '.');

    if (!strncmp(ours, "tcn.", 4)) {
        for (size_t i = 0; i < VA_COUNT(parts); i++)
            if (!strncmp(ours + 6, parts[i][0], strlen(parts[i][0])))
                snprintf(theirs, size, "module.temporal.network.%c.%s%s", ours[4], parts[i][1],
                         ours + 6 + strlen(parts[i][0]));
    } else if (!strncmp(ours, "mamba.", 6)) {
        if (!strncmp(ours + 8, "norm.", 5))
            snprintf(theirs, size, "module.mamba.mamba.layers.%c.1.%s", ours[6], ours + 13);
        else
            snprintf(theirs, size, "module.mamba.mamba.layers.%c.0.%s", ours[6], ours + 8);
    } else if (!strncmp(ours, "proj", 4)) {
        snprintf(theirs, size, "module.mamba.mamba.%s", ours);
    } else {
        snprintf(theirs, size, "module.dual_reg.%d%s", ours[2] == '1' ? 0 : 2, rest);
    }
}

static void rename_to(struct va_tensor *t, const char *name)
{
    va_free(t->name);
    t->name = va_strdup(name);
    if (!t->name)
        abort();
}

/* As the authors would have stored it: their names, another order, tensors twice or unused. */
static struct va_tensors *authors_head(void)
{
    struct va_tensors *set = head();

    for (int64_t i = 0; i < set->count; i++) {
        char name[128] = "";

        their_name(set->items[i].name, name, sizeof(name));
        rename_to(&set->items[i], name);
    }
    for (int64_t i = 0, k = set->count - 1; i < k; i++, k--) {
        struct va_tensor swap = set->items[i];

        set->items[i] = set->items[k];
        set->items[k] = swap;
    }
    if (!va_tensors_add(set, "module.temporal.network.1.net.4.weight_v", VA_F32, 1,
                        (int64_t[]){ 2 }) ||
        !va_tensors_add(set, "module.mamba.adaptor.0.bias", VA_F32, 1, (int64_t[]){ 2 }))
        abort();
    while (set->meta_count > 0) {
        va_free(set->meta[--set->meta_count].key);
        va_free(set->meta[set->meta_count].value);
    }
    return set;
}

static void check_same(const struct va_tensors *found, const struct va_tensors *expected)
{
    VA_CHECK_INT(found->count, expected->count);
    for (int64_t i = 0; i < found->count && i < expected->count; i++) {
        VA_CHECK(!strcmp(found->items[i].name, expected->items[i].name));
        VA_CHECK(!memcmp(found->items[i].data, expected->items[i].data,
                         (size_t)expected->items[i].count * sizeof(float)));
    }
}

static void the_authors_names_are_ours(void)
{
    struct va_tensors *set = authors_head(), *expected = head();
    enum va_model_kind kind;
    bool authors;

    VA_CHECK(va_keymap_apply(set, "a.pt", false, &kind, &authors) == 0);
    VA_CHECK(kind == VA_MODEL_HEAD && authors);
    VA_CHECK(va_arch_complete(set, "a.pt", kind, true) == 0);
    check_same(set, expected);
    VA_CHECK(va_tensors_meta(set, "in-norm") &&
             !strcmp(va_tensors_meta(set, "in-norm"), "yes"));
    VA_CHECK(va_tensors_meta(set, "channels") &&
             !strcmp(va_tensors_meta(set, "channels"), "6,4"));
    va_tensors_free(set);
    va_tensors_free(expected);
}

/* Renamed to what the authors' state dict has, and more: 16 second names of two blocks. */
static void our_names_become_the_authors(void)
{
    static const char *const twice[][2] = {
        { "temporal.network.0.net.0.weight_v", "temporal.network.0.conv1.weight_v" },
        { "temporal.network.1.net.2.weight", "temporal.network.1.relu1.weight" },
        { "temporal.network.1.net.4.bias", "temporal.network.1.conv2.bias" },
        { "temporal.network.0.net.6.weight", "temporal.network.0.relu2.weight" },
    };
    struct va_tensors *set = head(), *expected = head();
    struct va_aliases more = { 0 };
    enum va_model_kind kind;
    bool authors;

    VA_CHECK(va_keymap_to_authors(set, "m.h5", &more) == 0);
    VA_CHECK_INT(set->count, expected->count + 2);
    for (int64_t i = 0; i < expected->count; i++) {
        char name[128] = "";

        their_name(expected->items[i].name, name, sizeof(name));
        VA_CHECK(!strcmp(set->items[i].name, name + strlen("module.")));
    }
    VA_CHECK_INT(more.count, 16);
    for (size_t t = 0; t < VA_COUNT(twice); t++) {
        bool found = false;

        for (int64_t i = 0; i < more.count && !found; i++)
            found = !strcmp(more.items[i].name, twice[t][0]) &&
                    !strcmp(set->items[more.items[i].of].name, twice[t][1]);
        VA_CHECK(found);
    }
    for (int i = 0; i < 2; i++) {
        const struct va_tensor *t = va_tensors_find(set, i ? "mamba.adaptor.0.weight"
                                                           : "mamba.adaptor.0.bias");

        VA_CHECK(t && t->count == 4 && ((float *)t->data)[3] == (float)i);
    }
    VA_CHECK(va_tensors_add_aliases(set, &more) == 0);
    VA_CHECK(va_keymap_apply(set, "a.pth", false, &kind, &authors) == 0 && authors);
    check_same(set, expected);
    va_aliases_release(&more);
    va_tensors_free(set);
    va_tensors_free(expected);
}

static void newer_weight_normalisation_is_understood(void)
{
    struct va_tensors *set = head(), *expected = head();
    enum va_model_kind kind;
    bool authors;

    rename_to(va_tensors_find(set, "tcn.0.conv1.weight_g"),
              "tcn.0.conv1.parametrizations.weight.original0");
    rename_to(va_tensors_find(set, "tcn.0.conv1.weight_v"),
              "tcn.0.conv1.parametrizations.weight.original1");
    VA_CHECK(va_keymap_apply(set, "n.st", false, &kind, &authors) == 0 && !authors);
    VA_CHECK(va_arch_complete(set, "n.st", kind, false) == 0);
    check_same(set, expected);
    va_tensors_free(set);
    va_tensors_free(expected);
}

/* Decoder and classifier go; what is left is the encoder. */
static void an_encoder_loses_what_it_does_not_need(void)
{
    struct va_backend *be = va_ref_backend_new();
    struct va_tensors *set = be ? va_arch_init_encoder(be, VA_ARCH_VIT_TINY, 3) : NULL;
    struct va_tensors *expected = be ? va_arch_init_encoder(be, VA_ARCH_VIT_TINY, 3) : NULL;
    enum va_model_kind kind;
    bool authors;

    if (!set || !expected ||
        !va_tensors_add(set, "decoder_blocks.0.norm1.weight", VA_F32, 1, (int64_t[]){ 2 }) ||
        !va_tensors_add(set, "mask_token", VA_F32, 1, (int64_t[]){ 2 }) ||
        !va_tensors_add(set, "head.weight", VA_F32, 1, (int64_t[]){ 2 }))
        abort();
    VA_CHECK(va_keymap_apply(set, "e.st", false, &kind, &authors) == 0 &&
             kind == VA_MODEL_ENCODER);
    VA_CHECK(va_arch_complete(set, "e.st", kind, false) == 0);
    check_same(set, expected);
    va_tensors_free(set);
    va_tensors_free(expected);
    va_backend_free(be);
}

static void tensors_are_left_out_by_pattern(void)
{
    static const char *const some[] = { "fc?.bias", "tcn.0.*" },
                             *const none[] = { "fc1.*", "x*" }, *const all[] = { "*" };
    struct va_tensors *set = head();
    int64_t all_count = set->count, first = 0;
    char line[512] = "";

    for (int64_t i = 0; i < set->count; i++)
        first += strncmp(set->items[i].name, "tcn.0.", 6) == 0;
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_keymap_drop(set, "a.st", none, 2) < 0);
    va_error_catch_end();
    VA_CHECK(!strncmp(line,
                      "a.st: --drop x*: matches no tensor of floating point, expected one "
                      "like tcn.0.",
                      75));
    va_error_catch_begin(line, sizeof(line));
    VA_CHECK(va_keymap_drop(set, "a.st", all, 1) < 0);
    va_error_catch_end();
    VA_CHECK(!strcmp(line, "a.st: --drop leaves no tensor"));
    VA_CHECK_INT(set->count, all_count); /* as it was */
    VA_CHECK(va_keymap_drop(set, "a.st", some, 2) == 0);
    VA_CHECK_INT(set->count, all_count - first - 2);
    VA_CHECK(va_tensors_find(set, "fc1.weight") && !va_tensors_find(set, "fc1.bias"));
    VA_CHECK(va_keymap_drop(set, "a.st", NULL, 0) == 0);
    va_tensors_free(set);
}

/* Refused with a line that holds `what`. */
static void refused(struct va_tensors *set, const char *what)
{
    char line[1200] = "";
    enum va_model_kind kind;
    bool authors;
    int result;

    va_error_catch_begin(line, sizeof(line));
    result = va_keymap_apply(set, "x.st", false, &kind, &authors);
    if (result == 0)
        result = va_arch_complete(set, "x.st", kind, false);
    va_error_catch_end();
    if (result == 0 || !strstr(line, what)) {
        printf("# said \"%s\", expected \"%s\"\n", line, what);
        va_test_bad = true;
    }
    va_tensors_free(set);
}

static void sets_that_are_no_model_are_refused(void)
{
    struct va_tensors *set = va_tensors_new();

    if (!set || !va_tensors_add(set, "x", VA_F32, 1, (int64_t[]){ 2 }))
        abort();
    refused(set, "x.st: found tensor x, which no known model has");
    refused(va_tensors_new(), "x.st: no tensors");
    set = head();
    rename_to(va_tensors_find(set, "fc1.bias"), "module.fc2.bias");
    refused(set, "x.st: fc2.bias: found twice");
    set = head();
    rename_to(va_tensors_find(set, "fc1.bias"), "fc3.bias");
    rename_to(va_tensors_find(set, "proj.bias"), "proj.bios");
    refused(set, "x.st: proj.bias: tensor is missing, expected shape 4; fc1.bias: tensor is "
                 "missing, expected shape 3; proj.bios: unknown");
    set = head();
    ((float *)va_tensors_find(set, "fc1.bias")->data)[1] = INFINITY;
    refused(set, "x.st: fc1.bias: element 1 is inf");
    set = head();
    va_tensors_find(set, "fc1.bias")->dtype = VA_I32;
    refused(set, "x.st: fc1.bias: type int32");
}

int main(void)
{
    va_set_verbosity(VA_QUIET); /* what is left out is said */
    VA_TEST(the_authors_names_are_ours);
    VA_TEST(our_names_become_the_authors);
    VA_TEST(newer_weight_normalisation_is_understood);
    VA_TEST(an_encoder_loses_what_it_does_not_need);
    VA_TEST(tensors_are_left_out_by_pattern);
    VA_TEST(sets_that_are_no_model_are_refused);
    return va_test_finish();
}
