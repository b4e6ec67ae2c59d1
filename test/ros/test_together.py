"""Several cameras in one call of a real network, by the real node: each gets what it would get alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from load_file import load_file
from sensor_msgs.msg import Image

from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

#: Two share a canvas size; the third has one of its own.
CAMERAS = {"front": (0, (256, 192)), "left": (60, (256, 192)), "right": (90, (128, 96)), "rear": (30, (320, 128))}


def _play(graph: Any, folder: Path, name: str, index: int, wh: tuple[int, int]) -> None:
    """One picture, again and again, so often that cameras have to wait for each other on any machine."""
    images = folder / name
    images.mkdir()
    bgr = cv2.cvtColor(MovingScene(150).frame(index).rgb, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(images / "0.png"), cv2.resize(bgr, wh, interpolation=cv2.INTER_AREA))
    topics = {topic: f"{name}/{topic}" for topic in ("image", "camera_info", "image/compressed")}
    graph.camera(remaps={**topics, "__node": f"{name}_camera"}, source=str(images), rate_hz=60.0, hfov_deg=70.0)


def _told(array: DiagnosticArray) -> dict[str, str]:
    engine = next(status for status in array.status if status.name == "/perception: engine")
    return {value.key: value.value for value in engine.values}


def _together(array: DiagnosticArray) -> int:
    """Frames that were painted in calls of several."""
    found = re.match(r"(\d+) of \d+ frames in calls of several", _told(array).get("says of cameras", ""))
    return int(found[1]) if found else 0


def _depth_m(message: Image) -> np.ndarray:
    return np.frombuffer(bytes(message.data), np.float32).reshape(message.height, message.width)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.nanmedian(np.abs(a - b) / b))


def test_frames_of_several_cameras_in_one_call_are_as_those_of_each_alone(ros: Any, tmp_path: Path) -> None:
    seeded = load_file(Path(__file__).parents[1] / "runtimes" / "seeded_model.py")
    seeded.export_to(tmp_path / "model", Precision.FP32, several_images=True)
    for name, (index, wh) in CAMERAS.items():
        _play(ros, tmp_path, name, index, wh)
    ros.perception(
        model=str(tmp_path / "model"), cameras=list(CAMERAS), classes="floor, wall", backend="onnxruntime:fp32",
        together="always", max_latency_s=30.0, engine_cache_dir=str(tmp_path / "cache"),
    )  # fmt: skip
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    alone = {}
    for name in CAMERAS:  # nobody listens to the others, so they are not painted
        topic = f"{name}/depth/image"
        listener.subscribe(Image, topic)
        alone[name] = _depth_m(listener.messages(topic, 3)[-1])
        listener.unsubscribe(topic)
    told = _told(listener.newest("/diagnostics"))
    assert "up to 4 cameras in one call" in told["runtime"]
    for name in CAMERAS:
        listener.subscribe(Image, f"{name}/depth/image")
    listener.subscribe(Image, "left/normals/image")  # another number of prompts than the others
    listener.newest("/diagnostics", lambda a: _together(a) >= 20)
    for name in CAMERAS:
        topic = f"{name}/depth/image"
        listener.forget(topic)
        for message in listener.messages(topic, 5):
            assert _apart(_depth_m(message), alone[name]) < 0.002
    assert listener.messages("left/normals/image")
    assert _apart(alone["left"], alone["front"]) > 0.01, "which would not do to tell them apart"
