"""Check that what va-weights export --names authors wrote loads into the authors' modules.

    python load_safetensors.py X.safetensors
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


def main(path):
    from authors_head import Head

    state, meta = read_safetensors(path)
    m = {k: int(v) for k, v in meta.items() if v.isdigit()}
    channels = [int(c) for c in meta["channels"].split(",")]
    head = Head(m["in-dim"], channels, m["kernel"], m["layers"], m["d-state"], m["d-conv"],
                m["expand"], m["hidden"])
    head.load_state_dict(state, strict=True)
    for name, value in head.state_dict().items():
        assert torch.equal(value, state[name]), name


if __name__ == "__main__":
    main(sys.argv[1])
