"""Which topics of a bag are meant, and which of its intrinsics and depths belong to an image."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.data.readers.bag_messages import Topic

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
INFO, CLOUD, TF = "sensor_msgs/msg/CameraInfo", "sensor_msgs/msg/PointCloud2", "tf2_msgs/msg/TFMessage"
#: Names of what is not the picture that a camera took.
_NO_PICTURE = (
    "depth",
    "disparity",
    "infra",
    "/ir",
    "mask",
    "label",
    "segment",
    "normal",
    "confidence",
    "overlay",
    "theora",
)
_LIKELY = ("color", "rgb", "image_rect", "front", "image_raw")
#: A depth belongs to an image that is at most so far away in time.
NEAR_NS = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Roi:
    x_offset: int = 0
    y_offset: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """A CameraInfo as plain numbers, with the names that data/camera_info.py reads."""

    frame_id: str
    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    roi: Roi = field(default_factory=Roi)

    @classmethod
    def of(cls, message: Any) -> Info:
        roi = message.roi
        return cls(
            frame_id=message.header.frame_id,
            width=int(message.width),
            height=int(message.height),
            distortion_model=message.distortion_model,
            d=_floats(message.d),
            k=_floats(message.k),
            r=_floats(message.r),
            p=_floats(message.p),
            roi=Roi(x_offset=roi.x_offset, y_offset=roi.y_offset, width=roi.width, height=roi.height),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, entries: dict[str, Any]) -> Info:
        numbers = {name: _floats(entries[name]) for name in "dkrp"}
        rest = {name: entries[name] for name in ("frame_id", "width", "height", "distortion_model")}
        fields: dict[str, Any] = {**numbers, **rest}
        return cls(**fields, roi=Roi(**entries["roi"]))


def _floats(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def choose_image(topics: Sequence[Topic], asked: str | None, bag: str) -> tuple[Topic, list[str]]:
    """The image topic, and the others that could have been meant."""
    images = [t for t in topics if t.msgtype in (IMAGE, COMPRESSED)]
    if asked is not None:
        named = next((t for t in topics if t.name == asked), None)
        if named is None:
            raise DataError(f"{bag} has no topic {asked}: its images are {_names(images)}")
        if named not in images:
            raise DataError(f"{asked} of {bag} is a {named.msgtype}, no image: its images are {_names(images)}")
        return named, []
    pictures = [t for t in images if t.count and not any(word in t.name.lower() for word in _NO_PICTURE)]
    if not pictures:
        raise DataError(f"{bag} has no topic of camera images: it has {_names(topics)}; name one with --topic")

    def likelihood(topic: Topic) -> tuple[int, bool, int, str]:
        score = sum(word in topic.name.lower() for word in _LIKELY)
        return -score, topic.msgtype == COMPRESSED, -topic.count, topic.name

    first, *others = sorted(pictures, key=likelihood)
    return first, [t.name for t in others if base(t.name) != base(first.name)]


def choose_depth(topics: Sequence[Topic], asked: str | None, bag: str) -> Topic | None:
    """The depth images, else the cloud; registered depth first. `asked` "none": none."""
    if asked == "none":
        return None
    if asked is not None:
        named = next((t for t in topics if t.name == asked), None)
        if named is None or named.msgtype not in (IMAGE, COMPRESSED, CLOUD):
            raise DataError(f"{bag} has no depth image or cloud called {asked}: it has {_names(topics)}")
        return named

    def rank(topic: Topic) -> tuple[bool, bool, bool, str]:
        name = topic.name.lower()
        registered = "registered" in name or "aligned" in name
        return topic.msgtype == CLOUD, not registered, topic.msgtype == COMPRESSED, name

    found = [
        t
        for t in topics
        if (t.msgtype == CLOUD and "vision_banana" not in t.name)
        or (t.msgtype in (IMAGE, COMPRESSED) and "depth" in t.name.lower() and "vision_banana" not in t.name)
    ]
    return min(found, key=rank, default=None)


def base(topic: str) -> str:
    """Without the transport's last word: /camera/image_raw/compressed is /camera/image_raw."""
    for transport in ("/compressed", "/compressedDepth"):
        topic = topic.removesuffix(transport)
    return topic


def info_topic(image: str, frame_id: str, infos: dict[str, list[tuple[int, Info]]]) -> str | None:
    """The camera_info beside the image; else the only one of its frame; else the only one at all."""
    beside = base(image).rsplit("/", 1)[0] + "/camera_info"
    if beside in infos:
        return beside
    same_frame = [topic for topic, found in infos.items() if frame_id and found[0][1].frame_id == frame_id]
    if len(same_frame) == 1:
        return same_frame[0]
    return next(iter(infos)) if len(infos) == 1 else None


def info_at(number: int, found: Sequence[tuple[int, Info]]) -> Info | None:
    """The last one before image `number`; where it came late, the first one after."""
    before = [info for at, info in found if at <= number]
    return before[-1] if before else found[0][1] if found else None


def nearest(stamp_ns: int, stamps: Sequence[int]) -> int:
    """Index into ascending `stamps` of the nearest one, -1 where none is near enough to belong to it."""
    right = bisect_left(stamps, stamp_ns)
    candidates = [i for i in (right - 1, right) if 0 <= i < len(stamps)]
    best = min(candidates, key=lambda i: abs(stamps[i] - stamp_ns), default=-1)
    return best if best >= 0 and abs(stamps[best] - stamp_ns) <= NEAR_NS else -1


def _names(topics: Iterable[Topic]) -> str:
    return ", ".join(f"{t.name} ({t.msgtype.rsplit('/', 1)[-1]})" for t in topics) or "none"
