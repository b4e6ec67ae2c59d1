"""Decoding inside the graph or outside of it? The same codecs as an ONNX graph and in NumPy, in turns.

Depth and normals of one canvas each, with their confidences (docs/adr/0006). The graph's inputs and
outputs are what the student's would be: canvases in, float32 and uint8 out.
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from vision_banana_ros.bench.model_duel import duel, graph_session
from vision_banana_ros.bench.rows import Row
from vision_banana_ros.codecs import depth, normals
from vision_banana_ros.core import AnyArray, UInt8Array
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend


def rows(size_wh: tuple[int, int], threads: int) -> Iterator[Row]:
    width, height = size_wh
    canvases = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    graph = decoding_graph(canvases)
    outside: Callable[[], object] = partial(decode, canvases)
    for backend, package in ((Backend.ONNX, "onnxruntime"), (Backend.OPENVINO, "openvino")):
        if importlib.util.find_spec(package) is None:
            continue
        run = graph_session(graph, backend, Precision.FP32, threads)
        inside: Callable[[], object] = partial(run, canvases)
        found = duel(outside, inside)
        yield Row(
            area="model",
            name=f"decode of depth and normals, {width}x{height}, NumPy",
            value=found.student_ms,
            unit="ms",
            against=f"in a graph of {backend.value} ({found.other_ms:.2f} ms)",
            ratio=found.ratio,
        )


def decode(canvases: AnyArray) -> tuple[AnyArray, ...]:
    """Of the first canvas depth, of the second normals; NumPy arrays or tensors."""
    far = depth.decode(canvases[0])
    facing = normals.decode(canvases[1])
    return far.depth_m, far.confidence, facing.normals, facing.confidence  # type: ignore[return-value]


def decoding_graph(canvases: UInt8Array) -> bytes:
    import torch

    class Decoder(torch.nn.Module):
        def forward(self, rgb: torch.Tensor) -> tuple[AnyArray, ...]:
            return decode(rgb)  # type: ignore[arg-type]

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Decoder(),
            (torch.from_numpy(canvases),),
            buffer,  # type: ignore[arg-type]  # a file object is taken, though its stub names paths only
            input_names=["canvases"],
            opset_version=18,
            dynamo=False,
        )
    return buffer.getvalue()
