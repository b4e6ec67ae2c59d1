"""DEPTH: metres along the optical axis, painted as a walk along the edges of the colour cube."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vision_banana_ros.codecs import depth
from vision_banana_ros.core import (
    DEPTH_ENCODINGS,
    AnyArray,
    Ask,
    Frame,
    InstructionError,
    Task,
    Truth,
    UInt8Array,
)
from vision_banana_ros.geometry import flying_pixels, upsample_depth
from vision_banana_ros.tasks.layers import CONFIDENT, confidence_layer, quantile
from vision_banana_ros.tasks.room import (
    Decoded,
    DecodeSettings,
    Difference,
    Layer,
    Paint,
    Room,
    Wishes,
    Wording,
    known,
    pick,
)

#: Places of the paint box along the walk: 7 edges of 3 cells, so that corners are knots.
KNOTS = 22
#: How far blur reaches is a share of the picture, 6 of 480 rows, not a number of a canvas's pixels. At 192x128 a reach
#: of 6 took a fifteenth of the student's depth away, in dotted lines on floors, and hardly more of what was wrong than
#: chance would have (docs/LOG.md).
_FLYING_REACH = 6 / 480
_LEAST_REACH_PX = 2
_NEAREST_M = 0.3
#: Relative depth error that a precision may bring: median and 99th percentile, in per cent.
_TOLERANCE = {"fp32": (1.0, 3.0), "fp16": (1.0, 6.0), "bf16": (2.0, 12.0), "int8": (5.0, 30.0)}

_ASKED = re.compile(
    r"\bdepth[- ]?(?:map|image|estimat\w+|prediction|visuali[sz]ation|false)|\bmetric depth\b"
    r"|\bdepth\b[^.]{0,80}\bcolou?r"
    r"|\b(?:predict|estimate|show|paint|draw|render|visuali[sz]e|infer)\b[^.]{0,80}\bdepth\b(?! of field)",
    re.IGNORECASE,
)
_ENCODING = re.compile(
    r"\b(?:in|with|using|as)\s+(?:the\s+|an?\s+)?(?:rgb[- ])?([a-z]+?)(?:[- ]?scale)?"
    r"[- ](?:colou?rs?|colou?r[- ]?map|palette|encoding)\b"
    r"|\b([a-z]+)[- ]?scale\b",
    re.IGNORECASE,
)
_NO_ENCODING = frozenset(("false", "these", "metric", "pseudo", "rgb", "full", "the", "a", "to", "true"))


class Depth(Room):
    task, order, topic = Task.DEPTH, 10, "depth"
    layers = (
        Layer(
            name="depth_m",
            dtype="float32",
            upsample=upsample_depth,
            invalid=np.nan,
            least="min_depth_confidence",
            confidence="depth_confidence",
            topic="depth/image",
            encoding="32FC1",
            files=("depth.npy", "depth.png"),
        ),
        confidence_layer("depth_confidence", topic="depth/confidence"),
    )

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        yield f"A metric depth map of this picture in the {ask.depth_encoding} colours."

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        return _ASKED.search(text) is not None

    def options(self, text: str) -> dict[str, Any]:
        """The colour map that the prompt names; "cube" when it names none."""
        for match in _ENCODING.finditer(text):
            name = (match[1] or match[2]).lower()
            name = "grey" if name == "gray" else name
            if name in DEPTH_ENCODINGS:
                return {"depth_encoding": name}
            if name not in _NO_ENCODING:
                raise InstructionError(f"no depth colours are called {name!r}: there are {', '.join(DEPTH_ENCODINGS)}")
        return {"depth_encoding": "cube"}

    def ask(self, wishes: Wishes) -> list[Ask]:
        return [Ask(self.task, hfov_deg=wishes.hfov_deg, depth_encoding=wishes.depth_encoding)]

    def paints(self, ask: Ask) -> list[Paint]:
        places = np.linspace(0, 1, KNOTS)
        colors = knot_colors(ask.depth_encoding)
        return [Paint("knot", color=color, place=float(place)) for place, color in zip(places, colors, strict=True)]

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        depth_m = pick(known(truth.depth_m, "depth"), wh)
        return depth.encode(depth_m, ask.depth_encoding, invalid=depth.unknown_color(ask.depth_encoding))

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        needs_confidence = settings.with_confidence or settings.min_depth_confidence > 0
        decoded = depth.decode(rgb, ask.depth_encoding, with_confidence=needs_confidence)
        depth_m = decoded.depth_m
        if settings.filter_flying_pixels:
            reach_px = max(_LEAST_REACH_PX, round(_FLYING_REACH * depth_m.shape[0]))
            depth_m[flying_pixels(depth_m, reach_px=reach_px)] = np.nan
        if settings.max_range_m is not None:
            depth_m[depth_m > settings.max_range_m] = np.inf
        return Decoded({"depth_m": depth_m, "depth_confidence": decoded.confidence})

    def compare(self, ask: Ask, painted: UInt8Array, wanted: UInt8Array, precision: str) -> list[Difference]:
        """|d' - d| / max(d, 0.3 m)."""
        got = depth.decode(painted, ask.depth_encoding, with_confidence=False).depth_m
        reference = depth.decode(wanted, ask.depth_encoding)
        sure = np.isfinite(reference.depth_m)
        if reference.confidence is not None:
            sure &= reference.confidence >= CONFIDENT
        true_m = reference.depth_m[sure]
        percent: AnyArray = 100 * np.abs(got[sure] - true_m) / np.maximum(true_m, _NEAREST_M)
        median, p99 = _TOLERANCE[precision]
        return [
            Difference("median", quantile(percent, 0.5, sure.size), median, "%"),
            Difference("99th percentile", quantile(percent, 0.99, sure.size), p99, "%"),
        ]


def knot_colors(encoding: str) -> AnyArray:
    """(22, 3) in 0..1: the colours of a depth code at equal steps of its position, black to white for the cube."""
    places = np.linspace(0, 1, KNOTS)
    with np.errstate(divide="ignore"):
        depth_m = depth.uncurve(places).astype(np.float32)
    colors: AnyArray = depth.encode(depth_m[None], encoding)[0].astype(np.float32) / np.float32(255)
    return colors


ROOM = Depth()
