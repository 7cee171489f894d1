"""The temporal models in PyTorch, for values to compare with.

Where PyTorch has a layer, that layer is the judge: nn.LSTM, nn.GRU, nn.TransformerEncoderLayer,
nn.LayerNorm, weight norm from torch.nn.utils. The Mamba layer and the causal convolution are
written out. `names(model)` maps the parameters to the names in our files.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

MODELS = ("tcn-mamba", "tcn", "mamba", "tcn-lstm", "lstm", "tcn-gru", "gru", "tcn-transformer",
          "transformer")


class CausalConv(nn.Module):
    def __init__(self, cin, cout, taps, dilation):
        super().__init__()
        self.pad = (taps - 1) * dilation
        self.conv = torch.nn.utils.weight_norm(nn.Conv1d(cin, cout, taps, dilation=dilation))

    def forward(self, x):                       # [B, T, C]
        return self.conv(F.pad(x.transpose(1, 2), (self.pad, 0))).transpose(1, 2)


class TcnBlock(nn.Module):
    def __init__(self, cin, cout, taps, dilation):
        super().__init__()
        self.conv1 = CausalConv(cin, cout, taps, dilation)
        self.conv2 = CausalConv(cout, cout, taps, dilation)
        self.prelu1, self.prelu2, self.prelu3 = nn.PReLU(), nn.PReLU(), nn.PReLU()
        self.shortcut = nn.Linear(cin, cout) if cin != cout else None

    def forward(self, x):
        y = self.prelu2(self.conv2(self.prelu1(self.conv1(x))))
        return self.prelu3(y + (self.shortcut(x) if self.shortcut else x))


class MambaLayer(nn.Module):
    def __init__(self, width, state, taps, expand):
        super().__init__()
        inner, rank = expand * width, math.ceil(width / 16)
        self.inner, self.rank, self.state, self.taps = inner, rank, state, taps
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, taps, groups=inner)
        self.x_proj = nn.Linear(inner, rank + 2 * state, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.randn(inner, state) * 0.5)
        self.D = nn.Parameter(torch.randn(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        u, z = self.in_proj(x).split(self.inner, -1)
        u = F.silu(self.conv1d(F.pad(u.transpose(1, 2), (self.taps - 1, 0))).transpose(1, 2))
        low, b, c = self.x_proj(u).split((self.rank, self.state, self.state), -1)
        step = F.softplus(self.dt_proj(low))
        a, h, rows = -self.A_log.exp(), 0, []
        for t in range(x.shape[1]):
            h = (step[:, t, :, None] * a).exp() * h + \
                (step[:, t] * u[:, t])[..., None] * b[:, t, None, :]
            rows.append((h * c[:, t, None, :]).sum(-1))
        y = (torch.stack(rows, 1) + self.D * u) * F.silu(z)
        return self.norm(self.out_proj(y) + x)


def positions(frames, width, like):
    t = torch.arange(frames, dtype=like.dtype)[:, None]
    k = torch.arange(width)
    angle = t * 10000.0 ** (-(k - k % 2).to(like.dtype) / width)
    return torch.where(k % 2 == 0, angle.sin(), angle.cos())


class Trunk(nn.Module):
    """TCN blocks, or a linear layer in their place."""

    def __init__(self, kind, size, wide):
        super().__init__()
        if kind.startswith("tcn"):
            widths = [wide, *size["channels"]]
            self.tcn = nn.ModuleList(
                TcnBlock(widths[b], widths[b + 1], size["kernel"], 2 ** b)
                for b in range(len(size["channels"])))
        else:
            self.embed = nn.Linear(wide, size["channels"][-1])

    def forward(self, x):
        if hasattr(self, "embed"):
            return self.embed(x)
        for block in self.tcn:
            x = block(x)
        return x


class Stream(nn.Module):
    """A named stream: norm and linear layer, the column that says whether it is there; for cross
    a trunk, and what attention across streams asks of it."""

    def __init__(self, kind, size, dim):
        super().__init__()
        wide, width = size["stream_width"] or dim, size["channels"][-1]
        self.norm, self.linear = nn.LayerNorm(dim), nn.Linear(dim, wide)
        if size["fusion"] == "cross":
            self.trunk = Trunk(kind, size, wide + 1)
            self.cross = nn.ModuleDict({"norm": nn.LayerNorm(width),
                                        "qkv": nn.Linear(width, 3 * width),
                                        "mix": nn.Linear(width, width)})

    def forward(self, x):
        return torch.cat((self.linear(self.norm(x[..., :-1])), x[..., -1:]), -1)


class Fusion(nn.Module):
    """Of named streams: concat, or cross, attention across them in each frame, where one more key and
    value of zeros is the gate."""

    def __init__(self, kind, size):
        super().__init__()
        self.streams = nn.ModuleDict({n: Stream(kind, size, d) for n, d in size["streams"]})
        self.split = [d + 1 for _, d in size["streams"]]
        width, self.heads = size["channels"][-1], size["heads"]
        if size["fusion"] == "cross":
            self.cross = nn.ModuleDict({"proj": nn.Linear(len(self.split) * width, width)})
        else:
            self.trunk = Trunk(kind, size, sum((size["stream_width"] or d) + 1
                                               for _, d in size["streams"]))

    def attend(self, h):
        qkv = torch.stack([s.cross["qkv"](s.cross["norm"](v))
                           for s, v in zip(self.streams.values(), h)], -2)   # [B, T, S, 3D]
        width, count = h[0].shape[-1], len(h)
        q, k, v = (p.reshape(-1, count, self.heads, width // self.heads).transpose(1, 2)
                   for p in qkv.split(width, -1))
        k, v = (F.pad(p, (0, 0, 0, 1)) for p in (k, v))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return y.reshape(*h[0].shape[:2], count * width)

    def forward(self, x):
        parts = [s(p) for s, p in zip(self.streams.values(), x.split(self.split, -1))]
        if hasattr(self, "trunk"):
            return self.trunk(torch.cat(parts, -1))
        h = [s.trunk(p) for s, p in zip(self.streams.values(), parts)]
        return self.cross["proj"](self.attend(h)) + \
            sum(s.cross["mix"](v) for s, v in zip(self.streams.values(), h))


class Temporal(nn.Module):
    """kind: one of MODELS; size: a dict of in_dim, channels, kernel, layers, d_state, d_conv,
    expand, heads, mlp, hidden, in_norm; with fusion (concat or cross) also streams, pairs of name
    and features, and stream_width."""

    def __init__(self, kind, size):
        super().__init__()
        self.kind, self.size = kind, size
        self.core = kind.removeprefix("tcn-") if kind != "tcn" else "none"
        width = size["channels"][-1]
        self.below = Fusion(kind, size) if "fusion" in size else Trunk(kind, size, size["in_dim"])
        make = {
            "none": lambda: None,
            "mamba": lambda: MambaLayer(width, size["d_state"], size["d_conv"], size["expand"]),
            "lstm": lambda: nn.LSTM(width, width, batch_first=True),
            "gru": lambda: nn.GRU(width, width, batch_first=True),
            "transformer": lambda: nn.TransformerEncoderLayer(
                width, size["heads"], size["mlp"], dropout=0, activation="gelu",
                batch_first=True, norm_first=True),
        }[self.core]
        if self.core != "none":
            self.layers = nn.ModuleList(make() for _ in range(size["layers"]))
        if self.core == "transformer":
            self.norm = nn.LayerNorm(width)
        self.proj = nn.Linear(width, width)
        self.fc1 = nn.Linear(width, size["hidden"])
        self.fc2 = nn.Linear(size["hidden"], 2)

    def forward(self, x):
        x = self.below(x)
        if self.size["in_norm"]:
            x = F.layer_norm(x, x.shape[-1:])
        if self.core == "transformer":
            x = x + positions(x.shape[1], x.shape[2], x)
            mask = torch.full((x.shape[1], x.shape[1]), -torch.inf, dtype=x.dtype).triu(1)
            for layer in self.layers:
                x = layer(x, src_mask=mask)
            x = self.norm(x)
        elif self.core in ("lstm", "gru"):
            for layer in self.layers:
                x, _ = layer(x)
        elif self.core == "mamba":
            for layer in self.layers:
                x = layer(x)
        return self.fc2(self.fc1(self.proj(x)).relu())


RENAMED = {
    "transformer": {"self_attn.in_proj_weight": "attn.qkv.weight",
                    "self_attn.in_proj_bias": "attn.qkv.bias",
                    "self_attn.out_proj": "attn.proj", "linear1": "mlp.fc1",
                    "linear2": "mlp.fc2"},
    "lstm": {"_l0": ""}, "gru": {"_l0": ""}, "mamba": {}, "none": {},
}


def names(model):
    """Our name of each parameter, by PyTorch's."""
    found = {}
    for theirs, p in model.named_parameters():
        ours = theirs.removeprefix("below.").replace("trunk.", "")
        ours = ours.replace(".conv.", ".") if "tcn." in ours else ours
        if theirs.startswith("layers."):
            ours = model.core + theirs.removeprefix("layers")
            for old, new in RENAMED[model.core].items():
                ours = ours.replace(old, new)
        elif theirs.startswith("norm."):
            ours = "transformer." + theirs
        found[theirs] = ours
    return found


def shape_of(name, p):
    """The shape in our files: a shortcut is a convolution of one tap there."""
    return (*p.shape, 1) if name.endswith("shortcut.weight") else tuple(p.shape)


def ccc_loss(pred, label, kind):
    """Sum over valence and arousal of 1 - CCC of the labelled frames."""
    keep = (label != -5).all(-1)
    p, y = pred[keep], label[keep]
    dp, dy = p - p.mean(0), y - y.mean(0)
    gap = (p.mean(0) - y.mean(0)) ** 2
    if kind == "population":
        ccc = 2 * (dp * dy).mean(0) / (dp.pow(2).mean(0) + dy.pow(2).mean(0) + gap)
    else:
        rho = (dp * dy).sum(0) / (dp.pow(2).sum(0).sqrt() * dy.pow(2).sum(0).sqrt() + 1e-8)
        sp, sy = p.std(0), y.std(0)
        ccc = 2 * rho * sp * sy / (sp ** 2 + sy ** 2 + gap)
    return (1 - ccc).sum()


def decays(name, everything):
    last = name.rsplit(".", 1)[-1]
    return everything or not (last.startswith("bias") or ".norm" in name or
                              last in ("A_log", "D"))
