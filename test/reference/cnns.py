#!/usr/bin/env python3
"""Convolutional encoders of timm on the way through va-weights, va-embed and va-predict, and back.

    cnns.py write FOLDER --seed N
        for each case FOLDER/CASE: weights.pth and weights.safetensors with a classifier, the same as a
        whole module in module.pt, some pictures in pictures/, and options (a line for va-weights import)
    cnns.py check FOLDER --seed N CASE...
        FOLDER/CASE/out.safetensors loads into timm's model, strictly, and gives equal output; the rows
        of features.h5, and of ratings where there are, are near timm's in float64
    cnns.py golden FOLDER --seed N
        test/golden/encoders: small ones in float16, with pictures (golden.pixels, bytes), features
        (golden.rows) and ratings (golden.ratings) in float64

Weights are the initial ones of timm, and of a MobileFaceNet written here, with norms drawn at random. Sizes of pictures are odd, and padded unlike at
both ends by "same". Needs PyTorch, timm, NumPy, Pillow, h5py and safetensors.
"""
import argparse
import os

import h5py
import numpy as np
import timm
import torch
import torch.nn as nn
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
    "mobilefacenet": ("mobilefacenet", RATED, 112, ""),
    "mobilefacenet_large": ("mobilefacenet_large", 3, 96, ""),
    "tf_b2": ("tf_efficientnet_b2", RATED, 66, "--image 66"),
}


class Named(nn.Module):
    """Modules under the name layers, as insightface's MobileFaceNet has all of them."""

    def __init__(self, *modules):
        super().__init__()
        self.layers = nn.ModuleList(modules)

    def forward(self, x):
        for f in self.layers:
            x = f(x)
        return x


class Added(Named):
    def forward(self, x):
        return x + super().forward(x)


def unit(i, o, k=1, s=1, groups=1, bend=True, pad=None):
    conv = nn.Conv2d(i, o, k, s, k // 2 if pad is None else pad, groups=groups, bias=False)
    return Named(conv, nn.BatchNorm2d(o), *([nn.PReLU(o)] if bend else []))


def bottleneck(kind, i, mid, o, s):
    return kind(unit(i, mid), unit(mid, mid, 3, s, mid), unit(mid, o, bend=False))


class MobileFaceNet(nn.Module):
    """blocks: of the four stages, the first as a convolution in groups where it is 0; last: side of the
    last convolution. Sizes as in Chen et al., channels times `scale`."""

    def __init__(self, rows, scale=2, blocks=(0, 4, 6, 2), last=7, features=512, base=64):
        super().__init__()
        c, w = base * scale, 2 * base

        def stage(c, mid, n):
            return Named(*[bottleneck(Added, c, mid, c, 1) for _ in range(n)])

        self.layers = nn.ModuleList([
            unit(3, c, 3, 2),
            stage(c, w, blocks[0]) if blocks[0] else unit(c, c, 3, 1, base),
            bottleneck(Named, c, w, c, 2), stage(c, w, blocks[1]),
            bottleneck(Named, c, 2 * w, 2 * c, 2), stage(2 * c, 2 * w, blocks[2]),
            bottleneck(Named, 2 * c, 4 * w, 2 * c, 2), stage(2 * c, 2 * w, blocks[3])])
        self.conv_sep = unit(2 * c, 512)
        self.features = Named(unit(512, 512, last, 1, 512, False, 0), nn.Flatten(),
                              nn.Linear(512, features, bias=False), nn.BatchNorm1d(features))
        self.classifier = nn.Linear(features, rows) if rows else nn.Identity()

    def forward_features(self, x):
        for f in self.layers:
            x = f(x)
        return self.features(self.conv_sep(x))

    def forward_head(self, x, pre_logits):
        assert pre_logits
        return x

    def forward(self, x):
        return self.classifier(self.forward_features(x))


def create(name, rows):
    if name == "mobilefacenet":
        return MobileFaceNet(rows).eval()
    if name == "mobilefacenet_large":
        return MobileFaceNet(rows, scale=1, blocks=(2, 1, 3, 2), last=6, features=100).eval()
    return timm.create_model(name, num_classes=rows).eval()


def model(case, seed):
    torch.manual_seed(seed)
    return draw_norms(create(*CASES[case][:2]))


def draw_norms(m):
    for layer in m.modules():
        if isinstance(layer, nn.PReLU):
            layer.weight.data = torch.rand(layer.weight.shape) - 0.2
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            n = layer.num_features
            layer.weight.data = 1 + 0.2 * torch.randn(n)
            layer.bias.data = 0.2 * torch.randn(n)
            layer.running_mean.data = 0.2 * torch.randn(n)
            layer.running_var.data = 0.5 + torch.rand(n)
    return m


def write(case, folder, seed):
    name, rows, side, options = CASES[case]
    os.makedirs(f"{folder}/pictures")
    m = model(case, seed)
    state = m.state_dict()
    torch.save(m, f"{folder}/module.pt")
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
    if case.startswith("mobilefacenet"):  # normalised by .5
        x = ((x * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)) - 0.5) / 0.5
    m = model(case, seed)
    back = create(CASES[case][0], RATED if rated else 0)
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


GOLDEN = {"efficientnet": ("efficientnet_b0", False), "tf_efficientnet": ("tf_efficientnet_b0", True),
          "mobilefacenet": ("mobilefacenet", False)}


def golden(folder, seed):
    os.makedirs(folder, exist_ok=True)
    for case, (name, same) in GOLDEN.items():
        torch.manual_seed(seed)
        own = name == "mobilefacenet"
        m = MobileFaceNet(RATED, 1, (0, 2, 1, 1), 2, 24, 4).eval() if own else small(name, same)
        m, side = draw_norms(m).half(), 32 if own else 45
        pixels = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
        x = pixels.permute(0, 3, 1, 2).double() / 255
        mean, std = ((0.5,) * 3, (0.5,) * 3) if own else (MEAN, STD)
        x = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
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
