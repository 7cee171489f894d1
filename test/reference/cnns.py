#!/usr/bin/env python3
"""Convolutional encoders of timm on the way through va-weights, va-embed and va-predict, and back.

    cnns.py write FOLDER --seed N
        for each case FOLDER/CASE: weights.pth and weights.safetensors with a classifier, some
        pictures in pictures/, and options (a line for va-weights import)
    cnns.py check FOLDER --seed N CASE...
        FOLDER/CASE/out.safetensors loads into timm's model, strictly, and gives equal output; the rows
        of features.h5, and of ratings where there are, are near timm's in float64
    cnns.py golden FOLDER --seed N
        test/golden/encoders: small ones in float16, with pictures (golden.pixels, bytes), features
        (golden.rows) and ratings (golden.ratings) in float64

Weights are timm's initial ones with norms drawn at random. Sizes of pictures are odd, and padded unlike at
both ends by "same". Needs PyTorch, timm, NumPy, Pillow, h5py and safetensors.
"""
import argparse
import os

import h5py
import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from encoders import BOUND, MEAN, STD, pictures
from load_safetensors import read_safetensors

RATED = 10  # 8 expressions, valence, arousal

# model of timm, rows of its classifier, size of pictures, options of import
CASES = {
    "b0": ("efficientnet_b0", 7, 75, "--set padding=symmetric --set image-size=75"),
    "b2": ("efficientnet_b2", 1000, 97, "--set padding=symmetric --set image-size=97"),
    "tf_b0": ("tf_efficientnet_b0", RATED, 101, "--image 101"),
    "tf_b2": ("tf_efficientnet_b2", RATED, 66, "--image 66"),
}


def model(case, seed):
    torch.manual_seed(seed)
    return draw_norms(timm.create_model(CASES[case][0], num_classes=CASES[case][1]).eval())


def draw_norms(m):
    for layer in m.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            n = layer.num_features
            layer.weight.data = 1 + 0.2 * torch.randn(n)
            layer.bias.data = 0.2 * torch.randn(n)
            layer.running_mean.data = 0.2 * torch.randn(n)
            layer.running_var.data = 0.5 + torch.rand(n)
    return m


def write(case, folder, seed):
    name, rows, side, options = CASES[case]
    os.makedirs(f"{folder}/pictures")
    state = model(case, seed).state_dict()
    torch.save(state, f"{folder}/weights.pth")
    save_file(state, f"{folder}/weights.safetensors")
    rng = np.random.default_rng(seed)
    for i in range(5):
        noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(noise).save(f"{folder}/pictures/{i + 1:05}.png")
    with open(f"{folder}/options", "w") as f:
        print(options, file=f)


def compare(what, found, expected):
    assert found.shape == expected.shape, (found.shape, expected.shape)
    off = ((found - expected).norm(dim=1) / expected.norm(dim=1)).max().item()
    print(f"{what}: off by {off:.2g}")
    assert off < BOUND, f"{what}: off by {off}, expected at most {BOUND}"


def outputs(m, x):
    with torch.no_grad():
        return m.forward_head(m.forward_features(x), pre_logits=True), m(x)


def check(case, folder, seed):
    rated = CASES[case][1] == RATED
    x = pictures(f"{folder}/pictures").double()
    m = model(case, seed)
    back = timm.create_model(CASES[case][0], num_classes=RATED if rated else 0).eval()
    with torch.no_grad():
        for t in back.state_dict().values():
            t.fill_(9)
    back.load_state_dict(read_safetensors(f"{folder}/out.safetensors")[0], strict=True)
    m.double(), back.double()
    features, scores = outputs(m, x)
    again, scores_again = outputs(back, x)
    assert torch.equal(features, again), case
    if rated:
        assert torch.equal(scores, scores_again), case
        ratings = scores[:, -2:]
    with h5py.File(f"{folder}/features.h5") as f:
        compare(case, torch.from_numpy(f["features"][:].astype(np.float64)), features)
    if rated:
        lines = np.loadtxt(f"{folder}/ratings/pictures.txt", delimiter=",", skiprows=1)
        compare(f"{case}, ratings", torch.from_numpy(lines), ratings.clamp(-1, 1))


def small(name, same):
    """A model of timm's with a block a stage and an eighth of the channels."""
    norm = dict(bn_eps=1e-3, pad_type="same") if same else {}
    return timm.models.efficientnet._gen_efficientnet(
        name, channel_multiplier=0.125, depth_multiplier=0.1, num_classes=RATED, **norm).eval()


GOLDEN = {"efficientnet": ("efficientnet_b0", False), "tf_efficientnet": ("tf_efficientnet_b0", True)}


def golden(folder, seed):
    os.makedirs(folder, exist_ok=True)
    for case, (name, same) in GOLDEN.items():
        torch.manual_seed(seed)
        m = draw_norms(small(name, same)).half()
        side = 45
        pixels = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
        x = pixels.permute(0, 3, 1, 2).double() / 255
        x = (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        state = {k: v.clone() for k, v in m.state_dict().items()}
        features, scores = outputs(m.double(), x)
        state["golden.pixels"], state["golden.rows"] = pixels, features.contiguous()
        state["golden.ratings"] = scores[:, -2:].contiguous()
        save_file(state, f"{folder}/{case}.safetensors",
                  {"image_size": str(side), "padding": "same" if same else "symmetric"})


def main():
    args = argparse.ArgumentParser()
    args.add_argument("verb", choices=["write", "check", "golden"])
    args.add_argument("folder")
    args.add_argument("case", nargs="*")
    args.add_argument("--seed", type=int, required=True)
    args = args.parse_args()
    if args.verb == "golden":
        golden(args.folder, args.seed)
        return
    verb = write if args.verb == "write" else check
    for case in args.case or CASES:
        verb(case, f"{args.folder}/{case}", args.seed)


if __name__ == "__main__":
    main()
