"""ONNX files of a few nodes whose answers are known, and cards for them.

plane     depth 4 m times (1 + red / 255): metric
focal     the same numbers, to be multiplied by f / 20
inverse   (1 / z - 0.05) / 0.5 of the z that is written into the picture: z = 1 + 9 * red / 255
points    affine points of the same z by a known camera, shifted and scaled; with mask, scale and normals
constant  one number, whatever the picture
logits    three classes by the channel that is the brightest
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HW = (48, 64)


def node(kind: str, ins: list[str], out: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, ins, [out], **attributes)


def constant(name: str, value: object, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype), name)


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    outputs: dict[str, list[object]],
    *,
    extra: tuple[str, ...] = (),
) -> None:
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])]
    inputs += [helper.make_tensor_value_info(name, TensorProto.INT64, []) for name in extra]
    outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    graph = helper.make_graph(nodes, path.stem, inputs, outs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def red() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """`red` (1, 1, h, w) of a picture in 0..1."""
    nodes = [node("Slice", ["image", "from", "to", "axis"], "red")]
    return nodes, [constant("from", [0], np.int64), constant("to", [1], np.int64), constant("axis", [1], np.int64)]


def z_of_red() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    nodes, constants = red()
    nodes += [node("Mul", ["red", "nine"], "r9"), node("Add", ["r9", "one"], "z")]
    return nodes, [*constants, constant("nine", 9.0), constant("one", 1.0)]


CARD = """onnx:
  file: {file}
  licence: {{code: MIT, weights: MIT}}
  input: {{name: image, layout: NCHW, scale: 1, size: {size}{input}}}
  outputs:
{outputs}
"""


def card(
    root: Path, name: str, outputs: str, *, file: str = "", size: str = "{fixed: [48, 64]}", extra: str = ""
) -> Path:
    path = root / f"{name}.yaml"
    path.write_text(CARD.format(file=file or f"{name}.onnx", size=size, input=extra, outputs=outputs))
    return path


def write_all(root: Path) -> None:
    nodes, constants = red()
    plane = [*nodes, node("Mul", ["red", "four"], "r4"), node("Add", ["r4", "four"], "depth")]
    save(root / "plane.onnx", plane, [*constants, constant("four", 4.0)], {"depth": [1, 1, "h", "w"]})
    card(root, "plane", "    depth: {name: depth, kind: metric}")
    card(root, "padded", "    depth: {name: depth, kind: metric}", file="plane.onnx", extra=", fit: pad")
    card(root, "cropped", "    depth: {name: depth, kind: metric}", file="plane.onnx", extra=", fit: crop")
    card(root, "focal", "    depth: {name: depth, kind: canonical_focal, focal: 20}", file="plane.onnx")

    nodes, constants = z_of_red()
    nodes += [node("Div", ["one", "z"], "w"), node("Sub", ["w", "b"], "w0"), node("Div", ["w0", "a"], "inverse")]
    constants += [constant("b", 0.05), constant("a", 0.5)]
    save(root / "inverse.onnx", nodes, constants, {"inverse": [1, 1, "h", "w"]})
    card(root, "inverse", "    depth: {name: inverse, kind: inverse_affine}")

    flat = [node("ReduceMean", ["image"], "m", axes=[1], keepdims=1), node("Mul", ["m", "zero"], "n")]
    flat.append(node("Add", ["n", "c"], "depth"))
    save(root / "constant.onnx", flat, [constant("zero", 0.0), constant("c", 0.9741)], {"depth": [1, 1, "h", "w"]})
    card(root, "constant", "    depth: {name: depth, kind: metric}")

    save(root / "logits.onnx", [node("Identity", ["image"], "logits")], [], {"logits": [1, 3, "h", "w"]})
    path = card(root, "logits", "    classes: {name: logits, kind: logits}")
    path.write_text(path.read_text() + "  labels: [wall, 'floor, flooring', swivel chair]\n")
    points(root)


def points(root: Path, *, shift: float = 0.6, scale: float = 2.0) -> None:
    """Points (x, y, z - shift) / scale of the camera fx = fy = 59, cx = 31.5, cy = 23.5; normals about (0, 0, -1)."""
    nodes, constants = z_of_red()
    height, width = HW
    x = (np.arange(width) - 31.5) / 59
    y = (np.arange(height) - 23.5) / 59
    constants += [
        constant("rx", np.broadcast_to(x, (1, 1, height, width))),
        constant("ry", np.broadcast_to(y[:, None], (1, 1, height, width))),
        constant("s", 1 / scale),
        constant("t", shift),
        constant("up", [0.0, 0.0, -1.0]),
        constant("scale_value", [scale]),
        constant("tenth", 0.02),
        constant("zero", 0.0),
    ]
    nodes += [
        node("Mul", ["z", "rx"], "x0"), node("Mul", ["z", "ry"], "y0"), node("Sub", ["z", "t"], "z0"),
        node("Concat", ["x0", "y0", "z0"], "xyz", axis=1), node("Mul", ["xyz", "s"], "small"),
        node("Transpose", ["small"], "points", perm=[0, 2, 3, 1]),
        node("Mul", ["points", "zero"], "none"), node("Add", ["none", "up"], "flat"),
        node("Mul", ["points", "tenth"], "tilt"), node("Add", ["flat", "tilt"], "normal"),
        node("Identity", ["scale_value"], "scale"),
        node("Greater", ["red", "zero"], "seen"), node("Cast", ["seen"], "seen_f", to=TensorProto.FLOAT),
        node("Squeeze", ["seen_f", "one_axis"], "mask"),
    ]  # fmt: skip
    constants.append(constant("one_axis", [1], np.int64))
    height_width = [1, *HW]
    nodes.append(node("Cast", ["num_tokens"], "unused", to=TensorProto.FLOAT))
    outputs: dict[str, list[object]] = {
        "points": [*height_width, 3], "normal": [*height_width, 3], "mask": list(height_width), "scale": [1],
    }  # fmt: skip
    save(root / "points.onnx", nodes, constants, outputs, extra=("num_tokens",))
    said = (
        "    points: {name: points, kind: affine_shift, far: 200}\n    scale: {name: [metric_scale, scale]}\n"
        "    mask: {name: mask, above: 0.5}\n    normals: {name: normal, frame: opencv, facing: camera}"
    )
    card(root, "points", said, extra=", extra: {num_tokens: 1800}")
