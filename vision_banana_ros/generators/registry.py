"""A model's name -> a generator: "oracle:moving", "oracle:clip", "student", or a folder with a manifest.

An oracle may be told the size of its canvases, to stand in for a model: "oracle:moving@256x192".
What a model needs (a runtime, footage) is imported only when that model is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path

from vision_banana_ros.core import Footage, Generator, GeneratorError
from vision_banana_ros.generators.oracle import OracleGenerator

#: Where a trained model that is shipped with the package lies.
SHIPPED_STUDENT = Path(__file__).parents[1] / "models" / "student"
MANIFEST = "manifest.json"

_SIZE = re.compile(r"@(\d+)x(\d+)$")


def load_generator(
    model: str,
    *,
    backend: str = "auto",
    tell: Callable[[str], None] | None = None,
    cache_dir: Path | None = None,
) -> Generator:
    """The generator of that name; `backend` chooses the runtime of a trained model ("auto": the best one here).

    A trained model's generator has a `report` (choice.LoadReport): what runs, why, and what failed its self-check.
    `tell` hears a line at a time of what takes long, such as building an engine; engines are kept in `cache_dir`, by
    default in the user's cache.
    """
    if model.startswith("oracle:"):
        return _load_oracle(model)
    if model == "student":
        if not (SHIPPED_STUDENT / MANIFEST).is_file():
            raise GeneratorError(
                "no trained student is shipped with this version: name the folder of one that you trained, "
                "or try the way with the scene that knows its truth, 'oracle:moving'"
            )
        return _load_student(SHIPPED_STUDENT, backend, tell, cache_dir)
    folder = Path(model)
    if not (folder / MANIFEST).is_file():
        raise GeneratorError(
            f"no model {model!r}: expected 'student', {' or '.join(repr(f'oracle:{name}') for name in _FOOTAGES)}, "
            f"or a folder with a {MANIFEST}"
        )
    return _load_student(folder, backend, tell, cache_dir)


def _load_oracle(model: str) -> OracleGenerator:
    size = _SIZE.search(model)
    name = _SIZE.sub("", model).removeprefix("oracle:")
    if name not in _FOOTAGES:
        raise GeneratorError(f"no footage {name!r} for an oracle: there are {', '.join(_FOOTAGES)}")
    if size is not None and 0 in (int(size[1]), int(size[2])):
        raise GeneratorError(f"the size in {model!r} must be WIDTHxHEIGHT, both at least 1")
    return OracleGenerator(_FOOTAGES[name](), size=None if size is None else (int(size[1]), int(size[2])))


def _load_student(folder: Path, backend: str, tell: Callable[[str], None] | None, cache_dir: Path | None) -> Generator:
    from vision_banana_ros.generators.runtime import RuntimeOptions, say_nothing
    from vision_banana_ros.generators.student import load

    return load(folder, backend=backend, options=RuntimeOptions(tell=tell or say_nothing, cache_dir=cache_dir))


def _moving() -> Footage:
    from vision_banana_ros.scenes.moving import MovingScene

    return MovingScene()


def _clip() -> Footage:
    module = "vision_banana_ros.scenes.clip"
    if util.find_spec(module) is None:
        raise GeneratorError("no clip is bundled with this version: use 'oracle:moving'")
    footage: Footage = import_module(module).bundled_clip()
    return footage


_FOOTAGES: dict[str, Callable[[], Footage]] = {"moving": _moving, "clip": _clip}
