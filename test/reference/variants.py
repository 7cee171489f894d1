#!/usr/bin/env python3
"""Encoders that are more than a plain vision transformer, or have the names of another library.

    variants.py list
        the cases that can be made here: those of transformers only where it is installed
    variants.py write FOLDER --seed N [CASE...]
        for each case FOLDER/CASE: weights.safetensors, or with more files an index of them, some
        pictures in pictures/, and options (a line for va-weights import)
    variants.py check FOLDER --seed N [CASE...]
        rows of FOLDER/CASE/features.h5 are near those of the library in float64, and
        out.safetensors loads into timm's model, strictly, and gives nearly the same rows
    variants.py golden FOLDER
        test/golden/encoders: small ones, with pictures (golden.pixels, bytes) and their rows in
        float64 (golden.rows) in the same file

Needs PyTorch, timm, NumPy, Pillow, h5py and safetensors; transformers for some cases.
"""
import argparse
import functools
import importlib.util
import json
import os
import tempfile

import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer

from encoders import BOUND, MEAN, STD, pictures
from load_safetensors import read_safetensors

ODD = dict(img_size=42, patch_size=14, embed_dim=90, depth=2, num_heads=5, mlp_ratio=1.5)
SMALL = dict(img_size=8, patch_size=4, embed_dim=12, depth=2, num_heads=3, mlp_ratio=2)


def three(x):
    return ",".join(map(str, x))


def draw(m):
    """All numbers moved, so that none is zero or one; tokens are small, so that eps matters."""
    for name, p in m.named_parameters():
        p.data = p.data + 0.5 * torch.randn(p.shape) / p.shape[-1] ** 0.5
        if "embed" in name or "token" in name:
            p.data *= 0.02
    return m.eval()


class Case:
    """state: tensors under their names; rows(x): features of normalised pictures x in float64;
    plain: the options of timm's model that an export loads into."""

    def __init__(self, state, rows, plain, sizes, **settings):
        self.state = {k: v.contiguous() for k, v in state.items()}
        self.rows, self.sizes = rows, sizes
        self.plain = dict(sizes, num_classes=0, **plain)
        self.settings = dict(heads=sizes["num_heads"], mean=three(MEAN), std=three(STD))
        self.settings.update(settings)


def timm_rows(m):
    m = m.double()

    def rows(x):
        with torch.no_grad():
            return m.forward_head(m.forward_features(x), pre_logits=True)

    return rows


def of_timm(sizes, plain=None, rename=dict, settings=None, **options):
    m = draw(VisionTransformer(num_classes=7, **sizes, **options))
    return Case(rename(m.state_dict()), timm_rows(m), options if plain is None else plain, sizes,
                **(settings or {}))


def pool(sizes):
    return of_timm(sizes, global_pool="avg")


def of_transformers(sizes, model, config, eps, rows=None, settings=None, **options):
    """A model of transformers; names as it saves them."""
    import transformers

    d = sizes["embed_dim"]
    c = getattr(transformers, config)(
        image_size=sizes["img_size"], patch_size=sizes["patch_size"], hidden_size=d,
        num_hidden_layers=sizes["depth"], num_attention_heads=sizes["num_heads"],
        intermediate_size=int(d * sizes["mlp_ratio"]), layer_norm_eps=eps,
        **options)
    m = draw(getattr(transformers, model)(c))
    with tempfile.TemporaryDirectory() as folder:
        m.save_pretrained(folder)
        state = load_file(f"{folder}/model.safetensors")
    m = m.double()

    def first(x):
        with torch.no_grad():
            return m(pixel_values=x).last_hidden_state[:, 0]

    plain = dict(norm_layer=functools.partial(torch.nn.LayerNorm, eps=eps))
    return Case(state, rows(m) if rows else first, plain, sizes, **(settings or {}))


def vit(sizes):
    return of_transformers(sizes, "ViTModel", "ViTConfig", 1e-12)


def vit_mae(sizes):
    c = of_transformers(sizes, "ViTMAEModel", "ViTMAEConfig", 1e-12, mask_ratio=0.0)
    c.settings["eps"] = 1e-12  # as its config.json says
    return c


def layerscale(sizes):
    """DINOv2 without registers as timm and facebook have it."""
    return of_timm(sizes, plain={}, init_values=0.5)


def dinov2(sizes):
    sizes = dict(sizes, mlp_ratio=2)
    return of_transformers(sizes, "Dinov2Model", "Dinov2Config", 1e-6, mlp_ratio=2,
                           layerscale_value=0.5)


def registers(sizes):
    """DINOv2 with registers as timm has it."""
    return of_timm(sizes, plain=dict(reg_tokens=3), reg_tokens=3, no_embed_class=True,
                   init_values=0.5)


def registers_mean(sizes):
    return of_timm(sizes, reg_tokens=2, global_pool="avg")


def deit3(sizes):
    return of_timm(sizes, plain={}, no_embed_class=True, init_values=0.5)


def deit(sizes):
    """With a distillation token; the feature is the CLS row."""
    m = draw(VisionTransformerDistilled(num_classes=7, **sizes))
    state = m.state_dict()
    m = m.double()

    def rows(x):
        with torch.no_grad():
            return m.forward_features(x)[:, 0]

    return Case(state, rows, dict(reg_tokens=1), sizes)


def dinov2_registers(sizes):
    sizes = dict(sizes, mlp_ratio=2)
    c = of_transformers(sizes, "Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", 1e-6,
                        mlp_ratio=2, layerscale_value=0.5, num_register_tokens=4)
    c.plain["reg_tokens"] = 4
    return c


def openai(state):
    """OpenAI's names of a model of timm, with the text encoder's beside them."""
    parts = {"norm1": "ln_1", "norm2": "ln_2", "attn.qkv.weight": "attn.in_proj_weight",
             "attn.qkv.bias": "attn.in_proj_bias", "attn.proj": "attn.out_proj",
             "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    whole = {"cls_token": "class_embedding", "pos_embed": "positional_embedding",
             "patch_embed.proj.weight": "conv1.weight", "norm_pre": "ln_pre", "norm": "ln_post"}
    new = {"transformer.resblocks.0.attn.in_proj_weight": torch.zeros(6, 2),
           "logit_scale": torch.zeros(())}
    for name, value in state.items():
        if name.startswith("head."):
            continue
        block, rules, prefix = name.split(".")[:2], whole, ""
        if block[0] == "blocks":
            prefix, rules = f"transformer.resblocks.{block[1]}.", parts
            name = name.split(".", 2)[2]
        for theirs, ours in rules.items():
            if name == theirs or name.startswith(theirs + "."):
                name = ours + name[len(theirs):]
                break
        value = value.reshape(value.shape[2:] if name.startswith("class") else
                              value.shape[1:] if name.startswith("positional") else value.shape)
        new[f"visual.{prefix}{name}"] = value
    new["visual.proj"] = torch.randn(state["cls_token"].shape[-1], 8)
    return new


CLIP = dict(pre_norm=True, act_layer="quick_gelu",
            norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-5))


def openai_clip(sizes):
    return of_timm(sizes, rename=openai, **CLIP)


def timm_clip(sizes):
    return of_timm(sizes, settings=dict(act="quickgelu"), **CLIP)


def clip(sizes):
    c = of_transformers(sizes, "CLIPVisionModel", "CLIPVisionConfig", 1e-5,
                        rows=lambda m: lambda x: pooled(m, x))
    c.plain.update(CLIP)
    return c


def pooled(m, x):
    with torch.no_grad():
        return m(pixel_values=x).pooler_output


CASES = {"pool": pool, "openai_clip": openai_clip, "timm_clip": timm_clip, "layerscale": layerscale, "registers": registers,
         "registers_mean": registers_mean, "deit3": deit3, "deit": deit}
if importlib.util.find_spec("transformers"):
    CASES.update(vit=vit, vit_mae=vit_mae, dinov2=dinov2,
                 dinov2_registers=dinov2_registers, clip=clip)


def make(case, sizes, seed):
    torch.manual_seed(seed)
    return CASES[case](sizes)


def shards(state, folder):
    """Two files and an index, as transformers writes large models."""
    names, place = sorted(state), {}
    for i, part in enumerate((names[::2], names[1::2])):
        file = f"model-{i + 1:05}-of-00002.safetensors"
        save_file({k: state[k] for k in part}, f"{folder}/{file}")
        place.update(dict.fromkeys(part, file))
    with open(f"{folder}/weights.safetensors.index.json", "w") as f:
        json.dump({"metadata": {"total_size": 0}, "weight_map": place}, f, indent=2)


def write(case, folder, seed):
    os.makedirs(f"{folder}/pictures")
    c = make(case, ODD, seed)
    if case == "vit_mae":
        shards(c.state, folder)
    else:
        save_file(c.state, f"{folder}/weights.safetensors")
    rng = np.random.default_rng(seed)
    side = ODD["img_size"]
    for i in range(5):
        noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(noise).save(f"{folder}/pictures/{i + 1:05}.png")
    with open(f"{folder}/options", "w") as f:
        print(*[f"--set {k}={v}" for k, v in c.settings.items()], file=f)


def near(what, found, expected):
    assert found.shape == expected.shape, (found.shape, expected.shape)
    off = ((found - expected).norm(dim=1) / expected.norm(dim=1)).max().item()
    print(f"{what}: off by {off:.2g}")
    assert off < BOUND, f"{what}: off by {off}, expected at most {BOUND}"


def check(case, folder, seed):
    c = make(case, ODD, seed)
    x = pictures(f"{folder}/pictures").double()
    with h5py.File(f"{folder}/features.h5") as f:
        found = torch.from_numpy(f["features"][:].astype(np.float64))
    near(case, found, c.rows(x))
    plain = VisionTransformer(**c.plain).eval()
    plain.load_state_dict(read_safetensors(f"{folder}/out.safetensors")[0], strict=True)
    near(f"{case}, exported", timm_rows(plain)(x), c.rows(x))


def golden(case, folder, seed):
    c = make(case, SMALL, seed)
    side = SMALL["img_size"]
    pixels = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8,
                           generator=torch.Generator().manual_seed(seed))
    x = (pixels.permute(0, 3, 1, 2).double() / 255 - torch.tensor(MEAN).view(3, 1, 1)) \
        / torch.tensor(STD).view(3, 1, 1)
    state = dict(c.state)
    state["golden.pixels"], state["golden.rows"] = pixels, c.rows(x).contiguous()
    save_file(state, f"{folder}/{case}.safetensors", {k: str(v) for k, v in c.settings.items()})


def main():
    args = argparse.ArgumentParser()
    args.add_argument("verb", choices=["list", "write", "check", "golden"])
    args.add_argument("folder", nargs="?")
    args.add_argument("case", nargs="*")
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    if args.verb == "list":
        print(*CASES)
        return
    if args.verb == "golden":
        os.makedirs(args.folder, exist_ok=True)
    for case in args.case or CASES:
        if args.verb == "golden":
            golden(case, args.folder, args.seed)
        else:
            (write if args.verb == "write" else check)(case, f"{args.folder}/{case}", args.seed)


if __name__ == "__main__":
    main()
