"""One camera and one image generator: metric depth, normals, camera rays and segmentation for ROS 2.

    import vision_banana_ros as vb

    generator = vb.load_generator("student")
    seen = vb.perceive(vb.Frame(rgb), generator, [vb.Instruction(vb.Task.DEPTH)])
    seen.depth_m

Everything that a program needs can be had from here; each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

#: Where each name of the public face is at home.
_HOMES = {
    "About": "core",
    "Camera": "core",
    "Canvas": "core",
    "Footage": "core",
    "Frame": "core",
    "Perception": "core",
    "Target": "core",
    "Task": "core",
    "Truth": "core",
    "VisionBananaError": "core",
    "Palette": "codecs",
    "DecodeSettings": "tasks",
    "Wishes": "tasks",
    "Generator": "prompts",
    "Instruction": "prompts",
    "parse_classes": "prompts",
    "read_request": "prompts",
    "perceive": "perceive",
    "Perceiver": "perceiver",
    "PerceiverSettings": "perceiver",
    "Sight": "perceiver",
    "load_generator": "generators",
    "Example": "data",
    "Source": "data",
    "open_dataset": "data",
    "evaluate": "evaluation.evaluate",
}

__all__ = [
    "About",
    "Camera",
    "Canvas",
    "DecodeSettings",
    "Example",
    "Footage",
    "Frame",
    "Generator",
    "Instruction",
    "Palette",
    "Perceiver",
    "PerceiverSettings",
    "Perception",
    "Sight",
    "Source",
    "Target",
    "Task",
    "Truth",
    "VisionBananaError",
    "Wishes",
    "__version__",
    "evaluate",
    "load_generator",
    "open_dataset",
    "parse_classes",
    "perceive",
    "read_request",
]

if TYPE_CHECKING:
    from vision_banana_ros.codecs import Palette
    from vision_banana_ros.core import (
        About,
        Camera,
        Canvas,
        Footage,
        Frame,
        Perception,
        Target,
        Task,
        Truth,
        VisionBananaError,
    )
    from vision_banana_ros.data import Example, Source, open_dataset
    from vision_banana_ros.evaluation.evaluate import evaluate
    from vision_banana_ros.generators import load_generator
    from vision_banana_ros.perceive import perceive
    from vision_banana_ros.perceiver import Perceiver, PerceiverSettings, Sight
    from vision_banana_ros.prompts import Generator, Instruction, parse_classes, read_request
    from vision_banana_ros.tasks import DecodeSettings, Wishes


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
