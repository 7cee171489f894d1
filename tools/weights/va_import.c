/*
 * va-weights import - weights of other programs; what others call their tensors is weights/va_keymap.h's business.
 */
#include "tools/weights/va_weights.h"

#include "base/va_mem.h"
#include "base/va_tool.h"
#include "io/va_pictured.h"
#include "model/va_arch.h"
#include "model/va_cnn.h"
#include "weights/va_keymap.h"
#include "weights/va_model_file.h"
#include <stdio.h>
#include <string.h>

struct import_args {
    int preset;
    bool keep_decoder;
    int64_t image; /* 0: as it is */
    const char *output, *input, *from;
    struct va_strings set;  /* KEY=VALUE */
    struct va_strings drop; /* patterns of names */
};

const struct va_usage va_weights_import_usage = {
    .synopsis = "[options] -o MODEL.h5 IN",
    .brief = "convert weights of other programs to a model",
    .details =
        "IN is a safetensors file, the index of several (model.safetensors.index.json), a "
        "checkpoint of PyTorch (.pth, any version), an ONNX model or a va.model/1 file; its "
        "contents determine which. A checkpoint is read without "
        "running the code in it, and objects other than tensors are skipped.\n\nFrom a "
        "checkpoint, the first dict that holds tensors is taken: model, state_dict, "
        "model_state_dict, model_ema, net or module, else the whole file. Of a whole module "
        "(torch.save(model)) the tensors are taken. --from selects "
        "another dict by its key, or one of several encoders by the prefix of its "
        "tensors (--from teacher.backbone).\n\n"
        "Tensors of a vision transformer have the names of timm, of facebook's MAE or of "
        "transformers (ViT, DeiT, ViT-MAE, DINOv2, CLIP), or of OpenAI's CLIP, with or without a "
        "common prefix. Heads are left out if their names show it "
        "(head, classifier, au_head, projector, ...); --drop leaves out other tensors. "
        "The decoder of a masked autoencoder is left out without --keep-decoder. Integer "
        "tensors beside the weights are left out.\n\n"
        "Vision transformers with a CLS token are accepted. The feature is the CLS row or, "
        "where fc_norm stands for the last norm, the mean of the patches' rows. LayerScale is "
        "folded into the weights; register and distillation tokens stay. Any other kind (a gated MLP, ...) is refused with its name.\n\n"
        "EfficientNet B0 to B7 is accepted with the names of timm, MobileFaceNet with those of insightface; a classifier stays if it has the 10 rows "
        "of HSEmotion: expressions, valence, arousal. A mamba-va model has the names of this program or of the "
        "authors' code. YuNet, which finds faces, is taken from ONNX and from checkpoints of "
        "its training code; batch norms are folded into the convolutions.\n\n"
        "Sizes follow from the shapes of the tensors. Other settings come from --set, "
        "else from the metadata of IN, else from --preset, else from the defaults:\n\n"
        "  heads              of transformers: width / 64; 16 for the widths 1152, 1280, 1408 and 1664\n"
        "  mean, std          of pixels from 0 to 1: three numbers each; by default those of faces,\n"
        "                     .471,.363,.333 and .220,.193,.180; for ImageNet\n"
        "                     .485,.456,.406 and .229,.224,.225, which EfficientNet has by default;\n"
        "                     of MobileFaceNet: .5,.5,.5 for both\n"
        "  eps                of the norms: 1e-6; 1e-12 with the names of transformers, 1e-5 in CLIP;\n"
        "                     of EfficientNet: .001, or 1e-5 with padding=symmetric\n"
        "  padding            of EfficientNet: same (tf_efficientnet_*, HSEmotion), the default, or symmetric\n"
        "  act                activation of the blocks: gelu; quickgelu with the names of CLIP\n"
        "  pool               cls or mean, by the name of the last norm: norm or fc_norm\n"
        "  image-size         size of pictures for which the positions were made; of EfficientNet: that of\n"
        "                     its training, 224 for B0 and 260 for B2\n"
        "  decoder-heads      16\n"
        "  in-norm            of mamba-va: yes with the authors' names or --preset authors\n"
        "  lookahead          of mamba-va: number of future frames of a prediction; 0\n"
        "  encoder            of mamba-va: content id of the encoder of its training features\n"
        "  fps-min, fps-max   of mamba-va: range of frame rates of its training videos\n"
        "  input              pictures of its training, such as \"face crop\"; see va.model(5)\n\n"
        "--image N makes an encoder for pictures of N pixels per side from one for "
        "another size: positions are resampled as timm does (bicubic, antialiased).",
};

static bool parse_import(struct import_args *a, int argc, char **argv, int *status)
{
    const struct va_option table[] = {
        VA_OPT_OUTPUT('o', "output", &a->output, "MODEL.h5",
                      "model to write (va.model/1); appears only when complete"),
        VA_OPT_CHOICE(0, "preset", &a->preset, va_weights_presets,
                      "default of --set in-norm: no (paper) or yes (authors)"),
        VA_OPT_STRING(0, "from", &a->from, "KEY",
                      "key of the dict, or prefix of the encoder, to take from the file"),
        VA_OPT_LIST(0, "drop", &a->drop, "PATTERN",
                    "leave out tensors whose name matches, such as 'neck.*'; may be repeated"),
        VA_OPT_LIST(0, "set", &a->set, "KEY=VALUE",
                    "value of a setting that the file does not give; may be repeated"),
        VA_OPT_INT(0, "image", &a->image, 0, 4096,
                   "resample the encoder for pictures of N pixels per side; 0: keep its size"),
        VA_OPT_FLAG(0, "keep-decoder", &a->keep_decoder,
                    "keep the decoder of a masked autoencoder"),
        VA_OPT_END,
    };
    char **rest;

    *a = (struct import_args){ .preset = VA_WEIGHTS_PAPER };
    rest = va_options_parse(table, &va_weights_import_usage, argc, argv, status);
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
        known = va_arch_setting(VA_MODEL_MAE, key) || va_arch_setting(VA_MODEL_ENCODER, key) ||
                va_arch_setting(VA_MODEL_HEAD, key) || va_arch_setting(VA_MODEL_CNN, key);
        va_free(key);
        if (!known || !strchr(a->set.items[i], '='))
            return va_usage_error(
                status,
                "--set %s: expected heads=, mean=, std=, pool=, eps=, act=, image-size=, "
                "padding=, decoder-heads=, in-norm=, lookahead=, encoder=, fps-min=, "
                "fps-max= or input= and a value",
                a->set.items[i]);
        if (!strncmp(a->set.items[i], "input=", 6) && !va_pictured_valid(a->set.items[i] + 6))
            return va_usage_error(
                status,
                "--set %s: expected \"whole picture\", \"face crop\" or \"face crop, "
                "TEMPLATE, WxH\"",
                a->set.items[i]);
    }
    return true;
}

/* What an encoder needs and its file does not say: one flag each. */
static const char *const unsaid_keys[] = { "heads",      "mean",    "std",
                                           "image_size", "padding", "eps" };

static unsigned unsaid_of(const struct va_tensors *set, enum va_model_kind kind)
{
    static const char *const needed[] = { [VA_MODEL_ENCODER] = "heads mean std",
                                          [VA_MODEL_MAE] = "heads mean std",
                                          [VA_MODEL_CNN] = "mean std image_size padding eps" };
    const char *of = (size_t)kind < VA_COUNT(needed) && needed[kind] ? needed[kind] : "";
    unsigned unsaid = 0;

    for (size_t i = 0; i < VA_COUNT(unsaid_keys); i++)
        if (strstr(of, unsaid_keys[i]) && !va_tensors_meta(set, unsaid_keys[i]))
            unsaid |= 1u << i;
    return unsaid;
}

/* Tell what was supposed. */
static void say_unsaid(const struct va_tensors *set, const char *path, enum va_model_kind kind,
                       unsigned unsaid)
{
    char text[512] = "";
    size_t n = 0;

    for (size_t i = 0; i < VA_COUNT(unsaid_keys); i++)
        if (unsaid & 1u << i)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%s", unsaid_keys[i],
                                  va_tensors_meta(set, unsaid_keys[i]));
    if (n > 0)
        va_info("%s: the file does not give these; assuming%s (%soverride with --set)%s", path,
                text,
                kind != VA_MODEL_CNN && unsaid & ~1u ? "mean and std are those of faces; " : "",
                strstr(text, "padding=same")
                    ? "; efficientnet_* of timm, without tf_, need --set padding=symmetric"
                    : "");
}

static int run_import(const struct import_args *a)
{
    char *id = NULL;
    struct va_tensors *set = va_model_read_any(a->input, a->from, &id);
    enum va_model_kind kind;
    struct va_cnn_config net;
    bool authors, in_norm;
    unsigned unsaid;
    int result = -1;

    if (!set || va_keymap_drop(set, a->input, a->drop.items, a->drop.count) < 0 ||
        va_keymap_apply(set, a->input, a->keep_decoder, &kind, &authors) < 0)
        goto done;
    in_norm = va_option_given("preset") ? a->preset == VA_WEIGHTS_AUTHORS : authors;
    if (va_arch_apply_settings(set, &a->set, kind) < 0 ||
        (a->image && va_arch_resize(set, a->input, kind, a->image) < 0))
        goto done;
    unsaid = unsaid_of(set, kind);
    if (va_arch_complete(set, a->input, kind, in_norm) < 0)
        goto done;
    say_unsaid(set, a->input, kind, unsaid);
    if (kind == VA_MODEL_CNN &&
        (va_cnn_config_load(&net, set, a->input) < 0 || va_cnn_check(&net, set, a->input) < 0))
        goto done;
    result = va_model_save(a->output, set, NULL,
                           &(const struct va_model_source){ a->input, id }, 1);
done:
    va_tensors_free(set);
    va_free(id);
    return result;
}

int va_weights_import(int argc, char **argv)
{
    struct import_args a;
    int status;

    if (parse_import(&a, argc, argv, &status))
        status = va_tool_status(run_import(&a));
    va_free(a.set.items);
    va_free(a.drop.items);
    return status;
}
