"""How far bfloat16 and int8 are from float64 in PyTorch, on the recorded encoders.

    python rounding_error.py GOLDEN...      folders in which vit/ is looked for, the first that has it

Prints, for each encoder, the error of its CLS rows under torch.autocast(bfloat16) on the CPU, in
float32, and with linear layers whose inputs (by row) and weights (by output) are rounded to 8 bits: the
length of the difference over the length of the row, the worst of all pictures.
The bounds of bf16 and int8 in test/golden/README.md are one and a half times these.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

from load_safetensors import read_safetensors

MEAN, STD = (0.471, 0.363, 0.333), (0.220, 0.193, 0.180)


def find(name):
    for folder in sys.argv[1:]:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


def whole(x):
    """x with each row rounded to whole multiples of the 127th part of its largest magnitude."""
    scale = x.abs().amax(-1, keepdim=True) / 127
    return (x / scale).round() * scale


def forward(w, images, heads, rounded=lambda x: x):
    """CLS rows of an encoder whose tensors are w, as ops/va_op.h and nn/va_vit.h define it."""
    linear = lambda x, n: F.linear(rounded(x), rounded(w[n + ".weight"].flatten(1)), w[n + ".bias"])
    norm = lambda x, n: F.layer_norm(x, x.shape[-1:], w[n + ".weight"], w[n + ".bias"], 1e-6)
    p = w["patch_embed.proj.weight"]
    x = F.conv2d(images, p, w["patch_embed.proj.bias"], stride=p.shape[-1])
    x = x.flatten(2).transpose(1, 2)
    if rounded is whole:
        x = linear(F.unfold(images, p.shape[-1], stride=p.shape[-1]).transpose(1, 2), "patch_embed.proj")
    x = torch.cat([w["cls_token"].expand(len(x), -1, -1), x], 1) + w["pos_embed"]
    depth = 1 + max(int(n.split(".")[1]) for n in w if n.startswith("blocks."))
    for i in range(depth):
        b = "blocks.%d." % i
        qkv = linear(norm(x, b + "norm1"), b + "attn.qkv")
        q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + linear(a, b + "attn.proj")
        x = x + linear(F.gelu(linear(norm(x, b + "norm2"), b + "mlp.fc1")), b + "mlp.fc2")
    return norm(x, "norm")[:, 0]


def generated(name, shape, c, s):
    """The numbers of test/va_generated.h; c and s None: bytes."""
    mask = (1 << 64) - 1

    def mix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)

    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 & mask
    key = np.uint64(mix(1 + h & mask))
    z = key + np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    z ^= z >> np.uint64(31)
    if c is None:
        return (z >> np.uint64(56)).astype(np.uint8).reshape(shape)
    t = (z >> np.uint64(40)).astype(np.float64) / 2 ** 23 - 1
    return torch.from_numpy((c + s * t).astype(np.float32).reshape(shape))


def number(text):
    return float(np.float32(float.fromhex(text) if "0x" in text else float(text)))


def table(path):
    weights = {}
    for line in open(path).readlines()[1:]:
        name, shape, c, s, first, last, _ = line.rstrip("\n").split("\t")
        w = generated(name, [int(n) for n in shape.split("x")], number(c), number(s))
        assert w.flatten()[0] == number(first) and w.flatten()[-1] == number(last), name
        weights[name] = w
    return weights


def report(name, w, images, heads, recorded):
    with torch.no_grad():
        exact = forward({n: t.double() for n, t in w.items()}, images.double(), heads)
        plain = forward(w, images, heads)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = forward(w, images, heads)
        bytes = forward({n: t.double() for n, t in w.items()}, images.double(), heads, whole)
    recorded = recorded.double()
    assert (exact - recorded).norm() < 1e-6 * recorded.norm(), "this is not the recorded encoder"
    off = lambda x: ((x.double() - exact).norm(dim=1) / exact.norm(dim=1)).max().item()
    print("%s: bfloat16 %.3e, float32 %.3e, int8 %.3e" % (name, off(rounded), off(plain), off(bytes)))


np.seterr(over="ignore")
tiny, images = find("vit/mae_tiny.weights.safetensors"), find("vit/vit_tiny.safetensors")
if tiny:
    w = {n: t for n, t in read_safetensors(tiny)[0].items() if not n.startswith("decoder")}
    recorded = read_safetensors(images)[0]
    report("tiny", w, recorded["images"], 4, recorded["cls"])
picture = torch.from_numpy(generated("image", (224, 224, 3), None, None)).permute(2, 0, 1)
picture = (picture / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
for size, heads in (("base", 12), ("large", 16)):
    weights = find("vit/vit_%s.weights.tsv" % size)
    if weights:
        recorded = read_safetensors(find("vit/vit_%s.safetensors" % size))[0]["cls"]
        report(size, table(weights), picture[None], heads, recorded[None])
