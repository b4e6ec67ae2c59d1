"""A frame with what is known about it, and where it came from: what readers give, and all that learn or judge take.

A `Dataset` is read in pieces, each a handful of examples that lie together on disk: one frame of a folder, one shard of
a render. So a reader says once how it is read, and whoever mixes, shuffles or shares it among processes needs no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from vision_banana_ros.core import DataError, Frame, Truth

UNKNOWN_LICENCE = "unknown"
#: What can be known about a frame: the fields of a truth, "camera" where the intrinsics are the frame's own.
KINDS: tuple[str, ...] = ("depth", "normals", "camera", "mask", "instances", "referring")


@dataclass(frozen=True, slots=True)
class Source:
    """Who made the frames, on which terms, in which version; it goes with them into shards, models and reports."""

    name: str
    licence: str = UNKNOWN_LICENCE
    revision: str = ""
    non_commercial: bool = False

    def __str__(self) -> str:
        version = f" {self.revision}" if self.revision else ""
        return f"{self.name}{version} ({self.licence}{', non-commercial' if self.non_commercial else ''})"


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One frame and its truth.

    camera_known: False where truth.camera only stands in for unknown intrinsics.
    place: what kind of place it shows, in the words of its source.   seed: what makes it again, where it was rendered.
    """

    name: str
    frame: Frame
    truth: Truth
    source: Source
    camera_known: bool = True
    place: str = ""
    seed: int | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """What there is a truth of."""
        truth = self.truth
        known = {
            "depth": truth.depth_m is not None,
            "normals": truth.normals is not None,
            "camera": self.camera_known,
            "mask": truth.mask is not None,
            "instances": truth.instances is not None,
            "referring": bool(truth.referring),
        }
        return frozenset(kind for kind, there in known.items() if there)

    def only(self, kinds: frozenset[str]) -> Example:
        """The same frame with the truth of these kinds alone; the pictures are shared, not copied."""
        require_kinds(kinds)
        if kinds >= self.kinds:
            return self
        truth = replace(
            self.truth,
            depth_m=self.truth.depth_m if "depth" in kinds else None,
            normals=self.truth.normals if "normals" in kinds else None,
            mask=self.truth.mask if "mask" in kinds else None,
            instances=self.truth.instances if "instances" in kinds else None,
            labels=self.truth.labels if "mask" in kinds else (),
            referring=self.truth.referring if "referring" in kinds else (),
        )
        return replace(self, truth=truth, camera_known=self.camera_known and "camera" in kinds)


@runtime_checkable
class Dataset(Protocol):
    """Frames with truth that are read when they are asked for, in an order that is the same at every reading."""

    @property
    def source(self) -> Source: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Example]: ...

    def pieces(self) -> Sequence[str]:
        """The names of what is read in one go. A folder that is still being written may have more the next time."""
        ...

    def read_piece(self, piece: str) -> list[Example]: ...


def require_kinds(kinds: frozenset[str]) -> None:
    unknown = sorted(kinds - set(KINDS))
    if unknown:
        raise DataError(f"no kind of truth is called {', '.join(unknown)}: choose from {', '.join(KINDS)}")
