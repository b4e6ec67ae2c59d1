"""The map is the code's, and the hops that docs/architecture.md names are the ones that a frame takes."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from pathlib import Path
from types import FrameType, ModuleType

import numpy as np
import pytest
from load_file import load_file

from vision_banana_ros.core import Camera, Frame, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings
from vision_banana_ros.prompts import Instruction

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
HOPS = re.findall(r"^\d+\. `([\w/]+\.py)` `([\w.]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_file(ROOT / "tools" / "map.py")


@pytest.fixture
def small(tmp_path: Path, tool: ModuleType) -> Path:
    """A house of three rooms, its map drawn."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room, text in {"core": "x = 1\n" * 300, "tasks": "import vision_banana_ros.core\n", "ros": "y = 2\n"}.items():
        folder = tmp_path / "vision_banana_ros" / room
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(text, encoding="utf-8")
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "docs" / "architecture.md").write_text(f"# A\n{tool.BEGIN}\n{tool.END}\nB\n", encoding="utf-8")
    assert tool.main([], tmp_path) == 0
    return tmp_path


def test_the_map_is_up_to_date(tool: ModuleType) -> None:
    assert tool.stale() == [], "run python tools/map.py"


def test_an_import_a_room_or_many_lines_more_make_it_out_of_date(tool: ModuleType, small: Path) -> None:
    page, ros = small / "docs" / "architecture.md", small / "vision_banana_ros" / "ros" / "__init__.py"
    assert "| `ros` | 1 | nothing |\n| `tasks` | 1 | core |\n| `core` | 300 | nothing |" in page.read_text("utf-8")
    assert tool.main(["--check"], small) == 0
    ros.write_text("def f():\n    from vision_banana_ros.tasks import x\n", encoding="utf-8")
    assert tool.main(["--check"], small) == 1
    ros.write_text("y = 2\n\n# one line more\n", encoding="utf-8")
    assert tool.main(["--check"], small) == 0
    ros.write_text("y = 2\n" * 200, encoding="utf-8")
    assert tool.main(["--check"], small) == 1
    ros.write_text("y = 2\n", encoding="utf-8")
    (small / "vision_banana_ros" / "tuning").mkdir()
    (small / "vision_banana_ros" / "tuning" / "new.py").write_text("x = 1\n", encoding="utf-8")
    assert tool.main(["--check"], small) == 1
    assert tool.main([], small) == 0
    assert tool.main(["--check"], small) == 0
    assert "| `tuning` | 1 | nothing |" in page.read_text("utf-8")
    assert page.read_text("utf-8").endswith("\nB\n")


def test_imports_for_type_checkers_alone_do_not_count(tool: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nimport vision_banana_ros.codecs.depth\nfrom vision_banana_ros import tasks\n"
        "if TYPE_CHECKING:\n    from vision_banana_ros.ros import node\n"
        "def late():\n    from vision_banana_ros.world.clip import bundled_clip\n",
        encoding="utf-8",
    )
    assert sorted(tool._imported(file)) == ["codecs", "tasks", "world"]


def test_what_follows_from_other_arrows_is_not_drawn(tool: ModuleType) -> None:
    imports = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": set()}
    assert tool.essential(imports) == {"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}


def test_there_are_at_most_fourteen_hops_and_each_is_a_function_of_its_file() -> None:
    assert 8 < len(HOPS) <= 14
    for file, name in HOPS:
        tree: ast.AST = ast.parse((ROOT / "vision_banana_ros" / file).read_text(encoding="utf-8"))
        for part in name.split("."):
            found = [n for n in ast.iter_child_nodes(tree) if getattr(n, "name", None) == part]
            assert found, f"{file} has no {name}"
            tree = found[0]


def test_a_frame_takes_the_hops_in_their_order() -> None:
    """Those between the messages, by watching the calls."""
    pytest.importorskip("openvino")
    inner = HOPS[[name for _, name in HOPS].index("Perceiver.see") :][:8]
    wanted = [(file, name.rpartition(".")[2]) for file, name in inner]
    rgb = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    frame = Frame(rgb, camera=Camera.from_hfov(60, 160, 120))
    perceiver = Perceiver(load_generator("student", backend="openvino:fp32"))
    seen: list[tuple[str, str]] = []

    def watch(calls: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            file = calls.f_code.co_filename.replace("\\", "/").rpartition("vision_banana_ros/")[2]
            if (hop := (file, calls.f_code.co_name)) in wanted and hop not in seen:
                seen.append(hop)

    sys.setprofile(watch)
    try:
        perceiver.see(frame, [Instruction(Task.DEPTH)], PerceiverSettings())
    finally:
        sys.setprofile(None)
    assert seen == wanted
