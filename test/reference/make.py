"""Values for test/unit/test_reference.c:  python make.py FOLDER [--seed N] [--full]

Without --seed, the sizes and values that lie in test/golden/reference; with it, sizes drawn from
the seed as well. --full: the published model at full size instead, forward and gradients.

Expected values are computed in float64 from float32 inputs. A tolerance says how far float32 may
be off: ten times the largest difference that the same code shows in float32, on the inputs as
they are and twice with every number moved at random by up to a unit in the last place, and eight
roundings of the tensor's largest number. Ten, since sums are taken in another order elsewhere.
"""

import argparse
import json
import os
import struct
import warnings

import numpy as np
import torch

from models import MODELS, Temporal, ccc_loss, decays, names, shape_of

warnings.filterwarnings("ignore", category=FutureWarning)   # weight_norm has another name now
STEPS = 20
SETTINGS = {                 # as the presets, but for a constant rate
    "paper": dict(loss="population", decay=1e-3, everything=False, clip=0, eps=1e-8),
    "authors": dict(loss="sample", decay=1e-2, everything=True, clip=1, eps=1e-7),
}


def write_safetensors(path, tensors, meta):
    header, blobs, at = {"__metadata__": meta}, [], 0
    for name, value in tensors.items():
        value = np.ascontiguousarray(value)
        kind = {"float32": "F32", "float64": "F64"}[str(value.dtype)]
        header[name] = {"dtype": kind, "shape": list(value.shape),
                        "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
        blobs.append(value.tobytes())
    text = json.dumps(header, sort_keys=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def draw_sizes(rng):
    heads = int(rng.integers(1, 4))
    width = heads * int(rng.integers(2, 5))     # a norm over one number leaves nothing
    return dict(in_dim=int(rng.integers(1, 9)),
                channels=[int(n) for n in rng.integers(1, 9, int(rng.integers(0, 3)))] + [width],
                kernel=int(rng.integers(1, 6)), layers=int(rng.integers(1, 4)),
                d_state=int(rng.integers(1, 6)), d_conv=int(rng.integers(1, 6)),
                expand=int(rng.integers(1, 3)), heads=heads, mlp=int(rng.integers(1, 12)),
                hidden=int(rng.integers(1, 9)), in_norm=bool(rng.integers(0, 2)))


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def case(kind, size, preset, batch, frames, rng):
    """Weights, inputs and settings, all float32."""
    torch.manual_seed(int(rng.integers(1 << 31)))
    model = Temporal(kind, size)
    values = {n: (p.detach().numpy() + 0.05 * draw(rng, *p.shape)).astype(np.float32)
              for n, p in model.named_parameters()}
    values["fc1.bias"] += 1     # else all of a few units behind the ReLU may be dead
    label = np.clip(0.5 * draw(rng, batch, frames, 2), -1, 1)
    label[rng.random((batch, frames)) < 0.2] = -5
    label[0, 0] = (0.25, -0.5)
    if frames > 1:
        label[0, 1] = (-0.75, 0.5)
    return dict(kind=kind, size=size, preset=preset, values=values,
                x=draw(rng, batch, frames, size["in_dim"]), label=label)


def run(c, dtype, rng=None, steps=STEPS):
    """All results of a case in this type; with rng every number is moved first."""
    def given(a):
        a = a.astype(np.float64)
        if rng is not None:
            a = a * (1 + rng.uniform(-1, 1, a.shape) * 2.0 ** -23)
            a = a.astype(np.float32).astype(np.float64)
        return torch.tensor(a, dtype=dtype)

    s = SETTINGS[c["preset"]]
    model = Temporal(c["kind"], c["size"]).to(dtype)
    ours = names(model)
    with torch.no_grad():
        for n, p in model.named_parameters():
            p.copy_(given(c["values"][n]))
    x, label = given(c["x"]), torch.tensor(c["label"], dtype=dtype)
    groups = {flag: [p for n, p in model.named_parameters()
                     if decays(ours[n], s["everything"]) == flag] for flag in (True, False)}
    adamw = torch.optim.AdamW([{"params": ps, "weight_decay": s["decay"] if flag else 0}
                               for flag, ps in groups.items() if ps], lr=2e-3, eps=s["eps"])
    out, losses, norms = {}, [], []
    for k in range(max(steps, 1)):
        adamw.zero_grad()
        pred = model(x)
        loss = ccc_loss(pred, label, s["loss"])
        loss.backward()
        if k == 0:
            out["pred"] = pred.detach().numpy().copy()
            for n, p in model.named_parameters():
                out["grad." + ours[n]] = p.grad.numpy().reshape(shape_of(ours[n], p)).copy()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), s["clip"] or 1e300)
        losses.append(float(loss.detach()))
        norms.append(float(norm))
        if steps:
            adamw.step()
    out["loss"] = np.array(losses[:1])
    if steps:
        out["step.loss"], out["step.norm"] = np.array(losses), np.array(norms)
        for n, p in model.named_parameters():
            out["after." + ours[n]] = p.detach().numpy().reshape(shape_of(ours[n], p)).copy()
    return {n: v.astype(np.float64) for n, v in out.items()}


def of_streams(rng, size, fusion):
    """The same sizes for two named streams."""
    dims = [int(rng.integers(2, 7)) for _ in "ab"]     # a norm over one number leaves nothing
    return dict(size, fusion=fusion, streams=list(zip(("face", "sound"), dims)),
                stream_width=int(rng.integers(0, 5)), in_dim=sum(dims) + 2)


def write_case(folder, table, c, rng, steps=STEPS):
    name = f"reference/{c['size'].get('fusion', c['kind'])}"
    model = Temporal(c["kind"], c["size"])
    ours = names(model)
    exact = run(c, torch.float64, steps=steps)
    others = [run(c, torch.float32, moved, steps) for moved in (None, rng, rng)]
    weights = {ours[n]: c["values"][n].reshape(shape_of(ours[n], p))
               for n, p in model.named_parameters()}
    s = SETTINGS[c["preset"]]
    meta = {"in-norm": "yes" if c["size"]["in_norm"] else "no",
            "heads": str(c["size"]["heads"]), "loss": s["loss"], "decay": str(s["decay"]),
            "decay-all": "yes" if s["everything"] else "no", "clip": str(s["clip"]),
            "eps": str(s["eps"]), "steps": str(steps)}
    if "fusion" in c["size"]:
        meta |= {"fusion": c["size"]["fusion"], "stream-width": str(c["size"]["stream_width"]),
                 "streams": ",".join(f"{n}={d}" for n, d in c["size"]["streams"])}
    write_safetensors(f"{folder}/{name}.weights.safetensors", weights,
                      {k: meta[k] for k in ("in-norm", "heads", "fusion", "stream-width", "streams")
                       if k in meta})
    expected = {"x": c["x"], "label": c["label"]}
    for tensor, value in exact.items():
        expected[tensor] = value if value.ndim == 1 and tensor[:4] in ("loss", "step") \
            else value.astype(np.float32)
        top = np.abs(value).max(initial=0)
        off = max(np.abs(o[tensor] - value).max(initial=0) for o in others)
        table.append((f"{name}.safetensors", tensor, f"{top:.4g}", f"{off:.3g}",
                      f"{max(10 * off + 8 * 2.0 ** -24 * top, 1e-10):.3g}"))
    write_safetensors(f"{folder}/{name}.safetensors", expected, meta)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("folder")
    args.add_argument("--seed", type=int)
    args.add_argument("--full", action="store_true")
    a = args.parse_args()
    torch.set_num_threads(1)
    os.makedirs(f"{a.folder}/reference", exist_ok=True)
    rng = np.random.default_rng(1 if a.seed is None else a.seed)
    small = dict(in_dim=5, channels=[6, 4], kernel=3, layers=2, d_state=3, d_conv=4, expand=1,
                 heads=2, mlp=7, hidden=3)
    published = dict(in_dim=1024, channels=[1024, 768, 512, 256], kernel=15, layers=4, d_state=8,
                     d_conv=4, expand=1, heads=4, mlp=1024, hidden=128, in_norm=True)
    table = []
    for i, kind in enumerate(("tcn-mamba",) if a.full else MODELS):
        preset = ("paper", "authors")[i % 2]
        if a.full:
            c = case(kind, published, "authors", 2, 40, rng)
        elif a.seed is None:
            c = case(kind, dict(small, in_norm=preset == "authors"), preset, 2, 13, rng)
        else:
            c = case(kind, draw_sizes(rng), preset, int(rng.integers(1, 6)),
                     int(rng.integers(2, 70)), rng)
        write_case(a.folder, table, c, rng, 0 if a.full else STEPS)
    for fusion, kind in () if a.full else (("concat", "tcn-mamba"), ("cross", "tcn-gru")):
        if a.seed is None:
            size, frames = dict(small, in_norm=True), 13
        else:
            size, frames = draw_sizes(rng), int(rng.integers(2, 40))
        c = case(kind, of_streams(rng, size, fusion), "paper", 2, frames, rng)
        write_case(a.folder, table, c, rng)
    with open(f"{a.folder}/reference/tolerances.tsv", "w", encoding="ascii") as f:
        f.write("file\ttensor\tmax_abs\tdiff32\tatol\n")
        f.writelines("\t".join(row) + "\n" for row in table)


main()
