"""The bundled clip: what a small robot's camera sees on its way through a flat and out of the door, with its truth.

    clip = bundled_clip()
    clip.frame(0).rgb, clip.truth(0).depth_m

640x480, 10 Hz, 22 s, camera 0.33 m above the floor. The truth is exact on flat surfaces, NaN between the kept pixels of
curved ones: see clip_codec.py. Reading needs NumPy and OpenCV only; `vision-banana render --clip` makes it anew.
"""

from __future__ import annotations

import json
from functools import cached_property, lru_cache
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, DataError, Frame, Truth
from vision_banana_ros.world.clip_codec import decode_truth

FILE = Path(__file__).parent / "data" / "clip.npz"
FRAME_ID = "camera"


def bundled_clip() -> Clip:
    """The clip that comes with the package."""
    return Clip(FILE)


class Clip:
    """Footage in one file: images as WebP, truths as `clip_codec` writes them. Any frame can be read at any time."""

    def __init__(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as file:
                self._images, self._image_ends = file["images"], file["image_ends"]
                self._truths, self._truth_ends = file["truths"], file["truth_ends"]
                fx, fy, cx, cy, width, height = file["camera"].tolist()
                self._rate_hz = float(file["rate_hz"])
                self._labels: tuple[str, ...] = tuple(json.loads(str(file["labels"])))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(f"{path} must be a clip: {error!r}; make it with  vision-banana render --clip") from error
        self._camera = Camera(fx, fy, cx, cy, int(width), int(height))
        self._read = lru_cache(maxsize=4)(self._decode)

    @property
    def rate_hz(self) -> float:
        return self._rate_hz

    @property
    def camera(self) -> Camera:
        return self._camera

    @cached_property
    def period_ns(self) -> int:
        return round(1e9 / self._rate_hz)

    def __len__(self) -> int:
        return len(self._image_ends)

    def frame(self, index: int) -> Frame:
        """RGB and camera; stamps start at 0 and follow the rate."""
        image = cv2.imdecode(_piece(self._images, self._image_ends, self._checked(index)), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError("this OpenCV cannot read WebP: install opencv-python-headless")
        rgb = np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)
        return Frame(rgb, stamp_ns=index * self.period_ns, frame_id=FRAME_ID, camera=self._camera)

    def truth(self, index: int) -> Truth:
        return self._read(self._checked(index))

    def _decode(self, index: int) -> Truth:
        return decode_truth(_piece(self._truths, self._truth_ends, index).tobytes(), self._camera, self._labels)

    def _checked(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise DataError(f"the clip has frames 0 to {len(self) - 1}, asked is {index}")
        return index


def _piece(data: AnyArray, ends: AnyArray, index: int) -> AnyArray:
    start = 0 if index == 0 else int(ends[index - 1])
    return data[start : int(ends[index])]
