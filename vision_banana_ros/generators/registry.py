"""A model's name -> a generator.

    student, FOLDER, oracle:clip, hf:ID, onnx:CARD.yaml, moge:ID, da3:ID, diffusers:ID[+LORA], gemini:MODEL, http://HOST,
    mix:FILE.yaml                                PREFIX:REST is one line of PREFIXES
    any name of an entry point of the group "vision_banana_ros.generators", with or without :REST

Any may be told the size of its canvases: "student@192x128" is faster and coarser, "oracle:moving@256x192" stands in for
a model. A student's canvases are multiples of 32.
What a model needs (a runtime, footage, weights) is imported only when that model is asked for, and never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module, metadata, util
from pathlib import Path

from vision_banana_ros.core import Footage, GeneratorError
from vision_banana_ros.generators.options import GeneratorOptions, say_nothing
from vision_banana_ros.generators.oracle import OracleGenerator
from vision_banana_ros.prompts import Generator

#: Where a trained model that is shipped with the package lies.
SHIPPED_STUDENT = Path(__file__).parents[1] / "models" / "student"
MANIFEST = "manifest.json"
ENTRY_POINTS = "vision_banana_ros.generators"

#: PREFIX -> "module:function" below generators/; the function takes what follows the colon, and the options.
PREFIXES: dict[str, str] = {
    "oracle": "registry:load_oracle",
    "hf": "specialists.transformers_models:load",
    "onnx": "specialists.onnx_file:load",
    "moge": "specialists.moge:load",
    "da3": "specialists.da3:load",
    "diffusers": "editors.loading:load_named",
    "gemini": "remote.loading:load_gemini_named",
    "http": "remote.loading:load_http_named",
    "https": "remote.loading:load_https_named",
    "mix": "mix:load_named",
}

_SIZE = re.compile(r"@(\d+)x(\d+)$")
#: Both sides of a student's canvas are multiples of it.
_CELL = 32


def load_generator(
    model: str,
    *,
    backend: str = "auto",
    tell: Callable[[str], None] | None = None,
    cache_dir: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    accept_licence: bool = False,
    anchor: str = "",
    words: Path | None = None,
    allow_remote: bool | None = None,
    max_rate_hz: float = 0.0,
    remembers: bool = False,
    cameras: int = 1,
    together: str = "auto",
) -> Generator:
    """The generator of that name; `backend` chooses the runtime of a trained model ("auto": the best one here).

    A trained model's generator has a `report` (choice.LoadReport): what runs, why, and what failed its self-check.
    `tell` hears a line at a time of what takes long, such as building an engine; engines are kept in `cache_dir`, by
    default in the user's cache. The other choices are GeneratorOptions'.
    """
    options = GeneratorOptions(
        backend=backend, tell=tell or say_nothing, cache_dir=cache_dir, device=device, precision=precision,
        accept_licence=accept_licence, anchor=anchor, words=words, allow_remote=allow_remote, max_rate_hz=max_rate_hz,
        remembers=remembers, cameras=cameras, together=together,
    )  # fmt: skip
    return load(model, options)


def load(model: str, options: GeneratorOptions) -> Generator:
    """The generator of that name, with all its options at once: what a mix asks for each of its parts."""
    name, size = split_size(model)
    options = replace(options, size=size)
    generator = _load(model, name, options)
    if options.anchor == "scale":
        scaled: Generator = import_module("vision_banana_ros.generators.scaled").scaled(generator, options)
        return scaled
    return generator


def _load(model: str, name: str, options: GeneratorOptions) -> Generator:
    prefix, colon, rest = name.partition(":")
    if colon and prefix in PREFIXES:
        if not rest:
            raise GeneratorError(f"{model!r} names no model: write {prefix}:NAME")
        module, function = PREFIXES[prefix].split(":")
        return _of(f"vision_banana_ros.generators.{module}", function)(rest, options)
    entry = next(iter(metadata.entry_points(group=ENTRY_POINTS, name=prefix)), None)
    if entry is not None:
        found: Generator = entry.load()(rest, options)
        return found
    if name != "student" and not (Path(name) / MANIFEST).is_file():
        footage = " or ".join(repr(f"oracle:{name}") for name in _FOOTAGES)
        raise GeneratorError(
            f"no model {name!r}: expected 'student', {footage}, or a folder with a {MANIFEST}, or "
            f"{', '.join(f'{known}:NAME' for known in PREFIXES if known != 'oracle')}"
        )
    size = options.size
    if size is not None and (size[0] % _CELL or size[1] % _CELL):
        raise GeneratorError(f"a student's canvases are multiples of {_CELL} wide and high, got {model!r}")
    if name == "student" and not (SHIPPED_STUDENT / MANIFEST).is_file():
        raise GeneratorError(
            "no trained student is shipped with this version: name the folder of one that you trained, "
            "or try the way with the scene that knows its truth, 'oracle:moving'"
        )
    return _load_student(SHIPPED_STUDENT if name == "student" else Path(name), options)


def split_size(model: str) -> tuple[str, tuple[int, int] | None]:
    """ "student@192x128" -> ("student", (192, 128))."""
    size = _SIZE.search(model)
    if size is None:
        return model, None
    if 0 in (int(size[1]), int(size[2])):
        raise GeneratorError(f"the size in {model!r} must be WIDTHxHEIGHT, both at least 1")
    return model[: size.start()], (int(size[1]), int(size[2]))


def load_oracle(name: str, options: GeneratorOptions) -> OracleGenerator:
    if name not in _FOOTAGES:
        raise GeneratorError(f"no footage {name!r} for an oracle: there are {', '.join(_FOOTAGES)}")
    return OracleGenerator(_FOOTAGES[name](), size=options.size)


def _of(module: str, function: str) -> Callable[[str, GeneratorOptions], Generator]:
    found: Callable[[str, GeneratorOptions], Generator] = getattr(import_module(module), function)
    return found


def _load_student(folder: Path, options: GeneratorOptions) -> Generator:
    from vision_banana_ros.generators.student import load as load_student
    from vision_banana_ros.runtimes.runtime import RuntimeOptions

    sizes_wh = () if options.size is None else (options.size,)
    runtime = RuntimeOptions(
        tell=options.tell, cache_dir=options.cache_dir, sizes_wh=sizes_wh, remembers=options.remembers,
        images=options.cameras,
    )  # fmt: skip
    return load_student(folder, backend=options.backend, options=runtime, together=options.together)


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
