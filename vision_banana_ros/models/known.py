"""Models that are known by name: what each paints, in what unit, under which licence, how large it is.

The table is data/known.json, from the models' own pages and papers; what stands there of speed and memory was published
by others unless it says that we measured it. Any other model of a family that an adapter knows can be named as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vision_banana_ros.core import DataError
from vision_banana_ros.models.records import from_json

_FILE = Path(__file__).parent / "data" / "known.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """`restricted`: not everybody may use it for everything. `fetch` are the repositories that hold it, by default the
    ids in its name; `files` what is fetched of them. `normals_axes` is what turns its normals into ours.
    """

    name: str
    paints: tuple[str, ...]
    unit: str
    licence: str
    restricted: bool = False
    parameters_m: float | None = None
    size_mb: float | None = None
    memory: str = ""
    speed: str = ""
    needs: str = ""
    note: str = ""
    fetch: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    normals_axes: tuple[float, ...] = ()

    @property
    def repositories(self) -> tuple[str, ...]:
        if self.fetch:
            return self.fetch
        prefix, _, ids = self.name.partition(":")
        return tuple(ids.split("+")) if prefix == "hf" else ()


@cache
def known_models() -> tuple[KnownModel, ...]:
    try:
        rows = json.loads(_FILE.read_text(encoding="utf-8"))
        return tuple(from_json(KnownModel, row) for row in rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{_FILE} must list known models: {error}; install the package again") from error


def find_known(name: str) -> KnownModel | None:
    return next((model for model in known_models() if model.name == name), None)
