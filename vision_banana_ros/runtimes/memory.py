"""The choice of a runtime, kept beside the engines: timing once is enough, and a start under load chooses no other.

One small JSON file for all models of a user. A choice is of one model's files on one processor with these packages:
where any of them changes, runtimes are timed anew. A file that cannot be read or written only means that.
"""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.report import LoadReport
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, default_directory

FILE_NAME = "choices.json"
_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "torch")


@dataclass(frozen=True, slots=True)
class Remembered:
    backend: Backend
    precision: Precision
    why: str


def recall(folder: ModelFolder, backend: str, options: RuntimeOptions) -> Remembered | None:
    """The choice of an earlier start, if everything that it depended on is as it was."""
    path = _path(options)
    found = _read(path).get(_key(folder, backend, options))
    try:
        if found is None:
            return None
        why = f"as at an earlier start ({found['why']}); delete {path} to choose anew"
        return Remembered(Backend(str(found["backend"])), Precision(found["precision"]), why)
    except (KeyError, TypeError, ValueError):
        return None


def remember(folder: ModelFolder, backend: str, options: RuntimeOptions, report: LoadReport) -> None:
    path = _path(options)
    entry = {"backend": report.backend.value, "precision": report.precision.value, "why": report.why}
    content = {**_read(path), _key(folder, backend, options): entry}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        options.tell(f"the choice of the runtime cannot be kept in {path} ({error.strerror}): it is made at each start")
    finally:
        with suppress(OSError):
            part.unlink()


def _path(options: RuntimeOptions) -> Path:
    return (options.cache_dir or default_directory()) / FILE_NAME


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _key(folder: ModelFolder, backend: str, options: RuntimeOptions) -> str:
    files = [file.sha256 for file in folder.manifest.files]
    told = [backend, *files, *map(str, options.sizes_wh), platform.machine(), _processor(), str(os.cpu_count())]
    told += [f"{name} {version}" for name in _PACKAGES if (version := _version(name))]
    return sha256("\n".join(told).encode()).hexdigest()[:20]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
