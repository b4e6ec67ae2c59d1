"""The card of a graph: a small YAML that says what goes in, what comes out and what it means. docs/models.md lists it.

    onnx:
      file: net.onnx                      beside the card, in $VISION_BANANA_MODELS, or in the hub's cache of `source`
      sha256: ...                         refused when the file is another
      source: owner/repository
      licence: {code: MIT, weights: MIT, commercial: true}
      input: {name: image, layout: NCHW, colour: rgb, scale: 1, mean: [...], std: [...], size: {fixed: [h, w]},
              multiple: 14, patch: 14, fit: stretch, pad_colour: [0, 0, 0], interpolation: area,
              extra: {num_tokens: tokens}}
      outputs:
        depth:   {name: depth, kind: metric, near: 0, far: 200}
        classes: {name: ids, kind: ids, ignore: [31]}
      labels: [wall, floor]  or  {1: wall}
      anchor: student                     for relative depth, where the user names none
      check: varies                       an answer that is the same everywhere is refused

`file` may be a list of files of several sizes; then `sha256` and `size: {fixed: [[h, w], ...]}` are lists, too, and a
frame goes to the one of the nearest shape.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.geometry.anchor import DepthKind
from vision_banana_ros.models.hub import cached_file
from vision_banana_ros.models.yamls import read_yaml
from vision_banana_ros.runtimes.runtime import default_directory

ROLES = ("depth", "points", "scale", "mask", "sky", "normals", "confidence", "classes")
MODELS_FOLDER = "VISION_BANANA_MODELS"
_LAYOUTS = ("NCHW", "BNCHW", "NHWC")
_FITS = ("stretch", "pad", "crop")
_INTERPOLATIONS = ("area", "linear", "cubic")
_DEPTH_KINDS = tuple(kind.value for kind in DepthKind)
#: What each role may say beside `name`.
_ROLE_KEYS: dict[str, tuple[str, ...]] = {
    "depth": ("kind", "focal", "axis", "near", "far"),
    "points": ("kind", "near", "far"),
    "scale": (),
    "mask": ("above",),
    "sky": ("above",),
    "normals": ("frame", "facing"),
    "confidence": ("above",),
    "classes": ("kind", "ignore", "layout"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    name: str = ""
    layout: str = "NCHW"
    colour: str = "rgb"
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    size: Mapping[str, Any] = field(default_factory=dict)
    multiple: int = 1
    patch: int = 14
    fit: str = "stretch"
    pad_colour: tuple[float, ...] = (0.0, 0.0, 0.0)
    interpolation: str = "area"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    names: tuple[str, ...]
    kind: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        return float(self.options.get(name, default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    name: str
    files: tuple[Path, ...]
    licence: str
    commercial: bool
    source: str
    input: InputSpec
    outputs: Mapping[str, OutputSpec]
    labels: Mapping[int, str]
    anchor: str
    check: bool
    fixed_hw: tuple[tuple[int, int], ...]  # one a file; empty where the size is free


def find_card(text: str) -> Path:
    """A path, or the name of a card that ships with the package."""
    path = Path(text).expanduser()
    if path.is_file():
        return path
    name = text if text.endswith((".yaml", ".yml")) else f"{text}.yaml"
    for folder in card_folders():
        if (folder / name).is_file() and Path(name).name == name:
            return folder / name
    shipped = sorted({card.stem for folder in card_folders() for card in folder.glob("*.yaml")})
    raise DataError(
        f"no card {text!r}: give the path of a YAML file, or one that ships: {', '.join(shipped) or 'none'}"
    )


def card_folders() -> list[Path]:
    """config/models of the source tree, of a pip install, of a colcon install."""
    share = Path("share") / "vision_banana_ros"
    roots = [Path(__file__).parents[3], Path(sys.prefix) / share]
    roots += [Path(p) / share for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    return [root / "config" / "models" for root in roots if (root / "config" / "models").is_dir()]


def read_card(path: Path, *, locate: bool = True) -> Card:
    """The card, every word of it known and every file found and of its hash (unless not to `locate`)."""
    raw = read_yaml(path, what="card")
    body = raw.get("onnx") if isinstance(raw, dict) else None
    if not isinstance(body, dict):
        raise DataError(f"{path} must have one key, onnx, with file, input and outputs under it: see docs/models.md")
    known = ("file", "sha256", "source", "licence", "input", "outputs", "labels", "anchor", "check")
    _require_keys(body, known, ("file", "outputs"), path, "onnx")
    names = [str(f) for f in _listed(body["file"])]
    hashes = [str(h) for h in _listed(body.get("sha256", []))]
    if hashes and len(hashes) != len(names):
        raise DataError(f"{path} names {len(names)} files and {len(hashes)} hashes: give one for each")
    source = str(body.get("source", ""))
    files = tuple(_locate(n, source, path) if locate else Path(n) for n in names)
    if locate:
        for file, wanted in zip(files, hashes, strict=False):
            _require_hash(file, wanted)
    licence = body.get("licence", {})
    if not isinstance(licence, dict):
        raise DataError(f"{path}: licence must say code and weights, as in {{code: MIT, weights: MIT}}")
    entry = _input(body.get("input", {}), path)
    return Card(
        name=path.stem,
        files=files,
        licence=str(licence.get("weights", "unknown")),
        commercial=bool(licence.get("commercial", True)),
        source=source,
        input=entry,
        outputs=_outputs(body["outputs"], path),
        labels=_labels(body.get("labels", {}), path),
        anchor=str(body.get("anchor", "")),
        check=_one_of(str(body.get("check", "varies")), ("varies", "none"), "check", path) == "varies",
        fixed_hw=_fixed(entry, len(names), path),
    )


def _input(raw: Any, path: Path) -> InputSpec:
    names = tuple(InputSpec.__dataclass_fields__)
    _require_keys(raw, names, (), path, "input")
    given = dict(raw)
    for key in ("mean", "std", "pad_colour"):
        if key in given:
            given[key] = tuple(float(v) for v in given[key])
    entry = InputSpec(**given)
    _one_of(entry.layout, _LAYOUTS, "input layout", path)
    _one_of(entry.colour, ("rgb", "bgr"), "input colour", path)
    _one_of(entry.fit, _FITS, "input fit", path)
    _one_of(entry.interpolation, _INTERPOLATIONS, "input interpolation", path)
    _require_keys(dict(entry.size), ("fixed", "longest", "shortest", "tokens"), (), path, "input size")
    if bool(entry.mean) != bool(entry.std):
        raise DataError(f"{path}: input mean and std go together")
    return entry


def _outputs(raw: Any, path: Path) -> dict[str, OutputSpec]:
    _require_keys(raw, ROLES, (), path, "outputs")
    outputs = {}
    for role, said in raw.items():
        _require_keys(said, ("name", *_ROLE_KEYS[role]), ("name",), path, f"output {role}")
        kind = str(said.get("kind", {"depth": "", "points": "affine_shift", "classes": "ids"}.get(role, "")))
        if role == "depth":
            _one_of(kind, _DEPTH_KINDS, "kind of depth", path)
            if kind == DepthKind.CANONICAL_FOCAL.value and not said.get("focal"):
                raise DataError(f"{path}: canonical_focal depth needs its reference, as in focal: 300")
            _one_of(str(said.get("axis", "mean")), ("mean", "x"), "axis", path)
        if role == "points":
            _one_of(kind, ("affine_shift", "metric"), "kind of points", path)
        if role == "classes":
            _one_of(kind, ("ids", "logits"), "kind of classes", path)
        if role == "normals":
            _one_of(str(said.get("frame", "opencv")), ("opencv", "opengl"), "frame of normals", path)
            _one_of(str(said.get("facing", "camera")), ("camera", "scene"), "facing of normals", path)
        rest = {k: v for k, v in said.items() if k not in ("name", "kind")}
        outputs[role] = OutputSpec(names=tuple(str(n) for n in _listed(said["name"])), kind=kind, options=rest)
    if not {"depth", "points", "normals", "classes"} & set(outputs):
        raise DataError(
            f"{path}: outputs must have depth, points, normals or classes, got {', '.join(outputs) or 'none'}"
        )
    return outputs


def _labels(raw: Any, path: Path) -> dict[int, str]:
    if isinstance(raw, list):
        return {i: str(name) for i, name in enumerate(raw)}
    try:
        return {int(i): str(name) for i, name in dict(raw).items()}
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: labels must be a list of names, or numbers with names, got {raw!r}") from error


def _fixed(entry: InputSpec, files: int, path: Path) -> tuple[tuple[int, int], ...]:
    fixed = entry.size.get("fixed")
    if fixed is None:
        if files > 1:
            raise DataError(f"{path} names {files} files: give the size of each, size: {{fixed: [[h, w], ...]}}")
        return ()
    pairs = fixed if fixed and isinstance(fixed[0], list) else [fixed]
    if len(pairs) != files or any(len(p) != 2 or not all(isinstance(n, int) and n > 0 for n in p) for p in pairs):
        raise DataError(f"{path}: input size fixed must be [height, width], one for each file, got {fixed}")
    return tuple((int(h), int(w)) for h, w in pairs)


def _locate(name: str, source: str, card: Path) -> Path:
    """Beside the card, in the user's own folder, in the cache, in the hub's cache; nothing is fetched."""
    if Path(name).is_absolute():
        places = [Path(name)]
    else:
        folders = [card.parent, *(Path(p) for p in os.environ.get(MODELS_FOLDER, "").split(os.pathsep) if p)]
        places = [folder / name for folder in (*folders, default_directory().parent / "models")]
    found = next((place for place in places if place.is_file()), None)
    if found is None and source.count("/") == 1:
        found = cached_file(source, name)
    if found is None:
        fetch = f"run  vision-banana models get {card.stem},  or put it" if source.count("/") == 1 else "put it"
        raise DataError(f"{name} of card {card.name} is not here: {fetch} beside the card or into ${MODELS_FOLDER}")
    return found


def _require_hash(file: Path, wanted: str) -> None:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != wanted.lower():
        raise DataError(
            f"{file} is not the file of its card: SHA-256 {digest.hexdigest()[:12]}..., the card says "
            f"{wanted[:12]}...; fetch it again, or correct the card if you trust it"
        )


def _require_keys(raw: Any, known: Sequence[str], needed: Sequence[str], path: Path, where: str) -> None:
    if not isinstance(raw, dict):
        raise DataError(f"{path}: {where} must hold names and values, got {raw!r}")
    for key in raw:
        if key not in known:
            raise DataError(f"{path}: {where} has no {key!r}: it may say {', '.join(known)}")
    for key in needed:
        if key not in raw:
            raise DataError(f"{path}: {where} must say {key}")


def _one_of(value: str, known: Sequence[str], what: str, path: Path) -> str:
    if value not in known:
        raise DataError(f"{path}: {what} must be one of {', '.join(known)}, got {value or 'nothing'!r}")
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
