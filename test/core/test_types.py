"""What the types between the layers promise: checked at the door, frozen, and said in one line when refused."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from vision_banana_ros.core import (
    About,
    Camera,
    Canvas,
    DataError,
    Frame,
    FrameError,
    GeneratorError,
    MissingExtraError,
    Perception,
    Task,
    Truth,
    VisionBananaError,
    describe,
    require_package,
)
from vision_banana_ros.prompts import Generator, Instruction

HW = (30, 50)
RGB = np.zeros((*HW, 3), np.uint8)
CAMERA = Camera.from_hfov(60, HW[1], HW[0])


@pytest.mark.parametrize(
    "rgb",
    [
        RGB.astype(np.float32),
        RGB[..., 0],
        RGB[..., :2],
        np.zeros((0, 5, 3), np.uint8),
        RGB.tolist(),
        None,
    ],
)
def test_a_frame_takes_rgb_bytes_and_says_what_arrived(rgb: object) -> None:
    with pytest.raises(FrameError, match=r"Frame.rgb must be a uint8 array of shape \(H, W, 3\), got"):
        Frame(rgb)  # type: ignore[arg-type]
    with pytest.raises(GeneratorError, match=r"Canvas\.rgb must be"):
        Canvas(rgb, Instruction(Task.DEPTH))  # type: ignore[arg-type]


def test_height_comes_first() -> None:
    assert Frame(RGB).hw == HW
    with pytest.raises(FrameError, match="camera is for 30x50 but the image is 50x30"):
        Frame(RGB, camera=Camera.from_hfov(60, *HW))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [({"stamp_ns": -1}, "stamp_ns"), ({"stamp_ns": 1.5}, "stamp_ns"), ({"stamp_ns": True}, "stamp_ns"),
     ({"frame_id": None}, "frame_id")],
)  # fmt: skip
def test_a_frame_has_a_proper_header(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(FrameError, match=complaint):
        Frame(RGB, **wrong)  # type: ignore[arg-type]


LAYERS = {
    "depth_m": np.zeros(HW, np.float32),
    "depth_confidence": np.zeros(HW, np.uint8),
    "normals": np.zeros((*HW, 3), np.float32),
    "normals_confidence": np.zeros(HW, np.uint8),
    "mask": np.zeros(HW, np.uint8),
    "mask_confidence": np.zeros(HW, np.uint8),
    "instances": np.zeros(HW, np.uint16),
    "instances_confidence": np.zeros(HW, np.uint8),
    "referring": np.zeros(HW, np.uint8),
    "referring_confidence": np.zeros(HW, np.uint8),
}


def test_a_perception_is_empty_until_asked() -> None:
    seen = Perception(stamp_ns=5, frame_id="camera", hw=HW)
    assert all(getattr(seen, name) is None for name in LAYERS)
    full = Perception(stamp_ns=5, frame_id="camera", hw=HW, camera=CAMERA, layers=LAYERS)
    assert full.depth_m is LAYERS["depth_m"]  # taken as it is: no copy


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("spoil", [lambda a: np.swapaxes(a, 0, 1), lambda a: a[:-1]])
def test_every_layer_has_the_frames_size(name: str, spoil: Callable[[np.ndarray], object]) -> None:
    with pytest.raises(FrameError, match=f"layer {name} must be 30 high and 50 wide, got"):
        Perception(stamp_ns=0, frame_id="", hw=HW, layers={name: spoil(LAYERS[name])})


def test_layers_can_be_replaced_and_the_rest_stays() -> None:
    seen = Perception(stamp_ns=5, frame_id="camera", hw=HW, camera=CAMERA, layers=LAYERS)
    far = seen.with_layers(depth_m=np.full(HW, 7, np.float32))
    assert far.depth_m is not None
    assert (far.depth_m == 7).all()
    assert far.mask is LAYERS["mask"]
    assert (far.stamp_ns, far.camera) == (5, CAMERA)
    assert seen.depth_m is LAYERS["depth_m"]


@pytest.mark.parametrize("name", ["depth_m", "normals", "mask", "instances"])
def test_truth_has_the_size_of_its_camera(name: str) -> None:
    assert getattr(Truth(camera=CAMERA, **{name: LAYERS[name]}), name) is LAYERS[name]  # type: ignore[arg-type]
    with pytest.raises(FrameError, match=f"Truth.{name} must be"):
        Truth(camera=CAMERA.scaled_to(*HW), **{name: LAYERS[name]})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [Frame(RGB), Canvas(RGB, Instruction(Task.DEPTH)), CAMERA, Truth(camera=CAMERA)])
def test_nothing_that_is_handed_on_can_be_changed(value: object) -> None:
    field = dataclasses.fields(value)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, None)
    assert not hasattr(value, "__dict__")


def test_errors_are_caught_by_the_packages_own_class_and_by_pythons() -> None:
    for error, builtin in ((FrameError, ValueError), (GeneratorError, RuntimeError), (DataError, ValueError)):
        assert issubclass(error, VisionBananaError)
        assert issubclass(error, builtin)
    missing = MissingExtraError(package="numba", extra="world", purpose="rendering")
    assert isinstance(missing, ImportError)
    assert str(missing) == (
        "rendering needs the package 'numba', which is not installed: run  pip install 'vision_banana_ros[world]'"
    )


def test_what_arrived_is_told_in_short() -> None:
    assert describe(RGB) == "uint8 array of shape (30, 50, 3)"
    assert describe("x" * 500).endswith("...")
    assert len(describe("x" * 500)) < 80


def test_any_class_that_generates_is_a_generator() -> None:
    class Painter:
        tasks = frozenset({Task.DEPTH})
        about = About(name="painter", licence="Apache-2.0")

        def generate(self, frame: Frame, instructions: object) -> list[Canvas]:  # noqa: ARG002
            return []

    assert isinstance(Painter(), Generator)
    assert not isinstance(object(), Generator)


def test_a_missing_package_is_named_with_what_to_install() -> None:
    require_package("numpy", extra="train", purpose="Counting")
    with pytest.raises(MissingExtraError, match=r"Counting needs .*'abacus_of_old'.*vision_banana_ros\[train\]"):
        require_package("abacus_of_old", extra="train", purpose="Counting")
