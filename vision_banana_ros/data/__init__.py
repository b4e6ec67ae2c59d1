"""Frames with truth: one `Example` whatever they come from, readers of folders, and how sources are mixed."""

from vision_banana_ros.data.example import KINDS, UNKNOWN_LICENCE, Dataset, Example, Source
from vision_banana_ros.data.mixture import Drawn, Lens, Mixture, Part
from vision_banana_ros.data.readers import open_dataset

__all__ = [
    "KINDS",
    "UNKNOWN_LICENCE",
    "Dataset",
    "Drawn",
    "Example",
    "Lens",
    "Mixture",
    "Part",
    "Source",
    "open_dataset",
]
