"""GenAI-Bench (Li et al. 2024): 1,600 prompts for text-to-image (linzhiqiu/t2v_metrics, dataset.py).

    genai_image.json      {index: {prompt, models: {NAME: [ratings 1-5]}}}
    genai_skills.json     {skill: [indices]}
    MODEL/INDEX.jpeg      pictures of six generators

TIGER-Lab's set of the same name is another one: votes that judge judges. No win rate is defined by this set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision_banana_ros.data.example import Source
from vision_banana_ros.data.readers.benchmarks.common import read_json, require

SOURCE = Source("GenAI-Bench", "Apache-2.0")
LAYOUT = "genai_image.json and genai_skills.json"
#: Beginnings of the skills that count as advanced: counting, differentiation, comparison, negation, universality.
_ADVANCED = ("count", "differ", "compar", "negat", "universal")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text, the skills that it needs, and what people gave the pictures of each generator."""

    index: str
    text: str
    skills: tuple[str, ...]
    ratings: dict[str, tuple[int, ...]]

    @property
    def advanced(self) -> bool:
        return any(skill.lower().startswith(_ADVANCED) for skill in self.skills)


def read_prompts(root: Path) -> tuple[Prompt, ...]:
    images = read_json(require(root / "genai_image.json", root, LAYOUT))
    skills = read_json(require(root / "genai_skills.json", root, LAYOUT))
    of_prompt: dict[int, list[str]] = {}
    for skill, indices in skills.items():
        for index in indices:
            of_prompt.setdefault(int(index), []).append(skill)
    return tuple(
        Prompt(
            index,
            entry["prompt"],
            tuple(of_prompt.get(int(index), ())),
            {name: tuple(given) for name, given in entry.get("models", {}).items()},
        )
        for index, entry in images.items()
    )
