"""NORMALS: which way each surface faces, one component a channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vision_banana_ros.codecs import normals
from vision_banana_ros.core import Ask, FloatArray, Frame, Task, Truth, UInt8Array
from vision_banana_ros.geometry import upsample_normals
from vision_banana_ros.tasks.layers import CONFIDENT, confidence_layer, quantile
from vision_banana_ros.tasks.room import Decoded, DecodeSettings, Difference, Layer, Room, Wording, known, pick

#: Median angle that a precision may bring, in degrees.
_TOLERANCE = {"fp32": 1.0, "fp16": 1.0, "bf16": 2.0, "int8": 4.0}
_ASKED = re.compile(r"\bsurface[- ]normals?\b|\bnormals?[- ](?:map|image|vector)s?\b", re.IGNORECASE)


def _upsample(values: FloatArray, hw: tuple[int, int], _guide: UInt8Array) -> Any:
    return upsample_normals(values, hw)  # creases are seen in the normals themselves; the picture's edges are others


class Normals(Room):
    task, order, topic = Task.NORMALS, 20, "normals"
    layers = (
        Layer(
            name="normals",
            dtype="float32",
            channels=3,
            upsample=_upsample,
            invalid=np.nan,
            least="min_normals_confidence",
            confidence="normals_confidence",
            topic="normals/image",
            encoding="32FC3",
            files=("normals.npy",),
        ),
        confidence_layer("normals_confidence"),
    )

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        yield "The surface normal map of this picture."

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        return _ASKED.search(text) is not None

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        return normals.encode(pick(known(truth.normals, "normals"), wh))

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        decoded = normals.decode(rgb)
        return Decoded({"normals": decoded.normals, "normals_confidence": decoded.confidence})

    def compare(self, ask: Ask, painted: UInt8Array, wanted: UInt8Array, precision: str) -> list[Difference]:
        got = normals.decode(painted).normals
        reference = normals.decode(wanted)
        sure = reference.confidence >= CONFIDENT
        cosine = np.clip((got[sure] * reference.normals[sure]).sum(axis=-1), -1, 1)
        median = quantile(np.degrees(np.arccos(cosine)), 0.5, sure.size)
        return [Difference("median angle", median, _TOLERANCE[precision], "degrees")]


ROOM = Normals()
