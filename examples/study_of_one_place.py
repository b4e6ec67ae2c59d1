"""What is a student of one place worth? Measured in a place of the procedural world that no training saw.

    python examples/study_of_one_place.py --out study --gate GATE_FRAMES --old OLD_FRAMES

A robot drives through a warehouse and records a ROS 2 bag: JPEG images of a noisy camera, camera_info that comes late,
noisy depth. The first half of its route teaches, the second half judges. Two teachers: the oracle, who knows the truth
(the most that labels can give), and the shipped student's own consensus (what it can teach itself, without help).
What counts is the unseen half, and that no `--gate` (real frames of elsewhere) is lost.

Every step is kept in --out and not done twice; it needs the extras world, train and bags.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from vision_banana_ros.commands.distilling.training_call import TrainingJob, train_student
from vision_banana_ros.core import Camera, Frame, Truth
from vision_banana_ros.core.files import write_whole
from vision_banana_ros.data import Example, Source, open_dataset
from vision_banana_ros.data.bag_writer import BagWriter
from vision_banana_ros.data.shard_codes import decode_depth, decode_normals, encode_depth, encode_normals
from vision_banana_ros.evaluation.paired import Comparison, compare
from vision_banana_ros.generators import load_generator
from vision_banana_ros.generators.oracle import OracleGenerator
from vision_banana_ros.generators.student import StudentGenerator
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.run import LabelSettings, label
from vision_banana_ros.labelling.selection import SelectionSettings
from vision_banana_ros.labelling.unpack import unpack
from vision_banana_ros.prompts import Generator
from vision_banana_ros.tasks.vocabulary import labels as vocabulary
from vision_banana_ros.world.grammars import GRAMMARS
from vision_banana_ros.world.poses import clearance_m
from vision_banana_ros.world.render import render
from vision_banana_ros.world.sample import height_above_ground
from vision_banana_ros.world.scene import Pose, Scene, View
from vision_banana_ros.world.sensor import SensorSettings, photograph
from vision_banana_ros.world.stage import Stage

WIDTH, HEIGHT, RATE_HZ, CAMERA_HEIGHT_M = 256, 192, 2.0, 0.8
SPEED_M_S, TURN_DEG_S = 0.4, 40.0
#: One camera for the whole recording: a little dark, warm and noisy, as cheap ones are.
LENS = SensorSettings(
    exposure_ev=-0.2,
    white_balance=(1.05, 1.0, 0.94),
    vignetting=0.2,
    glare=0.02,
    blur_px=0.5,
    shot_noise=8e-4,
    read_noise=4e-3,
    jpeg_quality=85,
)
SEES_ITSELF = ("student@192x128", "student@256x160", "student@224x160")


# --- the place and the route ------------------------------------------------------------------------------------------
def the_place(seed: int, grammar: str, kept: Path) -> tuple[Scene, list[Pose]]:
    """A scene and where a robot's camera is at each tick of its round, which is looked for once."""
    stage = Stage.empty(seed)
    place = GRAMMARS[grammar](stage)
    camera = Camera.from_hfov(75.0, WIDTH, HEIGHT)
    scene = replace(stage.build.build(View(camera=camera, pose=Pose(position=(0.0, 0.0, 1.0)))), seed=seed)
    if kept.is_file():
        ticks = json.loads(kept.read_text(encoding="utf-8"))
        return scene, [Pose(position=(x, y, z), yaw_deg=yaw, pitch_deg=pitch) for x, y, z, yaw, pitch in ticks]
    rng = np.random.default_rng((seed, 0x0A7))
    free: list[tuple[float, float, float]] = []
    while len(free) < 60:
        stand = place.stands[int(rng.integers(len(place.stands)))]
        x, y = float(rng.uniform(stand.x0, stand.x1)), float(rng.uniform(stand.y0, stand.y1))
        if is_free(scene, (x, y, stand.z + CAMERA_HEIGHT_M)):
            free.append((x, y, stand.z + CAMERA_HEIGHT_M))
    poses = drive(scene, free, rng)
    write_whole(kept, json.dumps([[*p.position, p.yaw_deg, p.pitch_deg] for p in poses]).encode())
    return scene, poses


def is_free(scene: Scene, point: tuple[float, float, float]) -> bool:
    if clearance_m(scene.parts, point) < 0.3:
        return False
    above = replace(scene.view, pose=Pose(position=point))
    return 0.5 < height_above_ground(scene.seen_by(above)) < 1.2


def drive(scene: Scene, free: list[tuple[float, float, float]], rng: np.random.Generator) -> list[Pose]:
    """From each point to the nearest that was not visited and can be seen from it, turning on the spot in between."""
    poses: list[Pose] = []
    here, yaw, waiting = free[0], 0.0, list(free[1:])
    while waiting:
        waiting.sort(key=lambda p: math.dist(p, here))
        there = next((p for p in waiting[:12] if is_way_free(scene, here, p)), None)
        if there is None:
            waiting.pop(0)
            continue
        waiting.remove(there)
        wanted = math.degrees(math.atan2(there[1] - here[1], there[0] - here[0]))
        turn = (wanted - yaw + 180) % 360 - 180
        for step in range(1, max(1, round(abs(turn) / (TURN_DEG_S / RATE_HZ))) + 1):
            share = step / max(1, round(abs(turn) / (TURN_DEG_S / RATE_HZ)))
            poses.append(pose(here, yaw + turn * min(1.0, share), rng))
        yaw = wanted
        steps = max(1, round(math.dist(here, there) / (SPEED_M_S / RATE_HZ)))
        for step in range(1, steps + 1):
            at = tuple(a + (b - a) * step / steps for a, b in zip(here, there, strict=True))
            poses.append(pose((at[0], at[1], at[2]), yaw, rng))
        here = there
    return poses


def is_way_free(scene: Scene, here: tuple[float, float, float], there: tuple[float, float, float]) -> bool:
    steps = max(2, math.ceil(math.dist(here, there) / 0.15))
    line = np.linspace(here, there, steps)
    return all(clearance_m(scene.parts, (float(x), float(y), float(z))) > 0.25 for x, y, z in line)


def pose(at: tuple[float, float, float], yaw: float, rng: np.random.Generator) -> Pose:
    shake = rng.normal(0, (0.004, 0.3, 0.3))
    return Pose(
        position=(at[0], at[1], at[2] + float(shake[0])),
        yaw_deg=yaw + float(shake[1]),
        pitch_deg=-6.0 + float(shake[2]),
    )


# --- what was recorded ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Route:
    """The rendered ticks of the round on disk; footage for the oracle."""

    root: Path
    numbers: tuple[int, ...]
    camera: Camera
    rate_hz: float = RATE_HZ

    def __len__(self) -> int:
        return len(self.numbers)

    def frame(self, index: int) -> Frame:
        with np.load(self._path(index)) as file:
            rgb = file["rgb"]
        return Frame(rgb, round(self.numbers[index] * 1e9 / RATE_HZ), "camera_optical_frame", self.camera)

    def truth(self, index: int) -> Truth:
        with np.load(self._path(index)) as file:
            return Truth(
                camera=self.camera,
                depth_m=decode_depth(file["depth"]),
                normals=decode_normals(file["normals"]),
                mask=file["mask"],
                instances=file["instances"],
                labels=vocabulary(),
            )

    def examples(self) -> Iterator[Example]:
        source = Source("a place of the world", "Apache-2.0")
        for i in range(len(self)):
            yield Example(f"{self.numbers[i]:05d}", self.frame(i), self.truth(i), source)

    def _path(self, index: int) -> Path:
        return self.root / f"{self.numbers[index]:05d}.npz"


def record(root: Path, seed: int, grammar: str, most: int) -> tuple[Route, Route]:
    """The halves of the route that teach and judge; what is rendered already is not rendered again."""
    root.mkdir(parents=True, exist_ok=True)
    scene, poses = the_place(seed, grammar, root / "poses.json")
    step = max(1, math.ceil(len(poses) / most))
    numbers = tuple(range(0, len(poses), step))
    say(f"the round has {len(poses)} ticks ({len(poses) / RATE_HZ / 60:.1f} minutes), {len(numbers)} are rendered")
    for count, number in enumerate(numbers):
        path = root / f"{number:05d}.npz"
        if path.is_file():
            continue
        view = scene.seen_by(replace(scene.view, pose=poses[number]))
        made = photograph(render(view, samples=2, seed=number), LENS, seed=number)
        assert made.truth.depth_m is not None
        assert made.truth.normals is not None
        part = root / f".{number:05d}.npz"
        np.savez(
            part,
            rgb=made.frame.rgb,
            depth=encode_depth(made.truth.depth_m),
            normals=encode_normals(made.truth.normals),
            mask=made.truth.mask,
            instances=made.truth.instances,
        )
        part.rename(path)
        print(f"\r{count + 1}/{len(numbers)} frames ", end="", file=sys.stderr, flush=True)
    camera, half = scene.view.camera, len(numbers) // 2
    return Route(root, numbers[:half], camera), Route(root, numbers[half:], camera)


def write_bag(route: Route, path: Path) -> None:
    """As a robot records: compressed images, intrinsics that come late, depth with a sensor's noise and holes."""
    if (path / "metadata.yaml").is_file():
        return
    rng = np.random.default_rng(3)
    with BagWriter(path) as bag:
        for i in range(len(route)):
            frame, truth = route.frame(i), route.truth(i)
            stamp = {"stamp_ns": frame.stamp_ns, "frame_id": frame.frame_id}
            bag.compressed("/camera/image_raw/compressed", frame.rgb, stamp_ns=frame.stamp_ns, frame_id=frame.frame_id)
            if i == 2:
                bag.info("/camera/camera_info", route.camera, **stamp)  # type: ignore[arg-type]
            assert truth.depth_m is not None
            noisy = truth.depth_m * (1 + 0.004 * truth.depth_m * rng.standard_normal(truth.depth_m.shape))
            seen = (truth.depth_m < 6) & (rng.uniform(size=noisy.shape) > 0.1)
            depth = np.where(seen, noisy, np.nan).astype(np.float32)
            bag.depth("/camera/depth/image_rect_raw", depth, stamp_ns=frame.stamp_ns, frame_id=frame.frame_id)


# --- teaching and judging ---------------------------------------------------------------------------------------------
def taught_by(name: str, teachers: Sequence[str], route: Route, out: Path, args: argparse.Namespace) -> Path:
    """The folder of frames that this teacher labelled."""
    classes = sorted({vocabulary()[c] for i in range(len(route)) for c in np.unique(route.truth(i).mask) if c < 255})
    from vision_banana_ros.commands.label import prompts

    oracle = OracleGenerator(route)

    def load(teacher: str) -> Generator:
        return oracle if teacher == "oracle" else load_generator(teacher)

    settings = LabelSettings(
        inputs=(out / "teaching",),
        teachers=tuple(teachers),
        prompts=prompts("depth,normals", ", ".join(classes), [], []),
        recordings=options(use_depth=name == "sensor"),
        selection=SelectionSettings(most=args.pictures),
        belief=BeliefSettings(mirror=name != "oracle"),
    )
    report = label(out / f"labels_{name}", settings, load=load, say=say)
    assert report is not None
    say(f"{name}: {report.labelled} pictures labelled, {len(report.refused)} refused")
    unpack(out / f"labels_{name}", out / f"taught_{name}")
    return out / f"taught_{name}"


def options(*, use_depth: bool):  # type: ignore[no-untyped-def]
    from vision_banana_ros.data.recording import RecordingOptions

    return RecordingOptions(depth_topic=None if use_depth else "none")


def student_of(checkpoint: Path, run: Path, first_share: float, sizes: Sequence[tuple[int, int]]) -> Generator:
    """In PyTorch, at full precision: the same runtime before and after."""
    from vision_banana_ros.runtimes.torch import TorchRuntime
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.training.checkpoint import averaged_student

    share = first_share if checkpoint.name == "last.pt" else 0.0
    network = averaged_student(checkpoint, first_share=share)
    return StudentGenerator(TorchRuntime(network), TextTable.load(run / "text.npz"), sizes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--start",
        default="student",
        help="what training starts from: a model packed with --weights, a run's last.pt, or imagenet",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--seed", type=int, default=77_000_003, help="of the place: no training used seeds from 77e6 on"
    )
    parser.add_argument("--grammar", default="warehouse", choices=sorted(GRAMMARS))
    parser.add_argument("--ticks", type=int, default=480, help="of the route are rendered, half of them teach")
    parser.add_argument("--pictures", type=int, default=200, help="at most so many are labelled")
    parser.add_argument("--samples", type=int, default=8000, help="that training sees")
    parser.add_argument("--shards", action="append", default=[], help="renders to replay (vision-banana render)")
    parser.add_argument("--old", action="append", default=[], help="folders of frames to replay")
    parser.add_argument("--gate", action="append", type=Path, default=[], help="real frames that must not be lost")
    parser.add_argument("--replay-share", type=float, default=0.4)
    parser.add_argument("--first-share", type=float, default=0.15)
    parser.add_argument("--teacher", action="append", choices=("oracle", "self", "sensor"))
    args = parser.parse_args()
    started = time.monotonic()
    out: Path = args.out
    teaching, judging = record(out / "route", args.seed, args.grammar, args.ticks)
    write_bag(teaching, out / "teaching")
    share = args.replay_share if args.shards or args.old else 0.0
    sizes = [(192, 128)]
    results: dict[str, dict[str, list[Comparison]]] = {}
    for name in args.teacher or ("oracle", "self"):
        taught = taught_by(name, ("oracle",) if name == "oracle" else SEES_ITSELF, teaching, out, args)
        run = out / f"run_{name}"
        last = train_student(
            TrainingJob(
                run=run,
                start=args.start,
                taught=taught,
                replayed=args.old,
                shards=args.shards,
                replay_share=share,
                options={"samples": args.samples, "views": [{"width": w, "height": h} for w, h in sizes], "threads": 1},
            )
        )
        before = student_of(run / "first.pt", run, 0.0, sizes)
        after = student_of(last, run, args.first_share, sizes)
        results[name] = {"the unseen half": compare(judging.examples(), before, after)}
        for gate in args.gate:
            results[name][gate.name] = compare(open_dataset(gate), before, after)
        for place, rows in results[name].items():
            for row in rows:
                print(f"{name:7} {place:22} {row.line()}", flush=True)
    plain = {n: {p: [asdict(r) for r in rows] for p, rows in places.items()} for n, places in results.items()}
    seconds = time.monotonic() - started
    report = {"seconds": round(seconds), "settings": {k: str(v) for k, v in vars(args).items()}, "results": plain}
    write_whole(out / "study.json", json.dumps(report, indent=1).encode())
    say(f"{seconds / 60:.1f} minutes; numbers in {out / 'study.json'}")
    return 0


def say(text: str) -> None:
    print(f"study: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
