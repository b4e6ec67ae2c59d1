"""The nouns of this package: frozen types and errors. Imports NumPy and nothing else of ours."""

from vision_banana_ros.core.arrays import (
    AnyArray,
    BoolArray,
    FloatArray,
    Int32Array,
    UInt8Array,
    UInt16Array,
    describe,
    require_array,
)
from vision_banana_ros.core.ask import BACKGROUND_WORDS, DEPTH_ENCODINGS, Ask, Rgb, Target
from vision_banana_ros.core.camera import Camera
from vision_banana_ros.core.canvas import About, Canvas
from vision_banana_ros.core.errors import (
    CodecError,
    DataError,
    FrameError,
    GeneratorError,
    InstructionError,
    MissingExtraError,
    VisionBananaError,
    require_package,
)
from vision_banana_ros.core.footage import Footage
from vision_banana_ros.core.frame import Frame, Referring, Truth
from vision_banana_ros.core.perception import UNLABELLED, Answer, Layers, Perception, Unanswered
from vision_banana_ros.core.task import Takes, Task

__all__ = [
    "BACKGROUND_WORDS",
    "DEPTH_ENCODINGS",
    "UNLABELLED",
    "About",
    "Answer",
    "AnyArray",
    "Ask",
    "BoolArray",
    "Camera",
    "Canvas",
    "CodecError",
    "DataError",
    "FloatArray",
    "Footage",
    "Frame",
    "FrameError",
    "GeneratorError",
    "InstructionError",
    "Int32Array",
    "Layers",
    "MissingExtraError",
    "Perception",
    "Referring",
    "Rgb",
    "Takes",
    "Target",
    "Task",
    "Truth",
    "UInt8Array",
    "UInt16Array",
    "Unanswered",
    "VisionBananaError",
    "describe",
    "require_array",
    "require_package",
]
