"""Small ONNX models for test/va-embed-onnx.bats, good and bad, with the onnx package: python onnx_models.py FOLDER
FRAMES.h5. good.rows are the features of those frames (make_frames --frames 5 --width 8 --height 8 --seed 3), by NumPy in
float64 from pixels that are normalised in float32.

The good ones are a convolution of 3x3 with stride 2, ReLU, the mean over pixels, and two linear layers: "features" [N,4]
and "logits" [N,2]. Weights are fractions of 64, and a row can be computed by hand.
"""
import sys
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F, D = TensorProto.FLOAT, TensorProto.DOUBLE


def numbers(name, *shape):
    count = int(np.prod(shape))
    x = ((np.arange(count) * 37 + len(name) * 11) % 61 - 30) / 64
    return numpy_helper.from_array(x.reshape(shape).astype(np.float32), name)


def write(path, shape, outputs=("features",), kind=F, extra=(), channels=3, meta=None, domain="", inputs=1):
    nodes = [
        helper.make_node("Conv", ["pictures", "w", "b"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["features"], transB=1),
        helper.make_node("Gemm", ["features", "w2", "b2"], ["logits"], transB=1),
        *extra,
    ]
    shapes = {"features": ["N", 4], "logits": ["N", 2], "g": ["N", 5, 1, 1], "r": ["N", 5, "H", "W"]}
    ins = [helper.make_tensor_value_info("pictures", kind, shape)]
    ins += [helper.make_tensor_value_info(f"more{i}", F, [1]) for i in range(1, inputs)]
    graph = helper.make_graph(
        nodes, "net", ins,
        [helper.make_tensor_value_info(o, F, shapes.get(o, ["N", 4])) for o in outputs],
        [numbers("w", 5, channels, 3, 3), numbers("b", 5), numbers("w1", 4, 5), numbers("b1", 4), numbers("w2", 2, 4),
         numbers("b2", 2)])
    opsets = [helper.make_opsetid("", 13)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets, producer_name="mamba-va", ir_version=8)
    helper.set_model_props(model, meta or {})
    onnx.save(model, path)
    return model


def rows(frames):
    a = lambda name, *shape: numpy_helper.to_array(numbers(name, *shape)).astype(np.float64)
    one = np.float32
    x = (frames.astype(one) / one(255) - np.array([0.485, 0.456, 0.406], one)) / np.array([0.229, 0.224, 0.225], one)
    x = np.pad(x.astype(np.float64).transpose(0, 3, 1, 2), ((0, 0), (0, 0), (1, 1), (1, 1)))
    at = [(i, j) for i in range(0, 8, 2) for j in range(0, 8, 2)]
    c = np.stack([np.tensordot(x[:, :, i:i + 3, j:j + 3], a("w", 5, 3, 3, 3), ((1, 2, 3), (1, 2, 3))) for i, j in at], 2)
    g = np.maximum(c + a("b", 5)[:, None], 0).mean(2)
    return g @ a("w1", 4, 5).T + a("b1", 4)


def main(folder, frames):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    np.savetxt(folder / "good.rows", rows(h5py.File(frames)["frames"][:]).reshape(-1), "%.10g")
    p = lambda name: str(folder / f"{name}.onnx")
    write(p("good"), ["N", 3, 8, 8])
    write(p("one"), [1, 3, 8, 8], meta={"mean": "0.5,0.5,0.5", "std": "0.25,0.25,0.25"})
    write(p("any"), ["N", 3, "H", "W"], ("features", "logits", "r"))
    write(p("pool"), [1, 3, 8, 8], ("g",))
    write(p("grey"), ["N", 1, 8, 8], channels=1)
    write(p("alpha"), ["N", 4, 8, 8], channels=4)
    write(p("wide"), ["N", 3, 8, 12])
    write(p("batch"), [2, 3, 8, 8])
    write(p("two"), ["N", 3, 8, 8], inputs=2,
          extra=[helper.make_node("Add", ["features", "more1"], ["sum"])], outputs=("sum",))
    write(p("unknown"), ["N", 3, 8, 8], domain="com.example",
          extra=[helper.make_node("Swirl", ["features"], ["out"], domain="com.example")], outputs=("out",))
    write(p("nan"), ["N", 3, 8, 8],
          extra=[helper.make_node("Sub", ["features", "features"], ["zero"]),
                 helper.make_node("Div", ["zero", "zero"], ["out"])], outputs=("out",))
    bad = write(p("double"), ["N", 3, 8, 8], kind=D)  # good but for its input
    bad.graph.node.insert(0, helper.make_node("Cast", ["pictures"], ["cast"], to=F))
    bad.graph.node[1].input[0] = "cast"
    onnx.save(bad, p("double"))
    model = write(p("external"), ["N", 3, 8, 8])
    t = model.graph.initializer[0]
    t.ClearField("raw_data")
    t.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "540")):
        entry = t.external_data.add()
        entry.key, entry.value = key, value
    Path(p("external")).write_bytes(model.SerializeToString())
    flat = write(p("flat"), ["N", 192])  # linear layers alone
    del flat.graph.node[:4]
    flat.graph.node[0].input[0] = "pictures"
    next(t for t in flat.graph.initializer if t.name == "w1").CopyFrom(numbers("w1", 4, 192))
    onnx.save(flat, p("flat"))


main(*sys.argv[1:])
