"""One camera image with its header, and the truth about it where somebody knows it."""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.core.arrays import FloatArray, UInt8Array, UInt16Array, describe, require_array
from vision_banana_ros.core.camera import Camera
from vision_banana_ros.core.errors import FrameError


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An RGB image, rgb (H, W, 3) uint8; `camera` is None while nobody knows the intrinsics."""

    rgb: UInt8Array
    stamp_ns: int = 0
    frame_id: str = ""
    camera: Camera | None = None

    def __post_init__(self) -> None:
        require_array(self.rgb, name="Frame.rgb", dtype="uint8", channels=3, error=FrameError)
        if isinstance(self.stamp_ns, bool) or not isinstance(self.stamp_ns, int) or self.stamp_ns < 0:
            raise FrameError(f"Frame.stamp_ns must be an int of nanoseconds >= 0, got {describe(self.stamp_ns)}")
        if not isinstance(self.frame_id, str):
            raise FrameError(f"Frame.frame_id must be a str, got {describe(self.frame_id)}")
        require_camera_fits(self.camera, self.hw, owner="Frame")

    @property
    def hw(self) -> tuple[int, int]:
        return self.rgb.shape[0], self.rgb.shape[1]


@dataclass(frozen=True, slots=True)
class Referring:
    """An expression that holds for exactly these instances of a truth, e.g. "the red chair left of the table"."""

    text: str
    instance_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Truth:
    """What is known for certain about a frame; None where it is not known. Same conventions as `Perception`.

    depth_m: NaN unknown, +inf sky. normals: optical frame, NaN unknown. mask: class ids into `labels`, 255 unlabelled.
    instances: 0 for what is no countable thing, else an id of the scene.
    """

    camera: Camera
    depth_m: FloatArray | None = None
    normals: FloatArray | None = None
    mask: UInt8Array | None = None
    instances: UInt16Array | None = None
    labels: tuple[str, ...] = ()
    referring: tuple[Referring, ...] = ()

    def __post_init__(self) -> None:
        hw = (self.camera.height, self.camera.width)
        for name, dtype, channels in (
            ("depth_m", "float32", None),
            ("normals", "float32", 3),
            ("mask", "uint8", None),
            ("instances", "uint16", None),
        ):
            value = getattr(self, name)
            if value is not None:
                require_array(value, name=f"Truth.{name}", dtype=dtype, channels=channels, hw=hw, error=FrameError)


def require_camera_fits(camera: Camera | None, hw: tuple[int, int], *, owner: str) -> None:
    """Intrinsics of another image size would put every point in the wrong place without a word."""
    if camera is not None and (camera.height, camera.width) != hw:
        raise FrameError(
            f"{owner}.camera is for {camera.width}x{camera.height} but the image is {hw[1]}x{hw[0]}: "
            "use camera.scaled_to(width, height)"
        )
