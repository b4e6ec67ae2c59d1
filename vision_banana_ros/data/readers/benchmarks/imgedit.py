"""ImgEdit-Bench: 737 single edits of nine types, 47 hard ones (PKU-YuanGroup/ImgEdit; Benchmark.tar of its data set).

    Benchmark/singleturn/...          the originals of Basic
    Basic/basic_edit.json             {key: {id: path of the original, prompt, edit_type}}
    Basic/prompts.json                {edit_type: rubric}, with the instruction to be filled in
    UGE/UGE_edit.json                 {key: {id, prompt}}, originals in Benchmark/hard

A judge gives three marks of 1 to 5; an answer that cannot be read must be counted, not dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision_banana_ros.data.example import Source
from vision_banana_ros.data.readers.benchmarks.common import read_json, require

SOURCE = Source("ImgEdit-Bench", "no licence file found; research", non_commercial=True)
LAYOUT = "Benchmark/singleturn/ with Basic/basic_edit.json and Basic/prompts.json (UGE/UGE_edit.json, Benchmark/hard/)"


@dataclass(frozen=True, slots=True)
class Edit:
    """An instruction for a picture, and the rubric that its result is judged by."""

    key: str
    picture: Path
    prompt: str
    edit_type: str
    rubric: str


def read_edits(root: Path, *, hard: bool = False) -> tuple[Edit, ...]:
    rubrics = {} if hard else read_json(require(root / "Basic" / "prompts.json", root, LAYOUT))
    file = root / ("UGE/UGE_edit.json" if hard else "Basic/basic_edit.json")
    folder = root / "Benchmark" / ("hard" if hard else "singleturn")
    return tuple(
        Edit(
            key,
            require(folder / entry["id"], root, LAYOUT),
            entry["prompt"],
            entry.get("edit_type", "hard"),
            rubrics.get(entry.get("edit_type"), ""),
        )
        for key, entry in read_json(require(file, root, LAYOUT)).items()
    )
