"""What several tasks have in common: confidence layers, labels that are painted in given colours, shares of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from vision_banana_ros.codecs import Palette
from vision_banana_ros.codecs.distinct import farthest_color
from vision_banana_ros.core import UNLABELLED, AnyArray, Ask, Rgb, UInt8Array
from vision_banana_ros.geometry import upsample_confidence, upsample_labels
from vision_banana_ros.tasks.room import Decoded, DecodeSettings, Difference, Layer, Paint

#: Of 255: below it a golden canvas is between codes, and a level more or less decodes to anything.
CONFIDENT = 64
#: Fewer comparable pixels than this share say nothing; then the canvas's levels decide alone.
LEAST_SHARE = 0.01
#: Pixels of another label that a precision may bring, in per cent.
_LABELS_DIFFER = {"fp32": 0.5, "fp16": 1.0, "bf16": 2.0, "int8": 4.0}


def confidence_layer(name: str, *, topic: str = "") -> Layer:
    return Layer(name=name, dtype="uint8", upsample=_plain, topic=topic, encoding="mono8" if topic else "")


def label_layers(
    name: str, topic: str, *, dtype: str = "uint8", confidence_topic: str = "", words: str = "", words_topic: str = ""
) -> tuple[Layer, Layer]:
    """Ids that are never blended, as an image and a PNG; and how sure each one is."""
    labels = Layer(
        name=name, dtype=dtype, upsample=upsample_labels, confidence=f"{name}_confidence", topic=topic,
        encoding="mono8" if dtype == "uint8" else "mono16", files=(f"{name}.png",),
        words=words, words_topic=words_topic,
    )  # fmt: skip
    return labels, confidence_layer(f"{name}_confidence", topic=confidence_topic)


def ground(ask: Ask) -> Rgb:
    """The background's colour, or without one a colour that decodes to no target."""
    if ask.background is not None:
        return ask.background
    return farthest_color(tuple(target.color for target in ask.targets if target.color is not None))


def target_paints(ask: Ask) -> list[Paint]:
    """The targets, free where they have no colour, and the background where there is one."""
    paints = [Paint("free" if t.color is None else "target", t.text, t.color) for t in ask.targets]
    return paints if ask.background is None else [*paints, Paint("background", color=ask.background)]


def decode_labels(ask: Ask, rgb: UInt8Array, settings: DecodeSettings, name: str, labels: str) -> Decoded:
    """Class ids by the colours of the targets, 255 below the least confidence; the words of the ids beside them."""
    decoded = Palette.from_instruction(ask).decode(rgb, threshold=settings.min_mask_confidence)
    words = ("background", *(target.text for target in ask.targets))
    return Decoded({name: decoded.mask, f"{name}_confidence": decoded.confidence}, {labels: words})


def compare_labels(ask: Ask, painted: UInt8Array, wanted: UInt8Array, precision: str) -> list[Difference]:
    """The share of pixels with another label."""
    palette = Palette.from_instruction(ask)
    got, reference = palette.decode(painted), palette.decode(wanted)
    sure = reference.confidence >= CONFIDENT
    differ = got.mask[sure] != reference.mask[sure]
    percent = 100 * float(differ.mean()) if differ.size >= LEAST_SHARE * sure.size else float("nan")
    return [Difference("other label", percent, _LABELS_DIFFER[precision], "%")]


def laid_under(above: AnyArray, below: AnyArray, shift: int) -> AnyArray:
    """Ids of `above` where it has any, else those of `below`, counted on from `shift`."""
    free = (above == 0) | (above == UNLABELLED) if above.dtype == np.uint8 else above == 0
    named = (below != 0) & (below != UNLABELLED) if below.dtype == np.uint8 else below != 0
    merged: AnyArray = np.where(free & named, below + above.dtype.type(shift), above)
    return merged


def quantile(values: AnyArray, share: float, pixels: int) -> float:
    """NaN and inf among the values count as infinitely wrong; too few values give NaN."""
    if values.size < LEAST_SHARE * pixels:
        return float("nan")
    ordered = np.sort(np.nan_to_num(values, nan=np.inf))
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def _plain(confidence: UInt8Array, hw: tuple[int, int], _guide: UInt8Array) -> Any:
    return upsample_confidence(confidence, hw)
