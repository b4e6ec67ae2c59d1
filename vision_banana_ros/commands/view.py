"""`vision-banana view IN | --bag BAG | --topic TOPIC`: what is seen, in rerun.

vision-banana view walk.mp4                    a viewer window, while it is seen
vision-banana view walk.mp4 -o walk.rrd        a file for later: vision-banana view walk.rrd, or `rerun walk.rrd`
vision-banana view --bag drive --web           a page for a browser; it listens on this host alone (--host)
vision-banana view --topic /camera/image_raw   live, with ROS
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vision_banana_ros.commands.seeing import Eyes, Progress, add_seeing_arguments, ending_softly
from vision_banana_ros.core import DataError, Frame, FrameError, InstructionError, require_package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", nargs="?", metavar="IN", help="a film, a folder of pictures, a camera, or an .rrd")
    parser.add_argument("--bag", type=Path, metavar="BAG", help="a ROS 2 bag")
    parser.add_argument(
        "--image", action="append", default=[], metavar="TOPIC", help="of the bag; default: all cameras"
    )
    parser.add_argument("--topic", metavar="TOPIC", help="a live image topic; its camera_info is looked for beside it")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.rrd", help="save instead of show")
    parser.add_argument("--web", action="store_true", help="serve a page for browsers instead of opening a window")
    parser.add_argument("--host", default="127.0.0.1", help="where --web listens; default: this host alone")
    parser.add_argument("--port", type=int, default=9876, help="of the data")
    parser.add_argument("--web-port", type=int, default=9090, help="of the page")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N frames")
    add_seeing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if sum(bool(given) for given in (args.input, args.bag, args.topic)) != 1:
        raise InstructionError("give one of IN, --bag and --topic")
    if args.output is not None and args.output.suffix != ".rrd":
        raise InstructionError(f"-o takes a name that ends in .rrd, got {args.output}")
    require_package("rerun", extra="view", purpose="viewing with rerun")
    from vision_banana_ros.viewing.rerun_log import RerunLog, Viewer

    if args.input and args.input.endswith(".rrd"):
        return _open(args)
    source = _Source(args)
    log = RerunLog(source.cameras)
    viewer = None
    if args.output is not None:
        log.save(args.output)
    else:
        viewer = Viewer(web=args.web, host=args.host, port=args.port, web_port=args.web_port)
        log.connect(viewer)
        if args.web:
            print(f"open {viewer.page}", flush=True)
    shown = 0
    progress = Progress(source.length if args.limit is None else args.limit)
    with ending_softly() as asked:
        try:
            for camera, frame in source.frames(asked):
                if asked.is_set() or (args.limit is not None and shown >= args.limit):
                    break
                eyes = source.eyes[camera]
                log.show(eyes.see(frame), camera=camera, tracks=eyes.tracks)
                shown += 1
                progress.at(shown)
        finally:
            progress.end()
            log.close()
        costs = "; ".join(eyes.cost() for eyes in source.eyes.values())
        print(f"{shown} frames{f' in {args.output}' if args.output else ''}; {costs}", flush=True)
        if viewer is not None:
            if not asked.is_set():
                print("Ctrl-C, or closing the window, ends", flush=True)
                _wait(viewer, asked)
            viewer.close()
    return 0 if shown else 1


def _wait(viewer: Any, asked: threading.Event) -> None:
    waiting = threading.Thread(target=viewer.wait, daemon=True)
    waiting.start()
    while waiting.is_alive() and not asked.wait(0.2):
        pass


def _open(args: argparse.Namespace) -> int:
    """A saved recording."""
    import subprocess

    if not Path(args.input).is_file():
        raise DataError(f"no recording {args.input}")
    command = [sys.executable, "-m", "rerun", args.input, "--bind", args.host, "--port", str(args.port)]
    if args.web:
        command += ["--serve-web", "--web-viewer-port", str(args.web_port)]
    return subprocess.call(command)


class _Source:
    """Frames of one or several cameras, each with eyes of its own."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self.length: int | None = None
        self.cameras: tuple[str, ...] = ("",)
        self._bag: Any = None
        self._topics: list[Any] = []
        if args.bag is not None:
            from vision_banana_ros.viewing.bags import Bag

            self._bag = Bag(args.bag)
            self._topics = self._bag.cameras(args.image)
            self.length = self._bag.count(self._topics)
            if len(self._topics) > 1:
                self.cameras = tuple(topics.namespace.strip("/") or "camera" for topics in self._topics)
        first = Eyes(args)
        self.eyes = {name: first if i == 0 else Eyes(args, first.generator) for i, name in enumerate(self.cameras)}

    def frames(self, asked: threading.Event) -> Iterator[tuple[str, Frame]]:
        if self._bag is not None:
            yield from self._of_bag()
        elif self._args.topic:
            yield from (("", frame) for frame in live_frames(self._args.topic, asked))
        else:
            from vision_banana_ros.viewing.films import Film

            film = Film(self._args.input)
            self.length = film.length
            for shot in film.shots():
                yield "", Frame(shot.rgb, stamp_ns=shot.stamp_ns, frame_id="camera")
            if film.problem:
                print(f"vision-banana: {film.problem}", file=sys.stderr)

    def _of_bag(self) -> Iterator[tuple[str, Frame]]:
        from vision_banana_ros.commands.bag import frame_of

        names = dict(zip(self._topics, self.cameras, strict=True))
        for picture in self._bag.pictures(self._topics):
            try:
                yield names[picture.topics], frame_of(picture)
            except FrameError as error:
                print(f"vision-banana: a picture left out: {error}", file=sys.stderr)


def live_frames(topic: str, asked: threading.Event) -> Iterator[Frame]:
    """The newest image each time, with the camera that camera_info gives."""
    from vision_banana_ros.ros.process import import_rclpy

    rclpy = import_rclpy()
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CameraInfo, Image

    from vision_banana_ros.ros import convert
    from vision_banana_ros.ros.intrinsics import with_given_camera

    newest: dict[str, Any] = {}
    rclpy.init()
    node = rclpy.create_node("vision_banana_view")
    info = f"{topic.rpartition('/')[0]}/camera_info"
    node.create_subscription(Image, topic, lambda message: newest.update(image=message), qos_profile_sensor_data)
    node.create_subscription(CameraInfo, info, lambda message: newest.update(info=message), qos_profile_sensor_data)
    try:
        while not asked.is_set():
            rclpy.spin_once(node, timeout_sec=0.2)
            message = newest.pop("image", None)
            if message is not None:
                yield with_given_camera(convert.frame_from_image(message), newest.get("info"), topic=topic).frame
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
