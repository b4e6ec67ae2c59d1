"""Depth of transformers: each class with what its numbers mean.

depth_anything     metres (sigmoid * max_depth) or inverse_affine, as its configuration says
prompt_depth_...   metres, by a measured depth that is given with the frame
zoedepth, glpn     metres
depth_pro          1 / metres per image width: metres by our focal length, else by its own field of view
dpt (MiDaS)        inverse_affine
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import About, Camera, FloatArray, GeneratorError, Task, Truth
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import Checkpoint, numpy_of, said_by
from vision_banana_ros.generators.specialists.metres import Metres, SparseAnchor, densified, frame_depth, parse_anchor
from vision_banana_ros.generators.specialists.specialist import Specialist, View, resize_depth, shrink
from vision_banana_ros.geometry.anchor import DepthKind
from vision_banana_ros.prompts import Instruction

#: Width and height of the depth that a prompted model is given: what it was trained on, a phone's LiDAR.
_PROMPT_WH = (256, 192)
_FARTHEST_M = 1e4
_LEAST_SIDE = 64
_CLASSES = {
    "depth_anything": "DepthAnythingForDepthEstimation",
    "prompt_depth_anything": "PromptDepthAnythingForDepthEstimation",
    "depth_pro": "DepthProForDepthEstimation",
    "zoedepth": "ZoeDepthForDepthEstimation",
    "glpn": "GLPNForDepthEstimation",
    "dpt": "DPTForDepthEstimation",
}


class DepthModel(Specialist):
    """One forward pass a frame; depth alone, and the lens where the model tells it and nobody else does."""

    def __init__(self, checkpoint: Checkpoint, options: GeneratorOptions, metres: Metres) -> None:
        tasks = {Task.DEPTH}
        if checkpoint.model_type == "depth_pro" and checkpoint.config.get("use_fov_model"):
            tasks.add(Task.RAYS)
        super().__init__(
            About(
                name=f"hf:{checkpoint.name}", licence=checkpoint.licence, revision=checkpoint.revision,
                metric=True, cost="gpu",
            ),
            frozenset(tasks), size=options.size,
        )  # fmt: skip
        self._checkpoint = checkpoint
        self._metres = metres
        self._prompt = metres.anchor or SparseAnchor()
        self._model = checkpoint.model(_CLASSES[checkpoint.model_type])
        self._processor = None if checkpoint.model_type == "depth_pro" else checkpoint.processor()
        see: dict[str, Callable[[View], tuple[FloatArray, Camera | None]]] = {
            "depth_pro": self._see_depth_pro,
            "zoedepth": self._see_zoedepth,
            "prompt_depth_anything": self._see_prompted,
        }
        self._see = see.get(checkpoint.model_type, self._see_plain)

    def give_depth(self, depth_m: FloatArray, stamp_ns: int) -> None:
        if isinstance(self._prompt, SparseAnchor):
            self._prompt.give(depth_m, stamp_ns)

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        import torch

        with said_by(self._checkpoint.name), torch.inference_mode():
            values, camera = self._see(view)
        if self._metres.kind.needs_anchor:
            at_canvas = np.asarray(cv2.resize(values, view.wh, interpolation=cv2.INTER_LINEAR), np.float32)
            depth_m = self._metres(at_canvas, view)
        else:
            with np.errstate(invalid="ignore"):
                valid = np.isfinite(values) & (values > 0) & (values < _FARTHEST_M)
            depth_m = resize_depth(values, valid, view.wh)
        self.remarks["metres"] = self._metres.words
        truth = Truth(camera=camera or view.truth_camera(), depth_m=depth_m)
        return [truth] * len(instructions)

    def _see_plain(self, view: View) -> tuple[FloatArray, Camera | None]:
        batch = self._batch(view)
        return numpy_of(self._model(**batch).predicted_depth[0]), view.camera

    def _see_zoedepth(self, view: View) -> tuple[FloatArray, Camera | None]:
        """Its processor puts a mirrored border of 3 sqrt(side / 2) pixels around the picture, which is cut off here:
        transformers does that by torchvision alone.
        """
        padded = numpy_of(self._model(**self._batch(view)).predicted_depth[0])
        if not getattr(self._processor, "do_pad", True):
            return padded, view.camera
        height, width = _grown(view.frame.hw)
        top, left = int(math.sqrt(height / 2) * 3), int(math.sqrt(width / 2) * 3)
        size = (width + 2 * left, height + 2 * top)
        whole = np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return np.ascontiguousarray(whole[top : top + height, left : left + width]), view.camera

    def _see_prompted(self, view: View) -> tuple[FloatArray, Camera | None]:
        known = frame_depth(view.frame, self._prompt)
        prompt = None if known is None else densified(known, _PROMPT_WH)
        if prompt is None:
            self.remarks["prompt"] = "no measured depth came with the frame"
            return np.full(view.hw, np.nan, np.float32), view.camera
        self.remarks.pop("prompt", None)
        # the processor takes millimetres unless it is told otherwise
        batch = self._batch(view, prompt_depth=prompt, prompt_scale_to_meter=1.0)
        return numpy_of(self._model(**batch).predicted_depth[0]), view.camera

    def _see_depth_pro(self, view: View) -> tuple[FloatArray, Camera | None]:
        output = self._model(pixel_values=self._checkpoint.plain_pixels(view.frame.rgb))
        canonical = numpy_of(output.predicted_depth[0])
        camera = view.camera
        if camera is None and output.field_of_view is not None:
            hfov = float(numpy_of(output.field_of_view).ravel()[0])
            camera = Camera.from_hfov(min(max(hfov, 5.0), 170.0), *view.wh)
        if camera is None:
            raise GeneratorError(
                f"{self.about.name} needs the focal length for its metres: publish camera_info or tell the field of "
                "view"
            )
        focal = camera.fx / view.wh[0]  # of the image's width
        return (np.float32(focal) / np.clip(canonical, 1e-4, 1e4)).astype(np.float32), camera

    def _batch(self, view: View, **extra: Any) -> dict[str, Any]:
        from PIL import Image

        assert self._processor is not None
        height, width = _grown(view.frame.hw)
        rgb = view.frame.rgb if (height, width) == view.frame.hw else shrink(view.frame.rgb, (width, height))
        picture = Image.fromarray(rgb)
        return self._checkpoint.moved(self._processor(images=picture, return_tensors="pt", **extra))


def load(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> DepthModel:
    checkpoint = checkpoints[0]
    kind = kind_of(checkpoint)
    anchor = None
    if kind.needs_anchor:
        from vision_banana_ros.generators.registry import load_generator

        anchor = parse_anchor(options.anchor, load_generator)
    return DepthModel(checkpoint, options, Metres(kind, f"hf:{checkpoint.name}", anchor=anchor))


def kind_of(checkpoint: Checkpoint) -> DepthKind:
    """By the configuration, since names promise more than they keep."""
    if checkpoint.model_type == "dpt":
        return DepthKind.INVERSE_AFFINE
    if checkpoint.model_type == "depth_anything":
        said = checkpoint.config.get("depth_estimation_type", "relative")
        if said == "metric" and not _positive(checkpoint.config.get("max_depth")):
            raise GeneratorError(f"{checkpoint.name} says metric but no max_depth: its configuration is damaged")
        return DepthKind.METRIC if said == "metric" else DepthKind.INVERSE_AFFINE
    return DepthKind.METRIC


def _grown(hw: tuple[int, int]) -> tuple[int, int]:
    """Some processors make nothing of a tiny picture."""
    factor = max(1.0, _LEAST_SIDE / min(hw))
    return round(hw[0] * factor), round(hw[1] * factor)


def _positive(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0
