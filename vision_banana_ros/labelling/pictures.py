"""The chosen pictures, taken out of their recordings once: what teachers look at is what the shards will hold.

Each is stored as a JPEG of at most `longest` pixels, with its camera at that size, and depth of a sensor as 16-bit
millimetres. So a recording is not needed any more when the teachers work, whether here or on other machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import Camera, DataError, FloatArray, Frame, UInt16Array
from vision_banana_ros.core.files import write_whole
from vision_banana_ros.data.recording import Recording, Shot
from vision_banana_ros.labelling.store import Planned, Store

JPEG_QUALITY = 95
#: Farthest that 16-bit millimetres hold; one more is sky.
_MOST_MILLIMETRES = 65534
SKY_MILLIMETRES = 65535


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Picture:
    """One to label. `jpeg` is what its frame was decoded from."""

    key: str
    jpeg: bytes
    frame: Frame
    about: dict[str, Any]
    sensor_depth_m: FloatArray | None = None


def keep_pictures(
    store: Store,
    recordings: list[tuple[Recording, dict[str, Any]]],
    plan: Iterable[Planned],
    longest: int,
    tell: Callable[[int], None],
) -> None:
    """Take out what is not there yet and not settled; a picture that cannot be decoded is refused."""
    missing: dict[int, dict[int, Planned]] = {}
    for item in plan:
        if not store.is_settled(item.key) and not store.file(item.key, "json").is_file():
            missing.setdefault(item.recording, {})[item.at] = item
    done = 0
    for number, items in missing.items():
        recording, facts = recordings[number]
        for shot in recording.shots(sorted(items), facts):
            _keep(store, items[shot.at], shot, recording.name, longest)
            done += 1
            tell(done)


def _keep(store: Store, item: Planned, shot: Shot, recording: str, longest: int) -> None:
    if shot.frame is None:
        store.refuse(item.key, shot.problem)
        return
    frame = shot.frame
    height, width = frame.hw
    scale = min(1.0, longest / max(height, width))
    wh = max(1, round(width * scale)), max(1, round(height * scale))
    bgr: Any = frame.rgb[..., ::-1]
    if wh != (width, height):
        bgr = cv2.resize(np.ascontiguousarray(bgr), wh, interpolation=cv2.INTER_AREA)
    camera = None if frame.camera is None else frame.camera.scaled_to(*wh)
    _, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(bgr), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    write_whole(store.file(item.key, "jpg"), jpeg.tobytes())
    if shot.sensor_depth_m is not None:
        write_whole(store.file(item.key, "sensor.png"), png(millimetres(_fitted(shot.sensor_depth_m, wh))))
    about = {
        "recording": recording,
        "stamp_ns": frame.stamp_ns,
        "frame_id": frame.frame_id,
        "camera": None if camera is None else asdict(camera),
        "has_sensor_depth": shot.sensor_depth_m is not None,
    }
    write_whole(store.file(item.key, "json"), json.dumps(about).encode())  # the last one: it says that all is there


def _fitted(depth_m: FloatArray, wh: tuple[int, int]) -> FloatArray:
    """Sparse points must survive: each new pixel takes the nearest of the old ones that fall into it."""
    height, width = depth_m.shape
    if (width, height) == wh:
        return depth_m
    if width % wh[0] or height % wh[1]:
        return np.asarray(cv2.resize(depth_m, wh, interpolation=cv2.INTER_NEAREST_EXACT), np.float32)
    cells = np.where(np.isfinite(depth_m), depth_m, np.inf).reshape(wh[1], height // wh[1], wh[0], width // wh[0])
    nearest = cells.min(axis=(1, 3))
    return np.where(np.isfinite(nearest), nearest, np.nan).astype(np.float32)


def read_picture(store: Store, key: str) -> Picture:
    """What `keep_pictures` kept; DataError where the file was damaged since."""
    try:
        about: dict[str, Any] = json.loads(store.file(key, "json").read_text(encoding="utf-8"))
        jpeg = store.file(key, "jpg").read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"picture {key} cannot be read: {error}") from error
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if bgr is None:
        raise DataError(f"picture {key} is no image that can be decoded")
    camera = None if about["camera"] is None else Camera(**about["camera"])
    frame = Frame(np.ascontiguousarray(bgr[..., ::-1]), about["stamp_ns"], about["frame_id"])
    sensor = None
    if about["has_sensor_depth"]:
        sensor = metres(_read_png(store.file(key, "sensor.png")))
    return Picture(key=key, jpeg=jpeg, frame=replace(frame, camera=camera), about=about, sensor_depth_m=sensor)


def millimetres(depth_m: FloatArray) -> UInt16Array:
    """16 bits: 0 unknown, 65535 sky; what is farther than 65.5 m but no sky is unknown too."""
    with np.errstate(invalid="ignore"):
        rounded = np.rint(np.where(np.isfinite(depth_m), depth_m * 1000, 0))
    code = np.where((rounded > 0) & (rounded <= _MOST_MILLIMETRES), rounded, 0).astype(np.uint16)
    code[np.isposinf(depth_m)] = SKY_MILLIMETRES
    return code


def metres(code: UInt16Array) -> FloatArray:
    depth = code.astype(np.float32) / np.float32(1000)
    depth[code == 0] = np.nan
    depth[code == SKY_MILLIMETRES] = np.inf
    return depth


def png(image: Any) -> bytes:
    """8 or 16 bits; RGB, not BGR."""
    array = np.asarray(image)
    ok, data = cv2.imencode(".png", array[..., ::-1] if array.ndim == 3 else array)
    if not ok:
        raise DataError(f"an image of {array.dtype} {array.shape} cannot be written as PNG")
    return bytes(data.tobytes())


def _read_png(path: Path) -> UInt16Array:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16:
        raise DataError(f"{path} is no 16-bit PNG: remove {path.parent} and run again")
    return np.asarray(image, np.uint16)
