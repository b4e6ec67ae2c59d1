"""Which code made a folder of shards: a digest of what decides what a seed shows, and of nothing else.

That is the code that the picture of a seed runs through (`world/sample.py`, how it is stored, and all that they import
of the world, the data codes and the vocabulary) as it parses, without comments, docstrings and layout, and the data
files that it reads. So a reworded comment lets a render go on, and another chair does not.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from vision_banana_ros.data.shard_manifest import FILE_NAME, Manifest, read_manifest

__all__ = ["FILE_NAME", "Manifest", "code_version", "read_manifest", "write_atomically", "write_manifest"]

_PACKAGE = Path(__file__).parents[1]
#: Where the picture of a seed is made, and where it is turned into what lies on disk.
_ROOTS = ("world.sample", "data.shard_codes")
#: Rooms whose modules count when one of the roots imports them; the nouns of core decide no pixel.
_ROOMS = ("world", "data", "tasks", "geometry", "codecs")
_DATA = ("tasks/data/*.json", "world/data/*.json")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_atomically(folder / FILE_NAME, json.dumps(asdict(manifest), indent=1).encode())


def code_version(package: Path = _PACKAGE) -> str:
    """Twelve digits that change when the same seed may show something else."""
    digest = sha256()
    for path in pixel_modules(package):
        said = read_code(path.read_text(encoding="utf-8")).canonical
        digest.update(f"{path.relative_to(package).as_posix()} {said}\n".encode())
    for pattern in _DATA:
        for path in sorted(package.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def pixel_modules(package: Path = _PACKAGE) -> list[Path]:
    """The files of every module that a root imports, straight or through others, in order of their names."""
    found: dict[str, Path] = {}
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop()
        path = _file_of(package, name)
        if path is None or name in found or name.partition(".")[0] not in _ROOMS:
            continue
        found[name] = path
        waiting += read_code(path.read_text(encoding="utf-8")).imports
    return [found[name] for name in sorted(found)]


@dataclass(frozen=True, slots=True)
class Code:
    """A module: what it says, the same text in every version of Python, and what it imports of this package."""

    canonical: str
    imports: tuple[str, ...]


@lru_cache(maxsize=512)
def read_code(text: str) -> Code:
    """Parsed once per text: a second for the whole world."""
    tree = ast.parse(text)
    return Code(_text(tree), tuple(_imports(tree)))


def write_atomically(path: Path, content: bytes) -> None:
    """The whole file or none, whenever the process may be stopped."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _file_of(package: Path, name: str) -> Path | None:
    stem = package.joinpath(*name.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Names below the package, also of what is imported inside of functions or from a folder of modules."""
    prefix = f"{_PACKAGE.name}."
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name.removeprefix(prefix) for name in names if name.startswith(prefix))


def _text(node: object) -> str:
    """Node types with their fields. ast.dump() and ast.unparse() write the same tree differently from year to year."""
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and _has_docstring(node):
        fields["body"] = node.body[1:]
    # fields that are empty, or that only some versions have, say nothing
    told = (f"{name}={_text(value)}" for name, value in fields.items() if value not in (None, []) and name != "kind")
    return f"{type(node).__name__}({','.join(told)})"


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None
