"""`vision-banana demo`: a camera process and a perception process on this machine, watched and scored by this one.

Prints the rate and latency of each topic and the accuracy against the footage's truth; writes a picture of one frame.
The model is the shipped student; while none is, the oracle, which paints the truth and so shows what the way itself
loses.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import Answer, Canvas, Frame, Perception, Target, Task, VisionBananaError
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.ros.process import import_rclpy
from vision_banana_ros.ros.processes import isolated_environment, running_node
from vision_banana_ros.ros.sources import default_model
from vision_banana_ros.ros.transport import prepare_process
from vision_banana_ros.viewing.panel import draw_panel

_FIRST_FRAME_S = 60.0
_BETWEEN_LINES_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch; 0: until Ctrl-C")
    parser.add_argument("--source", default="clip", help="clip, moving, or anything that camera_node plays")
    parser.add_argument(
        "--model", help="default: the shipped student, or the oracle of the source while none is shipped"
    )
    parser.add_argument("--classes", help="what to segment; default: the classes that the source's truth has")
    parser.add_argument("--picture", type=Path, default=Path("demo.png"), metavar="FILE", help="default: demo.png")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")


def run(args: argparse.Namespace) -> int:
    rclpy = import_rclpy()
    model = args.model or default_model(args.source)
    if not model:
        raise VisionBananaError(f"no model is shipped and nobody knows the truth of {args.source!r}: give --model")
    # This process takes part in the same isolated domain as the two that it starts.
    os.environ.update(isolated_environment())
    prepare_process()
    camera = {"source": args.source, "publish_truth": True}
    perception = {"model": model, "classes": args.classes or _classes_of(args.source)}
    print(f"camera_node plays {args.source}; perception_node runs {model}; Ctrl-C ends", flush=True)
    environment = dict(os.environ)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    with (
        running_node("camera_node", camera, environment=environment) as first,
        running_node("node", perception, environment=environment) as second,
    ):
        rclpy.init(signal_handler_options=_no_signal_handlers())
        from vision_banana_ros.ros.observer import Observer

        observer = Observer()
        try:
            _watch(observer, [first, second], args.seconds, stopping)
        finally:
            observer.close()
            rclpy.try_shutdown()
    return _report(observer, model, args)


def _no_signal_handlers() -> Any:
    from rclpy.signals import SignalHandlerOptions

    return SignalHandlerOptions.NO


def _classes_of(source: str) -> str:
    """The names that the footage's truth has; the node's default set for sources without truth."""
    if source not in ("clip", "moving"):
        return "indoor"
    from vision_banana_ros.ros.sources import open_source

    view = open_source(source, say=lambda _: None).next()
    names = view.truth().labels if view is not None and view.truth is not None else ()
    return ", ".join(name for name in names if name != "background") or "indoor"


def _watch(observer: Any, processes: list[Any], seconds: float, stopping: threading.Event) -> None:
    """Until the time is over, counted from the first whole frame."""
    waited = 0.0
    while observer.newest is None and not stopping.wait(0.1):
        waited += 0.1
        _require_running(processes)
        if waited > _FIRST_FRAME_S:
            raise VisionBananaError(f"no whole frame within {_FIRST_FRAME_S:.0f} s: see the nodes' messages above")
    watched = 0.0
    while not stopping.is_set() and (seconds == 0 or watched < seconds):
        step = _BETWEEN_LINES_S if seconds == 0 else min(_BETWEEN_LINES_S, seconds - watched)
        stopping.wait(step)
        watched += step
        _require_running(processes)
        depth = next(report for report in observer.topics() if report.topic == "depth/image")
        print(f"  {watched:5.0f} s  {depth.rate_hz:5.1f} Hz  latency p50 {depth.latency_p50_ms:.0f} ms", flush=True)


def _require_running(processes: list[Any]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise VisionBananaError(f"a node ended with exit code {process.returncode}: see its message above")


def _report(observer: Any, model: str, args: argparse.Namespace) -> int:
    """Print and write what was seen; 1 when some topic stayed silent."""
    topics, accuracy = observer.topics(), observer.accuracy()
    print(f"{'topic':26} {'messages':>8} {'Hz':>6} {'p50 ms':>7} {'p95 ms':>7}")
    for topic in topics:
        figures = f"{topic.rate_hz:6.1f} {topic.latency_p50_ms:7.1f} {topic.latency_p95_ms:7.1f}"
        print(f"{topic.topic:26} {topic.messages:8d} {figures}")
    print(_accuracy_line(accuracy))
    if observer.newest is not None:
        _write_picture(args.picture, observer)
        print(f"picture: {args.picture}")
    if args.json:
        report = {
            "source": args.source,
            "model": model,
            "topics": [dataclasses.asdict(topic) for topic in topics],
            "accuracy": dataclasses.asdict(accuracy),
            "picture": str(args.picture) if observer.newest is not None else None,
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    silent = [topic.topic for topic in topics if topic.messages == 0]
    if silent:
        print(f"nothing came on {', '.join(silent)}")
    return 1 if silent else 0


def _accuracy_line(accuracy: Any) -> str:
    if accuracy.frames == 0:
        return "accuracy: no truth known"
    parts = [f"accuracy over {accuracy.frames} frames:"]
    for words, value, form in (
        ("depth AbsRel", accuracy.depth_abs_rel, ".4f"),
        ("delta1", accuracy.depth_delta1, ".4f"),
        ("normals mean deg", accuracy.normals_mean_deg, ".2f"),
        ("labels", accuracy.label_accuracy, ".4f"),
    ):
        parts.append(f"{words} {'unknown' if value is None else format(value, form)}")
    return "  ".join(parts)


def _write_picture(file: Path, observer: Any) -> None:
    values, entries = observer.newest.values, observer.labels.get("classes", [])
    rgb = values["image"]
    targets = tuple(Target(entry["name"], _rgb(entry["color"])) for entry in entries if entry["id"] > 0)
    answers: tuple[Answer, ...] = ()
    if targets:
        instruction = Instruction(
            Task.SEMANTIC, targets, next((_rgb(e["color"]) for e in entries if e["id"] == 0), None)
        )
        answers = (Answer(Canvas(values["canvas/segmentation"], instruction)),)
    seen = Perception(
        stamp_ns=0,
        frame_id="",
        hw=rgb.shape[:2],
        layers={
            "depth_m": values["depth/image"],
            "normals": values["normals/image"],
            "mask": values["segmentation/mask"],
            "labels": ("background", *(target.text for target in targets)),
        },
        answers=answers,
        camera=observer.newest.camera,
    )
    panel = draw_panel(Frame(rgb), seen)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), np.ascontiguousarray(panel[..., ::-1])):
        raise VisionBananaError(f"{file} cannot be written: give --picture a path that ends in .png")


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
