"""Makes the bundled clip: drives the robot of grammars/flat.py through its flat and packs what it saw.

Resumable: each frame is kept in the work folder as soon as it is rendered; packing needs all of them. Exposure follows
the meter slowly, as a camera's does, so that windows burn out and doors open into darkness for some frames.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import Camera, DataError, UInt8Array
from vision_banana_ros.tasks.vocabulary import labels
from vision_banana_ros.world.clip_codec import encode_truth
from vision_banana_ros.world.grammars.flat import flat, points_on_way
from vision_banana_ros.world.manifest import write_atomically
from vision_banana_ros.world.render import render
from vision_banana_ros.world.scene import Pose, Scene, View
from vision_banana_ros.world.sensor import SensorSettings, expose
from vision_banana_ros.world.stage import Stage

SEED = 21
FRAMES, RATE_HZ = 220, 10.0
CAMERA = Camera.from_hfov(80.0, 640, 480)
CAMERA_HEIGHT_M = 0.33
SAMPLES = 3
IMAGE_QUALITY = 90
LENS = SensorSettings(vignetting=0.12, shot_noise=2e-4, read_noise=1.5e-3, glare=0.02, blur_px=0.35)


def the_flat() -> Scene:
    """The furnished flat of the clip."""
    stage = Stage.empty(SEED)
    flat(stage)
    return stage.build.build(views()[0])


def views() -> list[View]:
    """One view per frame: along the way, looking ahead, shaken a little by the floor."""
    way = np.array(points_on_way(FRAMES))
    found = []
    for i in range(FRAMES):
        ahead, behind = way[min(i + 9, FRAMES - 1)], way[max(i - 5, 0)]
        yaw = math.degrees(math.atan2(ahead[1] - behind[1], ahead[0] - behind[0]))
        sway = math.sin(i * 1.7) + math.sin(i * 0.61)
        position = (float(way[i, 0]), float(way[i, 1]), CAMERA_HEIGHT_M + 0.0015 * sway)
        pose = Pose(position=position, yaw_deg=yaw, pitch_deg=3 + 0.18 * math.sin(i * 1.1), roll_deg=0.15 * sway)
        found.append(View(camera=CAMERA, pose=pose))
    return found


def render_tour(work: Path, say: Callable[[str], None], *, first: int = 0, step: int = 1) -> None:
    """Render every `step`-th frame from `first` on that is not in `work` yet."""
    work.mkdir(parents=True, exist_ok=True)
    scene, tour = the_flat(), views()
    for i in range(first, FRAMES, step):
        path = work / f"frame_{i:04d}.npz"
        if path.is_file():
            continue
        rendered = render(scene.seen_by(tour[i]), samples=SAMPLES, seed=i, threads=0 if step == 1 else 1)
        part = work / f".{path.name}.part.npz"
        np.savez(
            part,
            linear=rendered.linear.astype(np.float16),
            gain=rendered.gain,
            truth=np.frombuffer(encode_truth(rendered.truth), np.uint8),
        )
        part.replace(path)
        say(f"frame {i + 1} of {FRAMES}")


def pack_tour(work: Path, target: Path) -> None:
    """All frames of `work` as the one file that `clip.bundled_clip` opens."""
    paths = [work / f"frame_{i:04d}.npz" for i in range(FRAMES)]
    missing = sum(not path.is_file() for path in paths)
    if missing:
        raise DataError(f"{work} lacks {missing} of {FRAMES} frames: render the tour to its end first")
    meter: float | None = None
    images: list[UInt8Array] = []
    truths: list[UInt8Array] = []
    for i, path in enumerate(paths):
        with np.load(path) as file:
            linear, gain, truth = file["linear"].astype(np.float32), float(file["gain"]), file["truth"]
        meter = gain if meter is None else meter * (gain / meter) ** 0.18
        rgb = expose(linear, meter, LENS, seed=i)
        _, image = cv2.imencode(
            ".webp", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_WEBP_QUALITY, IMAGE_QUALITY]
        )
        images.append(np.asarray(image, np.uint8).reshape(-1))
        truths.append(truth)
    _write(target, images, truths)


def _write(target: Path, images: list[UInt8Array], truths: list[UInt8Array]) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        images=np.concatenate(images),
        image_ends=np.cumsum([len(image) for image in images]),
        truths=np.concatenate(truths),
        truth_ends=np.cumsum([len(truth) for truth in truths]),
        camera=np.array([CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, CAMERA.width, CAMERA.height]),
        rate_hz=RATE_HZ,
        labels=json.dumps(labels()),
    )
    write_atomically(target, buffer.getvalue())
