"""`vision-banana bag IN -o OUT`: what the node would publish, from a ROS 2 bag into a new one, without ROS.

Topics, types, stamps, frame ids and QoS are the node's; each message lies at the time at which its picture was
recorded. One camera's topics have the node's plain names under --namespace; of several cameras each has its own
namespace in front. OUT opens in Foxglove, rviz, PlotJuggler and `ros2 bag`. Ctrl-C leaves a whole bag, and the same
command goes on from it.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.commands.output import write_json
from vision_banana_ros.commands.seeing import Eyes, Progress, add_seeing_arguments, ending_softly
from vision_banana_ros.core import DataError, Frame, FrameError, InstructionError, Task
from vision_banana_ros.data.camera_info import camera_from_info
from vision_banana_ros.data.pixels import rgb_from_bytes
from vision_banana_ros.generators import load_generator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="IN", help="a bag's folder, or an .mcap file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the new bag's folder")
    parser.add_argument("--image", action="append", default=[], metavar="TOPIC", help="default: all colour cameras")
    parser.add_argument("--topics", default="*", metavar="PATTERNS", help='such as "depth/*,points"; default: all')
    parser.add_argument("--namespace", default="", help="put in front of one camera's topics, such as /vision_banana")
    parser.add_argument("--copy", nargs="?", const="*", metavar="PATTERNS", help="copy topics of IN too; default: all")
    parser.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap")
    parser.add_argument("--depth-format", choices=("32FC1", "16UC1"), default="32FC1")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    parser.add_argument("--anew", action="store_true", help="do not go on from what OUT has; overwrite it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary as JSON; - for stdout")
    add_seeing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from vision_banana_ros.viewing import bags
    from vision_banana_ros.viewing.messages import LABELS, STRING, Messages, topics

    _require_writable(args.output)
    log = sys.stderr if args.json == Path("-") else sys.stdout
    with bags.Bag(args.input) as bag:
        cameras = bag.cameras(args.image)
        wanted = [topic for topic in topics() if _fits(topic.name, args.topics)]
        if not wanted:
            raise InstructionError(f"--topics {args.topics!r} fits none of {', '.join(t.name for t in topics())}")
        tasks = frozenset().union(*(topic.tasks for topic in wanted)) or frozenset({Task.DEPTH})
        generator = load_generator(args.model, backend=args.backend)
        eyes = {camera: Eyes(args, generator) for camera in cameras}
        names = {camera: camera.namespace if len(cameras) > 1 else _plain(args.namespace) for camera in cameras}
        store = bags.our_types()
        make = Messages(store, depth_format=args.depth_format)
        resumed = None if args.anew else _done(bags, args.output)
        writer = bags.BagWriter(args.output, store, storage=args.storage)
        dropped: dict[str, int] = {}
        seen, first = 0, 0
        total = bag.count(cameras) if args.limit is None else min(args.limit, bag.count(cameras))
        asked = None
        try:
            after_ns = -1
            if resumed is not None:
                after_ns, first = _carry_over(bags, args.output, writer, {f"{ns}/" for ns in names.values()})
                print(f"{first} pictures are there: going on from them", file=log)
            elif args.copy is not None:
                originals = {c.topic for c in bag.reader.connections if _fits(c.topic, args.copy)}
                writer.copy(bag, originals)
            progress = Progress(total, first=first)
            with ending_softly() as asked:
                for picture in bag.pictures(cameras, after_ns=after_ns):
                    if asked.is_set() or first + seen >= total:
                        break
                    seen += 1
                    try:
                        frame = frame_of(picture)
                    except FrameError as error:
                        dropped[str(error)] = dropped.get(str(error), 0) + 1
                        continue
                    own = eyes[picture.topics]
                    sight = own.see(frame, tasks=own.tasks & tasks or tasks)
                    head = make.header(frame.stamp_ns, frame.frame_id)
                    space = names[picture.topics]
                    if own.frames == 1 and not first and _fits(LABELS, args.topics) and Task.SEMANTIC in own.tasks:
                        labels = make.labels(own.classes)
                        writer.write(f"{space}/{LABELS}", STRING, picture.recorded_ns, labels, latched=True)
                    for topic in wanted:
                        message = topic.build(make, sight, head, picture.info if frame.camera else None)
                        if message is not None:
                            writer.write(f"{space}/{topic.name}", topic.msgtype, picture.recorded_ns, message)
                    progress.at(first + seen)
            progress.end()
        except BaseException:
            writer.discard()
            raise
        if not first + seen:
            writer.discard()
            raise DataError(f"{args.input} has no picture on {', '.join(camera.image for camera in cameras)}")
        writer.close()
    for why, times in dropped.items():
        print(f"vision-banana: {times} pictures left out: {why}", file=sys.stderr)
    interrupted = asked is not None and asked.is_set()
    stopped = " (interrupted; the same command goes on)" if interrupted else ""
    costs = "; ".join(f"{camera.image}: {own.cost()}" for camera, own in eyes.items())
    print(f"{args.output}: {writer.messages} messages from {first + seen} pictures{stopped}; {costs}", file=log)
    if args.json:
        summary: dict[str, Any] = {"input": str(args.input), "output": str(args.output), "messages": writer.messages}
        summary |= {"pictures": first + seen, "left_out": dropped, "interrupted": interrupted}
        write_json(args.json, summary)
    return 130 if interrupted else 0


def frame_of(picture: Any) -> Frame:
    message = picture.message
    stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
    if picture.is_compressed:
        data = np.frombuffer(message.data, np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if bgr is None:
            raise FrameError(f"{data.size} bytes of {message.format!r} are no image that can be decoded")
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    else:
        rgb = rgb_from_bytes(
            message.data,
            encoding=message.encoding,
            height=message.height,
            width=message.width,
            step=message.step,
            is_bigendian=bool(message.is_bigendian),
        )
    frame = Frame(rgb, stamp_ns=stamp_ns, frame_id=message.header.frame_id)
    if picture.info is not None:
        with suppress(FrameError):  # an info that cannot be meant for this picture is none, as for the node
            camera = camera_from_info(picture.info, width=frame.hw[1], height=frame.hw[0])
            return replace(frame, camera=camera)
    return frame


def _done(bags: Any, output: Path) -> Path | None:
    if not output.exists():
        return None
    with bags.Bag(output):
        return output


def _carry_over(bags: Any, output: Path, writer: Any, spaces: set[str]) -> tuple[int, int]:
    """Everything of the earlier run into the new bag: (the last picture's time, how many pictures)."""
    with bags.Bag(output) as old:
        topics = {c.topic for c in old.reader.connections}
        writer.copy(old, topics)
        per_picture = [c for c in old.reader.connections if _is_ours(c.topic, spaces) and c.topic.count("labels") == 0]
        last, times = -1, set()
        for connection, recorded_ns, _ in old.reader.messages(connections=per_picture):
            last = max(last, recorded_ns)
            times.add((_space(connection.topic, spaces), recorded_ns))
    return last, len(times)


def _is_ours(topic: str, spaces: set[str]) -> bool:
    from vision_banana_ros.viewing.messages import topics

    return any(topic == space + own.name for space in spaces for own in topics())


def _space(topic: str, spaces: set[str]) -> str:
    return max((space for space in spaces if topic.startswith(space)), key=len)


def _fits(name: str, patterns: str) -> bool:
    return any(fnmatch(name, pattern.strip()) for pattern in patterns.split(",") if pattern.strip())


def _plain(namespace: str) -> str:
    return f"/{namespace.strip('/')}" if namespace.strip("/") else ""


def _require_writable(output: Path) -> None:
    folder = output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise DataError(f"{folder} cannot be written to: check its permissions, or give another -o")
