"""ROS 2 bags in and out by rosbags: pictures with their cameras, and a new bag of what was seen in them.

A camera is an image topic and the camera_info beside it. Infos may come later than the first picture, so the first one
is looked up before. What is written bears the picture's own stamp and frame, and lies in the bag at the picture's own
time; topics are RELIABLE with the last four kept, the latched ones TRANSIENT_LOCAL, as the node's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, require_package
from vision_banana_ros.viewing.messages import IMAGE, INFO

require_package("rosbags", extra="bags", purpose="reading and writing bags")

from rosbags.highlevel import AnyReader, AnyReaderError  # noqa: E402
from rosbags.interfaces import (  # noqa: E402
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import Stores, get_typestore  # noqa: E402

COMPRESSED = "sensor_msgs/msg/CompressedImage"
_NO_COLOUR = ("depth", "disparity", "mask", "confidence", "normals", "canvas", "infra")


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """One camera of a bag: the full names of its topics; `info` is empty where there is none."""

    image: str
    info: str

    @property
    def namespace(self) -> str:
        """/front/image_raw -> /front; /camera/color/image_raw/compressed -> /camera/color."""
        return self.image.removesuffix("/compressed").rpartition("/")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image message: the camera it is of, when it was recorded, and the newest info before or beside it."""

    topics: CameraTopics
    recorded_ns: int
    message: Any
    info: Any
    is_compressed: bool


class Bag:
    """A bag to read; a context manager."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise DataError(f"no bag {path}: give the folder with the metadata.yaml, or an .mcap file")
        self.path = path
        self._reader = AnyReader([path], default_typestore=our_types())
        try:
            self._reader.open()
        except (AnyReaderError, OSError, ValueError, AssertionError) as error:
            raise DataError(f"{path} is no bag that can be read: {error}") from error

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    @property
    def store(self) -> Any:
        return self._reader.typestore

    @property
    def reader(self) -> AnyReader:
        return self._reader

    def cameras(self, wanted: Sequence[str] = ()) -> list[CameraTopics]:
        """Those of the `wanted` topics; else every camera that gives colour pictures, each once."""
        kinds = {c.topic: c.msgtype for c in self._reader.connections}
        images = [topic for topic, kind in sorted(kinds.items()) if kind in (IMAGE, COMPRESSED)]
        if wanted:
            missing = [topic for topic in wanted if topic not in images]
            if missing:
                raise DataError(f"{self.path} has no images on {', '.join(missing)}; it has {', '.join(images) or '-'}")
            chosen = list(wanted)
        else:
            colour = [topic for topic in images if not any(word in topic.lower() for word in _NO_COLOUR)]
            raw = {topic for topic in colour if kinds[topic] == IMAGE}
            chosen = [t for t in colour if t in raw or t.removesuffix("/compressed") not in raw]
            if not chosen:
                raise DataError(f"{self.path} has no colour images; topics: {', '.join(sorted(kinds)) or 'none'}")
        return [CameraTopics(topic, _info_beside(topic, kinds)) for topic in chosen]

    def count(self, cameras: Sequence[CameraTopics]) -> int:
        names = {camera.image for camera in cameras}
        return sum(c.msgcount for c in self._reader.connections if c.topic in names)

    def pictures(self, cameras: Sequence[CameraTopics], *, after_ns: int = -1) -> Iterator[Picture]:
        """In the order of their recording, those recorded later than `after_ns`."""
        by_image = {camera.image: camera for camera in cameras}
        infos = {camera.info: self._first(camera.info) for camera in cameras if camera.info}
        wanted = {*by_image, *infos}
        connections = [c for c in self._reader.connections if c.topic in wanted]
        for connection, recorded_ns, raw in self._reader.messages(connections=connections):
            if connection.topic in infos:
                infos[connection.topic] = self._reader.deserialize(raw, connection.msgtype)
            elif recorded_ns > after_ns:
                camera = by_image[connection.topic]
                message = self._reader.deserialize(raw, connection.msgtype)
                compressed = connection.msgtype == COMPRESSED
                yield Picture(camera, recorded_ns, message, infos.get(camera.info), compressed)

    def _first(self, topic: str) -> Any:
        connections = [c for c in self._reader.connections if c.topic == topic]
        for connection, _, raw in self._reader.messages(connections=connections):
            return self._reader.deserialize(raw, connection.msgtype)
        return None


class BagWriter:
    """A new bag, beside its name until it is closed; a context manager that keeps what is there when interrupted."""

    def __init__(self, path: Path, store: Any, *, storage: str = "mcap") -> None:
        self.path, self._store = path, store
        self._part = path.with_name(f".{path.name}.part")
        if self._part.exists():
            shutil.rmtree(self._part)
        path.parent.mkdir(parents=True, exist_ok=True)
        plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
        self._writer = Writer(self._part, version=9, storage_plugin=plugin)
        self._writer.open()
        self._connections: dict[str, Any] = {}
        self.messages = 0

    def write(self, topic: str, msgtype: str, recorded_ns: int, message: Any, *, latched: bool = False) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=self._store, offered_qos_profiles=[qos(latched=latched)]
            )
        self._writer.write(self._connections[topic], recorded_ns, self._store.serialize_cdr(message, msgtype))
        self.messages += 1

    def copy(self, bag: Bag, topics: Iterable[str], *, up_to_ns: int | None = None) -> None:
        """Messages as they are, with their definitions and QoS."""
        wanted = set(topics)
        for original in bag.reader.connections:
            if original.topic in wanted and original.topic not in self._connections:
                self._connections[original.topic] = self._writer.add_connection(
                    original.topic,
                    original.msgtype,
                    msgdef=original.msgdef.data or None,
                    rihs01=original.digest or None,
                    typestore=bag.store,
                    offered_qos_profiles=list(getattr(original.ext, "offered_qos_profiles", ())),
                )
        chosen = [c for c in bag.reader.connections if c.topic in wanted]
        for connection, recorded_ns, raw in bag.reader.messages(connections=chosen):
            if up_to_ns is None or recorded_ns <= up_to_ns:
                self._writer.write(self._connections[connection.topic], recorded_ns, raw)
                self.messages += 1

    def close(self) -> None:
        """Whole on disk, under its name; an older one of that name gives way."""
        self._writer.close()
        if self.path.exists():
            shutil.rmtree(self.path)
        self._part.rename(self.path)
        _rename_files(self.path, self._part.name)

    def discard(self) -> None:
        self._writer.close()
        shutil.rmtree(self._part, ignore_errors=True)


def _rename_files(folder: Path, old_name: str) -> None:
    """The files in a bag are called like its folder, and metadata.yaml says so."""
    for file in folder.iterdir():
        if file.name.startswith(old_name):
            file.rename(folder / (folder.name + file.name.removeprefix(old_name)))
    metadata = folder / "metadata.yaml"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace(old_name, folder.name), encoding="utf-8")


def our_types() -> Any:
    """The types of all that is written: those of messages that no distribution since Humble has changed."""
    return get_typestore(Stores.ROS2_JAZZY)


def qos(*, latched: bool = False) -> Qos:
    """As ros/outputs.py publishes."""
    nothing = QosTime(0, 0)
    return Qos(
        QosHistory.KEEP_LAST,
        1 if latched else 4,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        nothing,
        nothing,
        QosLiveliness.AUTOMATIC,
        nothing,
        False,
    )


def _info_beside(image: str, kinds: dict[str, str]) -> str:
    beside = f"{image.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
    return beside if kinds.get(beside) == INFO else ""
