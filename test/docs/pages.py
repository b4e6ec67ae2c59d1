"""How-to pages are run: their files and lines go into a copy of the package, their programs run beside it.

<!-- file: PATH -->                     the block is that file
<!-- line: PATH after: TEXT -->         the block's lines stand after the line TEXT of that file (or before: TEXT)
<!-- run -->                            the block is a program that must end well
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "vision_banana_ros"
_BLOCK = re.compile(r"<!-- (file|line|run)(?:: (.+?))? -->\n```\w+\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    kind: str
    where: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = [Block(kind, where, body) for kind, where, body in _BLOCK.findall(text)]
    assert len(found) == len(re.findall(r"^```\w+", text, re.MULTILINE)), "a block without a marker"
    return found


@dataclass(frozen=True)
class House:
    """A folder with the package as it is, files of which may be changed: they are copies, all else are links."""

    root: Path

    def own(self, path: str) -> Path:
        """A file of the copy that may be written; folders on the way become folders of links."""
        here = self.root
        for part in Path(path).parts[:-1]:
            here = here / part
            if here.is_symlink():
                origin = here.resolve()
                here.unlink()
                here.mkdir()
                for child in origin.iterdir():
                    (here / child.name).symlink_to(child)
            here.mkdir(exist_ok=True)
        file = here / Path(path).name
        if file.is_symlink():
            text = file.read_bytes()
            file.unlink()
            file.write_bytes(text)
        return file

    def put(self, block: Block) -> None:
        """Write what the page says."""
        if block.kind == "file":
            file = self.own(block.where)
            assert not file.exists(), f"{block.where} is there already: the page must name a new file"
            file.write_text(block.text, encoding="utf-8")
            return
        path, side, anchor = re.fullmatch(r"(\S+) (after|before): (.+)", block.where).groups()  # type: ignore[union-attr]
        file = self.own(path)
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines.count(anchor) == 1, f"{path} has the line {anchor!r} {lines.count(anchor)} times"
        place = lines.index(anchor) + (side == "after")
        new = block.text.splitlines()
        lines[place:place] = new if side == "after" else [*new, "", ""]
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def run(self, program: str, *paths: Path) -> str:
        """Its output; what it imports comes from this folder."""
        python_path = os.pathsep.join(map(str, [self.root, *paths]))
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program}\n{done.stdout}{done.stderr}"
        return done.stdout
