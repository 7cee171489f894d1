/*
 * va-weights - make, import, export and describe the weights of models.
 *
 * What a model is made of is common/nn/va_arch's business, what others call its tensors
 * common/nn/va_keymap's; here are command lines and files.
 */
#include "base/va_mem.h"
#include "base/va_tool.h"
#include "cpu/va_cpu_ops.h"
#include "io/va_h5.h"
#include "io/va_model_file.h"
#include "nn/va_arch.h"
#include <stdio.h>
#include <string.h>

static const char *const preset_names[] = { "paper", "authors", NULL };
enum preset { PAPER, AUTHORS };

/* Write a set as va.model/1; `input` and `id` are what it was made from, or NULL. */
static int save(const char *output, const struct va_tensors *set, const char *input,
                const char *id, const int64_t *seed)
{
    struct va_h5_out *out = va_h5_create(output, "va.model/1");

    if (!out)
        return -1;
    if (seed)
        va_h5_set_seed(out, (uint64_t)*seed);
    if ((!input || va_h5_add_input(out, input, id) == 0) && va_model_put(out, set) == 0)
        return va_h5_commit(&out);
    va_h5_abort(out);
    return -1;
}

/* ---- init ------------------------------------------------------------------------------ */

struct init_args {
    int arch, preset;
    int64_t seed;
    const char *output;
    struct va_head_config head;
    struct va_ints channels;
};

static const struct va_usage init_usage = {
    "--arch NAME [options] -o MODEL.h5",
    "make a model with initial weights",
    "The encoders vit_base_patch16_224, vit_large_patch16_224 and vit_huge_patch14_224 get the "
    "initial values of masked-autoencoder training and are of no use before it. vit_tiny is for "
    "demonstrations: its weights are wired so that, untrained, it makes a random linear map of "
    "the coarse picture. mamba-va is the temporal model, by default in the published size.",
};

static bool head_option_given(void)
{
    static const char *const names[] = { "preset", "in-norm", "in-dim", "channels", "kernel",
                                         "layers", "d-state", "d-conv", "expand",   "hidden" };

    for (size_t i = 0; i < VA_COUNT(names); i++)
        if (va_option_given(names[i]))
            return true;
    return false;
}

static bool parse_init(struct init_args *a, int argc, char **argv, int *status)
{
    struct va_head_config *h = &a->head;
    const struct va_option table[] = {
        VA_OPT_CHOICE(0, "arch", &a->arch, va_arch_names, "the model"),
        VA_OPT_OUTPUT('o', "output", &a->output, "MODEL.h5", "file to write"),
        VA_OPT_SEED(&a->seed),
        VA_OPT_GROUP("Only for mamba-va"),
        VA_OPT_CHOICE(0, "preset", &a->preset, preset_names,
                      "whose initial values and in-norm"),
        VA_OPT_YESNO(0, "in-norm", &h->in_norm, "normalise frames between TCN and Mamba"),
        VA_OPT_INT(0, "in-dim", &h->in_dim, 1, 65536, "features of a frame"),
        VA_OPT_INTS(0, "channels", &a->channels, 1, 65536, "outputs of the TCN blocks"),
        VA_OPT_INT(0, "kernel", &h->kernel, 1, 1024, "taps of a convolution"),
        VA_OPT_INT(0, "layers", &h->layers, 1, VA_HEAD_LAYERS_MAX, "Mamba layers"),
        VA_OPT_INT(0, "d-state", &h->d_state, 1, 65536, "states of a channel"),
        VA_OPT_INT(0, "d-conv", &h->d_conv, 1, 1024, "taps of the depthwise convolution"),
        VA_OPT_INT(0, "expand", &h->expand, 1, 64, "inner width over outer width"),
        VA_OPT_INT(0, "hidden", &h->hidden, 1, 65536, "width of the last layer but one"),
        VA_OPT_END,
    };
    char **rest;

    *a = (struct init_args){ .arch = -1, .preset = PAPER, .seed = 42 };
    va_head_config_default(h);
    a->channels.count = h->blocks;
    memcpy(a->channels.items, h->channels, (size_t)h->blocks * sizeof(*h->channels));
    rest = va_options_parse(table, &init_usage, argc, argv, status);
    if (!rest)
        return false;
    if (rest[0])
        return va_usage_error(status, "%s: expected no operand", rest[0]);
    if (a->arch < 0)
        return va_usage_error(status, "missing --arch NAME");
    if (!a->output)
        return va_usage_error(status, "missing --output MODEL.h5");
    if (a->arch != VA_ARCH_MAMBA_VA && head_option_given())
        return va_usage_error(status,
                              "--arch %s is an encoder, and an option given is only for "
                              "mamba-va",
                              va_arch_names[a->arch]);
    if (a->channels.count > VA_HEAD_BLOCKS_MAX)
        return va_usage_error(status, "--channels: %lld blocks, expected at most %d",
                              (long long)a->channels.count, VA_HEAD_BLOCKS_MAX);
    h->blocks = a->channels.count;
    memcpy(h->channels, a->channels.items, (size_t)h->blocks * sizeof(*h->channels));
    if (!va_option_given("in-norm"))
        h->in_norm = a->preset == AUTHORS;
    return true;
}

static int run_init(const struct init_args *a)
{
    struct va_backend *be = va_cpu_backend_new();
    struct va_tensors *set = NULL;
    int result = -1;

    if (!be)
        return -1;
    if (a->arch != VA_ARCH_MAMBA_VA)
        set = va_arch_init_encoder(be, (enum va_arch)a->arch, (uint64_t)a->seed);
    else if (va_head_config_check(&a->head, "mamba-va") == 0)
        set = va_arch_init_head(
            be, &a->head, a->preset == AUTHORS ? VA_HEAD_INIT_AUTHORS : VA_HEAD_INIT_PAPER,
            (uint64_t)a->seed);
    if (set)
        result = save(a->output, set, NULL, NULL, &a->seed);
    va_tensors_free(set);
    va_backend_free(be);
    return result;
}

static int main_init(int argc, char **argv)
{
    struct init_args a;
    int status;

    if (!parse_init(&a, argc, argv, &status))
        return status;
    return va_tool_status(run_init(&a));
}

/* ---- import ---------------------------------------------------------------------------- */

struct import_args {
    int preset;
    const char *output, *input;
    struct va_strings set; /* KEY=VALUE */
};

static const struct va_usage import_usage = {
    "[options] -o MODEL.h5 IN",
    "make a model from weights of others",
    "IN is safetensors, or a va.model/1 file. Vision transformers have the names of timm or of "
    "facebook's MAE, whose decoder is left out; mamba-va has its own names or the authors'. Sizes "
    "come from the shapes of the tensors. What shapes do not tell is taken from --set, else from "
    "the metadata of IN, else from --preset, else it is the default.\n\n"
    "Keys of --set: heads (default: width / 64), mean and std (three numbers each, of the pixels "
    "from 0 to 1), image-size of an encoder; in-norm of mamba-va (yes under the authors' names "
    "and under --preset authors).",
};

static bool parse_import(struct import_args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "MODEL.h5", "file to write"),
        VA_OPT_CHOICE(0, "preset", &a->preset, preset_names, "whose in-norm"),
        VA_OPT_LIST(0, "set", &a->set, "KEY=VALUE", "a setting; repeatable"),
        VA_OPT_END,
    };
    char **rest;

    *a = (struct import_args){ .preset = PAPER };
    rest = va_options_parse(table, &import_usage, argc, argv, status);
    if (!rest)
        return false;
    if (!a->output)
        return va_usage_error(status, "missing --output MODEL.h5");
    if (!rest[0] || rest[1])
        return va_usage_error(status, "expected one file to import");
    a->input = rest[0];
    for (int64_t i = 0; i < a->set.count; i++) {
        char *key = va_strdup(a->set.items[i]);
        bool known;

        if (!key)
            return *status = VA_EXIT_MACHINE, false;
        key[strcspn(key, "=")] = '\0';
        known = va_arch_setting(VA_MODEL_ENCODER, key) || va_arch_setting(VA_MODEL_HEAD, key);
        va_free(key);
        if (!known || !strchr(a->set.items[i], '='))
            return va_usage_error(status,
                                  "--set %s: expected heads=, mean=, std=, image-size= "
                                  "or in-norm= and a value",
                                  a->set.items[i]);
    }
    return true;
}

/* Bring metadata under the names used here, then lay --set over them. */
static int apply_settings(struct va_tensors *set, const struct va_strings *over,
                          enum va_model_kind kind)
{
    for (int64_t i = 0; i < set->meta_count; i++) {
        const char *name = va_arch_setting(kind, set->meta[i].key);
        char *copy = va_strdup(name ? name : "");

        if (!copy)
            return -1;
        va_free(set->meta[i].key);
        set->meta[i].key = copy;
    }
    for (int64_t i = 0; i < over->count; i++) {
        const char *value = strchr(over->items[i], '=') + 1;
        char *key = va_format("%.*s", (int)(value - over->items[i] - 1), over->items[i]);
        const char *name = key ? va_arch_setting(kind, key) : NULL;
        int result = -1;

        if (name)
            result = va_tensors_set_meta(set, name, value);
        else if (key)
            va_error("--set %s: not a setting of %s", over->items[i],
                     kind == VA_MODEL_HEAD ? "mamba-va" : "a vision transformer");
        va_free(key);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int run_import(const struct import_args *a)
{
    char *id = NULL;
    struct va_tensors *set = va_model_read_any(a->input, &id);
    enum va_model_kind kind;
    bool authors, in_norm;
    int result = -1;

    if (!set || va_keymap_apply(set, a->input, &kind, &authors) < 0)
        goto done;
    in_norm = va_option_given("preset") ? a->preset == AUTHORS : authors;
    if (apply_settings(set, &a->set, kind) < 0 ||
        va_arch_complete(set, a->input, kind, in_norm) < 0)
        goto done;
    result = save(a->output, set, a->input, id, NULL);
done:
    va_tensors_free(set);
    va_free(id);
    return result;
}

static int main_import(int argc, char **argv)
{
    struct import_args a;
    int status;

    if (parse_import(&a, argc, argv, &status))
        status = va_tool_status(run_import(&a));
    va_free(a.set.items);
    return status;
}

/* ---- export ---------------------------------------------------------------------------- */

static const struct va_usage export_usage = {
    "-o OUT.safetensors MODEL.h5",
    "write a model as safetensors",
    "The names of the tensors stay; the configuration becomes metadata under the keys that "
    "va-weights import understands.",
};

static int run_export(const char *output, const char *input)
{
    struct va_tensors *set = va_model_read(input, NULL);
    int result = set ? 0 : -1;

    for (int64_t i = 0; set && i < set->meta_count; i++)
        for (char *c = set->meta[i].key; *c; c++)
            if (*c == '_')
                *c = '-';
    if (result == 0)
        result = va_safetensors_write(output, set);
    va_tensors_free(set);
    return result;
}

static int main_export(int argc, char **argv)
{
    const char *output = NULL;
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &output, "OUT", "file to write"),
        VA_OPT_END,
    };
    int status;
    char **rest = va_options_parse(table, &export_usage, argc, argv, &status);

    if (!rest)
        return status;
    if (!output)
        va_usage_error(&status, "missing --output OUT.safetensors");
    else if (!rest[0] || rest[1])
        va_usage_error(&status, "expected one model to export");
    else
        status = va_tool_status(run_export(output, rest[0]));
    return status;
}

/* ---- info ------------------------------------------------------------------------------ */

static const struct va_usage info_usage = {
    "MODEL",
    "list tensors, shapes and sums",
    "MODEL is a va.model/1 or safetensors file. Lines of columns separated by tabs: 'setting' KEY "
    "VALUE; 'tensor' NAME SHAPE TYPE SUM, the sum of its values in float64; 'total' NUMBER, the "
    "parameters of all tensors together.",
};

/* 67,155,086 */
static void print_grouped(int64_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%lld", (long long)n);

    for (int i = 0; i < length; i++)
        printf("%s%c", i && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

static void print_info(const struct va_tensors *set)
{
    int64_t total = 0;

    for (int64_t i = 0; i < set->meta_count; i++)
        printf("setting\t%s\t%s\n", set->meta[i].key, set->meta[i].value);
    for (int64_t i = 0; i < set->count; i++) {
        const struct va_tensor *t = &set->items[i];
        const char *type = va_dtype_names[t->dtype];
        char shape[128];
        double sum = 0;

        for (int64_t k = 0; k < t->count; k++)
            sum += va_tensor_at(t, k);
        printf("tensor\t%s\t%s\t%s\t%.9g\n", t->name,
               va_shape_text(t->rank, t->shape, shape, sizeof(shape)), type, sum);
        total += t->count;
    }
    printf("total\t");
    print_grouped(total);
    printf("\n");
}

static int main_info(int argc, char **argv)
{
    const struct va_option table[] = { VA_OPT_END };
    struct va_tensors *set;
    int status;
    char **rest = va_options_parse(table, &info_usage, argc, argv, &status);

    if (!rest)
        return status;
    if (!rest[0] || rest[1]) {
        va_usage_error(&status, "expected one model");
        return status;
    }
    set = va_model_read_any(rest[0], NULL);
    if (set)
        print_info(set);
    status = va_tool_status(set ? 0 : -1);
    va_tensors_free(set);
    return status;
}

/* ---------------------------------------------------------------------------------------- */

static const struct va_usage usage = {
    "COMMAND [options] ...",
    "make, import, export and describe the weights of models",
    NULL,
};

int main(int argc, char **argv)
{
    const struct va_command commands[] = {
        { "init", main_init, init_usage.brief },
        { "import", main_import, import_usage.brief },
        { "export", main_export, export_usage.brief },
        { "info", main_info, info_usage.brief },
        { NULL, NULL, NULL },
    };

    va_tool_init("va-weights");
    return va_tool_finish(va_commands_run(commands, &usage, argc, argv));
}
