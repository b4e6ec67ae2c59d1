"""The nouns of this package: frozen types, the generator's contract, errors. Imports NumPy and nothing else of ours."""

from vision_banana_ros.core.arrays import (
    AnyArray,
    BoolArray,
    FloatArray,
    UInt8Array,
    UInt16Array,
    describe,
    require_array,
)
from vision_banana_ros.core.camera import Camera
from vision_banana_ros.core.canvas import About, Canvas, Generator
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
from vision_banana_ros.core.instruction import BACKGROUND_WORDS, DEPTH_ENCODINGS, Instruction, Rgb, Target, Task
from vision_banana_ros.core.perception import UNLABELLED, Perception

__all__ = [
    "BACKGROUND_WORDS",
    "DEPTH_ENCODINGS",
    "UNLABELLED",
    "About",
    "AnyArray",
    "BoolArray",
    "Camera",
    "Canvas",
    "CodecError",
    "DataError",
    "FloatArray",
    "Footage",
    "Frame",
    "FrameError",
    "Generator",
    "GeneratorError",
    "Instruction",
    "InstructionError",
    "MissingExtraError",
    "Perception",
    "Referring",
    "Rgb",
    "Target",
    "Task",
    "Truth",
    "UInt8Array",
    "UInt16Array",
    "VisionBananaError",
    "describe",
    "require_array",
    "require_package",
]
