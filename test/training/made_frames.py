"""Small made-up frames with every kind of truth, stacks of them, and how they look."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from vision_banana_ros.core import Camera, Frame, Referring, Truth
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.config import View
from vision_banana_ros.training.look import Seen, look
from vision_banana_ros.training.store import Labels, Stack, record
from vision_banana_ros.training.views import Views, cut

HW = (72, 96)
CPU = torch.device("cpu")


def make_frame(seed: int = 0) -> tuple[Frame, Truth]:
    """A wall above a floor, two chairs, one box, a patch of sky, a patch of nothing known."""
    rng = np.random.default_rng(seed)
    height, width = HW
    depth = np.full(HW, 4.0, np.float32)
    normals = np.zeros((*HW, 3), np.float32)
    normals[..., 2] = -1
    mask = np.full(HW, vocabulary.class_id("wall"), np.uint8)
    instances = np.zeros(HW, np.uint16)
    floor = slice(height // 2, None)
    depth[floor] = np.linspace(4, 1, height - height // 2, dtype=np.float32)[:, None]
    normals[floor] = (0, -1, 0)
    mask[floor] = vocabulary.class_id("floor")
    rgb = np.zeros((*HW, 3), np.uint8)
    rgb[...] = (180, 170, 150)
    rgb[floor] = (110, 80, 60)
    for number, (name, left, color) in enumerate(
        (("chair", 10, (200, 30, 30)), ("chair", 60, (30, 30, 200)), ("box", 36, (60, 160, 60)))
    ):
        top = 24 + int(rng.integers(8))
        region = (slice(top, top + 28), slice(left, left + 18))
        depth[region], mask[region] = 1.5 + number, vocabulary.class_id(name)
        instances[region] = 700 + number  # ids of a scene, not of a picture
        normals[region] = (0, 0, -1)
        rgb[region] = color
    depth[:12, :20], mask[:12, :20] = np.inf, vocabulary.class_id("sky")
    normals[:12, :20] = np.nan
    depth[:12, -6:], mask[:12, -6:], normals[:12, -6:] = np.nan, 255, np.nan
    rgb = np.clip(rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    camera = Camera(70.0, 72.0, 46.0, 37.0, width, height)
    truth = Truth(
        camera=camera,
        depth_m=depth,
        normals=normals,
        mask=mask,
        instances=instances,
        labels=vocabulary.labels(),
        referring=(Referring("the red chair", (700,)), Referring("the leftmost chair", (700,))),
    )
    return Frame(rgb, camera=camera), truth


def stack_of(*frames: tuple[Frame, Truth]) -> Stack:
    stack = Stack.empty(frames[0][0].hw, len(frames), CPU)
    labels = Labels()
    stack.put(record(frame, truth, labels) for frame, truth in frames)
    return stack


def whole_views(stack: Stack, count: int, view: View, *, mirrored: bool = False) -> Views:
    """The middle of each frame, as wide as it is."""
    height, width = stack.hw
    full = np.full(count, float(width))
    top = (height - full * view.height / view.width) / 2
    turns = np.tile(np.eye(3), (count, 1, 1))
    return cut(stack.camera[:count].astype(np.float64), 0 * full, top, full, view, turns, np.full(count, mirrored))


def seen_whole(stack: Stack, view: View, *, mirrored: bool = False) -> tuple[Seen, Views]:
    views = whole_views(stack, stack.count, view, mirrored=mirrored)
    return look(stack, torch.arange(stack.count), views, view), views


def write_frames(folder: Path) -> Path:
    """Six frames on disk, in the layout that people keep theirs in."""
    for kind in ("rgb", "depth"):
        (folder / kind).mkdir(parents=True)
    for i in range(6):
        frame, truth = make_frame(i)
        cv2.imwrite(str(folder / "rgb" / f"{i}.png"), frame.rgb[..., ::-1])
        depth = np.where(np.isfinite(truth.depth_m), 2000 + 100 * i, 0).astype(np.uint16)
        cv2.imwrite(str(folder / "depth" / f"{i}.png"), depth)
    camera = {"fx": 70, "fy": 72, "cx": 46, "cy": 37, "width": 96, "height": 72}
    (folder / "intrinsics.json").write_text(json.dumps({str(i): camera for i in range(6)}))
    return folder
