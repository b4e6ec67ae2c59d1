"""Films in: frames with the time at which each is shown, from whatever OpenCV can open.

Phones store a film lying and a note on how to turn it: OpenCV turns it. Films of a changing rate have their times in
the file; where there are none, the nominal rate gives them. A damaged film ends where it breaks, and says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from vision_banana_ros.core import DataError, UInt8Array

_CAMERA = re.compile(r"(?:/dev/video)?(\d+)")
_PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_FOLDER_RATE_HZ = 10.0
#: Not each frame that a file's index promises is always there; more missing than this is damage.
_MISSING_FRAMES, _MISSING_SHARE = 2, 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame of a film: number from 0, time since its beginning."""

    number: int
    stamp_ns: int
    rgb: UInt8Array


class Film:
    """A file, a folder of pictures or a camera; iterate once. `problem` is said after the last frame."""

    def __init__(self, name: str, *, rate_hz: float = 0.0) -> None:
        self.name = name
        self.problem = ""
        self.is_live = False
        self._files: list[Path] = []
        self._capture: Any = None
        camera, path = _CAMERA.fullmatch(name), Path(name)
        if path.is_dir():
            self._files = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
            if not self._files:
                raise DataError(f"no pictures in {name}: expected files that end in {', '.join(sorted(_PICTURES))}")
            self.length: int | None = len(self._files)
            self.rate_hz = rate_hz or _FOLDER_RATE_HZ
            return
        if camera is not None and not path.is_file():
            self.is_live = True
            self._capture = cv2.VideoCapture(int(camera[1]))
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # else old frames come first
        elif path.is_file():
            self._capture = cv2.VideoCapture(name)
        else:
            raise DataError(f"no film {name}: give a video file, a folder of pictures or a camera's number")
        if not self._capture.isOpened():
            remedy = "check the device and its permissions" if self.is_live else "is it a film, and whole?"
            raise DataError(f"{name} cannot be opened by OpenCV: {remedy}")
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.length = count if count > 0 and not self.is_live else None
        self.rate_hz = rate_hz or float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0

    def shots(self, *, first: int = 0) -> Iterator[Shot]:
        """From frame number `first` on. DataError where there is no frame at all."""
        if self._files:
            yield from self._pictures(first)
            return
        number, last_ns, start = 0, -1, time.time_ns()
        while True:
            if number < first:  # read, not jumped over: key frames make jumps inexact
                if not self._capture.grab():
                    break
                number += 1
                continue
            ok, bgr = self._capture.read()
            if not ok:
                break
            stamp_ns = self._stamp_ns(number, last_ns, start)
            last_ns = stamp_ns
            yield Shot(number, stamp_ns, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
            number += 1
        if number == 0:
            raise DataError(f"{self.name} has no frame that can be read: is it a film, and whole?")
        missing = 0 if self.length is None else self.length - number
        if missing > max(_MISSING_FRAMES, _MISSING_SHARE * number):
            self.problem = f"{self.name} breaks off after frame {number} of {self.length}"

    def _stamp_ns(self, number: int, last_ns: int, start_ns: int) -> int:
        if self.is_live:
            return time.time_ns() - start_ns
        told_ns = round(1e6 * float(self._capture.get(cv2.CAP_PROP_POS_MSEC)))
        # Some containers tell 0 for every frame.
        return told_ns if told_ns > last_ns else max(last_ns + 1, round(number * 1e9 / self.rate_hz))

    def _pictures(self, first: int) -> Iterator[Shot]:
        for number, file in enumerate(self._files[first:], start=first):
            data = np.frombuffer(file.read_bytes(), np.uint8)
            bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
            if bgr is None:
                raise DataError(f"{file} is no picture that can be decoded: remove it or save it anew")
            rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            yield Shot(number, round(number * 1e9 / self.rate_hz), rgb)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()


class FilmWriter:
    """Frames to a file, whose name's ending tells the format; it bears its name only once it is closed and whole."""

    _CODECS: ClassVar[dict[str, str]] = {".mp4": "mp4v", ".webm": "VP80", ".mkv": "mp4v", ".avi": "MJPG"}

    def __init__(self, path: Path, rate_hz: float, hw: tuple[int, int]) -> None:
        codec = self._CODECS.get(path.suffix.lower())
        if codec is None:
            raise DataError(f"{path} must end in {', '.join(self._CODECS)}")
        self.path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._hw = hw
        self.ticks = 0
        self._writer: Any = cv2.VideoWriter(
            str(self._part), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate_hz, (hw[1], hw[0])
        )
        if not self._writer.isOpened():
            raise DataError(f"{path} cannot be written: is the folder there and writable?")

    def write(self, rgb: UInt8Array) -> None:
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self.ticks += 1

    def carry_over(self, ticks: int) -> None:
        """What an earlier run has written, up to so many frames."""
        old = cv2.VideoCapture(str(self.path))
        while self.ticks < ticks:
            ok, bgr = old.read()
            if not ok:
                raise DataError(f"{self.path} is shorter than the journal says: delete it and the journal, start anew")
            self._writer.write(bgr)
            self.ticks += 1
        old.release()

    def close(self) -> None:
        self._writer.release()
        if self.ticks:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


class DepthFilm:
    """Depth as FFV1, 16-bit millimetres, lossless, in one Matroska file; 0 where there is none."""

    def __init__(self, path: Path, rate_hz: float, hw: tuple[int, int]) -> None:
        self.path, self._part = path, path.with_name(f".{path.stem}.part{path.suffix}")
        options = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
        codec = cv2.VideoWriter.fourcc(*"FFV1")
        self._writer: Any = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, codec, rate_hz, (hw[1], hw[0]), options)
        if not self._writer.isOpened():
            raise DataError(f"{path} cannot be written: this OpenCV has no FFV1; take --depth png")
        self.frames = 0

    def write(self, millimetres: np.ndarray) -> None:
        self._writer.write(millimetres)
        self.frames += 1

    def carry_over(self, frames: int) -> None:
        for millimetres in read_depth_film(self.path):
            if self.frames == frames:
                return
            self.write(millimetres)

    def close(self) -> None:
        self._writer.release()
        if self.frames:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


def read_depth_film(path: Path) -> Iterator[np.ndarray]:
    """The (H, W) uint16 millimetres that DepthFilm wrote."""
    film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_CONVERT_RGB, 0])
    height, width = int(film.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(film.get(cv2.CAP_PROP_FRAME_WIDTH))
    while True:
        ok, frame = film.read()
        if not ok:
            film.release()
            return
        yield np.asarray(frame).reshape(height, width)
