"""`vision-banana image FILE... -o DIR`: depth, normals, mask and cloud of image files.

For each FILE, DIR gets
    NAME_depth.npy    float32 metres along z; NaN invalid, +inf beyond range
    NAME_depth.png    16-bit millimetres; 0 invalid or beyond 65.535 m
    NAME_normals.npy  float32 (H, W, 3), optical frame (x right, y down, z forward), NaN invalid
    NAME_mask.png     class ids: 0 background, i + 1 the i-th class, 255 unlabelled
    NAME_cloud.ply    points in the optical frame with colours and normals
    NAME_panel.png    all of it to look at
and, when they are asked for, NAME_referring.png, NAME_instances.png and NAME_panoptic.png (16-bit).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.commands.output import write_json
from vision_banana_ros.commands.ply import write_ply
from vision_banana_ros.core import AnyArray, Camera, DataError, FloatArray, Frame, Perception, Task, UInt16Array
from vision_banana_ros.data.readers.frames import read_depth
from vision_banana_ros.generators import load_generator
from vision_banana_ros.generators.specialists.metres import moved_to
from vision_banana_ros.geometry import unproject
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings
from vision_banana_ros.prompts import read_class_set, read_request
from vision_banana_ros.tasks import DecodeSettings, Wishes, rooms
from vision_banana_ros.viewing.panel import draw_panel

DEFAULT_CLASSES = (
    "floor, wall, ceiling, door, window, sky, table, chair, sofa, bed, cabinet, lamp, plant, box, ball, person"
)
_MOST_MILLIMETRES = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReport:
    """What `--json` tells of one image; shares are of its pixels, depths in metres."""

    file: str
    written: tuple[str, ...]
    width: int
    height: int
    camera: Camera | None
    camera_recovered: bool
    depth_valid: float
    depth_min_m: float | None
    depth_median_m: float | None
    depth_max_m: float | None
    points: int
    classes: dict[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="images that OpenCV can read")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--classes", default=DEFAULT_CLASSES, help='a set\'s name, or "floor=#80C000, chair, table"')
    parser.add_argument("--instances", default="", metavar="CLASSES", help='told apart, such as "person, chair"')
    parser.add_argument("--panoptic", action="store_true", help="classes and instances in one mask as well")
    parser.add_argument(
        "--prompt", action="append", default=[], help="words of a region, or a full prompt of any task; may be repeated"
    )
    parser.add_argument("--hfov", type=float, default=0.0, metavar="DEG", help="horizontal field of view, if known")
    parser.add_argument("--camera-height", type=float, default=0.0, metavar="M", help="over the floor: sets the scale")
    parser.add_argument("--model", default="student", help="student, a model's folder, or oracle:moving to try it out")
    parser.add_argument("--backend", default="auto", help="runtime of the model")
    parser.add_argument(
        "--anchor", default="", metavar="WHERE", help="where metres come from: scale, sparse, height:M, a model"
    )
    parser.add_argument(
        "--known-depth", type=Path, metavar="DIR",
        help="NAME.npz (depth, metres) or NAME.png (16-bit mm) of each image, 0 unknown; then --anchor is scale",
    )  # fmt: skip
    parser.add_argument("--max-range", type=float, metavar="M", help="farther depth counts as beyond range")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found as JSON too; - for stdout")


def run(args: argparse.Namespace) -> int:
    files: list[Path] = args.files
    _require_own_names(files)
    prompts = tuple(asked for text in args.prompt if (asked := read_request(text)) is not None)
    classes = read_class_set(args.classes)
    wishes = Wishes(
        classes=classes.targets,
        background=classes.background,
        instance_classes=tuple(word.strip() for word in args.instances.split(",") if word.strip()),
        prompts=prompts,
    )
    tasks = {Task.DEPTH, Task.NORMALS, Task.SEMANTIC, *(prompt.task for prompt in prompts)}
    tasks |= {Task.INSTANCE} if args.instances else set()
    tasks |= {Task.PANOPTIC} if args.panoptic else set()
    settings = PerceiverSettings(
        decode=DecodeSettings(max_range_m=args.max_range), hfov_deg=args.hfov, camera_height_m=args.camera_height
    )
    generator = load_generator(
        args.model, backend=args.backend, anchor=args.anchor or ("scale" if args.known_depth else "")
    )
    if args.known_depth and not hasattr(generator, "give_depth"):
        raise DataError(f"{args.model} with anchor {args.anchor!r} takes no measured depth: leave --anchor out")
    args.output.mkdir(parents=True, exist_ok=True)
    log = sys.stderr if args.json == Path("-") else sys.stdout
    reports = []
    for number, file in enumerate(files, start=1):
        frame = _read_frame(file, args.hfov)
        if args.known_depth:
            generator.give_depth(_known_depth(args.known_depth, file, frame), 0)  # type: ignore[attr-defined]
        # A perceiver each: pictures of a list need not be of one camera.
        sight = Perceiver(generator).see(frame, wishes, settings, tasks=frozenset(tasks), wants_camera=True)
        report = _write(args.output, file, sight.frame, sight.perception)
        reports.append(report)
        print(f"[{number}/{len(files)}] {file}: {_summary(report)}", file=log, flush=True)
    if args.json:
        write_json(args.json, {"model": args.model, "images": [asdict(report) for report in reports]})
    return 0


def _require_own_names(files: Sequence[Path]) -> None:
    """Before the first result is written: every file is there, and none overwrites another's results."""
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise DataError(f"no such image: {', '.join(missing)}")
    stems = [file.stem for file in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise DataError(f"several images are called {', '.join(twice)}: their results would overwrite each other's")


def _read_frame(file: Path, hfov_deg: float) -> Frame:
    # imdecode, as imread cannot open every file name on every platform.
    bgr = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR) if file.stat().st_size else None
    if bgr is None:
        raise DataError(f"{file} is no image that OpenCV can read: give PNG, JPEG, WebP, TIFF or BMP")
    rgb = np.ascontiguousarray(np.asarray(bgr, np.uint8)[..., ::-1])
    camera = Camera.from_hfov(hfov_deg, rgb.shape[1], rgb.shape[0]) if hfov_deg else None
    return Frame(rgb, frame_id=file.stem, camera=camera)


def _known_depth(folder: Path, file: Path, frame: Frame) -> FloatArray:
    """In pixels of the image; a depth image of another size shows the same view."""
    depth_m = read_depth(folder, file.stem)
    if depth_m is None:
        raise DataError(f"{folder} has no {file.stem}.npz and no {file.stem}.png with the depth of {file}")
    return moved_to(depth_m, (frame.hw[1], frame.hw[0]))


def _write(folder: Path, file: Path, frame: Frame, seen: Perception) -> ImageReport:
    written, points = write_files(folder / file.stem, frame, seen)
    return _report(file, written, seen, points)


def write_files(base: Path, frame: Frame, seen: Perception) -> tuple[list[Path], int]:
    """Every layer, the cloud and the panel as BASE_*: the files, and how many points the cloud has."""
    written: list[Path] = []

    def to(ending: str) -> Path:
        written.append(Path(f"{base}_{ending}"))
        return written[-1]

    for room in rooms():
        for layer in room.layers:
            values = seen.layer(layer.name)
            for ending in layer.files if values is not None else ():
                if ending.endswith(".npy"):
                    np.save(to(ending), values)
                else:
                    _write_png(to(ending), _millimetres(values) if values.dtype == np.float32 else values)
    points = 0
    if seen.depth_m is not None and seen.camera is not None:
        points = write_ply(to("cloud.ply"), unproject(seen.depth_m, seen.camera), frame.rgb, seen.normals)
    _write_png(to("panel.png"), draw_panel(frame, seen)[..., ::-1])
    return written, points


def _write_png(path: Path, image: AnyArray) -> None:
    ok, data = cv2.imencode(".png", np.ascontiguousarray(image))
    if not ok:
        raise DataError(f"{path} cannot be encoded as PNG")
    path.write_bytes(data.tobytes())


def _millimetres(depth_m: FloatArray) -> UInt16Array:
    millimetres = np.rint(np.nan_to_num(depth_m, nan=0.0, posinf=0.0).astype(np.float64) * 1000)
    return np.where(millimetres > _MOST_MILLIMETRES, 0, millimetres).astype(np.uint16)


def _report(file: Path, written: Sequence[Path], seen: Perception, points: int) -> ImageReport:
    finite = np.empty(0, np.float32) if seen.depth_m is None else seen.depth_m[np.isfinite(seen.depth_m)]
    shares = np.zeros(0) if seen.mask is None else np.bincount(seen.mask.reshape(-1), minlength=256) / seen.mask.size
    return ImageReport(
        file=str(file),
        written=tuple(str(path) for path in written),
        width=seen.hw[1],
        height=seen.hw[0],
        camera=seen.camera,
        camera_recovered=seen.camera_recovered,
        depth_valid=finite.size / (seen.hw[0] * seen.hw[1]),
        depth_min_m=float(finite.min()) if finite.size else None,
        depth_median_m=float(np.median(finite)) if finite.size else None,
        depth_max_m=float(finite.max()) if finite.size else None,
        points=points,
        classes={name: float(shares[i]) for i, name in enumerate(seen.labels) if shares[i] > 0},
    )


def _summary(report: ImageReport) -> str:
    depth = "no depth"
    if report.depth_min_m is not None:
        depth = (
            f"depth {report.depth_min_m:.2f} to {report.depth_max_m:.2f} m in {report.depth_valid:.0%} of the pixels"
        )
    camera = "" if report.camera is not None else "; no camera could be recovered, so no cloud: give --hfov"
    seen = [name for name in sorted(report.classes, key=lambda n: -report.classes[n]) if name != "background"]
    return f"{depth}; {', '.join(seen[:5]) or 'no classes'}{camera}"
