#!/usr/bin/env python3
"""Tables of positions resampled by timm: expected values for common/nn/va_positions.

    positions.py test/golden/positions/cases.safetensors
    positions.py FILE --seed N      other numbers and sizes

Each case N has from.N [1, 1 + g^2, D] and to.N [1, 1 + G^2, D], computed in float64, stored as
float32. (In float32 timm is off by up to 1.3e-6: the weights are made from places of that
precision.)

Needs PyTorch, timm and safetensors. The file was made with PyTorch 2.15.0 and timm 1.0.31.
"""
import argparse

import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

SIZES = [(4, 7), (7, 4), (14, 5), (3, 12), (5, 5), (1, 3), (6, 1)]


def resample(table, old, new):
    """timm's function, kept from turning float64 to float32."""
    float32 = torch.Tensor.float
    torch.Tensor.float = lambda x: x
    try:
        return resample_abs_pos_embed(table.double(), [new, new], [old, old])
    finally:
        torch.Tensor.float = float32


def main():
    args = argparse.ArgumentParser()
    args.add_argument("file")
    args.add_argument("--seed", type=int)
    args = args.parse_args()
    torch.manual_seed(args.seed or 0)
    sizes, width, out = SIZES, 3, {}
    if args.seed:
        sizes = torch.randint(1, 25, (20, 2)).tolist()
        width = 5
    for n, (old, new) in enumerate(sizes):
        table = torch.randn(1, 1 + old * old, width).mul_(0.25).clamp_(-1, 1)
        out[f"from.{n}"] = table
        wide = resample(table, old, new)
        assert wide.dtype == torch.float64
        plain = resample_abs_pos_embed(table, [new, new], [old, old])
        assert (plain - wide).abs().max() < 3e-6
        out[f"to.{n}"] = wide.float().contiguous().clone()
    save_file(out, args.file)


if __name__ == "__main__":
    main()
