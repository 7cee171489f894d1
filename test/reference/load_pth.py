"""Check with PyTorch what va-weights export wrote.

    python load_pth.py equal X.pth X.safetensors    the same names, types and values
    python load_pth.py strict X.pth                 loads into the authors' modules

Several checks may stand on one command line, each after its word.
"""
import json
import struct
import sys

import torch

TYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16}


def read_safetensors(path):
    with open(path, "rb") as f:
        (size,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        data = f.read()
    meta = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, meta


def equal(pth, safetensors):
    found = torch.load(pth, weights_only=True)
    expected, meta = read_safetensors(safetensors)
    assert list(found) == list(expected), set(found) ^ set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name
        assert found[name].is_contiguous(), name
    assert found.mamba_va == meta, (found.mamba_va, meta)


def strict(pth):
    from authors_head import Head

    state = torch.load(pth, weights_only=True)
    m = {k: int(v) for k, v in state.mamba_va.items() if v.isdigit()}
    channels = [int(c) for c in state.mamba_va["channels"].split(",")]
    head = Head(m["in-dim"], channels, m["kernel"], m["layers"], m["d-state"], m["d-conv"],
                m["expand"], m["hidden"])
    head.load_state_dict(state, strict=True)
    for name, value in head.state_dict().items():
        assert torch.equal(value, state[name]), name
    first = state["temporal.network.0.conv1.weight_v"]
    again = state["temporal.network.0.net.0.weight_v"]
    assert first.data_ptr() == again.data_ptr(), "a second name takes room"


def main(arguments):
    while arguments:
        word = arguments.pop(0)
        if word == "equal":
            equal(arguments.pop(0), arguments.pop(0))
        else:
            assert word == "strict", word
            strict(arguments.pop(0))


if __name__ == "__main__":
    main(sys.argv[1:])
