"""What README and CONTRIBUTING promise: their length, their links, and that the walk ends where it says."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from vision_banana_ros.commands import COMMANDS

ROOT = Path(__file__).parents[2]
WALK = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## The walk")[1].split("## Conventions")[0]
STEPS = re.findall(r"`([\w/]+\.py)` `([\w.]+)`", WALK)
OURS = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md", "docs/LOG.md", "docs/architecture.md",
    "docs/model-card.md", "docs/reference.md",
    *(str(path.relative_to(ROOT)) for folder in ("adr", "how-to") for path in (ROOT / "docs" / folder).glob("*.md")),
)  # fmt: skip
_MARKER = re.compile(r"\s*<!-- \w+: ")


def _pages() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def _without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_readme_names_every_command_and_no_other() -> None:
    rows = re.findall(r"^\| `vision-banana ([^|]+)\|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(re.findall(r"(\w+)`", " ".join(rows))) == sorted(COMMANDS)


def test_the_walk_tells_the_five_ways_that_a_newcomer_asks_for() -> None:
    for way in ("a colour code", "a topic's QoS", "a loss", "a piece of furniture", "the order of runtimes"):
        assert f"| {way} |" in WALK


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_the_walk_ends_at_a_name_of_that_file(file: str, name: str) -> None:
    tree: ast.AST = ast.parse((ROOT / "vision_banana_ros" / file).read_text(encoding="utf-8"))
    for part in name.split("."):
        names = {}
        for node in ast.iter_child_nodes(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for label in [getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)]:
                names[label] = node
        assert part in names, f"{file} has no {name}"
        tree = names[part]


@pytest.mark.parametrize("page", OURS)
def test_lines_of_prose_fit(page: str) -> None:
    """Of tables, code and what tests read, any length; of prose 120 characters."""
    text = _without_code(ROOT / page)
    long = [line for line in text.splitlines() if len(line) > 120 and line[:1] != "|" and not _MARKER.match(line)]
    assert long == []


def test_links_lead_somewhere() -> None:
    link = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
    texts = {page: _without_code(page) for page in _pages()}
    links = [(page, target) for page, text in texts.items() for target in link.findall(text) if "://" not in target]
    assert len(links) > 30
    assert [(page.name, target) for page, target in links if not (page.parent / target).exists()] == []


def test_the_site_has_every_page_and_no_other() -> None:
    """Read as lines, so that this needs nothing of mkdocs."""
    listed = re.findall(r":\s+([\w/-]+\.md)\s*$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    there = {str(page.relative_to(ROOT / "docs")) for page in _pages() if page.is_relative_to(ROOT / "docs")}
    of_the_root = {"index.md", "contributing.md", "changelog.md", "examples.md"}
    assert sorted(listed) == sorted(there | of_the_root)


def test_the_log_is_dated_newest_first_with_a_verdict() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "LOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(headings) > 25
    matches = [re.fullmatch(r"(\d{4}-\d{2}-\d{2}): .+(?:\(.+\)|: .+)", heading) for heading in headings]
    assert all(matches), [h for h, m in zip(headings, matches, strict=True) if not m]
    dates = [match[1] for match in matches if match]
    assert dates == sorted(dates, reverse=True)
