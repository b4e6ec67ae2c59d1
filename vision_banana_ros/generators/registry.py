"""A model's name -> a generator: "oracle:moving", "oracle:clip", "student", or a folder with a manifest.

Any may be told the size of its canvases: "student@192x128" is faster and coarser, "oracle:moving@256x192" stands in for
a model. A student's canvases are multiples of 32.
What a model needs (a runtime, footage) is imported only when that model is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib import import_module, util
from pathlib import Path

from vision_banana_ros.core import Footage, GeneratorError
from vision_banana_ros.generators.oracle import OracleGenerator
from vision_banana_ros.prompts import Generator

#: Where a trained model that is shipped with the package lies.
SHIPPED_STUDENT = Path(__file__).parents[1] / "models" / "student"
MANIFEST = "manifest.json"

_SIZE = re.compile(r"@(\d+)x(\d+)$")
#: Both sides of a student's canvas are multiples of it.
_CELL = 32


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
    name, size = split_size(model)
    if name.startswith("oracle:"):
        return _load_oracle(name, size)
    if size is not None and (size[0] % _CELL or size[1] % _CELL):
        raise GeneratorError(f"a student's canvases are multiples of {_CELL} wide and high, got {model!r}")
    load = partial(_load_student, size=size, backend=backend, tell=tell, cache_dir=cache_dir)
    if name == "student":
        if not (SHIPPED_STUDENT / MANIFEST).is_file():
            raise GeneratorError(
                "no trained student is shipped with this version: name the folder of one that you trained, "
                "or try the way with the scene that knows its truth, 'oracle:moving'"
            )
        return load(SHIPPED_STUDENT)
    folder = Path(name)
    if not (folder / MANIFEST).is_file():
        raise GeneratorError(
            f"no model {name!r}: expected 'student', {' or '.join(repr(f'oracle:{name}') for name in _FOOTAGES)}, "
            f"or a folder with a {MANIFEST}"
        )
    return load(folder)


def split_size(model: str) -> tuple[str, tuple[int, int] | None]:
    """ "student@192x128" -> ("student", (192, 128))."""
    size = _SIZE.search(model)
    if size is None:
        return model, None
    if 0 in (int(size[1]), int(size[2])):
        raise GeneratorError(f"the size in {model!r} must be WIDTHxHEIGHT, both at least 1")
    return model[: size.start()], (int(size[1]), int(size[2]))


def _load_oracle(name: str, size: tuple[int, int] | None) -> OracleGenerator:
    name = name.removeprefix("oracle:")
    if name not in _FOOTAGES:
        raise GeneratorError(f"no footage {name!r} for an oracle: there are {', '.join(_FOOTAGES)}")
    return OracleGenerator(_FOOTAGES[name](), size=size)


def _load_student(
    folder: Path,
    *,
    size: tuple[int, int] | None,
    backend: str,
    tell: Callable[[str], None] | None,
    cache_dir: Path | None,
) -> Generator:
    from vision_banana_ros.generators.student import load
    from vision_banana_ros.runtimes.runtime import RuntimeOptions, say_nothing

    sizes_wh = () if size is None else (size,)
    options = RuntimeOptions(tell=tell or say_nothing, cache_dir=cache_dir, sizes_wh=sizes_wh)
    return load(folder, backend=backend, options=options)


def _moving() -> Footage:
    from vision_banana_ros.world.moving import MovingScene

    return MovingScene()


def _clip() -> Footage:
    module = "vision_banana_ros.world.clip"
    if util.find_spec(module) is None:
        raise GeneratorError("no clip is bundled with this version: use 'oracle:moving'")
    footage: Footage = import_module(module).bundled_clip()
    return footage


_FOOTAGES: dict[str, Callable[[], Footage]] = {"moving": _moving, "clip": _clip}
