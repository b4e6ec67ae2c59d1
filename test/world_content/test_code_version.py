"""The digest of a render changes with what decides pixels, and with nothing else."""

import ast
import shutil
from pathlib import Path

import pytest

import vision_banana_ros
from vision_banana_ros.world.manifest import code_version, pixel_modules, read_code

HERE = Path(vision_banana_ros.__file__).parent


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = tmp_path_factory.mktemp("copy") / "vision_banana_ros"
    ignored = shutil.ignore_patterns("*.npz", "*.onnx", "*.webm", "__pycache__", "training", "ros")
    shutil.copytree(HERE, package, ignore=ignored)
    return package


def changed(package: Path, name: str, before: str, after: str) -> bool:
    """Whether this edit changes the digest; undone afterwards."""
    file = package / name
    text = file.read_text(encoding="utf-8")
    assert before in text
    try:
        file.write_text(text.replace(before, after, 1), encoding="utf-8")
        return code_version(package) != code_version(HERE)
    finally:
        file.write_text(text, encoding="utf-8")


def test_a_copy_has_the_same_digest(copied: Path) -> None:
    assert code_version(copied) == code_version(HERE)
    assert len(code_version(HERE)) == 12


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("world/furniture/seats.py", '"""', '"""Other words. '),
        ("world/furniture/seats.py", "\n\n", "\n\n# a comment\n"),
        ("world/poses.py", "\n\n\n", "\n\n\n\n\n"),
        ("world/sheet.py", "COLUMNS = 3", "COLUMNS = 4"),
        ("world/statistics.py", "0.25, 0.5", "0.3, 0.5"),
        ("world/batches.py", "class PackedScene", "class Packed"),
        ("world/clip_tour.py", "def ", "def other_"),
        ("world/live.py", "import", "import ast\nimport"),
        ("__init__.py", "__version__ =", "__version__ = '9' #"),
    ],
)
def test_what_no_pixel_depends_on_lets_a_render_go_on(copied: Path, name: str, before: str, after: str) -> None:
    assert not changed(copied, name, before, after)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("world/furniture/seats.py", "0.4", "0.41"),
        ("world/sample.py", "_VIEWS_PER_PLACE = 14", "_VIEWS_PER_PLACE = 15"),
        ("world/tracing/shade.py", " + ", " - "),
        ("world/sensor.py", "return", "return 1 and"),
        ("data/shard_codes.py", "JPEG_QUALITY = 95", "JPEG_QUALITY = 94"),
        ("tasks/data/vocabulary.json", "wall", "walls"),
    ],
)
def test_what_a_pixel_depends_on_makes_another_render(copied: Path, name: str, before: str, after: str) -> None:
    assert changed(copied, name, before, after)


def test_the_modules_of_a_picture_are_found_through_their_imports() -> None:
    found = {path.relative_to(HERE).as_posix() for path in pixel_modules()}
    assert {f"world/grammars/{p.name}" for p in (HERE / "world/grammars").glob("*.py")} <= found
    assert {f"world/furniture/{p.name}" for p in (HERE / "world/furniture").glob("*.py")} <= found
    assert {"world/render.py", "world/tracing/cpu.py", "world/sensor.py", "tasks/vocabulary.py"} <= found
    assert not {"world/statistics.py", "world/dataset.py", "world/clip.py", "world/tracing/gpu.py"} & found


def canonical(text: str) -> str:
    return read_code(text).canonical


def test_the_canonical_text_keeps_code_and_drops_words() -> None:
    plain = canonical("def f(x, y=None):\n    return [x, 'doc', None]")
    assert canonical('"""M."""\ndef f( x,y = None ):  # why\n    """D."""\n    return [x, "doc", None]') == plain
    assert canonical("def f(x, y=None):\n    return [x, 'dox', None]") != plain
    assert canonical("def f(x, y=0):\n    return [x, 'doc', None]") != plain
    for node in ("1", "1.0", "True", "'1'", "b'1'", "None", "...", "-1", "x", "f'{x}1'"):
        assert canonical(node) == canonical(f"({node})")
    texts = {canonical(text) for text in ("1", "1.0", "True", "'1'", "b'1'", "None", "...", "-1", "x", "f'{x}1'")}
    assert len(texts) == 10
    assert ast.dump(ast.parse("x")) != canonical("x")
