#!/usr/bin/env python3
"""Encoders of timm on the way through va-weights and va-embed and back.

    encoders.py write FOLDER --seed N
        for each case FOLDER/CASE: weights.pth and weights.safetensors of a model with a
        classifier, some pictures in pictures/, larger ones in large/, and options (a line for
        va-weights import)
    encoders.py check FOLDER --seed N CASE...
        FOLDER/CASE/out.safetensors loads into the model without a classifier, strictly,
        and gives equal output; the rows of features.h5 are near timm's CLS rows in float64, those of
        larger.h5 near those of a model for larger pictures, whose positions timm resampled

Cases: tiny and odd have numbers drawn for all tensors, base is as timm initialises it.
Needs PyTorch, timm, NumPy, Pillow, h5py and safetensors.
"""
import argparse
import os

import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer

from load_safetensors import read_safetensors

CASES = {
    "tiny": dict(img_size=32, patch_size=8, embed_dim=64, depth=3, num_heads=4),
    "odd": dict(img_size=42, patch_size=14, embed_dim=90, depth=2, num_heads=5, mlp_ratio=1.5),
    "base": dict(img_size=224, patch_size=16, embed_dim=768, depth=12, num_heads=12),
}
LARGER = {"tiny": 48, "odd": 98, "base": 256}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BOUND = 1e-5  # length of the difference over that of the row


def model(case, seed, classes):
    torch.manual_seed(seed)
    m = VisionTransformer(num_classes=classes, **CASES[case]).eval()
    if case != "base":
        for p in m.parameters():
            p.data += 0.3 * torch.randn(p.shape) / p.shape[-1] ** 0.5
    return m


def pictures(folder):
    names = sorted(os.listdir(folder))
    x = np.stack([np.asarray(Image.open(f"{folder}/{n}")) for n in names])
    x = torch.from_numpy(x).permute(0, 3, 1, 2) / 255
    return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def write(case, folder, seed):
    os.makedirs(folder)
    state = model(case, seed, 7).state_dict()
    torch.save(state, f"{folder}/weights.pth")
    save_file(state, f"{folder}/weights.safetensors")
    rng = np.random.default_rng(seed)
    for name, side in (("pictures", CASES[case]["img_size"]), ("large", LARGER[case])):
        os.mkdir(f"{folder}/{name}")
        for i in range(2 if case == "base" else 5):
            noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(noise).save(f"{folder}/{name}/{i + 1:05}.png")
    three = lambda x: ",".join(map(str, x))
    with open(f"{folder}/options", "w") as f:
        print(f"--set heads={CASES[case]['num_heads']} --set mean={three(MEAN)}",
              f"--set std={three(STD)}", file=f)


def cls_rows(m, x):
    with torch.no_grad():
        return m.forward_features(x)[:, 0]


def compare(what, path, m, folder):
    with h5py.File(path) as f:
        found = torch.from_numpy(f["features"][:].astype(np.float64))
    expected = cls_rows(m.double(), pictures(folder).double())
    assert found.shape == expected.shape, (found.shape, expected.shape)
    off = ((found - expected).norm(dim=1) / expected.norm(dim=1)).max().item()
    print(f"{what}: off by {off:.2g}")
    assert off < BOUND, f"{what}: off by {off}, expected at most {BOUND}"


def check(case, folder, seed):
    state = model(case, seed, 7).state_dict()
    x = pictures(f"{folder}/pictures")
    plain = VisionTransformer(num_classes=0, **CASES[case]).eval()
    with torch.no_grad():
        for p in plain.parameters():
            p.fill_(float("nan"))
    plain.load_state_dict(read_safetensors(f"{folder}/out.safetensors")[0], strict=True)
    own = VisionTransformer(num_classes=7, **CASES[case]).eval()
    own.load_state_dict(state)
    assert torch.equal(cls_rows(plain, x), cls_rows(own, x)), case
    compare(case, f"{folder}/features.h5", plain, f"{folder}/pictures")
    side = LARGER[case]
    sizes = dict(CASES[case], img_size=side)
    grid = side // sizes["patch_size"]
    state = {k: v for k, v in state.items() if not k.startswith("head.")}
    state["pos_embed"] = resample_abs_pos_embed(state["pos_embed"], [grid, grid])
    larger = VisionTransformer(num_classes=0, **sizes).eval()
    larger.load_state_dict(state, strict=True)
    compare(f"{case} at {side}", f"{folder}/larger.h5", larger, f"{folder}/large")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("verb", choices=["write", "check"])
    args.add_argument("folder")
    args.add_argument("case", nargs="*")
    args.add_argument("--seed", type=int, required=True)
    args = args.parse_args()
    verb = write if args.verb == "write" else check
    for case in args.case or CASES:
        verb(case, f"{args.folder}/{case}", args.seed)


if __name__ == "__main__":
    main()
