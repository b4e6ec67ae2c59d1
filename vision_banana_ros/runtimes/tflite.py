"""TFLite files by LiteRT, as their authors run them; OpenVINO reads them too and is often faster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import MissingExtraError
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.session import Feed, Port, Probe


class TfliteSession:
    """An interpreter; inputs and outputs keep the file's own sizes."""

    backend = Backend.TFLITE
    precision = Precision.FP32

    def __init__(self, path: Path, options: RuntimeOptions) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError(
                package="ai-edge-litert", extra="tflite", purpose="Running a TFLite file"
            ) from error
        try:
            self._interpreter: Any = Interpreter(str(path), num_threads=options.threads or os.cpu_count())
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise RuntimeUnfit(f"LiteRT cannot load {path}: {error}") from error
        self._in = {entry["name"]: entry["index"] for entry in self._interpreter.get_input_details()}
        self._out = {entry["name"]: entry["index"] for entry in self._interpreter.get_output_details()}
        self.inputs = tuple(_port(entry) for entry in self._interpreter.get_input_details())
        self.outputs = tuple(_port(entry) for entry in self._interpreter.get_output_details())

    def run(self, feed: Feed) -> Feed:
        for name, array in feed.items():
            self._interpreter.set_tensor(self._in[name], array)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._out.items()}


def _port(entry: dict[str, Any]) -> Port:
    return Port(entry["name"], tuple(int(n) for n in entry["shape"]), np.dtype(entry["dtype"]))


def open_graph(path: Path, _precision: Precision, options: RuntimeOptions, _probe: Probe) -> TfliteSession:
    return TfliteSession(path, options)
