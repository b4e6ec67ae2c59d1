"""Segmenters with classes of their own: semantic, panoptic and instance models of transformers.

One pass a frame answers every prompt; a prompt's words are matched to the classes (classes.py). Scores are resized, not
ids, where the model gives scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vision_banana_ros.core import UNLABELLED, About, GeneratorError, Task, Truth, UInt8Array, UInt16Array
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import Checkpoint, said_by
from vision_banana_ros.generators.specialists.classes import ClassMatcher, Matched, read_words, remark
from vision_banana_ros.generators.specialists.specialist import Specialist, View, resize_labels
from vision_banana_ros.prompts import Instruction

_SEMANTIC = ("segformer", "upernet", "beit", "mobilenet_v2", "dpt")
_SCORE = 0.5
_MASK = 0.5


class ClosedModel(Specialist):
    """A segmenter; INSTANCE and PANOPTIC where it tells things apart."""

    def __init__(self, checkpoint: Checkpoint, options: GeneratorOptions) -> None:
        kind = checkpoint.model_type
        tasks = {Task.SEMANTIC} if kind in _SEMANTIC else {Task.SEMANTIC, Task.INSTANCE, Task.PANOPTIC}
        super().__init__(
            About(
                name=f"hf:{checkpoint.name}", licence=checkpoint.licence, revision=checkpoint.revision, metric=None,
                cost="gpu",
            ),
            frozenset(tasks), size=options.size,
        )  # fmt: skip
        if "ObjectDetection" in checkpoint.architecture:
            raise GeneratorError(
                f"{checkpoint.name} finds boxes and cuts no masks: take the same family's checkpoint with 'seg' in its "
                "name, or join one that finds boxes by words with sam2 (hf:BOXES+MASKS)"
            )
        self._checkpoint = checkpoint
        self._kind = kind
        auto = "AutoModelForSemanticSegmentation" if kind in _SEMANTIC else "AutoModelForUniversalSegmentation"
        self._model = checkpoint.model("AutoModelForInstanceSegmentation" if kind == "rf_detr" else auto)
        self._processor = None if kind in ("oneformer", "rf_detr") else checkpoint.processor()
        self._tokens: Any = None
        if kind == "oneformer":
            self._tokens = _task_tokens(checkpoint)
        labels = {int(i): str(name) for i, name in self._model.config.id2label.items() if name not in ("N/A", "")}
        self._matcher = ClassMatcher(labels, model=checkpoint.name, words=read_words(options.words))

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        import torch

        asked = {instruction.task for instruction in instructions}
        with said_by(self._checkpoint.name), torch.inference_mode():
            output = self._forward(view)
            classes = self._classes(output, view) if Task.SEMANTIC in asked else None
            segments = self._segments(output, view) if asked & {Task.INSTANCE, Task.PANOPTIC} else None
        return [self._truth(instruction, view, classes, segments) for instruction in instructions]

    def _truth(
        self,
        instruction: Instruction,
        view: View,
        classes: UInt8Array | None,
        segments: tuple[UInt16Array, dict[int, int]] | None,
    ) -> Truth:
        words = tuple(target.text for target in instruction.targets)
        matched = self._matcher.match(words)
        self.remarks["words"] = remark(matched)
        table = _table(matched)
        if instruction.task is Task.SEMANTIC:
            assert classes is not None
            return Truth(camera=view.truth_camera(), mask=table[classes], labels=("", *words))
        assert segments is not None
        ids, class_of = segments
        of_segment = np.zeros(int(ids.max()) + 1, np.uint8)
        for segment, class_id in class_of.items():
            if segment < len(of_segment):
                of_segment[segment] = table[class_id]
        return Truth(camera=view.truth_camera(), mask=of_segment[ids], instances=ids, labels=("", *words))

    def _forward(self, view: View) -> Any:
        from PIL import Image

        if self._processor is None:
            extra = {} if self._tokens is None else {"task_inputs": self._tokens}
            return self._model(pixel_values=self._checkpoint.plain_pixels(view.frame.rgb), **extra)
        batch = self._processor(images=Image.fromarray(view.frame.rgb), return_tensors="pt")
        return self._model(**self._checkpoint.moved(batch))

    def _classes(self, output: Any, view: View) -> UInt8Array:
        """Class ids at the size of the canvas."""
        import torch
        from torch.nn.functional import interpolate

        if self._kind in _SEMANTIC:
            scores = interpolate(output.logits.float(), size=view.hw, mode="bilinear", align_corners=False)
            ids = scores[0].argmax(0)
        elif self._kind == "rf_detr":
            merged, class_of = self._segments(output, view)
            table = np.full(int(merged.max()) + 1, UNLABELLED, np.uint8)
            for segment, class_id in class_of.items():
                table[segment] = class_id
            return table[merged]
        else:
            # in the frame's own size: EoMT puts its patches together by it
            ids = self._queries().post_process_semantic_segmentation(output, target_sizes=[view.frame.hw])[0]
        classes = torch.clamp(ids, 0, UNLABELLED).cpu().numpy().astype(np.uint8)
        return np.asarray(resize_labels(classes, view.wh), np.uint8)

    def _segments(self, output: Any, view: View) -> tuple[UInt16Array, dict[int, int]]:
        """Ids of segments at the size of the canvas, 0 none, and the class of each."""
        if self._kind == "rf_detr":
            return self._rf_detr(output, view)
        extra: dict[str, Any] = {"threshold": _SCORE, "mask_threshold": _MASK, "label_ids_to_fuse": set()}
        if self._kind in ("eomt", "eomt_dinov3"):
            extra = {}  # its own thresholds; it fuses nothing
        found = self._queries().post_process_panoptic_segmentation(output, target_sizes=[view.frame.hw], **extra)[0]
        ids = found["segmentation"].cpu().numpy().astype(np.int64)
        class_of: dict[int, int] = {}
        merged = np.zeros(view.frame.hw, np.uint16)
        for number, segment in enumerate(found["segments_info"], 1):
            merged[ids == segment["id"]] = number
            class_of[number] = int(segment["label_id"])
        return np.asarray(resize_labels(merged, view.wh), np.uint16), class_of

    def _rf_detr(self, output: Any, view: View) -> tuple[UInt16Array, dict[int, int]]:
        """Queries with masks of their own, the surest on top."""
        from torch.nn.functional import interpolate

        scores, classes = output.logits[0].float().sigmoid().max(-1)
        order = [int(i) for i in scores.argsort() if float(scores[i]) >= _SCORE]
        merged = np.zeros(view.hw, np.uint16)
        class_of: dict[int, int] = {}
        for number, query in enumerate(order, 1):
            logits = output.pred_masks[0, query].float()[None, None]
            mask = interpolate(logits, size=view.hw, mode="bilinear", align_corners=False)[0, 0] > 0
            merged[mask.cpu().numpy()] = number
            class_of[number] = int(classes[query])
        return merged, class_of

    def _queries(self) -> Any:
        """OneFormer's answers have the form of Mask2Former's; its own processor wants files of the hub."""
        if self._processor is not None:
            return self._processor
        import transformers

        return transformers.Mask2FormerImageProcessorPil()


def load(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> ClosedModel:
    return ClosedModel(checkpoints[0], options)


def _task_tokens(checkpoint: Checkpoint) -> Any:
    tokenizer = checkpoint.processor("AutoTokenizer")
    length = int(checkpoint.config.get("task_seq_len", 77))
    with said_by(checkpoint.name):
        tokens = tokenizer(
            ["the task is panoptic"], padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
    if tokens["input_ids"].shape[-1] != length:
        raise GeneratorError(f"{checkpoint.name}: its tokenizer cannot pad to {length} words: fetch it again")
    return tokens["input_ids"].to(checkpoint.device)


def _table(matched: Matched) -> UInt8Array:
    table = np.zeros(256, np.uint8)
    table[: len(matched.table)] = matched.table[:256]
    table[UNLABELLED] = UNLABELLED
    return table
