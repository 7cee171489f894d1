"""One update of a masked autoencoder, ViT-B/16 with the published decoder, in PyTorch and timm.

Random weights and pictures of the real shapes, fused AdamW. With --lockstep it prints "ready" after the
warm-up, then the seconds of one update for each line of standard input.
"""
import argparse
import ctypes
import sys
import time

import torch
from timm.models.vision_transformer import Block

PATCHES, PIXELS, HIDDEN = 196, 768, 0.75


class Autoencoder(torch.nn.Module):
    def __init__(self, width=768, depth=12, heads=12, narrow=512, low=8):
        super().__init__()
        self.embed = torch.nn.Linear(PIXELS, width)
        self.cls = torch.nn.Parameter(torch.zeros(1, 1, width))
        self.places = torch.nn.Parameter(torch.randn(1, 1 + PATCHES, width) * .02, False)
        self.encoder = torch.nn.Sequential(
            *[Block(width, heads, qkv_bias=True) for _ in range(depth)], torch.nn.LayerNorm(width))
        self.narrow = torch.nn.Linear(width, narrow)
        self.mask = torch.nn.Parameter(torch.zeros(1, 1, narrow))
        self.seats = torch.nn.Parameter(torch.randn(1, 1 + PATCHES, narrow) * .02, False)
        self.decoder = torch.nn.Sequential(
            *[Block(narrow, 16, qkv_bias=True) for _ in range(low)], torch.nn.LayerNorm(narrow))
        self.pixels = torch.nn.Linear(narrow, PIXELS)

    def forward(self, patches):
        count, visible = len(patches), int(PATCHES * (1 - HIDDEN))
        order = torch.rand(count, PATCHES).argsort(1)
        rank, shown = order.argsort(1), order[:, :visible, None]
        x = self.embed(patches.gather(1, shown.expand(-1, -1, PIXELS)))
        x = x + self.places.expand(count, -1, -1)[:, 1:].gather(1, shown.expand(-1, -1, x.shape[2]))
        x = self.encoder(torch.cat([(self.cls + self.places[:, :1]).expand(count, -1, -1), x], 1))
        x = self.narrow(x)
        hidden = self.mask.expand(count, PATCHES - visible, -1)
        tokens = torch.cat([x[:, 1:], hidden], 1).gather(1, rank[:, :, None].expand(-1, -1, x.shape[2]))
        y = self.pixels(self.decoder(torch.cat([x[:, :1], tokens], 1) + self.seats))[:, 1:]
        mean, var = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
        off = (y - (patches - mean) / (var + 1e-6).sqrt()).square().mean(2)
        return off[rank >= visible].mean()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    p.add_argument("--lockstep", action="store_true")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    for option in (-1, -3):  # keep freed memory, and large blocks on the heap: no fresh pages a step
        ctypes.CDLL(None).mallopt(option, 1 << 30)
    model = Autoencoder()
    adamw = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], lr=1e-5, fused=True)
    patches = torch.rand(args.batch, PATCHES, PIXELS) * 2 - 1

    def update():
        adamw.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = model(patches)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        return loss.item()

    def seconds():
        begun = time.perf_counter()
        update()
        return time.perf_counter() - begun

    first = update()
    if not update() < 1.05 * first:  # of other patches than before
        sys.exit("the loss rose")
    if not args.lockstep:
        print(sorted(seconds() for _ in range(5))[2])
        return
    print("ready", flush=True)
    for _ in sys.stdin:
        print("%.6f" % seconds(), flush=True)


main()
