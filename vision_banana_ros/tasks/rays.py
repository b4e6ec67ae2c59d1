"""RAYS: where each pixel looks, from which the camera's intrinsics are recovered. Our own task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vision_banana_ros.codecs import rays
from vision_banana_ros.core import Ask, Frame, FrameError, Task, Truth, UInt8Array
from vision_banana_ros.geometry import camera_from_rays
from vision_banana_ros.tasks.room import Decoded, DecodeSettings, Room, Wishes, Wording

_ASKED = re.compile(
    r"\b(?:camera|viewing|pixel)[- ]rays?\b|\brays? (?:map|image)\b|\bviewing directions?\b", re.IGNORECASE
)


class Rays(Room):
    task, order, topic = Task.RAYS, 30, "rays"

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        yield "The camera ray map of this picture."

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        return _ASKED.search(text) is not None

    def ask(self, wishes: Wishes) -> list[Ask]:
        return [Ask(self.task)]

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        return rays.encode(truth.camera.scaled_to(*wh))

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        """A camera, unless one was given: that one wins. Where none fits, a cloud is lost, the depth image is not."""
        if frame.camera is not None:
            return Decoded()
        decoded = rays.decode(rgb)
        height, width = frame.hw
        try:
            recovered = camera_from_rays(decoded.directions, decoded.confidence, width=width, height=height)
        except FrameError:
            return Decoded()
        return Decoded(camera=recovered.camera)


ROOM = Rays()
