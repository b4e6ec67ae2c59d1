"""Which reader a recording needs, by what lies at its path: a bag, a folder or a video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vision_banana_ros.core import DataError
from vision_banana_ros.data.readers.bags import Bag
from vision_banana_ros.data.readers.folders import ImageFolder
from vision_banana_ros.data.readers.video import Video
from vision_banana_ros.data.recording import BAG_SUFFIXES, VIDEO_SUFFIXES, Recording, RecordingOptions


def open_recording(
    path: Path, options: RecordingOptions | None = None, say: Callable[[str], None] = print
) -> Recording:
    """The recording at `path`, by what lies there. DataError where it is none of those that are known."""
    options = options or RecordingOptions()
    suffix = path.suffix.lower()
    if not path.exists():
        raise DataError(f"no recording {path}: give a ROS 2 bag, a video file or a folder of images")
    if suffix in BAG_SUFFIXES or (path.is_dir() and _looks_like_a_bag(path)):
        return Bag(path, options, say)
    if path.is_dir():
        return ImageFolder(path, options, say)
    if suffix in VIDEO_SUFFIXES:
        return Video(path, options, say)
    raise DataError(
        f"{path} is no recording that can be read: expected a ROS 2 bag (a folder with metadata.yaml, .mcap, .db3), "
        f"a video ({', '.join(sorted(VIDEO_SUFFIXES))}) or a folder of images"
    )


def _looks_like_a_bag(folder: Path) -> bool:
    return (folder / "metadata.yaml").is_file() or any(file.suffix in BAG_SUFFIXES for file in folder.iterdir())
