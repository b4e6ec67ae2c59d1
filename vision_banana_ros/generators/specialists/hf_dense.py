"""Normals of transformers, and TIPSv2-DPT: depth, normals and classes in one pass.

Which way a model's normals point is a matter of its training data and written nowhere; the table of known models says
what was found out, `vision-banana models check NAME` finds it out, and a configuration may say it by
"normals_axes": [1, -1, -1].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_banana_ros.core import UNLABELLED, About, FloatArray, GeneratorError, Task, Truth, UInt8Array
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import Checkpoint, numpy_of, said_by
from vision_banana_ros.generators.specialists.classes import ClassMatcher, read_words, remark
from vision_banana_ros.generators.specialists.specialist import (
    Specialist,
    View,
    resize_depth,
    resize_labels,
    resize_normals,
)
from vision_banana_ros.models.known import find_known
from vision_banana_ros.prompts import Instruction


class DenseModel(Specialist):
    """The three heads of one TIPSv2 checkpoint, or Sapiens2's normals alone."""

    def __init__(self, checkpoint: Checkpoint, options: GeneratorOptions) -> None:
        whole = checkpoint.model_type == "tipsv2_dpt"
        if not whole and "Normal" not in checkpoint.architecture:
            raise GeneratorError(
                f"{checkpoint.name} is {checkpoint.architecture or 'a bare backbone'}, of which nothing is painted "
                "here: of Sapiens2 take a checkpoint of normals, such as facebook/sapiens2-normal-0.4b"
            )
        tasks = {Task.DEPTH, Task.NORMALS, Task.SEMANTIC} if whole else {Task.NORMALS}
        super().__init__(
            About(
                name=f"hf:{checkpoint.name}", licence=checkpoint.licence, revision=checkpoint.revision,
                metric=True if whole else None, cost="gpu",
            ),
            frozenset(tasks), size=options.size,
        )  # fmt: skip
        self._checkpoint = checkpoint
        self._model = checkpoint.model("Tipsv2DptForDensePrediction" if whole else "AutoModelForNormalEstimation")
        self._matcher = None
        if whole:
            labels = {int(i): str(name) for i, name in self._model.config.id2label.items()}
            self._matcher = ClassMatcher(labels, model=checkpoint.name, words=read_words(options.words))
            self.remarks["metres"] = "its own"
        known = find_known(f"hf:{checkpoint.name}")
        axes = checkpoint.config.get("normals_axes") or (known.normals_axes if known is not None else ()) or (1, 1, 1)
        self._axes = np.asarray(axes, np.float32)

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        import torch

        with said_by(self._checkpoint.name), torch.inference_mode():
            output = self._model(pixel_values=self._checkpoint.plain_pixels(view.frame.rgb))
        asked = {instruction.task for instruction in instructions}
        depth_m = normals = None
        classes: UInt8Array | None = None
        if Task.DEPTH in asked:
            metres = numpy_of(output.predicted_depth[0])
            depth_m = resize_depth(metres, np.isfinite(metres) & (metres > 0), view.wh)
        if Task.NORMALS in asked:
            normals = self._normals(numpy_of(output.normals[0]), view)
        if Task.SEMANTIC in asked:
            from torch.nn.functional import interpolate

            logits = interpolate(output.segmentation_logits.float(), size=view.hw, mode="bilinear")
            ids = logits[0].argmax(0).cpu().numpy()
            classes = np.minimum(ids, UNLABELLED).astype(np.uint8)
        return [self._truth(i, view, depth_m, normals, classes) for i in instructions]

    def _normals(self, painted: FloatArray, view: View) -> FloatArray:
        """Of length one before and after the resize: a mean of directions is shorter."""
        length = np.linalg.norm(painted, axis=0, keepdims=True)
        unit = (painted / np.maximum(length, 1e-6)).transpose(1, 2, 0) * self._axes
        return resize_normals(unit.astype(np.float32), length[0] > 1e-6, view.wh)

    def _truth(
        self,
        instruction: Instruction,
        view: View,
        depth_m: FloatArray | None,
        normals: FloatArray | None,
        classes: UInt8Array | None,
    ) -> Truth:
        if instruction.task is not Task.SEMANTIC or classes is None or self._matcher is None:
            return Truth(camera=view.truth_camera(), depth_m=depth_m, normals=normals)
        words = tuple(target.text for target in instruction.targets)
        matched = self._matcher.match(words)
        self.remarks["words"] = remark(matched)
        table = np.zeros(256, np.uint8)
        table[: len(matched.table)] = matched.table
        return Truth(
            camera=view.truth_camera(), mask=np.asarray(resize_labels(table[classes], view.wh)), labels=("", *words)
        )


def load(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> DenseModel:
    return DenseModel(checkpoints[0], options)
