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

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FloatArray, Perception, UInt8Array, UInt16Array
from vision_banana_ros.geometry.assignment import maximum_assignment
from vision_banana_ros.geometry.motion import Motion, work_hw

_LAST_NUMBER = 65_535
_MOST = 0.5  # of a track's pixels
_BINS = (12, 4, 4)  # of hue, saturation, value


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """`least_overlap`: of union. `patience`, `memory`: frames. `least_likeness`: of colours, 0 to 1."""

    least_overlap: float = 0.15
    patience: int = 8
    memory: int = 120
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
        self._drawn: set[int] = set()  # what the map may hold
        self._next = 1
        self._now = 0

    def forget(self) -> None:
        """What is seen next has nothing to do with what was; numbers go on."""
        self.tracks, self._known, self._map = (), {}, None

    def follow(self, seen: Perception, motion: Motion | None, rgb: UInt8Array) -> Perception:
        """`seen` with the tracks' numbers for its instances."""
        assert seen.instances is not None
        self._now += 1
        hw = motion.known.shape if motion is not None else work_hw(seen.hw)
        small = seen.instances
        if small.shape != hw:
            small = cv2.resize(small, (hw[1], hw[0]), interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
        counts = np.bincount(seen.instances.reshape(-1), minlength=1)
        found = (np.flatnonzero(counts[1:]) + 1).tolist()
        named = seen.instance_labels
        labels = {i: named[i - 1] if i <= len(named) else seen.instance_label or "" for i in found}
        colors = _colors(rgb, small, found)
        shares = counts / seen.instances.size
        carried = self._carried(motion, small.shape)
        if carried is None:
            self._drawn = set()
        number_of = self._overlapping(carried, small, labels)
        for instance in found:
            if instance not in number_of:
                taken = set(number_of.values())
                old = self._returned(labels[instance], colors[instance], float(shares[instance]), taken)
                number_of[instance] = old if old is not None else self._new_number()
        for instance, number in number_of.items():
            before = self._known.get(number)
            self._known[number] = _Known(
                label=labels[instance],
                share=float(shares[instance]),
                colors=colors[instance] if before is None else (0.8 * before.colors + 0.2 * colors[instance]),
                frames=1 if before is None else before.frames + 1,
                born=self._now if before is None else before.born,
                seen_at=self._now,
            )
        table = np.zeros(counts.size, np.uint16)
        for instance, number in number_of.items():
            table[instance] = number
        self._map = np.where(small > 0, table[small], carried) if carried is not None else table[small]
        self._drawn |= set(number_of.values())
        self._forget_old()
        numbered = table[seen.instances]
        self.tracks = self._told(numbered, sorted(number_of.values()), seen.instances_confidence)
        names = [""] * max((track.number for track in self.tracks), default=0)
        for track in self.tracks:
            names[track.number - 1] = track.label
        return seen.with_layers(instances=numbered, instance_labels=tuple(names))

    def _carried(self, motion: Motion | None, hw: tuple[int, ...]) -> UInt16Array | None:
        if motion is None or self._map is None or self._map.shape != hw:
            return None
        carried = motion.carry(self._map)
        # A track that nobody saw for long leaves the map, and its place to others.
        gone = [n for n in self._drawn if not self._is_patient(n)]
        if gone:
            stays = np.arange(max(self._drawn) + 1, dtype=np.uint16)
            stays[gone] = 0
            carried = stays[carried]
            self._drawn -= set(gone)
        return carried

    def _is_patient(self, number: int) -> bool:
        known = self._known.get(number)
        return known is not None and self._now - known.seen_at <= self.settings.patience

    def _overlapping(self, carried: UInt16Array | None, small: UInt16Array, labels: dict[int, str]) -> dict[int, int]:
        """Instance -> the track whose carried pixels it covers."""
        if carried is None or not labels:
            return {}
        found, numbers = list(labels), sorted(self._drawn)
        if not numbers:
            return {}
        shared, track_pixels, instance_pixels = _overlaps(carried, numbers, small, found)
        alike = [[self._known[number].label == labels[instance] for instance in found] for number in numbers]
        shared = np.where(np.array(alike), shared, 0)
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
        return {found[column]: numbers[row] for row, column in pairs if table[row, column] > 0}

    def _settle_merged(self, table: npt.NDArray[np.float64], held: npt.NDArray[np.float64], numbers: list[int]) -> None:
        """Of the tracks that an instance holds most of, the eldest alone is left in the table."""
        for column in np.flatnonzero(((table > 0) & (held > _MOST)).sum(0) > 1).tolist():
            rows = np.flatnonzero((table[:, column] > 0) & (held[:, column] > _MOST)).tolist()
            eldest = min(rows, key=lambda row: self._known[numbers[row]].born)
            table[[row for row in rows if row != eldest], column] = 0

    def _returned(self, label: str, colors: FloatArray, share: float, taken: set[int]) -> int | None:
        """The number of a track that went out of sight and looks like this."""
        best, likeness = None, self.settings.least_likeness
        roots = np.sqrt(colors)
        for number, known in self._known.items():
            if number in taken or known.label != label or known.seen_at == self._now:
                continue
            if not 1 / self.settings.size_ratio <= (share + 1e-6) / (known.share + 1e-6) <= self.settings.size_ratio:
                continue
            alike = float(np.sqrt(known.colors) @ roots)
            if alike > likeness:
                best, likeness = number, alike
        return best

    def _new_number(self) -> int:
        number = self._next
        self._next = number % _LAST_NUMBER + 1
        return number

    def _forget_old(self) -> None:
        self._known = {n: k for n, k in self._known.items() if self._now - k.seen_at <= self.settings.memory}

    def _told(self, numbered: UInt16Array, numbers: list[int], confidence: UInt8Array | None) -> tuple[Track, ...]:
        told = []
        for number in numbers:
            inside: UInt8Array = (numbered == number).view(np.uint8)
            left, top, width, height = cv2.boundingRect(inside)
            score = 1.0 if confidence is None else cv2.mean(confidence, inside)[0] / 255
            known = self._known[number]
            told.append(
                Track(
                    number=number,
                    label=known.label,
                    score=float(score),
                    box=(left, top, left + width - 1, top + height - 1),
                    pixels=int(np.count_nonzero(inside)),
                    frames=known.frames,
                )
            )
        return tuple(told)


def _overlaps(
    a: UInt16Array, a_ids: list[int], b: UInt16Array, b_ids: list[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(a_ids, b_ids) table of pixels that both have, and the pixels of each."""
    width = len(b_ids) + 1
    a_at = np.zeros(max(a_ids) + 1, np.int32)
    b_at = np.zeros(max(b_ids) + 1, np.int32)
    a_at[a_ids], b_at[b_ids] = np.arange(1, len(a_ids) + 1) * width, np.arange(1, width)
    table = np.bincount((a_at[a] + b_at[b]).reshape(-1), minlength=(len(a_ids) + 1) * width)
    table = table.reshape(len(a_ids) + 1, width)
    return table[1:, 1:], table.sum(1)[1:], table.sum(0)[1:]


def _colors(rgb: UInt8Array, instances: UInt16Array, found: list[int]) -> dict[int, FloatArray]:
    """Of each instance, the shares of its pixels by hue, saturation and value; every second pixel tells enough."""
    instances = instances[::2, ::2]
    few = cv2.resize(rgb, instances.shape[::-1], interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(few, cv2.COLOR_RGB2HSV)
    place = cv2.LUT(hsv, _PLACES)
    bins = _BINS[0] * _BINS[1] * _BINS[2]
    at = np.zeros(max(found, default=0) + 1, np.int32)
    at[found] = np.arange(1, len(found) + 1) * bins
    joint = at[instances] + place[..., 0] + place[..., 1] + place[..., 2]
    counts = np.bincount(joint.reshape(-1), minlength=(len(found) + 1) * bins).astype(np.float32).reshape(-1, bins)
    counts /= np.maximum(counts.sum(1, keepdims=True), np.float32(1))
    return dict(zip(found, counts[1:], strict=True))


def _places() -> UInt8Array:
    """Which bin a value of hue, saturation, value adds to; their sum is the bin of a colour."""
    values = np.arange(256)
    hue = np.minimum(values * _BINS[0] // 180, _BINS[0] - 1) * _BINS[1] * _BINS[2]
    saturation, value = values * _BINS[1] // 256 * _BINS[2], values * _BINS[2] // 256
    return np.stack([hue, saturation, value], axis=-1).astype(np.uint8)[:, None]


_PLACES = _places()
