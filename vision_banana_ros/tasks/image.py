"""IMAGE: generation and editing. Any text that asks for nothing else; the canvas is the answer."""

from __future__ import annotations

from collections.abc import Iterator

from vision_banana_ros.core import Ask, Frame, Task, Truth, UInt8Array
from vision_banana_ros.tasks.room import Decoded, DecodeSettings, Room, Wording, pick

#: How a picture is asked for whose words would read as another task.
PICTURE_PREFIX = "A picture of these words:"


class Image(Room):
    task, order, published = Task.IMAGE, 90, False

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        words = ask.text or ""
        yield words
        yield f"{PICTURE_PREFIX} {say.quote(words)}"

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        return pick(image, wh)

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        return Decoded()


ROOM = Image()
