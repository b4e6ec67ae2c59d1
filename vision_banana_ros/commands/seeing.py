"""What `video`, `bag`, `view` and `report` share: which model is asked for what, and one frame after the other seen."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from vision_banana_ros.core import Frame, InstructionError, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.geometry.tracks import Track
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings, Sight
from vision_banana_ros.prompts import ClassSet, Generator, read_class_set, read_request
from vision_banana_ros.tasks import DecodeSettings, Wishes

MAPS: dict[str, Task] = {
    "depth": Task.DEPTH,
    "normals": Task.NORMALS,
    "classes": Task.SEMANTIC,
    "instances": Task.INSTANCE,
    "panoptic": Task.PANOPTIC,
}


def add_seeing_arguments(parser: argparse.ArgumentParser, *, model: bool = True) -> None:
    if model:
        parser.add_argument("--model", default="student", help="any model's name; default: the shipped student")
    parser.add_argument("--backend", default="auto", help="runtime of the model")
    parser.add_argument("--classes", default="indoor", help='a set\'s name, or "floor=#80C000, chair, table"')
    parser.add_argument("--instances", default="", metavar="CLASSES", help='told apart, such as "person, chair"')
    parser.add_argument(
        "--prompt", action="append", default=[], help="words of a region, or a full prompt of any task; may be repeated"
    )
    parser.add_argument(
        "--maps", default="depth,normals,classes", metavar="LIST", help=f"what to see, of {', '.join(MAPS)}"
    )
    parser.add_argument("--hfov", type=float, default=0.0, metavar="DEG", help="horizontal field of view, if known")
    parser.add_argument("--camera-height", type=float, default=0.0, metavar="M", help="over the floor: sets the scale")
    parser.add_argument("--max-range", type=float, default=80.0, metavar="M", help="farther depth is beyond range")
    parser.add_argument("--width", type=int, default=0, metavar="PX", help="of all that is made; default: the input's")
    parser.add_argument("--steady", action="store_true", help="hold what flickers; instances keep their numbers")


class Eyes:
    """One camera's way through one model; `cost` sums up what was spent where."""

    def __init__(self, args: argparse.Namespace, generator: Generator | None = None) -> None:
        prompts = tuple(asked for text in args.prompt if (asked := read_request(text)) is not None)
        self.classes: ClassSet = read_class_set(args.classes)
        self._wishes = Wishes(
            classes=self.classes.targets,
            background=self.classes.background,
            instance_classes=tuple(word.strip() for word in args.instances.split(",") if word.strip()),
            prompts=prompts,
        )
        self.tasks = frozenset({*_maps(args.maps), *(prompt.task for prompt in prompts)}) | (
            {Task.INSTANCE} if args.instances else set()
        )
        self.settings = PerceiverSettings(
            decode=DecodeSettings(max_range_m=args.max_range),
            hfov_deg=args.hfov,
            camera_height_m=args.camera_height,
            output_width=args.width,
            steady=args.steady,
        )
        self.generator = generator or load_generator(args.model, backend=args.backend)
        self._perceiver = Perceiver(self.generator)
        self.tracks: tuple[Track, ...] = ()
        self.frames, self.generate_s, self.steady_s, self.all_s = 0, 0.0, 0.0, 0.0

    def see(self, frame: Frame, *, tasks: frozenset[Task] | None = None) -> Sight:
        start = time.perf_counter()
        sight = self._perceiver.see(frame, self._wishes, self.settings, tasks=tasks or self.tasks, wants_camera=True)
        self.tracks = sight.tracks
        self.steady_s += sight.steady_s
        self.frames += 1
        self.generate_s += sight.generate_s
        self.all_s += time.perf_counter() - start
        return sight

    def cost(self) -> str:
        """What a frame took, in words."""
        if not self.frames:
            return "no frame"
        each = 1e3 / self.frames
        steady = f", steadiness {self.steady_s * each:.1f} ms" if self.settings.steady else ""
        return f"{self.all_s * each:.1f} ms a frame (model {self.generate_s * each:.1f} ms{steady})"


def _maps(text: str) -> Iterator[Task]:
    for word in (part.strip() for part in text.split(",")):
        if word and word not in MAPS:
            raise InstructionError(f"--maps takes {', '.join(MAPS)}, got {word!r}")
        if word:
            yield MAPS[word]


@contextmanager
def ending_softly() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set the event: the frame at hand is finished and all files are closed. Twice: at once."""
    asked = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Progress:
    """A line that says how far it is and how long it will take; on a terminal it is written over, else now and then."""

    def __init__(self, total: int | None, *, first: int = 0) -> None:
        self._total, self._first, self._start, self._said = total, first, time.monotonic(), 0.0

    def at(self, done: int) -> None:
        now = time.monotonic()
        if now - self._said < (0.2 if sys.stderr.isatty() else 10.0):
            return
        self._said = now
        rate = (done - self._first) / max(1e-6, now - self._start)
        of = "" if not self._total else f" of {self._total}, {max(0, self._total - done) / max(rate, 1e-6):.0f} s left"
        end = "" if sys.stderr.isatty() else "\n"
        print(f"\rframe {done}{of}, {rate:.1f} a second   ", end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        if sys.stderr.isatty():
            print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)


__all__ = ["MAPS", "Eyes", "Progress", "add_seeing_arguments", "ending_softly"]
