"""`da3:ID`: Depth-Anything-3's metric network by its own package, without its demo's dependencies.

    metres = raw * f / 300, f the focal length of the picture that the network saw, in its pixels

Its interface fills the sky with far depth and gives no focal length to the scale; so the head is asked directly, and
sky is left out. ONNX files of the same network need no package: onnx:da3metric-large.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import About, DataError, GeneratorError, MissingExtraError, Task, Truth
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import choose_device, numpy_of, said_by
from vision_banana_ros.generators.specialists.metres import Metres
from vision_banana_ros.generators.specialists.placing import Placing
from vision_banana_ros.generators.specialists.specialist import Specialist, View, resize_depth, shrink
from vision_banana_ros.geometry.anchor import DepthKind
from vision_banana_ros.models.hub import find_folder
from vision_banana_ros.prompts import Instruction

_LONGEST = 504
_PATCH = 14
_FOCAL = 300.0
_SKY = 0.3
_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
_STD = np.array((0.229, 0.224, 0.225), np.float32)


def load(rest: str, options: GeneratorOptions) -> Da3Model:
    return Da3Model(find_folder(rest), rest, options)


class Da3Model(Specialist):
    """Depth alone: the network has no head for normals."""

    def __init__(self, folder: Path, name: str, options: GeneratorOptions) -> None:
        about = About(name=f"da3:{name}", licence="Apache-2.0", metric=True, cost="gpu")
        super().__init__(about, frozenset({Task.DEPTH}), size=options.size)
        self._device = choose_device(options.device)
        self._metres = Metres(DepthKind.CANONICAL_FOCAL, about.name, focal=_FOCAL)
        with said_by(about.name):
            self._net = _network(folder, name).eval().to(self._device)
        self.remarks["metres"] = self._metres.words

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        import torch

        height, width = view.frame.hw
        scale = _LONGEST / max(height, width)
        h, w = (max(_PATCH, round(side * scale / _PATCH) * _PATCH) for side in (height, width))
        picture = (shrink(view.frame.rgb, (w, h)).astype(np.float32) / 255 - _MEAN) / _STD
        with said_by(self.about.name), torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None, None].to(self._device)
            features, _ = self._net.backbone(batch, cam_token=None, export_feat_layers=[])
            output = self._net.head(features, h, w, patch_start_idx=0)
        camera = view.frame.camera or (view.camera and view.camera.scaled_to(width, height))
        net_camera = Placing.of((height, width), (h, w), "stretch").camera(camera)
        metres = self._metres(numpy_of(output["depth"][0, 0]), view, net_camera=net_camera)
        valid = np.isfinite(metres) & (metres > 0)
        if "sky" in output:
            valid &= numpy_of(output["sky"][0, 0]) < _SKY
        truth = Truth(camera=view.truth_camera(), depth_m=resize_depth(metres, valid, view.wh))
        return [truth] * len(instructions)


def _network(folder: Path, name: str) -> Any:
    try:
        configurations = import_module("depth_anything_3.cfg")
        registry = import_module("depth_anything_3.registry").MODEL_REGISTRY
    except ImportError as error:
        raise MissingExtraError(
            package="depth-anything-3", extra="teachers", purpose=f"da3:{name} (onnx:da3metric-large needs none)"
        ) from error
    from safetensors.torch import load_file

    kind = str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_name", ""))
    if "metric" not in kind:
        raise GeneratorError(f"{name} is {kind or 'nameless'}, whose depth is not metric: use DA3METRIC-LARGE")
    if kind not in registry:
        raise DataError(f"this depth-anything-3 knows no {kind!r}: upgrade it")
    network = configurations.create_object(configurations.load_config(registry[kind]))
    weights = load_file(folder / "model.safetensors")
    network.load_state_dict({key.removeprefix("model."): value for key, value in weights.items()})
    return network
