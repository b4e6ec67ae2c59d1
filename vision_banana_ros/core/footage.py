"""A recorded or generated camera whose truth is known: what the oracle paints and what demos are scored against."""

from __future__ import annotations

from typing import Protocol

from vision_banana_ros.core.frame import Frame, Truth


class Footage(Protocol):
    """Numbered frames, the same at every reading; `frame(i).camera` may be hidden by the reader, the truth has it."""

    @property
    def rate_hz(self) -> float: ...

    def __len__(self) -> int: ...

    def frame(self, index: int) -> Frame: ...

    def truth(self, index: int) -> Truth: ...
