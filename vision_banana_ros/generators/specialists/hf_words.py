"""Open vocabulary: any words of a prompt, by SAM3, by boxes and then masks, by CLIPSeg, by Florence-2.

What a model finds for a word are regions with a score. A pixel belongs to the word whose region is surest there; so a
word of which nothing is found paints nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import About, BoolArray, FloatArray, Task, Truth
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import Checkpoint, numpy_of, said_by
from vision_banana_ros.generators.specialists.specialist import Specialist, View
from vision_banana_ros.prompts import Instruction

_SAM3_SCORE = 0.5
_BOX_SCORE = 0.3
_CLIPSEG_SCORE = 0.4
_MOST_TOKENS = 512
_ALL = frozenset({Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.PANOPTIC})


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Where something is, at the size of the canvas, and how sure that is: one number, or one a pixel."""

    where: BoolArray
    score: float | FloatArray


class WordModel(Specialist):
    """Regions by words -> truths."""

    def __init__(self, checkpoints: Sequence[Checkpoint], options: GeneratorOptions, tasks: frozenset[Task]) -> None:
        about = About(
            name="hf:" + "+".join(c.name for c in checkpoints),
            licence=", ".join(dict.fromkeys(c.licence for c in checkpoints)),
            revision="+".join(c.revision for c in checkpoints),
            metric=None,
            cost="gpu",
        )
        super().__init__(about, tasks, size=options.size)

    @abstractmethod
    def _regions(self, view: View, words: Sequence[str]) -> list[list[Region]]:
        """The regions of each word."""

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        import torch

        words = list(dict.fromkeys(target.text for i in instructions for target in i.targets))
        with said_by(self.about.name), torch.inference_mode():
            found = dict(zip(words, self._regions(view, words), strict=True))
        absent = [word for word in words if not found[word]]
        self.remarks["words"] = f"sees no {', '.join(absent)}" if absent else ""
        return [self._truth(view, instruction, found) for instruction in instructions]

    def _truth(self, view: View, instruction: Instruction, found: dict[str, list[Region]]) -> Truth:
        words = tuple(target.text for target in instruction.targets)
        surest = np.zeros(view.hw, np.float32)
        mask, instances = np.zeros(view.hw, np.uint8), np.zeros(view.hw, np.uint16)
        number = 0
        for class_id, word in enumerate(words, 1):
            for region in found[word]:
                number += 1
                score = np.broadcast_to(np.asarray(region.score, np.float32), view.hw)
                wins = region.where & (score > surest)
                surest[wins], mask[wins], instances[wins] = score[wins], class_id, number
        return Truth(camera=view.truth_camera(), mask=mask, instances=instances, labels=("", *words))


class Sam3(WordModel):
    """The picture is encoded once, each word is one pass of the rest."""

    def __init__(self, checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> None:
        super().__init__(checkpoints, options, _ALL)
        self._checkpoint = checkpoints[0]
        self._model = self._checkpoint.model("Sam3Model")
        self._tokenizer = self._checkpoint.processor("AutoTokenizer")
        text = self._model.config.text_config
        self._length = min(32, int(getattr(text, "max_position_embeddings", 32)))

    def _regions(self, view: View, words: Sequence[str]) -> list[list[Region]]:
        seen = self._model.get_vision_features(pixel_values=self._checkpoint.plain_pixels(view.frame.rgb))
        regions = []
        for word in words:
            tokens = self._tokenizer(
                [word], padding="max_length", max_length=self._length, truncation=True, return_tensors="pt"
            ).to(self._checkpoint.device)
            output = self._model(
                vision_embeds=seen, input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            )
            scores = output.pred_logits[0].float().sigmoid()
            if output.presence_logits is not None:
                scores = scores * output.presence_logits[0].float().sigmoid()
            regions.append(
                [
                    Region(_mask(output.pred_masks[0, i], view), float(scores[i]))
                    for i in range(len(scores))
                    if float(scores[i]) > _SAM3_SCORE
                ]
            )
        return regions


class BoxesThenMasks(WordModel):
    """Boxes by GroundingDINO or OWLv2, masks by SAM 2.1: every licence of it is free."""

    def __init__(self, checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> None:
        super().__init__(checkpoints, options, _ALL)
        self._boxes_of, self._masks_of = checkpoints
        self._detector = self._boxes_of.model("AutoModelForZeroShotObjectDetection")
        self._processor = self._boxes_of.processor("AutoProcessor")
        self._cutter = self._masks_of.model("Sam2Model")

    def _regions(self, view: View, words: Sequence[str]) -> list[list[Region]]:
        boxes = [self._boxes(view, word) for word in words]
        together = [box for of_word in boxes for box, _ in of_word]
        if not together:
            return [[] for _ in words]
        masks = iter(self._cut(view, np.asarray(together, np.float32)))
        return [[Region(next(masks), score) for _, score in of_word] for of_word in boxes]

    def _boxes(self, view: View, word: str) -> list[tuple[FloatArray, float]]:
        """In pixels of the frame. A word at a time: words of one sentence would take each other's boxes."""
        from PIL import Image

        picture = Image.fromarray(view.frame.rgb)
        dino = "grounding" in self._boxes_of.model_type
        text = f"{word.lower().rstrip('.')}." if dino else [[f"a photo of a {word}"]]
        batch = self._boxes_of.moved(self._processor(images=picture, text=text, truncation=True, return_tensors="pt"))
        output = self._detector(**batch)
        extra = {"input_ids": batch["input_ids"], "text_threshold": _BOX_SCORE} if dino else {}
        found = self._processor.post_process_grounded_object_detection(
            output, threshold=_BOX_SCORE, target_sizes=[view.frame.hw], **extra
        )[0]
        return list(zip(numpy_of(found["boxes"]), numpy_of(found["scores"]).tolist(), strict=True))

    def _cut(self, view: View, boxes: FloatArray) -> list[BoolArray]:
        import torch

        pixels = self._masks_of.plain_pixels(view.frame.rgb)
        height, width = view.frame.hw
        scale = np.array([pixels.shape[3] / width, pixels.shape[2] / height] * 2, np.float32)
        prompt = torch.from_numpy(boxes * scale)[None].to(self._masks_of.device, self._masks_of.dtype)
        output = self._cutter(pixel_values=pixels, input_boxes=prompt, multimask_output=False)
        return [_mask(logits[0], view) for logits in output.pred_masks[0]]


class ClipSeg(WordModel):
    """One soft map a word, all words in one batch; it tells no things apart."""

    def __init__(self, checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> None:
        super().__init__(checkpoints, options, frozenset({Task.SEMANTIC, Task.REFERRING}))
        self._checkpoint = checkpoints[0]
        self._model = self._checkpoint.model("CLIPSegForImageSegmentation")
        self._processor = self._checkpoint.processor("AutoProcessor")

    def _regions(self, view: View, words: Sequence[str]) -> list[list[Region]]:
        from PIL import Image

        pictures = [Image.fromarray(view.frame.rgb)] * len(words)
        batch = self._processor(text=list(words), images=pictures, padding=True, return_tensors="pt")
        logits = self._model(**self._checkpoint.moved(batch)).logits
        maps = numpy_of(logits.float().sigmoid()).reshape(len(words), *logits.shape[-2:])
        regions = []
        for soft in maps:
            at_canvas = np.asarray(cv2.resize(soft, view.wh, interpolation=cv2.INTER_LINEAR), np.float32)
            where = at_canvas > _CLIPSEG_SCORE
            regions.append([Region(where, at_canvas)] if where.any() else [])
        return regions


class Florence2(WordModel):
    """Expressions to polygons, written out as text by a language model: one pass a phrase."""

    _TASK = "<REFERRING_EXPRESSION_SEGMENTATION>"

    def __init__(self, checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> None:
        super().__init__(checkpoints, options, frozenset({Task.REFERRING, Task.SEMANTIC}))
        self._checkpoint = checkpoints[0]
        self._model = self._checkpoint.model("Florence2ForConditionalGeneration")
        self._processor = self._checkpoint.processor("AutoProcessor")

    def _regions(self, view: View, words: Sequence[str]) -> list[list[Region]]:
        from PIL import Image

        picture = Image.fromarray(view.frame.rgb)
        height, width = view.frame.hw
        regions = []
        for word in words:
            batch = self._processor(text=f"{self._TASK}{word}", images=picture, return_tensors="pt")
            tokens = self._model.generate(
                **self._checkpoint.moved(batch), max_new_tokens=_MOST_TOKENS, num_beams=3, do_sample=False
            )
            text = self._processor.batch_decode(tokens, skip_special_tokens=False)[0]
            answer = self._processor.post_process_generation(text=text, task=self._TASK, image_size=(width, height))
            regions.append(drawn(answer[self._TASK]["polygons"], view))
        return regions


def drawn(things: Sequence[Sequence[Sequence[float]]], view: View) -> list[Region]:
    """Each thing is some polygons of x, y, x, y ... in pixels of the frame."""
    scale = np.array([view.wh[0] / view.frame.hw[1], view.wh[1] / view.frame.hw[0]])
    regions = []
    for polygons in things:
        canvas = np.zeros(view.hw, np.uint8)
        for polygon in polygons:
            corners = np.asarray(polygon[: len(polygon) // 2 * 2], np.float64).reshape(-1, 2) * scale
            if len(corners) >= 3:
                cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], (1,))
        if canvas.any():
            regions.append(Region(canvas.astype(bool), 1.0))
    return regions


def load_sam3(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> Sam3:
    return Sam3(checkpoints, options)


def load_chain(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> BoxesThenMasks:
    return BoxesThenMasks(checkpoints, options)


def load_clipseg(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> ClipSeg:
    return ClipSeg(checkpoints, options)


def load_florence2(checkpoints: Sequence[Checkpoint], options: GeneratorOptions) -> Florence2:
    return Florence2(checkpoints, options)


def _mask(logits: Any, view: View) -> BoolArray:
    """Logits are resized, not the mask: its edge stays where it was."""
    soft = np.asarray(cv2.resize(numpy_of(logits), view.wh, interpolation=cv2.INTER_LINEAR))
    where: BoolArray = soft > 0
    return where
