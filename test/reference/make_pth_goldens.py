"""Write test/golden/pth: checkpoints as torch.save makes them, small.

    python make_pth_goldens.py ../golden/pth

Beside them, NAME.safetensors has the tensors of floating point that are to be read from NAME*.pth,
contiguous, in the types of the checkpoint. Made with PyTorch 2.15. The older format names storages
after addresses, so its files differ from run to run in those.
"""
import argparse
import pathlib
import sys
from collections import OrderedDict

import numpy as np
import torch
from authors_head import Head
from safetensors.torch import save_file
from torch import nn

out = pathlib.Path(sys.argv[1])
out.mkdir(exist_ok=True)


def expect(name, part):
    save_file(
        {k: v.detach().clone().contiguous() for k, v in part.items() if v.is_floating_point()},
        out / f"{name}.safetensors",
    )


torch.manual_seed(1)
legacy = {"_use_new_zipfile_serialization": False}

# every type, and every way in which a tensor can lie in its storage
base = torch.randn(4, 5)
kinds = OrderedDict(
    float32=torch.randn(2, 3),
    float64=torch.randn(3, dtype=torch.float64),
    float16=torch.randn(5).half(),
    bfloat16=torch.randn(5).bfloat16(),
    scalar=torch.tensor(0.75),
    empty=torch.zeros(0, 3),
    parameter=nn.Parameter(torch.randn(2)),
    buffer=nn.Buffer(torch.randn(3)),
    shared=base,
    transposed=base.t(),
    strided=base[1:, ::2],
    expanded=torch.randn(3, 1).expand(3, 2),
    permuted=torch.randn(2, 3, 4).permute(2, 0, 1),
    int64=torch.tensor([1, 2]),
    boolean=torch.tensor([True]),
    uint16=torch.tensor([3], dtype=torch.uint16),
    complex64=torch.tensor([1j]),
)
kinds["parameter"].note = "an attribute of a parameter"
expect("kinds", kinds)
torch.save(kinds, out / "kinds.pth")
torch.save(kinds, out / "kinds-4.pth", pickle_protocol=4)
torch.save(kinds, out / "kinds-legacy.pth", **legacy)

# a state dict of modules, with versions in its attributes and a count of batches
net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
expect("state", net.state_dict())
torch.save(net.state_dict(), out / "state.pth")

# what a masked autoencoder's training leaves: the model under a key, and much beside it
step = torch.optim.AdamW(net.parameters(), lr=1e-3)
net(torch.randn(4, 3)).sum().backward()
step.step()
training = {
    "model": net.state_dict(),
    "optimizer": step.state_dict(),
    "epoch": 7,
    "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 0},
    "args": argparse.Namespace(
        lr=1e-3,
        device=torch.device("cpu"),
        dtype=torch.float32,
        betas=(0.9, 0.95),
        output=pathlib.PurePosixPath("out/run"),
        seeds={1, 2},
        large=2**70,
        best=np.float64(0.5),
        history=np.arange(3.0),
        resume=None,
        crop=torch.Size([224, 224]),
        tags=frozenset(["a"]),
        note=b"bytes",
        more=bytearray(b"bytes"),
        negative=-5,
        far=-(2**40),
    ),
    "random": torch.arange(4, dtype=torch.uint8),
}
expect("training", net.state_dict())
torch.save(training, out / "training.pth")
torch.save(training, out / "training-5.pth", pickle_protocol=5)
torch.save(training, out / "training-legacy.pth", **legacy)

# a small head under the authors' names, as their program saves it on several GPUs
head = Head(in_dim=5, channels=[5, 4], kernel=3, layers=2, states=3, taps=4, expand=1, hidden=3)
state = OrderedDict(("module." + k, v) for k, v in head.state_dict().items())
expect("authors", state)
torch.save(state, out / "authors.pth")
