#!/usr/bin/env python3
"""What a PyTorch user would run, on the same card and at the same sizes: a JSON line for each row.

    peers.py [--device cuda] [--small] [--eager] ROW...      rows: vit finetune tcn scan-fwd scan step

Products are in bfloat16 (weights of the encoder; autocast where something is trained), the scan in float32. Models go through
torch.compile, but with --eager. The scan is mamba-ssm's where that is installed, and otherwise a loop over time. With --small
everything has toy sizes, so that a CPU does it.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
options.add_argument("--device", default="cuda")
options.add_argument("--small", action="store_true")
options.add_argument("--eager", action="store_true")
options.add_argument("-n", type=int, default=20, help="timed runs")
options.add_argument("rows", nargs="+")
args = options.parse_args()
torch.manual_seed(1)

BATCH, FRAMES, PICTURES = (2, 12, 2) if args.small else (16, 300, 256)
CHANNELS = [8, 8, 8, 8, 8] if args.small else [1024, 1024, 768, 512, 256]
WIDTH, DEPTH, HEADS, SIDE = (32, 2, 2, 4) if args.small else (1024, 24, 16, 14)
STATES, RANK, TAPS = 8, 16, 4


def compiled(f):
    return f if args.eager else torch.compile(f)


def half():
    return torch.autocast(torch.device(args.device).type, torch.bfloat16)


# ---- the encoder ----------------------------------------------------------------------------------


class EncoderBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(WIDTH, eps=1e-6) for _ in range(2))
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, WIDTH))
        return x + self.mlp(self.norm2(x))


class Encoder(nn.Module):
    """The CLS row of ViT-L/16."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 16, 16)
        self.cls = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.place = nn.Parameter(torch.randn(1, 1 + SIDE * SIDE, WIDTH) * 0.02)
        self.blocks = nn.ModuleList(EncoderBlock() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, pictures):
        x = self.patch(pictures).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(len(x), -1, -1), x), 1) + self.place
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 0])


def pictures(count):
    return torch.randn(count, 3, 16 * SIDE, 16 * SIDE, device=args.device)


def vit():
    model, x = Encoder().to(args.device, torch.bfloat16).eval(), pictures(PICTURES).bfloat16()
    forward = compiled(model)

    def run():
        with torch.no_grad():
            forward(x)
    return run, PICTURES


def finetune():
    """The upper eight blocks, the last norm and a head of two; 4 pictures, as the row of make bench."""
    body = Encoder().to(args.device)
    body.requires_grad_(False)
    for part in (*body.blocks[-8:], body.norm):
        part.requires_grad_(True)
    model = nn.Sequential(body, nn.Linear(WIDTH, 2).to(args.device))
    x, y = pictures(4), torch.rand(4, 2, device=args.device)
    return update(model, lambda p: ((p.float() - y) ** 2).mean(), x), 4


# ---- the temporal model ------------------------------------------------------------------------------


class Causal(nn.Module):
    def __init__(self, before, after, dilation):
        super().__init__()
        self.past = 14 * dilation
        self.conv = weight_norm(nn.Conv1d(before, after, 15, dilation=dilation))
        self.act = nn.PReLU()

    def forward(self, x):
        return F.dropout(self.act(self.conv(F.pad(x, (self.past, 0)))), 0.3, self.training)


class ConvBlock(nn.Module):
    def __init__(self, before, after, dilation):
        super().__init__()
        self.path = nn.Sequential(Causal(before, after, dilation), Causal(after, after, dilation))
        self.side = nn.Conv1d(before, after, 1) if before != after else nn.Identity()
        self.act = nn.PReLU()

    def forward(self, x):
        return self.act(self.path(x) + self.side(x))


class Tcn(nn.Sequential):
    def __init__(self):
        super().__init__(*(ConvBlock(CHANNELS[i], CHANNELS[i + 1], 2**i) for i in range(4)))


def loop(u, delta, A, Bm, Cm, skip, z):
    h, rows = 0, []
    for t in range(u.shape[1]):
        d = delta[:, t, :, None]
        h = torch.exp(d * A) * h + d * u[:, t, :, None] * Bm[:, t, None, :]
        rows.append((h * Cm[:, t, None, :]).sum(-1))
    return (torch.stack(rows, 1) + skip * u) * F.silu(z)


def fused(u, delta, A, Bm, Cm, skip, z):
    turned = [x.transpose(1, 2).contiguous() for x in (u, delta, Bm, Cm, z)]
    return selective_scan_fn(turned[0], turned[1], A, turned[2], turned[3], skip, turned[4]).transpose(1, 2)


try:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    scan_of, scan_name = fused, "mamba-ssm"
except ImportError:
    scan_of, scan_name = loop, "loop"


class Mamba(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.into, self.out = nn.Linear(width, 2 * width, False), nn.Linear(width, width, False)
        self.conv = nn.Conv1d(width, width, TAPS, groups=width)
        self.select, self.step = nn.Linear(width, RANK + 2 * STATES, False), nn.Linear(RANK, width)
        self.log, self.skip = nn.Parameter(torch.zeros(width, STATES)), nn.Parameter(torch.ones(width))
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        u, z = self.into(x).chunk(2, -1)
        u = F.silu(self.conv(F.pad(u.transpose(1, 2), (TAPS - 1, 0)))).transpose(1, 2)
        low, Bm, Cm = self.select(u).split((RANK, STATES, STATES), -1)
        delta = F.softplus(self.step(low).float())
        y = scan_of(u.float(), delta, -torch.exp(self.log), Bm.float(), Cm.float(), self.skip, z.float())
        return self.norm(self.out(y.to(x.dtype)) + x)


class Temporal(nn.Module):
    def __init__(self):
        super().__init__()
        width = CHANNELS[-1]
        self.tcn, self.layers = Tcn(), nn.Sequential(*(Mamba(width) for _ in range(4)))
        self.head = nn.Sequential(nn.Linear(width, width), nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 2))

    def forward(self, x):
        return self.head(self.layers(self.tcn(x.transpose(1, 2)).transpose(1, 2)))


def ccc_loss(p, y):
    p, y = p.float().flatten(0, 1), y.flatten(0, 1)
    apart = (p.mean(0) - y.mean(0)) ** 2
    both = ((p - p.mean(0)) * (y - y.mean(0))).mean(0)
    return (1 - 2 * both / (p.var(0, correction=0) + y.var(0, correction=0) + apart + 1e-8)).sum()


def update(model, loss, x):
    trained = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(trained, 1e-5, fused=args.device != "cpu")
    forward = compiled(model.train())

    def run():
        adam.zero_grad()
        with half():
            p = forward(x)
        loss(p).backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        adam.step()
    return run


def features():
    return torch.randn(BATCH, FRAMES, CHANNELS[0], device=args.device)


def step():
    y = torch.rand(BATCH, FRAMES, 2, device=args.device) * 2 - 1
    return update(Temporal().to(args.device), lambda p: ccc_loss(p, y), features()), BATCH


def both_ways(f, inputs):
    for x in inputs:
        x.requires_grad_(True)
    f = compiled(f)

    def run():
        y = f(*inputs)
        y.backward(torch.ones_like(y))
        for x in inputs:
            x.grad = None
    return run


def tcn():
    model = Tcn().to(args.device).train()

    def forward(x):
        with half():
            return model(x)
    return both_ways(forward, [features().transpose(1, 2).contiguous()]), BATCH


def scan_inputs():
    E = CHANNELS[-1]
    wide, low = (BATCH, FRAMES, E), (BATCH, FRAMES, STATES)
    draw = [torch.randn(s, device=args.device) for s in (wide, low, low, (E,), wide)]
    delta, A = torch.rand(wide, device=args.device) * 0.1, -torch.rand(E, STATES, device=args.device) * 7 - 1
    return [draw[0], delta, A, *draw[1:]]


def scan():
    return both_ways(scan_of, scan_inputs()), BATCH


def scan_fwd():
    f, inputs = compiled(scan_of), scan_inputs()

    def run():
        with torch.no_grad():
            f(*inputs)
    return run, BATCH


# ---- times --------------------------------------------------------------------------------------------


def wait():
    if args.device != "cpu":
        torch.cuda.synchronize()


for row in args.rows:
    run, items = {"vit": vit, "finetune": finetune, "tcn": tcn, "scan": scan, "scan-fwd": scan_fwd, "step": step}[row]()
    seconds = []
    for i in range(args.n + 3):
        wait()
        began = time.perf_counter()
        run()
        wait()
        seconds.append(time.perf_counter() - began)
    found = {"row": row, "peer": "torch " + torch.__version__, "compiled": not args.eager,
             "median_s": statistics.median(seconds[3:]), "min_s": min(seconds[3:])}
    if row in ("scan", "scan-fwd", "step"):
        found["scan"] = scan_name
    found["per_s"] = items / found["median_s"]
    print(json.dumps(found), flush=True)
