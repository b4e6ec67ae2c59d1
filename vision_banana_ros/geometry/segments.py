"""Panoptic maps whose ids stay: things are tracked as instances are (tracks.py), a stuff has one number for good.

On these numbers the map is held as classes are (votes.py), so one frame's slip changes neither outline nor number. A
segment that this frame did not show but that is still held stays among the segments.

Convention
    As in tasks/panoptic.py, but ids are numbers that stay, so there are gaps between them; the segments tell which are
    there, first the stuff, then the things, the largest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vision_banana_ros.core import UInt8Array, UInt16Array
from vision_banana_ros.geometry.motion import Motion
from vision_banana_ros.geometry.tracks import Track, Tracker, TrackSettings
from vision_banana_ros.geometry.votes import Votes


class SegmentHolder:
    """Of one camera; `tracks` are the things of the newest frame."""

    def __init__(self, settings: TrackSettings, votes: int) -> None:
        self._tracker = Tracker(settings)
        self._votes = Votes(votes)
        self._stuff: dict[str, int] = {}
        self._kinds: dict[int, Any] = {}  # what a number stands for, with the id and the size of some frame

    @property
    def tracks(self) -> tuple[Track, ...]:
        return self._tracker.tracks

    def forget(self) -> None:
        """Numbers go on, and a stuff keeps its own."""
        self._tracker.forget()
        self._votes.forget()

    def hold(
        self,
        ids: UInt16Array,
        segments: Sequence[Any],
        confidence: UInt8Array | None,
        motion: Motion | None,
        hw: tuple[int, int],
        rgb: UInt8Array,
    ) -> tuple[UInt16Array, tuple[Any, ...]]:
        """The map and its segments, each with an `id`, a `label`, `is_thing` and `pixels`."""
        most = max((segment.id for segment in segments), default=0)
        things, stuff = np.zeros(most + 1, np.uint16), np.zeros(most + 1, np.uint16)
        labels = [""] * most
        for segment in segments:
            labels[segment.id - 1] = segment.label
            if segment.is_thing:
                things[segment.id] = segment.id
            else:
                stuff[segment.id] = number = self._number_of(segment.label)
                self._kinds[number] = segment
        ids = np.minimum(ids, np.uint16(most))
        numbered = self._tracker.number(np.take(things, ids), labels, confidence, motion, rgb)
        thing = next((segment for segment in segments if segment.is_thing), None)
        for track in self._tracker.tracks:
            self._kinds[track.number] = replace(thing, label=track.label)  # type: ignore[type-var]
        held = self._votes.hold(np.where(numbered > 0, numbered, np.take(stuff, ids)), motion, hw)
        pixels = np.bincount(held.reshape(-1))
        there = [number for number in np.flatnonzero(pixels).tolist() if number]
        told = [replace(self._kinds[number], id=number, pixels=int(pixels[number])) for number in there]
        told.sort(key=lambda segment: (segment.is_thing, -segment.pixels))
        remembered = {*there, *np.unique(self._votes.ids if self._votes.ids is not None else held).tolist()}
        self._kinds = {number: kind for number, kind in self._kinds.items() if number in remembered}
        return held, tuple(told)

    def _number_of(self, label: str) -> int:
        if label not in self._stuff:
            self._stuff[label] = self._tracker.new_number()
        return self._stuff[label]
