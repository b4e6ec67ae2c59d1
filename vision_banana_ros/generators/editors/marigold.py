"""Marigold's estimators: a diffusion model for one task each, asked without words.

    normals   x right, y up, z to the viewer -> optical frame (x, -y, -z). Their own pictures paint r = (1 + x) / 2,
              the paper's r = (1 - x) / 2: the vectors are taken, not the picture.
    depth     a in [0, 1], known up to scale and shift: z = scale a + shift. That is no metres: they come from an anchor
              (specialists.metres), and without one it is refused.

A canvas of normals has the size that the model works at; its own resizing to the frame would blend across edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.codecs import normals
from vision_banana_ros.core import About, Canvas, FloatArray, Frame, Task, Truth, UInt8Array
from vision_banana_ros.generators.asking import require_tasks
from vision_banana_ros.generators.specialists.metres import Anchor, Metres, SparseAnchor
from vision_banana_ros.generators.specialists.specialist import Specialist, View
from vision_banana_ros.geometry.anchor import DepthKind
from vision_banana_ros.prompts import Instruction

_KINDS = {"MarigoldDepthPipeline": "depth", "MarigoldNormalsPipeline": "normals"}
#: Below this length a normal has no direction: blends of opposite ones.
_SHORTEST = 0.1


class MarigoldNormals:
    """A `Generator` of NORMALS."""

    def __init__(self, pipeline: Any, about: About, *, size_wh: tuple[int, int] | None = None, seed: int = 0) -> None:
        self._estimator = _Estimator(pipeline, size_wh, seed)
        self.about = about
        self.tasks = frozenset({Task.NORMALS})

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        require_tasks(self, instructions)
        if not instructions:
            return []
        rgb = self._painted(frame.rgb)
        return [Canvas(rgb, instruction) for instruction in instructions]

    def _painted(self, rgb: UInt8Array) -> UInt8Array:
        vectors = self._estimator.predict(rgb) * np.array([1, -1, -1], np.float32)
        length = np.linalg.norm(vectors, axis=-1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = np.where(length >= _SHORTEST, vectors / length, np.float32(np.nan))
        return normals.encode(unit.astype(np.float32))


class MarigoldDepth(Specialist):
    """A `Generator` of DEPTH by an anchor; without one it is refused."""

    def __init__(
        self,
        pipeline: Any,
        about: About,
        *,
        size_wh: tuple[int, int] | None = None,
        seed: int = 0,
        anchor: Anchor | None = None,
    ) -> None:
        super().__init__(replace(about, metric=True), frozenset({Task.DEPTH}), size=size_wh)
        self._metres = Metres(DepthKind.AFFINE, about.name, anchor=anchor)
        self._estimator = _Estimator(pipeline, size_wh, seed)

    def give_depth(self, depth_m: FloatArray, stamp_ns: int) -> None:
        if isinstance(self._metres.anchor, SparseAnchor):
            self._metres.anchor.give(depth_m, stamp_ns)

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        values = np.ascontiguousarray(self._estimator.predict(view.frame.rgb)[..., 0])
        at_canvas = np.asarray(cv2.resize(values, view.wh, interpolation=cv2.INTER_LINEAR), np.float32)
        depth_m = self._metres(at_canvas, view)
        self.remarks["metres"] = self._metres.words
        return [Truth(camera=view.truth_camera(), depth_m=depth_m)] * len(instructions)


def is_one(pipeline: Any) -> bool:
    return type(pipeline).__name__ in _KINDS


def generator(
    pipeline: Any, about: About, *, size_wh: tuple[int, int] | None, seed: int, anchor: Anchor | None
) -> MarigoldNormals | MarigoldDepth:
    """The estimator for what this pipeline was trained on."""
    if _KINDS[type(pipeline).__name__] == "depth":
        return MarigoldDepth(pipeline, about, size_wh=size_wh, seed=seed, anchor=anchor)
    return MarigoldNormals(pipeline, about, size_wh=size_wh, seed=seed)


class _Estimator:
    """The call that both share: its own steps, one seed, no resizing back."""

    def __init__(self, pipeline: Any, size_wh: tuple[int, int] | None, seed: int) -> None:
        self._pipeline = pipeline
        self._size_wh = size_wh
        self._seed = seed

    def predict(self, rgb: UInt8Array) -> FloatArray:
        """(H, W, C) of the first and only picture."""
        import torch
        from PIL import Image

        longest: int | None = None  # the model's own
        if self._size_wh is not None:
            rgb = np.asarray(cv2.resize(rgb, self._size_wh, interpolation=cv2.INTER_AREA), np.uint8)
            longest = 0  # as it is
        with torch.inference_mode():
            answer = self._pipeline(
                Image.fromarray(rgb),
                processing_resolution=longest,
                match_input_resolution=False,
                generator=torch.Generator("cpu").manual_seed(self._seed),
            )
        prediction: FloatArray = np.asarray(answer.prediction[0], np.float32)
        return prediction
