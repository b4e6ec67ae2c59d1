"""What the how-to pages tell to write is written, and does what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, House, blocks_of

PAGES = ROOT / "docs" / "how-to"
GENERATOR = "add-a-generator.md"


def _needs(page: str) -> None:
    """Optional packages that a page's programs use, where an install may lack them."""
    for package in {
        "add-a-task.md": ["rclpy", "torch"],
        "add-a-topic.md": ["rclpy"],
        "add-a-runtime.md": ["onnxruntime"],
    }.get(page, []):
        pytest.importorskip(package)


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("add-*.md") if path.name != GENERATOR))
def test_a_page_does_what_it_says(page: str, house: House) -> None:
    _needs(page)
    blocks = blocks_of(PAGES / page)
    programs = [block.text for block in blocks if block.kind == "run"]
    assert programs
    for block in blocks:
        if block.kind != "run":
            house.put(block)
    for program in programs:
        house.run(program)


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("add-*.md") if path.name != GENERATOR))
def test_without_its_files_a_pages_programs_fail(page: str, house: House) -> None:
    """Else they would show nothing."""
    _needs(page)
    program = next(block.text for block in blocks_of(PAGES / page) if block.kind == "run")
    with pytest.raises(AssertionError, match="Traceback"):
        house.run(program)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/own_generator as pip installs it."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    for file in (ROOT / "examples" / "own_generator").iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    command = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(folder / "site")]
    subprocess.run([sys.executable, "-m", "pip", *command, str(source)], check=True)
    return folder / "site"


def test_a_generator_of_ones_own_is_found_by_its_entry_point(house: House, installed: Path) -> None:
    for block in blocks_of(PAGES / GENERATOR):
        if block.kind == "file":
            example = ROOT / "examples" / block.where
            assert example.read_text(encoding="utf-8") == block.text, f"{example} is not what the page shows"
        else:
            house.run(block.text, installed)


def test_wrong_words_for_it_are_one_line(house: House, installed: Path) -> None:
    program = (
        "import vision_banana_ros as vb\n"
        "try:\n    vb.load_generator('plane:high')\n"
        "except vb.VisionBananaError as error:\n    print(error)"
    )
    assert house.run(program, installed) == "plane:HEIGHT wants metres, got 'high': write plane:0.4\n"
