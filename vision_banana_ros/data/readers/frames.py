"""Folders of single frames with their truth, as `vision-banana eval frames` reads them.

    rgb/NAME.png|jpg           the image
    depth/NAME.npz             `depth`, float32 metres along Z, 0 = invalid;  or depth/NAME.png, 16-bit millimetres
    normal/NAME.npz            `normal`, optical frame, 0 or NaN = invalid;   or normal/NAME.png, n = v / 127 - 1,
                               (255, 255, 255) = unknown
    label/NAME.png             class ids, 255 = unlabelled; labels.json: list of names, or {"0": name, ...}
    instance/NAME.png          16-bit instance ids, 0 = none
    referring.json             {NAME: [{"text": ..., "instances": [..]}, ...]}
    intrinsics.json            {NAME: {fx, fy, cx, cy, width, height}}
    source.json                {name, licence, revision, non_commercial}

Everything but rgb/ is optional; an image without any truth is left out. instance/ alone is a truth too: things of any
class.

Convention
    Normals are turned to face the camera (z <= 0), and truth is brought to the size of the image by nearest neighbour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import (
    AnyArray,
    Camera,
    DataError,
    FloatArray,
    Frame,
    Referring,
    Truth,
    UInt8Array,
    UInt16Array,
)
from vision_banana_ros.data.example import Example, Source

_IMAGES = (".png", ".jpg", ".jpeg")
_TRUTHS = ("depth", "normal", "label", "instance")
_STAND_IN_HFOV_DEG = 60.0


@dataclass(frozen=True, slots=True)
class FrameFolder:
    """A `Dataset` of the frames of one folder that have a truth; each is read when it is asked for."""

    root: Path
    names: tuple[str, ...]
    labels: tuple[str, ...]
    cameras: dict[str, Camera]
    referring: dict[str, tuple[Referring, ...]]
    source: Source

    @classmethod
    def open(cls, root: Path) -> FrameFolder:
        if not (root / "rgb").is_dir():
            raise DataError(
                f"{root} must hold a folder rgb/ with the images (and depth/, normal/, label/, instance/ beside it)"
            )
        images = [path for path in (root / "rgb").iterdir() if path.suffix.lower() in _IMAGES]
        truths = {path.stem for kind in _TRUTHS for path in (root / kind).glob("*.*")}
        names = sorted({path.stem for path in images} & truths)
        if not names:
            raise DataError(f"no image of {root}/rgb has a file of its name in depth/, normal/, label/ or instance/")
        return cls(
            root, tuple(names), _read_labels(root), _read_cameras(root), _read_referring(root), _read_source(root)
        )

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Example]:
        return (self.read(name) for name in self.names)

    def pieces(self) -> tuple[str, ...]:
        return self.names

    def read_piece(self, piece: str) -> list[Example]:
        return [self.read(piece)]

    def read(self, name: str) -> Example:
        path = next(p for suffix in _IMAGES if (p := self.root / "rgb" / f"{name}{suffix}").exists())
        bgr = _read_image(path, cv2.IMREAD_COLOR)
        height, width = bgr.shape[:2]
        camera = self.cameras.get(name)
        camera = camera.scaled_to(width, height) if camera else None
        mask = _fit(_read_mask(self.root / "label" / f"{name}.png"), (height, width))
        instances = _read_instances(self.root / "instance" / f"{name}.png")
        truth = Truth(
            camera=camera or Camera.from_hfov(_STAND_IN_HFOV_DEG, width, height),
            depth_m=_fit(read_depth(self.root / "depth", name), (height, width)),
            normals=_fit(_read_normals(self.root / "normal", name), (height, width)),
            mask=mask,
            instances=_fit(instances, (height, width)),
            labels=self.labels if mask is not None else (),
            referring=self.referring.get(name, ()),
        )
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        return Example(name, Frame(rgb, camera=camera), truth, self.source, camera_known=camera is not None)


def recognises(root: Path) -> bool:
    return (root / "rgb").is_dir()


def open_dataset(root: Path) -> FrameFolder:
    return FrameFolder.open(root)


def read_depth(folder: Path, name: str) -> FloatArray | None:
    if (path := folder / f"{name}.npz").exists():
        depth = _read_npz(path, "depth").astype(np.float32)
    elif (path := folder / f"{name}.png").exists():
        millimetres = _read_image(path, cv2.IMREAD_UNCHANGED)
        if millimetres.dtype != np.uint16 or millimetres.ndim != 2:
            raise DataError(f"{path} must be a 16-bit grey image of millimetres, got {millimetres.dtype}")
        depth = millimetres.astype(np.float32) / np.float32(1000)
    else:
        return None
    if depth.ndim != 2:
        raise DataError(f"{path} must hold an (H, W) depth map, got shape {depth.shape}")
    with np.errstate(invalid="ignore"):
        return np.where(depth > 0, depth, np.float32(np.nan))


def _read_normals(folder: Path, name: str) -> FloatArray | None:
    if (path := folder / f"{name}.npz").exists():
        normals = _read_npz(path, "normal").astype(np.float32)
    elif (path := folder / f"{name}.png").exists():
        code = _read_image(path, cv2.IMREAD_COLOR)[..., ::-1]
        normals = code.astype(np.float32) / np.float32(127) - np.float32(1)
        normals[(code == 255).all(-1)] = np.nan
    else:
        return None
    if normals.ndim != 3 or normals.shape[2] != 3:
        raise DataError(f"{path} must hold an (H, W, 3) normal map, got shape {normals.shape}")
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        unit: FloatArray = np.where(length > 0.5, normals / length, np.float32(np.nan))
        return np.where(unit[..., 2:] > 0, -unit, unit)


def _read_mask(path: Path) -> UInt8Array | None:
    if not path.exists():
        return None
    mask = _read_image(path, cv2.IMREAD_UNCHANGED)
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise DataError(f"{path} must be an 8-bit grey image of class ids, got {mask.dtype} of shape {mask.shape}")
    return mask


def _read_instances(path: Path) -> UInt16Array | None:
    return _read_image(path, cv2.IMREAD_UNCHANGED).astype(np.uint16) if path.exists() else None


def _read_labels(root: Path) -> tuple[str, ...]:
    path = root / "labels.json"
    if not path.exists():
        if (root / "label").is_dir():
            raise DataError(f"{root}/label needs the class names: {path} with a list, or a map of id to name")
        return ()
    entries = _read_json(path)
    if isinstance(entries, dict) and all(str(key).isdigit() for key in entries):
        names = {int(key): str(name) for key, name in entries.items()}
        return tuple(names.get(i, f"class {i}") for i in range(max(names, default=-1) + 1))
    if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
        return tuple(entries)
    raise DataError(f"{path} must be a list of names or a map of id to name")


def _read_cameras(root: Path) -> dict[str, Camera]:
    path = root / "intrinsics.json"
    if not path.exists():
        return {}
    try:
        return {
            name: Camera(
                float(c["fx"]), float(c["fy"]), float(c["cx"]), float(c["cy"]), int(c["width"]), int(c["height"])
            )
            for name, c in _read_json(path).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} must map each name to fx, fy, cx, cy, width, height: {error!r}") from error


def _read_referring(root: Path) -> dict[str, tuple[Referring, ...]]:
    path = root / "referring.json"
    if not path.exists():
        return {}
    try:
        return {
            name: tuple(Referring(str(e["text"]), tuple(int(i) for i in e["instances"])) for e in entries)
            for name, entries in _read_json(path).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} must map each name to a list of text and instances: {error!r}") from error


def _read_source(root: Path) -> Source:
    path = root / "source.json"
    if not path.exists():
        return Source(root.resolve().name)
    try:
        source = Source(**_read_json(path))
    except TypeError as error:
        raise DataError(f"{path} must have name, licence, revision, non_commercial: {error}") from error
    if not all(isinstance(text, str) and text for text in (source.name, source.licence)):
        raise DataError(f"{path} must give the name and the licence in words, got {source}")
    return source


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}") from error


def _read_npz(path: Path, key: str) -> AnyArray:
    try:
        with np.load(path, allow_pickle=False) as file:
            array: AnyArray = file[key]
            return array
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} must be an .npz file with the key '{key}': {error}") from error


def _read_image(path: Path, flags: int) -> AnyArray:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise DataError(f"{path} cannot be read as an image")
    return image


def _fit(array: Any, hw: tuple[int, int]) -> Any:
    """Nearest neighbour at pixel centres; never blends ids or depths."""
    if array is None or array.shape[:2] == hw:
        return array
    rows = ((np.arange(hw[0]) + 0.5) * array.shape[0] / hw[0]).astype(np.intp)
    columns = ((np.arange(hw[1]) + 0.5) * array.shape[1] / hw[1]).astype(np.intp)
    return np.ascontiguousarray(array[rows][:, columns])
