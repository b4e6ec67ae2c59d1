"""A ROS 2 bag as a recording, without ROS: images of one topic, their intrinsics, and depth of the same moment.

`at` is the number of the image on its topic, in the order of the log. Distorted images are rectified by their
camera_info, because every code of this package is a pinhole's. Depth comes from the topic that is named, else from a
depth image, else from a LiDAR cloud; what is not registered to the camera is projected into it by static transforms.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, DataError, FloatArray, Frame, FrameError, UInt8Array
from vision_banana_ros.data import sensor_depth
from vision_banana_ros.data.camera_info import camera_from_info, has_distortion, rectifier
from vision_banana_ros.data.pixels import rgb_from_bytes
from vision_banana_ros.data.readers.bag_messages import BagMessages, RawMessage, Topic
from vision_banana_ros.data.readers.bag_topics import (
    CLOUD,
    COMPRESSED,
    INFO,
    TF,
    Info,
    choose_depth,
    choose_image,
    info_at,
    info_topic,
    nearest,
)
from vision_banana_ros.data.recording import Glance, RecordingOptions, Remarks, Shot, decoded, shrunk
from vision_banana_ros.data.transforms import Transforms

_JUMP_NS = 10_000_000_000
#: Depth messages that are held while their image is waited for: they arrive in any order within a moment.
_HELD = 12


class Bag:
    def __init__(self, path: Path, options: RecordingOptions, say: Callable[[str], None]) -> None:
        from_file = BagMessages(path)
        self._messages, self._options, self._remarks = from_file, options, Remarks(say)
        self._path = path
        if from_file.damage:
            self._remarks.once("damage", from_file.damage)
        self._image, others = choose_image(from_file.topics, options.topic, path.name)
        if others:
            self._remarks.once("others", f"{self.name}: reads {self._image.name}; also there: {', '.join(others)}")
        self._depth = choose_depth(from_file.topics, options.depth_topic, path.name)
        self._facts: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return self._path.resolve().stem

    def glances(self) -> Iterator[Glance]:
        infos: dict[str, list[tuple[int, Info]]] = {}
        tree, stamps, depth_stamps = Transforms(), list[int](), list[int]()
        frame_id = depth_frame_id = ""
        before: tuple[int, int] | None = None
        topics = {self._image.name, *(t.name for t in self._messages.topics if t.msgtype == INFO)}
        topics |= {t.name for t in self._messages.topics if t.msgtype == TF and t.name.endswith("tf_static")}
        topics |= {self._depth.name} if self._depth else set()
        for raw in self._messages.read(topics):
            if raw.msgtype == INFO:
                self._learn_info(raw, infos, len(stamps))
            elif raw.msgtype == TF:
                self._learn_transforms(raw, tree)
            elif self._depth is not None and raw.topic == self._depth.name:
                stamp_ns, depth_frame_id = _header(raw.data)
                depth_stamps.append(stamp_ns)
            else:
                at = len(stamps)
                stamp_ns, frame_id = _header(raw.data)
                if stamps and not 0 < stamp_ns - stamps[-1] < _JUMP_NS:
                    self._remarks.once(
                        "jump", f"{self.name}: stamps jump by {(stamp_ns - stamps[-1]) / 1e9:+.1f} s at image {at}"
                    )
                stamps.append(stamp_ns)
                try:
                    small, hw = _picture(raw, small=True)
                except (FrameError, DataError) as error:
                    self._remarks.once("image", f"{self.name}: image {at} is left out: {error}")
                    yield Glance(at=at, stamp_ns=max(0, stamp_ns), problem=str(error))
                    continue
                if before is not None and hw != before:
                    self._remarks.once(
                        "size", f"{self.name}: {before[1]}x{before[0]} becomes {hw[1]}x{hw[0]} at image {at}"
                    )
                before = hw
                yield Glance(at=at, stamp_ns=max(0, stamp_ns), hw=hw, small=small)
        if self._messages.damage:
            self._remarks.once("damage", self._messages.damage)
        self._facts = self._conclude(infos, tree, stamps, depth_stamps, frame_id, depth_frame_id)

    def facts(self) -> dict[str, Any]:
        if self._facts is None:
            deque(self.glances(), maxlen=0)
        assert self._facts is not None
        return self._facts

    def shots(self, places: Sequence[int], facts: dict[str, Any]) -> Iterator[Shot]:
        """In one way through the bag; of depth only what belongs to the places is unpacked."""
        pairs: dict[int, int] = {at: facts["pairs"][at] for at in places if facts["pairs"]}
        depth_wanted = {number for number in pairs.values() if number >= 0}
        depths: dict[int, RawMessage] = {}
        waiting: deque[tuple[int, RawMessage]] = deque()
        wanted, image_number, depth_number = set(places), -1, -1
        last = max(places, default=-1)
        for raw in self._messages.read({facts["image"], *([facts["depth"]] if facts["depth"] else [])}):
            if raw.topic == facts["image"]:
                image_number += 1
                if image_number in wanted:
                    waiting.append((image_number, raw))
            else:
                depth_number += 1
                if depth_number in depth_wanted:
                    depths[depth_number] = raw
            while waiting and (
                pairs.get(waiting[0][0], -1) < 0 or pairs[waiting[0][0]] in depths or len(waiting) > _HELD
            ):
                at, image = waiting.popleft()
                yield self._shot(at, image, depths.pop(pairs.get(at, -1), None), facts)
            if image_number >= last and not waiting:
                break
        for at, image in waiting:
            yield self._shot(at, image, depths.pop(pairs.get(at, -1), None), facts)

    def _shot(self, at: int, image: RawMessage, depth: RawMessage | None, facts: dict[str, Any]) -> Shot:
        try:
            rgb, hw = _picture(image, small=False)
        except (FrameError, DataError) as error:
            return Shot(at=at, frame=None, problem=str(error))
        stamp_ns, frame_id = _header(image.data)
        frame = Frame(rgb, max(0, stamp_ns), frame_id)
        info = info_at(at, [(n, Info.from_json(i)) for n, i in facts["infos"]])
        if info is None:
            hfov_deg = self._options.hfov_deg
            camera = Camera.from_hfov(hfov_deg, hw[1], hw[0]) if hfov_deg else None
            return Shot(at=at, frame=replace(frame, camera=camera))
        try:
            camera = camera_from_info(info, width=hw[1], height=hw[0])
        except FrameError as error:
            self._remarks.once("info", f"{self.name}: {error}: the lens is guessed")
            return Shot(at=at, frame=frame)
        straighten = _rectifier(info, camera) if has_distortion(info) and "rect" not in facts["image"] else None
        if straighten is not None:
            frame = replace(frame, rgb=np.ascontiguousarray(straighten(rgb, cv2.INTER_LINEAR)))
        sensor_depth_m = None
        if depth is not None:
            try:
                sensor_depth_m = self._depth_in(depth, camera, facts, straighten)
            except (DataError, FrameError) as error:
                self._remarks.once("depth", f"{self.name}: depth at image {at} is left out: {error}")
        return Shot(at=at, frame=replace(frame, camera=camera), sensor_depth_m=sensor_depth_m)

    def _depth_in(self, raw: RawMessage, camera: Camera, facts: dict[str, Any], straighten: Any) -> FloatArray | None:
        message = _message(raw)
        to_camera = None if facts["to_camera"] is None else np.array(facts["to_camera"])
        if raw.msgtype == CLOUD:
            return sensor_depth.projected(sensor_depth.points_of_cloud(message), to_camera, camera)
        compressed = raw.msgtype == COMPRESSED
        depth_m = sensor_depth.depth_of_compressed(message) if compressed else sensor_depth.depth_of_image(message)
        if facts["registered"]:
            fitted = cv2.resize(depth_m, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST_EXACT)
            if straighten is not None:
                fitted = straighten(np.nan_to_num(fitted), cv2.INTER_NEAREST)
            return np.where(fitted > 0, fitted, np.float32(np.nan))
        height, width = depth_m.shape
        own = camera_from_info(Info.from_json(facts["depth_info"]), width=width, height=height)
        return sensor_depth.reprojected(depth_m, own, to_camera, camera)

    def _learn_info(self, raw: RawMessage, infos: dict[str, list[tuple[int, Info]]], number: int) -> None:
        try:
            info = Info.of(_message(raw))
        except DataError as error:
            self._remarks.once("bad info", f"{self.name}: a camera_info is left out: {error}")
            return
        found = infos.setdefault(raw.topic, [])
        if not found or found[-1][1] != info:
            found.append((number, info))

    def _learn_transforms(self, raw: RawMessage, tree: Transforms) -> None:
        try:
            links = _message(raw).transforms
        except DataError as error:
            self._remarks.once("tf", f"{self.name}: a transform is left out: {error}")
            return
        for link in links:
            t, q = link.transform.translation, link.transform.rotation
            tree.add(link.header.frame_id, link.child_frame_id, (t.x, t.y, t.z), (q.x, q.y, q.z, q.w))

    def _conclude(
        self,
        infos: dict[str, list[tuple[int, Info]]],
        tree: Transforms,
        stamps: list[int],
        depth_stamps: list[int],
        frame_id: str,
        depth_frame_id: str,
    ) -> dict[str, Any]:
        own = info_topic(self._image.name, frame_id, infos)
        found = infos[own] if own else []
        usable = [(n, i) for n, i in found if i.width > 0 and (i.p[0] > 0 or i.k[0] > 0)]
        if not usable and not self._options.hfov_deg:
            what = "camera_info is not calibrated" if found else f"no camera_info for {self._image.name}"
            self._remarks.once("no info", f"{self.name}: {what}: the lens is guessed (or say --hfov DEGREES)")
        if usable and has_distortion(usable[0][1]) and "rect" not in self._image.name:
            model = usable[0][1].distortion_model
            known = _rectifier(
                usable[0][1], camera_from_info(usable[0][1], width=usable[0][1].width, height=usable[0][1].height)
            )
            rest = "images are rectified" if known else f"its model {model!r} is not known, images stay bent"
            self._remarks.once("distorted", f"{self.name}: the lens distorts: {rest}")
        facts: dict[str, Any] = {
            "image": self._image.name,
            "depth": None,
            "pairs": [],
            "infos": [(n, i.to_json()) for n, i in usable],
            "depth_info": None,
            "registered": False,
            "to_camera": None,
        }
        if self._depth is not None and depth_stamps and usable:
            facts |= self._depth_facts(self._depth, infos, tree, frame_id, depth_frame_id)
        if facts["depth"]:
            order = np.argsort(depth_stamps, kind="stable").tolist()
            ascending = [depth_stamps[i] for i in order]
            facts["pairs"] = [order[n] if (n := nearest(stamp, ascending)) >= 0 else -1 for stamp in stamps]
        return facts

    def _depth_facts(
        self, depth: Topic, infos: dict[str, list[tuple[int, Info]]], tree: Transforms, frame_id: str, own_id: str
    ) -> dict[str, Any]:
        name = depth.name.lower()
        if depth.msgtype != CLOUD and (own_id == frame_id or "registered" in name or "aligned" in name):
            return {"depth": depth.name, "registered": True}
        to_camera = tree.between(own_id, frame_id)
        if to_camera is None:
            self._remarks.once(
                "no tf", f"{self.name}: no static transform from {own_id!r} to {frame_id!r}: {depth.name} is left out"
            )
            return {}
        facts: dict[str, Any] = {"depth": depth.name, "to_camera": to_camera.tolist()}
        if depth.msgtype != CLOUD:
            info = info_topic(depth.name, own_id, {t: f for t, f in infos.items() if f[0][1].frame_id == own_id})
            if info is None:
                self._remarks.once("no depth info", f"{self.name}: no camera_info for {depth.name}: it is left out")
                return {}
            facts["depth_info"] = infos[info][0][1].to_json()
        return facts


@lru_cache(maxsize=1)
def _typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_JAZZY)


def _message(raw: RawMessage) -> Any:
    try:
        return _typestore().deserialize_cdr(raw.data, raw.msgtype)
    except Exception as error:  # cut-off bytes end in whatever the generated reader meets first
        raise DataError(f"{len(raw.data)} bytes are no {raw.msgtype} ({type(error).__name__})") from error


def _picture(raw: RawMessage, *, small: bool) -> tuple[UInt8Array, tuple[int, int]]:
    message = _message(raw)
    if raw.msgtype == COMPRESSED:
        found = decoded(np.asarray(message.data, np.uint8), small=small)
        if found is None:
            raise DataError(f"{len(message.data)} bytes of {message.format!r} are no image that can be decoded")
        return found
    rgb: AnyArray = rgb_from_bytes(
        message.data,
        encoding=message.encoding,
        height=message.height,
        width=message.width,
        step=message.step,
        is_bigendian=bool(message.is_bigendian),
    )
    return (shrunk(rgb) if small else np.asarray(rgb, np.uint8)), (int(message.height), int(message.width))


def _header(data: bytes) -> tuple[int, str]:
    """Stamp and frame of a message that starts with a std_msgs/Header, without unpacking the rest of it."""
    try:
        order = "<" if data[1] & 1 else ">"
        sec, nanosec, length = struct.unpack_from(order + "iII", data, 4)
        return sec * 10**9 + nanosec, bytes(data[16 : 16 + max(0, length - 1)]).decode("utf-8", "replace")
    except (struct.error, IndexError):
        return 0, ""


@lru_cache(maxsize=8)
def _rectifier(info: Info, camera: Camera) -> Callable[[AnyArray, int], AnyArray] | None:
    return rectifier(info, camera)
