"""A video file as a recording, through OpenCV; phones' rotation metadata is obeyed.

`at` is the number of the picture. A file that was cut off ends early, which is said. Videos have no intrinsics: say the
field of view (`--hfov`), or it is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import Camera, DataError, Frame
from vision_banana_ros.data.recording import Glance, RecordingOptions, Remarks, Shot, shrunk

#: Stamps farther apart than this, or going back, are jumps.
_JUMP_S = 10.0


class Video:
    def __init__(self, path: Path, options: RecordingOptions, say: Callable[[str], None]) -> None:
        self._path, self._options, self._remarks = path, options, Remarks(say)
        capture = self._open()
        self._rate_hz = float(capture.get(cv2.CAP_PROP_FPS)) or 30.0
        self._promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()

    @property
    def name(self) -> str:
        return self._path.stem

    def _open(self) -> Any:
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise DataError(f"{self._path} cannot be read as a video: it is damaged, or OpenCV lacks its codec")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        return capture

    def glances(self) -> Iterator[Glance]:
        capture = self._open()
        at, before_ns = 0, -1
        try:
            while capture.grab():
                stamp_ns = self._stamp_ns(capture, at)
                if at and not 0 < stamp_ns - before_ns < _JUMP_S * 1e9:
                    self._remarks.once("jump", f"{self.name}: time jumps at picture {at}")
                ok, bgr = capture.retrieve()
                if ok:
                    small = np.ascontiguousarray(shrunk(bgr)[..., ::-1])
                    yield Glance(at=at, stamp_ns=max(0, stamp_ns), hw=bgr.shape[:2], small=small)
                at, before_ns = at + 1, stamp_ns
        finally:
            capture.release()
        # Containers count in their own ways; a loss worth a line is more than rounding.
        if self._promised - at > max(2, 0.01 * self._promised):
            self._remarks.once("cut", f"{self.name}: ends after {at} of {self._promised} pictures: cut off or damaged")
        if at == 0:
            raise DataError(f"{self._path} holds no picture that can be decoded")

    def facts(self) -> dict[str, Any]:
        if not self._options.hfov_deg:
            self._remarks.once("camera", f"{self.name}: a video has no intrinsics, the lens is guessed (or say --hfov)")
        return {"hfov_deg": self._options.hfov_deg}

    def shots(self, places: Sequence[int], facts: dict[str, Any]) -> Iterator[Shot]:
        """From the start on: only so is a picture's number the same in every container."""
        wanted, capture, at = set(places), self._open(), 0
        hfov_deg = float(facts["hfov_deg"])
        try:
            while wanted and capture.grab():
                if at in wanted:
                    wanted.remove(at)
                    stamp_ns = max(0, self._stamp_ns(capture, at))
                    ok, bgr = capture.retrieve()
                    if ok:
                        height, width = bgr.shape[:2]
                        camera = Camera.from_hfov(hfov_deg, width, height) if hfov_deg else None
                        frame = Frame(np.asarray(bgr[..., ::-1].copy(), np.uint8), stamp_ns, self.name, camera)
                        yield Shot(at=at, frame=frame)
                    else:
                        yield Shot(at=at, frame=None, problem=f"picture {at} cannot be decoded")
                at += 1
        finally:
            capture.release()
        for at in sorted(wanted):
            yield Shot(at=at, frame=None, problem=f"picture {at} is not there any more")

    def _stamp_ns(self, capture: Any, at: int) -> int:
        """Some containers have no times: then the rate tells."""
        milliseconds = float(capture.get(cv2.CAP_PROP_POS_MSEC))
        return round(milliseconds * 1e6) if milliseconds > 0 or at == 0 else round(at * 1e9 / self._rate_hz)
