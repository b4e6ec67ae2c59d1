"""What an experiment keeps in its folder: what was asked for, and what was judged; the report is made of the latter."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.core.files import write_whole

RESULTS = "results.json"


def keep_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Written at the first start; a later one must ask for the same."""
    text = json.dumps(settings, indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise DataError(
            f"{path.parent} was begun with other settings: go on with the same, delete it, or give a new folder"
        )
    write_whole(path, text.encode())


def read_results(folder: Path) -> dict[str, Any]:
    """What was judged so far, by the names of the runs."""
    path = folder / RESULTS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def add_result(folder: Path, name: str, found: Mapping[str, Any]) -> None:
    """The others are read again: another process may have judged one of them meanwhile."""
    text = json.dumps({**read_results(folder), name: found}, indent=1) + "\n"
    write_whole(folder / RESULTS, text.encode())


def write_lines(path: Path, lines: list[str]) -> None:
    """A page of Markdown: prose in lines of 118; tables, figures and headings as they are."""
    path.write_text("\n".join(map(_wrapped, lines)) + "\n", encoding="utf-8")


def _wrapped(line: str) -> str:
    if line.startswith(("|", "!", "#")):
        return line
    return textwrap.fill(line, 118, subsequent_indent="  " if line.startswith("- ") else "")
