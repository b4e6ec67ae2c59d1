"""Instances that keep their numbers: each frame's instances matched with those before, along the motion.

    overlap    the map of tracks is carried to the new frame; a table of intersection / union of every carried track
               with every instance; pairs by the assignment that maximises their sum (assignment.py), those under
               `least_overlap` undone. An instance that holds most of several tracks is what fell apart before: the
               eldest of them goes on
    patience   a track that finds no instance stays in the map where nothing else is, for `patience` frames: a missed
               detection, or something passing in front, does not cost it its number
    return     an instance that matches nothing may be a track that is out of the map: same class, like colours, like
               size; the most alike one within `memory` frames gets its number back
Numbers start at 1 and none is used twice.

Convention
    Instances as in core/perception.py; the result's are the tracks' numbers. Boxes are (left, top, right, bottom) in
    the frame's pixels, ends included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FloatArray, Perception, UInt8Array, UInt16Array
from vision_banana_ros.geometry.assignment import maximum_assignment
from vision_banana_ros.geometry.motion import Motion, work_hw

Counts = npt.NDArray[np.int64]

_LAST_NUMBER = 65_535
_MOST = 0.5  # of a track's pixels
_BINS = (12, 4, 4)  # of hue, saturation, value


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """`least_overlap`: of union. `patience`, `memory`: frames. `least_likeness`: of colours, 0 to 1. `remembered`: the
    most tracks, so that a painter of noise costs no more than a crowd does."""

    least_overlap: float = 0.15
    patience: int = 8
    memory: int = 120
    remembered: int = 200
    least_likeness: float = 0.7
    size_ratio: float = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One instance of the newest frame. `score` is the mean confidence of its pixels, 0 to 1; `frames` it was seen."""

    number: int
    label: str
    score: float
    box: tuple[int, int, int, int]
    pixels: int
    frames: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Known:
    """What is remembered of a track: its share of the picture, its colours, how often and when it was seen."""

    label: str
    share: float
    colors: FloatArray
    frames: int
    born: int
    seen_at: int


class Tracker:
    """See the module's docstring; `tracks` are those of the newest frame."""

    def __init__(self, settings: TrackSettings = TrackSettings()) -> None:
        self.settings = settings
        self.tracks: tuple[Track, ...] = ()
        self._known: dict[int, _Known] = {}
        self._map: UInt16Array | None = None
        self._slots: list[int] = []  # the numbers of the map's 1, 2, ...
        self._next = 1
        self._now = 0

    def forget(self) -> None:
        """What is seen next has nothing to do with what was; numbers go on."""
        self.tracks, self._known, self._map = (), {}, None

    def follow(self, seen: Perception, motion: Motion | None, rgb: UInt8Array) -> Perception:
        """`seen` with the tracks' numbers for its instances."""
        assert seen.instances is not None
        names = seen.instance_labels or (seen.instance_label or "",) * int(seen.instances.max(initial=0))
        numbered = self.number(seen.instances, names, seen.instances_confidence, motion, rgb)
        told = [""] * max((track.number for track in self.tracks), default=0)
        for track in self.tracks:
            told[track.number - 1] = track.label
        return seen.with_layers(instances=numbered, instance_labels=tuple(told))

    def number(
        self,
        instances: UInt16Array,
        names: Sequence[str],
        confidence: UInt8Array | None,
        motion: Motion | None,
        rgb: UInt8Array,
    ) -> UInt16Array:
        """The tracks' numbers; `names[i - 1]` is the class of instance i."""
        self._now += 1
        found, ids, pixels = _compact(instances)
        labels = [names[i - 1] if i <= len(names) else "" for i in found]
        hw = motion.known.shape if motion is not None else work_hw((ids.shape[0], ids.shape[1]))
        small = ids
        if small.shape != hw:
            small = cv2.resize(ids, (hw[1], hw[0]), interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
        colors = _colors(rgb, small, len(found))
        shares = [count / ids.size for count in pixels]
        carried = self._carried(motion, small.shape)
        number_of = self._overlapping(carried, small, labels)
        for place, label in enumerate(labels):
            if place not in number_of:
                old = self._returned(label, colors[place], shares[place], set(number_of.values()))
                number_of[place] = old if old is not None else self.new_number()
        for place, number in number_of.items():
            before = self._known.get(number)
            self._known[number] = _Known(
                label=labels[place],
                share=shares[place],
                colors=colors[place] if before is None else (0.8 * before.colors + 0.2 * colors[place]),
                frames=1 if before is None else before.frames + 1,
                born=self._now if before is None else before.born,
                seen_at=self._now,
            )
        self._draw(carried, small, number_of)
        self._forget_old()
        table = np.zeros(len(found) + 1, np.uint16)
        for place, number in number_of.items():
            table[place + 1] = number
        self.tracks = self._told(ids, pixels, number_of, confidence)
        return np.take(table, ids)

    def _carried(self, motion: Motion | None, hw: tuple[int, ...]) -> UInt16Array | None:
        """The map at the new pixels."""
        if motion is None or self._map is None or self._map.shape != hw:
            self._slots = []
            return None
        carried = motion.carry(self._map)
        # A track that nobody saw for long leaves the map, and its place to others.
        stays = [number for number in self._slots if self._is_patient(number)]
        if len(stays) < len(self._slots):
            table = np.zeros(len(self._slots) + 1, np.uint16)
            for slot, number in enumerate(self._slots, start=1):
                table[slot] = stays.index(number) + 1 if number in stays else 0
            carried, self._slots = np.take(table, carried), stays
        return carried

    def _draw(self, carried: UInt16Array | None, small: UInt16Array, number_of: dict[int, int]) -> None:
        """What was found over what was carried."""
        self._slots += [number for number in number_of.values() if number not in self._slots]
        table = np.zeros(len(number_of) + 1, np.uint16)
        for place, number in number_of.items():
            table[place + 1] = self._slots.index(number) + 1
        drawn = np.take(table, small)
        self._map = drawn if carried is None else np.where(small > 0, drawn, carried)

    def _is_patient(self, number: int) -> bool:
        known = self._known.get(number)
        return known is not None and self._now - known.seen_at <= self.settings.patience

    def _overlapping(self, carried: UInt16Array | None, small: UInt16Array, labels: list[str]) -> dict[int, int]:
        """Place of an instance -> the track whose carried pixels it covers."""
        numbers = self._slots
        if carried is None or not labels or not numbers:
            return {}
        both = _joint(carried, len(numbers) + 1, small, len(labels) + 1)
        shared, track_pixels, instance_pixels = both[1:, 1:], both.sum(1)[1:], both.sum(0)[1:]
        alike = np.array([self._known[number].label for number in numbers])[:, None] == np.array(labels)
        shared = np.where(alike, shared, 0)
        table = shared / np.maximum(track_pixels[:, None] + instance_pixels[None] - shared, 1)
        table[table < self.settings.least_overlap] = 0
        self._settle_merged(table, shared / np.maximum(track_pixels, 1)[:, None], numbers)
        # Most overlap one track and are overlapped by one instance: what is left is small.
        clear = (table > 0) & ((table > 0).sum(0) == 1)[None] & ((table > 0).sum(1) == 1)[:, None]
        pairs = [(int(row), int(column)) for row, column in np.argwhere(clear)]
        open_rows = np.flatnonzero((table > 0).any(1) & ~clear.any(1))
        open_columns = np.flatnonzero((table > 0).any(0) & ~clear.any(0))
        if open_rows.size and open_columns.size:
            rows, columns = maximum_assignment(table[np.ix_(open_rows, open_columns)])
            pairs += zip(open_rows[rows].tolist(), open_columns[columns].tolist(), strict=True)
        return {column: numbers[row] for row, column in pairs if table[row, column] > 0}

    def _settle_merged(self, table: npt.NDArray[np.float64], held: npt.NDArray[np.float64], numbers: list[int]) -> None:
        """Of the tracks that an instance holds most of, the eldest alone is left in the table."""
        for column in np.flatnonzero(((table > 0) & (held > _MOST)).sum(0) > 1).tolist():
            rows = np.flatnonzero((table[:, column] > 0) & (held[:, column] > _MOST)).tolist()
            eldest = min(rows, key=lambda row: self._known[numbers[row]].born)
            table[[row for row in rows if row != eldest], column] = 0

    def _returned(self, label: str, colors: FloatArray, share: float, taken: set[int]) -> int | None:
        """The number of a track that went out of sight and looks like this."""
        ratio = self.settings.size_ratio
        numbers = [
            number
            for number, known in self._known.items()
            if known.label == label
            and number not in taken
            and 1 / ratio <= (share + 1e-6) / (known.share + 1e-6) <= ratio
        ]
        if not numbers:
            return None
        alike = np.sqrt(np.stack([self._known[number].colors for number in numbers])) @ np.sqrt(colors)
        best = int(np.argmax(alike))
        return numbers[best] if alike[best] > self.settings.least_likeness else None

    def new_number(self) -> int:
        number = self._next
        self._next = number % _LAST_NUMBER + 1
        return number

    def _forget_old(self) -> None:
        """Those that may still return; of too many, the ones seen last, but all of this frame."""
        known = sorted(self._known.items(), key=lambda item: -item[1].seen_at)
        self._known = {
            number: one
            for place, (number, one) in enumerate(known)
            if one.seen_at == self._now
            or (place < self.settings.remembered and self._now - one.seen_at <= self.settings.memory)
        }

    def _told(
        self, ids: UInt16Array, pixels: list[int], number_of: dict[int, int], confidence: UInt8Array | None
    ) -> tuple[Track, ...]:
        told = []
        for place, number in number_of.items():
            inside = cv2.inRange(ids, place + 1, place + 1)
            left, top, width, height = cv2.boundingRect(inside)
            box = slice(top, top + height), slice(left, left + width)
            score = 1.0 if confidence is None else cv2.mean(confidence[box], inside[box])[0] / 255
            known = self._known[number]
            told.append(
                Track(
                    number=number,
                    label=known.label,
                    score=float(score),
                    box=(left, top, left + width - 1, top + height - 1),
                    pixels=pixels[place],
                    frames=known.frames,
                )
            )
        return tuple(sorted(told, key=lambda track: track.number))


def _compact(instances: UInt16Array) -> tuple[list[int], UInt16Array, list[int]]:
    """The ids that are there, a map with their places in that list, from 1 on, and how many pixels each has."""
    most = int(cv2.minMaxLoc(instances)[1])
    counts = _histogram(instances, most + 1)
    found: list[int] = (np.flatnonzero(counts[1:]) + 1).tolist()
    if len(found) < most:
        table = np.zeros(most + 1, np.uint16)
        table[found] = np.arange(1, len(found) + 1)
        instances = np.take(table, instances)
    return found, instances, counts[found].tolist()


def _joint(a: UInt16Array, a_many: int, b: UInt16Array, b_many: int) -> Counts:
    """(a_many, b_many) pixels that have both ids."""
    many = a_many * b_many
    if many > _LAST_NUMBER:
        pairs = a.astype(np.int64) * b_many + b
        return np.bincount(pairs.reshape(-1), minlength=many).reshape(a_many, b_many)
    return _histogram(a * np.uint16(b_many) + b, many).reshape(a_many, b_many)


def _histogram(ids: UInt16Array, many: int) -> Counts:
    """As bincount, but 16 bits are read as they are; exact up to 2^24 pixels, for OpenCV counts in float32."""
    return np.asarray(cv2.calcHist([ids], [0], None, [many], [0.0, float(many)]), np.int64).reshape(-1)


def _colors(rgb: UInt8Array, instances: UInt16Array, many: int) -> FloatArray:
    """(many, bins): of each instance, the shares of its pixels by hue, saturation and value; every second pixel tells
    enough."""
    instances = np.ascontiguousarray(instances[::2, ::2])
    few = cv2.resize(rgb, instances.shape[::-1], interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(few, cv2.COLOR_RGB2HSV)
    place = cv2.transform(cv2.LUT(hsv, _PLACES), np.ones((1, 3), np.float32))  # their sum
    bins = _BINS[0] * _BINS[1] * _BINS[2]
    counts = _joint(instances, many + 1, place.astype(np.uint16), bins)[1:].astype(np.float32)
    shares: FloatArray = counts / np.maximum(counts.sum(1, keepdims=True), np.float32(1))
    return shares


def _places() -> UInt8Array:
    """Which bin a value of hue, saturation, value adds to; their sum is the bin of a colour."""
    values = np.arange(256)
    hue = np.minimum(values * _BINS[0] // 180, _BINS[0] - 1) * _BINS[1] * _BINS[2]
    saturation, value = values * _BINS[1] // 256 * _BINS[2], values * _BINS[2] // 256
    return np.stack([hue, saturation, value], axis=-1).astype(np.uint8)[:, None]


_PLACES = _places()
