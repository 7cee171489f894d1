"""Fine-tuning in PyTorch, to compare with what va-finetune did.

    python finetune.py FIRST.h5 LAST.h5 TRAIN.tsv FRAMES.h5 LABELS.txt EXPRESSIONS.txt
        --freeze N --lr X --min-lr X --warmup N --layer-decay X --weight-decay X --mix W
        --expr-weight W --bound B

FIRST.h5 is the model before the first step. Every step sees all annotated pictures of FRAMES.h5, which
have the encoder's size, as they are. Loss and gradient are PyTorch's own, in float64; AdamW is
torch.optim's, with one group of parameters per tensor. Prints how far TRAIN.tsv and LAST.h5 are
off, and exits 1 where that is more than B.
"""
import argparse
import math
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F

COLUMNS = "step epoch lr loss ccc_valence ccc_arousal mse cross_entropy grad_norm".split()


def read_model(path):
    with h5py.File(path, "r") as f:
        tensors = {n: torch.tensor(f["tensors"][n][...], dtype=torch.float64)
                   for n in f["tensors"]}
        numbers = lambda k: torch.tensor(f.attrs[k], dtype=torch.float64)
        return tensors, int(f.attrs["heads"]), numbers("mean"), numbers("std")


def cls_row(w, images, heads):
    linear = lambda x, n: F.linear(x, w[n + ".weight"], w[n + ".bias"])
    norm = lambda x, n: F.layer_norm(x, x.shape[-1:], w[n + ".weight"], w[n + ".bias"], 1e-6)
    patch = w["patch_embed.proj.weight"]
    x = F.conv2d(images, patch, w["patch_embed.proj.bias"], stride=patch.shape[-1])
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([w["cls_token"].expand(len(x), -1, -1), x], 1) + w["pos_embed"]
    depth = 1 + max(int(n.split(".")[1]) for n in w if n.startswith("blocks."))
    for i in range(depth):
        b = f"blocks.{i}."
        q, k, v = linear(norm(x, b + "norm1"), b + "attn.qkv").unflatten(
            -1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + linear(y, b + "attn.proj")
        x = x + linear(F.gelu(linear(norm(x, b + "norm2"), b + "mlp.fc1")), b + "mlp.fc2")
    return norm(x, "norm")[:, 0], depth


def ccc(p, y):
    cov = ((p - p.mean()) * (y - y.mean())).mean()
    return 2 * cov / (p.var(correction=0) + y.var(correction=0) + (p.mean() - y.mean()) ** 2)


def layer(name, depth):
    if name.startswith(("cls_token", "pos_embed", "patch_embed")):
        return 0
    return 1 + int(name.split(".")[1]) if name.startswith("blocks.") else depth + 1


def rate(k, a, epochs):
    if k < a.warmup:
        return a.lr * k / a.warmup
    part = (k - a.warmup) / (epochs - a.warmup)
    return a.min_lr + (a.lr - a.min_lr) * (1 + math.cos(math.pi * part)) / 2


def main():
    p = argparse.ArgumentParser()
    for name in ("first", "last", "train", "frames", "labels", "expressions"):
        p.add_argument(name)
    p.add_argument("--freeze", type=int)
    p.add_argument("--warmup", type=int)
    for name in ("--lr", "--min-lr", "--layer-decay", "--weight-decay", "--mix", "--expr-weight",
                 "--bound"):
        p.add_argument(name, type=float)
    a = p.parse_args()

    w, heads, mean, std = read_model(a.first)
    with h5py.File(a.frames, "r") as f:
        pixels, numbers = f["frames"][...], f["index"][...]
    va = np.loadtxt(a.labels, delimiter=",", skiprows=1)[numbers - 1]
    classes = np.loadtxt(a.expressions, skiprows=1, dtype=int)[numbers - 1]
    keep = (va[:, 0] != -5) | (classes >= 0)
    images = (torch.tensor(pixels[keep], dtype=torch.float64) / 255 - mean) / std
    images = images.permute(0, 3, 1, 2)
    va, classes = torch.tensor(va[keep]), torch.tensor(classes[keep])
    rated, known = va[:, 0] != -5, classes >= 0
    count = torch.bincount(classes[known], minlength=len(w["expr_head.bias"])).double()
    weight = torch.where(count > 0, known.sum() / ((count > 0).sum() * count.clamp(min=1)), 0.)

    depth = cls_row(w, images[:1], heads)[1]
    trained = [n for n in w if n != "pos_embed" and
               (a.freeze == 0 or layer(n, depth) > a.freeze)]
    groups = []
    for n in trained:
        w[n].requires_grad_(True)
        decays = w[n].dim() > 1 and n != "cls_token"
        groups.append({"params": [w[n]], "weight_decay": a.weight_decay if decays else 0.,
                       "scale": a.layer_decay ** (depth + 1 - layer(n, depth))})
    adam = torch.optim.AdamW(groups, lr=1, betas=(.9, .999), eps=1e-8)

    theirs = np.genfromtxt(a.train, names=True)
    worst = dict.fromkeys(COLUMNS, 0.)
    for k in range(len(theirs)):
        lr = rate(k, a, len(theirs))
        cls, _ = cls_row(w, images, heads)
        pred = F.linear(cls, w["va_head.weight"], w["va_head.bias"])
        logits = F.linear(cls, w["expr_head.weight"], w["expr_head.bias"])
        c = [ccc(pred[rated, d], va[rated, d]) for d in range(2)]
        mse = F.mse_loss(pred[rated], va[rated])
        entropy = F.cross_entropy(logits[known], classes[known], weight=weight)
        loss = a.mix * (2 - c[0] - c[1]) + (1 - a.mix) * mse + a.expr_weight * entropy
        adam.zero_grad()
        loss.backward()
        norm = math.sqrt(sum(float((w[n].grad ** 2).sum()) for n in trained))
        for group in adam.param_groups:
            group["lr"] = lr * group["scale"]
        adam.step()
        row = [k + 1, k + 1, lr, loss, c[0], c[1], mse, entropy, norm]
        for name, value in zip(COLUMNS, row):
            value = float(value.detach() if torch.is_tensor(value) else value)
            off = abs(theirs[name][k] - value) / (1 + abs(value))
            worst[name] = max(worst[name], off)

    # How far each tensor is off, over how far it went: Adam makes a step of the rate of a gradient that
    # is nothing but rounding too, so some numbers may differ by all that.
    first, last = read_model(a.first)[0], read_model(a.last)[0]
    assert set(last) == set(w)
    for n in w:
        went, off = w[n].detach() - first[n], last[n] - w[n].detach()
        if n.endswith("qkv.bias"):  # a bias of keys does nothing: its gradient is rounding alone
            went, off = (x.unflatten(0, (3, -1))[[0, 2]] for x in (went, off))
        assert bool(went.any()) == (n in trained) and (n in trained or not off.any()), n
        worst[n] = float(off.norm() / went.norm().clamp(min=1e-30))
    for n, off in worst.items():
        print(f"{n}\t{off:.3g}")
    bad = [n for n, off in worst.items() if not off <= a.bound]
    sys.exit(f"more than {a.bound}: {bad}" if bad else 0)


main()
