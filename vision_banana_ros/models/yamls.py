"""YAML files that users write: read safely, and complained of in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, MissingExtraError


def read_yaml(path: Path, *, what: str) -> Any:
    """The content; `what` says what the file should be."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError(package="PyYAML", extra="cpu", purpose=f"Reading {path}") from error
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"no {what} {path} ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path} must be YAML, {what}: {str(error).splitlines()[0]}") from error
