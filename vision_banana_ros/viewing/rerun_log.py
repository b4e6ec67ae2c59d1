"""What was seen as a rerun recording: saved to a file, shown live, or served to a browser on this host.

    world/camera                    the pinhole; its picture frames the cloud
    world/camera/rgb depth normals classes instances
    world/points                    the cloud, in the camera's optical frame
    canvas/TASK                     what was painted
    plots/...                       rate, scale, confidence, instances
Times: `stamp` (the frame's own) and `frame` (its number).
"""

from __future__ import annotations

import colorsys
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from vision_banana_ros.codecs import normals as normals_code
from vision_banana_ros.core import UInt8Array, VisionBananaError, require_package
from vision_banana_ros.geometry import unproject
from vision_banana_ros.geometry.tracks import Track
from vision_banana_ros.perceiver import Sight

require_package("rerun", extra="view", purpose="viewing with rerun")

import rerun as rr  # noqa: E402
import rerun.blueprint as rrb  # noqa: E402

APPLICATION = "vision_banana"
CAMERA = "world/camera"
_JPEG_QUALITY = 85
_EPOCH_NS = 10**17  # stamps above are dates, those below count from a film's beginning
_POINTS = 40_000
_GOLDEN = 0.61803398875
LOCALHOST = "127.0.0.1"
_VIEWER_STARTS_S = 20.0


def blueprint(cameras: Sequence[str] = ("",)) -> rrb.Blueprint:
    """Cloud on the left, picture, depth, normals and classes beside it, canvases and curves behind tabs below."""
    spaces = [f"{name}/" if name else "" for name in cameras]
    # Without the depth image, which rerun would draw as a second cloud over the first.
    clouds = [
        rrb.Spatial3DView(
            origin=f"{space}world", contents=["+ $origin/**", "- $origin/camera/depth"], name=f"{space}cloud"
        )
        for space in spaces
    ]
    pictures: list[Any] = []
    for space in spaces:
        layers = ("rgb", "depth", "normals", "classes", "instances")
        pictures.append(
            rrb.Grid(
                *[rrb.Spatial2DView(origin=f"{space}{CAMERA}/{layer}", name=f"{space}{layer}") for layer in layers],
                rrb.Spatial2DView(origin=f"{space}canvas", name=f"{space}canvas"),
                grid_columns=2,
                name=space.rstrip("/") or "camera",
            )
        )
    curves = rrb.TimeSeriesView(origin="/", contents=["+ /**/plots/**", "+ /plots/**"], name="curves")
    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(
                clouds[0] if len(clouds) == 1 else rrb.Tabs(*clouds),
                pictures[0] if len(pictures) == 1 else rrb.Tabs(*pictures),
                column_shares=[1, 1],
            ),
            curves,
            row_shares=[4, 1],
        ),
        rrb.TimePanel(state="collapsed", timeline="stamp"),
        rrb.SelectionPanel(state="collapsed"),
        rrb.BlueprintPanel(state="collapsed"),
        auto_views=False,
    )


class RerunLog:
    """One recording; `camera` of `show` separates the cameras of a bag."""

    def __init__(self, cameras: Sequence[str] = ("",)) -> None:
        self._stream = rr.RecordingStream(APPLICATION)
        self._blueprint = blueprint(cameras)
        self._frames = 0
        self._known: dict[str, object] = {}
        self._last_ns: dict[str, int] = {}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream.save(str(path), default_blueprint=self._blueprint)

    def connect(self, viewer: Viewer) -> None:
        """To a viewer that runs already."""
        self._stream.connect_grpc(viewer.address, default_blueprint=self._blueprint)

    def close(self) -> None:
        self._stream.flush()
        self._stream.disconnect()

    def show(self, sight: Sight, *, camera: str = "", tracks: Sequence[Track] = ()) -> None:
        frame, seen = sight.frame, sight.perception
        space = f"{camera}/" if camera else ""
        at = f"{space}{CAMERA}"
        log = self._stream.log
        self._stream.set_time("frame", sequence=self._frames)
        if frame.stamp_ns < _EPOCH_NS:
            self._stream.set_time("stamp", duration=frame.stamp_ns * 1e-9)
        else:
            self._stream.set_time("stamp", timestamp=np.datetime64(frame.stamp_ns, "ns"))
        if self._frames == 0 or space not in self._known:
            self._known[space] = True
            log(f"{space}world", rr.ViewCoordinates.RDF, static=True)
        if seen.camera is not None:
            c = seen.camera
            matrix = np.array([[c.fx, 0, c.cx + 0.5], [0, c.fy, c.cy + 0.5], [0, 0, 1]])  # its pixels have corners at 0
            log(
                at,
                rr.Pinhole(
                    image_from_camera=matrix,
                    width=c.width,
                    height=c.height,
                    camera_xyz=rr.ViewCoordinates.RDF,
                    image_plane_distance=0.4,
                ),
            )
        log(f"{at}/rgb", rr.Image(frame.rgb).compress(jpeg_quality=_JPEG_QUALITY))
        if seen.depth_m is not None:
            depth = np.nan_to_num(seen.depth_m, nan=0.0, posinf=0.0)
            log(f"{at}/depth", rr.DepthImage(depth, meter=1.0, depth_range=[0.0, 10.0], colormap="turbo"))
            if seen.camera is not None:
                log(f"{space}world/points", _points(sight))
        if seen.normals is not None:
            painted = normals_code.encode(seen.normals, invalid=(0, 0, 0))
            log(f"{at}/normals", rr.Image(painted).compress(jpeg_quality=_JPEG_QUALITY))
        if seen.mask is not None:
            self._name_classes(f"{at}/classes", sight)
            log(f"{at}/classes", rr.SegmentationImage(seen.mask, opacity=1.0))
        if seen.instances is not None:
            self._name_instances(f"{at}/instances", seen.instances, seen.instance_labels)
            log(f"{at}/instances", rr.SegmentationImage(seen.instances, opacity=1.0))
            if tracks:
                boxes = np.array([[t.box[0], t.box[1], t.box[2] + 1, t.box[3] + 1] for t in tracks], np.float32)
                names = [f"{t.label} {t.number} ({t.score:.0%})" for t in tracks]
                ids = [t.number for t in tracks]
                log(
                    f"{at}/instances/boxes",
                    rr.Boxes2D(array=boxes, array_format=rr.Box2DFormat.XYXY, labels=names, class_ids=ids),
                )
            else:
                log(f"{at}/instances/boxes", rr.Clear(recursive=False))
        for canvas in seen.canvases:
            log(f"{space}canvas/{canvas.instruction.task.value}", rr.Image(canvas.rgb))
        self._plot(space, sight, tracks)
        self._frames += 1

    def _plot(self, space: str, sight: Sight, tracks: Sequence[Track]) -> None:
        seen, stamp_ns = sight.perception, sight.frame.stamp_ns
        values = {"generate_ms": 1e3 * sight.generate_s}
        last = self._last_ns.get(space)
        if last is not None and stamp_ns > last:
            values["rate_hz"] = 1e9 / (stamp_ns - last)
        self._last_ns[space] = stamp_ns
        if sight.scale is not None:
            values["scale"] = sight.scale
        for name in ("depth_confidence", "normals_confidence", "mask_confidence"):
            layer = seen.layer(name)
            if layer is not None:
                values[name] = float(layer.mean()) / 255
        if seen.depth_m is not None and np.isfinite(seen.depth_m).any():
            values["median_depth_m"] = float(np.median(seen.depth_m[np.isfinite(seen.depth_m)]))
        if seen.instances is not None:
            values["instances"] = float(len(tracks) or len(np.unique(seen.instances[seen.instances > 0])))
        for name, value in values.items():
            self._stream.log(f"{space}plots/{name}", rr.Scalars(value))

    def _name_classes(self, entity: str, sight: Sight) -> None:
        """Class names in the prompt's colours; told again when the prompt changes."""
        labels = sight.perception.labels
        if self._known.get(entity) == labels:
            return
        self._known[entity] = labels
        asked = next((a.instruction for a in sight.perception.answers if "mask" in a.layers), None)
        colors = {} if asked is None else {t.text: t.color for t in asked.targets}
        if asked is not None and asked.background is not None:
            colors["background"] = asked.background
        told = [(i, name, colors.get(name) or _color(i)) for i, name in enumerate(labels)]
        self._stream.log(entity, rr.AnnotationContext([*told, (255, "unlabelled", (60, 60, 60))]), static=True)

    def _name_instances(self, entity: str, instances: Any, labels: Sequence[str]) -> None:
        seen = [int(number) for number in np.unique(instances) if number]
        known = self._known.setdefault(entity, {})
        assert isinstance(known, dict)
        new = {n: labels[n - 1] if n <= len(labels) else "" for n in seen if n not in known}
        if new or not known:
            known.update(new)
            told = [(n, f"{name} {n}".strip(), _color(n)) for n, name in known.items()]
            self._stream.log(entity, rr.AnnotationContext([(0, "none", (20, 20, 20)), *told]), static=True)


def _points(sight: Sight) -> rr.Points3D:
    """At most some tens of thousands: more is slow to look at and not clearer."""
    seen = sight.perception
    assert seen.depth_m is not None
    assert seen.camera is not None
    step = max(1, round((seen.depth_m.size / _POINTS) ** 0.5))
    points = unproject(seen.depth_m, seen.camera)[::step, ::step].reshape(-1, 3)
    colors: UInt8Array = sight.frame.rgb[::step, ::step].reshape(-1, 3)
    there = np.isfinite(points).all(axis=1)
    return rr.Points3D(points[there], colors=colors[there], radii=rr.Radius.ui_points(1.5))


def _color(number: int) -> tuple[int, int, int]:
    """Far from those of the numbers around it, and always the same for one number."""
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.65, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


class Viewer:
    """A rerun viewer as a child process, a window or a page for browsers. It listens on `host` alone: what the SDK
    itself serves would be open to the network."""

    def __init__(self, *, web: bool, host: str = LOCALHOST, port: int = 9876, web_port: int = 9090) -> None:
        self.address = f"rerun+http://{host}:{port}/proxy"
        self.page = f"http://{host}:{web_port}/?url={quote(self.address, safe='')}" if web else ""
        command = [sys.executable, "-m", "rerun", "--bind", host, "--port", str(port)]
        if web:
            command += ["--serve-web", "--web-viewer-port", str(web_port)]
        environment = {**os.environ, "RERUN_ANALYTICS": "0"}
        # A session of its own: what Python starts starts the viewer in turn, and both must end.
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        for waited in (port, web_port) if web else (port,):
            self._wait_until_listening(host, waited)

    def _wait_until_listening(self, host: str, port: int) -> None:
        deadline = time.monotonic() + _VIEWER_STARTS_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                told = self._process.stderr.read().decode(errors="replace") if self._process.stderr else ""
                last = next((line for line in reversed(told.splitlines()) if line.strip()), "it said nothing")
                raise VisionBananaError(f"the rerun viewer ended: {last}; without a screen give --web or -o FILE.rrd")
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((host, port)) == 0:
                    return
            time.sleep(0.1)
        self.close()
        raise VisionBananaError(f"the rerun viewer did not listen on {host}:{port} within {_VIEWER_STARTS_S:.0f} s")

    def wait(self) -> None:
        """Until the window is closed or Ctrl-C."""
        self._process.wait()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)


__all__ = ["APPLICATION", "LOCALHOST", "RerunLog", "Viewer", "blueprint"]
