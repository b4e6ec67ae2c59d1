"""manifest.json: what lies in a model's folder, what it was made from, and whether this code may run it.

A model is a folder of data files: ONNX graphs (one per precision), the text table, the golden frame, and optionally the
weights for PyTorch. Nothing in it is code: no pickle, no plug-in. The manifest names every file with its SHA-256.

Convention
    CODE_VERSION counts the meaning of canvases and of the network's inputs (codecs and paint boxes). A model of another
    code version would paint what this package reads wrongly, so it is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from vision_banana_ros import __version__
from vision_banana_ros.core import DataError
from vision_banana_ros.models.records import from_json
from vision_banana_ros.student.paintbox import TASKS

MANIFEST = "manifest.json"
#: Layout of the manifest itself.
FORMAT = 1
#: Raise it whenever a colour code, the order of the tasks or the network's inputs change their meaning.
CODE_VERSION = 1


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Precision(str, Enum):
    """What the numbers inside a running network are. BF16 has no file of its own: it is FP32 run in fewer bits."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"


class Role(str, Enum):
    """What a file of the folder is for."""

    GRAPH = "graph"  # ONNX, one per precision
    SEVERAL = "several"  # the same for several images in one call, where the model offers it
    TEXT = "text"  # embeddings of the words it knows
    GOLDEN = "golden"  # one frame, and the canvases that the network painted for it in training precision
    WEIGHTS = "weights"  # named arrays, for the PyTorch runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    path: str
    role: Role
    sha256: str
    size_bytes: int
    precision: Precision | None = None

    @classmethod
    def of(cls, path: Path, role: Role, precision: Precision | None = None) -> ModelFile:
        data = path.read_bytes()
        return cls(path=path.name, role=role, sha256=sha256(data), size_bytes=len(data), precision=precision)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """Something that went into the weights, and the terms it came under."""

    name: str
    licence: str
    samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """How the weights came about; `config` is the training configuration as JSON text."""

    summary: str
    sources: tuple[TrainedOn, ...] = ()
    steps: int = 0
    seed: int = 0
    config: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One measured figure on one set of frames, beside the strongest constant baseline there."""

    frames: str
    metric: str
    value: float
    baseline: float | None = None
    precision: Precision = Precision.FP32


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`sizes_wh` are the canvas sizes it was trained for, the first is the golden frame's. `golden_prompts` are full
    prompts in the paper's form; the golden file holds a canvas for each, in this order. `tasks` are those that the
    network has an input for, in that order; the package may know more, which this model then does not paint.
    """

    name: str
    sizes_wh: tuple[tuple[int, int], ...]
    files: tuple[ModelFile, ...]
    vocabulary: tuple[str, ...]
    golden_prompts: tuple[str, ...]
    training: TrainingRecord
    scores: tuple[Score, ...] = ()
    tasks: tuple[str, ...] = tuple(task.value for task in TASKS)
    licence: str = "Apache-2.0"
    square_pixels: bool = False  # frames are fitted into the canvas; the first students had them stretched to it
    format: int = FORMAT
    code_version: int = CODE_VERSION
    package_version: str = __version__

    def write(self, folder: Path) -> None:
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def precisions(self) -> tuple[Precision, ...]:
        """Of the graphs on offer."""
        return tuple(f.precision for f in self.files if f.role is Role.GRAPH and f.precision is not None)

    def file(self, role: Role, precision: Precision | None = None) -> ModelFile | None:
        wanted = (f for f in self.files if f.role is role and (precision is None or f.precision is precision))
        return next(wanted, None)


def read_manifest(path: Path) -> Manifest:
    """The manifest, or a DataError that says what does not fit and what to do."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"no manifest {path} ({error.strerror}): a model is a folder with a {MANIFEST}") from error
    except ValueError as error:
        raise DataError(f"{path} must be JSON, but {error}: copy the model's folder again") from error
    if not isinstance(raw, dict):
        raise DataError(f"{path} must hold a JSON object, got {type(raw).__name__}: copy the model's folder again")
    _require_versions(raw, path)
    try:
        manifest = from_json(Manifest, raw)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no manifest of format {FORMAT}: {error}; export the model anew") from error
    _require_sound(manifest, path)
    return manifest


def _require_versions(raw: dict[str, Any], path: Path) -> None:
    if raw.get("format") != FORMAT:
        raise DataError(
            f"{path} has format {raw.get('format')!r}, this package reads {FORMAT}: export the model with this version"
        )
    if raw.get("code_version") != CODE_VERSION:
        raise DataError(
            f"{path} is for code version {raw.get('code_version')!r} (package {raw.get('package_version')!r}), "
            f"this package {__version__} paints and reads code version {CODE_VERSION}: its colours would be decoded "
            "wrongly; export the model with this version, or install the version that it was made with"
        )


def _require_sound(manifest: Manifest, path: Path) -> None:
    if not manifest.sizes_wh:
        raise DataError(f"{path} names no canvas size: export the model anew")
    for size in manifest.sizes_wh:
        if len(size) != 2 or any(side <= 0 or side % 32 for side in size):
            raise DataError(f"{path}: sizes must be (width, height), positive multiples of 32, got {size}")
    for file in manifest.files:
        if file.path in ("", ".", "..") or Path(file.path).name != file.path:
            raise DataError(f"{path}: files must lie in the model's folder itself, got {file.path!r}")
    for role in (Role.GRAPH, Role.TEXT, Role.GOLDEN):
        if manifest.file(role) is None:
            raise DataError(f"{path} names no {role.value} file: export the model anew")
    if not manifest.golden_prompts:
        raise DataError(f"{path} has no golden prompts, so no engine could be checked: export the model anew")
