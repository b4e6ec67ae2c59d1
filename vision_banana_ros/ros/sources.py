"""Where camera_node gets its images from: footage with truth, a folder, a video file, a webcam. Knows nothing of ROS.

clip, moving, live   footage: the bundled drive, the small analytic room, the endless procedural world
/dev/video0, 0       a webcam, through OpenCV
a folder             its images in the order of their names
any other path       a video file
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, util
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, DataError, Footage, Truth, UInt8Array
from vision_banana_ros.generators.registry import MANIFEST, SHIPPED_STUDENT

_IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_WEBCAM = re.compile(r"(?:/dev/video)?(\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One image; the camera where it is known; how to get the truth about it, where somebody knows it."""

    rgb: UInt8Array
    camera: Camera | None = None
    truth: Callable[[], Truth] | None = None


class Source(Protocol):
    """`next` is None after the last image. `rate_hz` is the source's own rate, 0 where it sets its own pace."""

    @property
    def rate_hz(self) -> float: ...

    def next(self) -> View | None: ...

    def rewind(self) -> bool:
        """Back to the first image; False for what cannot be played again."""
        ...

    def close(self) -> None: ...


class FootageSource:
    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self._index = 0

    @property
    def rate_hz(self) -> float:
        return self._footage.rate_hz

    def next(self) -> View | None:
        if self._index >= len(self._footage):
            return None
        index, self._index = self._index, self._index + 1
        frame = self._footage.frame(index)
        return View(frame.rgb, frame.camera, lambda: self._footage.truth(index))

    def rewind(self) -> bool:
        self._index = 0
        return True

    def close(self) -> None:
        pass


class FolderSource:
    """Images of one folder, at a rate that the node sets."""

    rate_hz = 10.0

    def __init__(self, folder: Path, *, hfov_deg: float) -> None:
        self._files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _IMAGE_SUFFIXES)
        if not self._files:
            raise DataError(f"no images in {folder}: expected files that end in {', '.join(sorted(_IMAGE_SUFFIXES))}")
        self._hfov_deg = hfov_deg
        self._index = 0

    def next(self) -> View | None:
        if self._index >= len(self._files):
            return None
        file = self._files[self._index]
        self._index += 1
        bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if bgr is None:
            raise DataError(f"{file} is no image that can be decoded: remove it or save it anew")
        return _view(bgr, self._hfov_deg)

    def rewind(self) -> bool:
        self._index = 0
        return True

    def close(self) -> None:
        pass


class VideoSource:
    """A video file or a webcam."""

    def __init__(self, capture: Any, *, name: str, hfov_deg: float, is_webcam: bool) -> None:
        if not capture.isOpened():
            remedy = "check the device and its permissions" if is_webcam else "check the path and the format"
            raise DataError(f"{name} cannot be opened by OpenCV: {remedy}")
        self._capture = capture
        self._hfov_deg = hfov_deg
        self._is_webcam = is_webcam

    @property
    def rate_hz(self) -> float:
        return 0.0 if self._is_webcam else float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0

    def next(self) -> View | None:
        ok, bgr = self._capture.read()
        return _view(bgr, self._hfov_deg) if ok else None

    def rewind(self) -> bool:
        return not self._is_webcam and bool(self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0))

    def close(self) -> None:
        self._capture.release()


def _view(bgr: AnyArray, hfov_deg: float) -> View:
    height, width = bgr.shape[:2]
    camera = Camera.from_hfov(hfov_deg, width, height) if hfov_deg > 0 else None
    return View(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8), camera)


def open_source(name: str, *, hfov_deg: float = 0.0, say: Callable[[str], None] = print) -> Source:
    """The source of that name; `hfov_deg` makes the intrinsics of sources that have none. `say` gets remarks."""
    if name in ("clip", "moving", "live"):
        return FootageSource(_footage(name, say))
    webcam = _WEBCAM.fullmatch(name)
    if webcam is not None:
        capture = cv2.VideoCapture(int(webcam[1]))
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # else old frames come first
        return VideoSource(capture, name=name, hfov_deg=hfov_deg, is_webcam=True)
    path = Path(name)
    if path.is_dir():
        return FolderSource(path, hfov_deg=hfov_deg)
    if path.is_file():
        return VideoSource(cv2.VideoCapture(str(path)), name=name, hfov_deg=hfov_deg, is_webcam=False)
    raise DataError(
        f"no source {name!r}: expected clip, moving, live, a webcam (/dev/video0), a folder or a video file"
    )


def default_model(source: str) -> str:
    """What to run where nobody chose: the shipped student; while there is none, the oracle of footage; else nothing."""
    if (SHIPPED_STUDENT / MANIFEST).is_file():
        return "student"
    if source == "clip" and util.find_spec("vision_banana_ros.world.clip") is not None:
        return "oracle:clip"
    return "oracle:moving" if source in ("clip", "moving") else ""


def _footage(name: str, say: Callable[[str], None]) -> Footage:
    from vision_banana_ros.world.moving import MovingScene

    opener = {"clip": ("clip", "bundled_clip"), "live": ("live", "live_footage")}.get(name)
    if opener is None:
        return MovingScene()
    module = f"vision_banana_ros.world.{opener[0]}"
    if util.find_spec(module) is None:
        say(f"{name} is not part of this version: playing the moving scene")
        return MovingScene()
    footage: Footage = getattr(import_module(module), opener[1])()
    return footage
