"""A base at its own work: pictures from words, with or without a picture that goes in. For replay and retention.

Replay: what a base paints before tuning, kept as lessons, since the data that it was trained on is closed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import DataError, GeneratorError, UInt8Array
from vision_banana_ros.generators.editors.families import family_of
from vision_banana_ros.tuning.lessons import PAIRS, Pair, fit_picture, read_pairs, read_picture, write_pair

#: Pipelines that paint from words alone as well.
_FROM_WORDS = frozenset({"Flux2KleinPipeline", "FluxKontextPipeline"})


class Freehand:
    """A loaded pipeline asked for pictures with the steps and the guidance of its family."""

    def __init__(self, pipeline: Any, *, size_wh: tuple[int, int], steps: int | None = None) -> None:
        self.pipeline = pipeline
        self.family = family_of(pipeline)
        self.size_wh = self.family.fit(size_wh, None, pipeline).model_wh
        self._steps = steps or self.family.steps

    def paint(self, prompt: str, picture: UInt8Array | None, seed: int) -> UInt8Array:
        """One picture; the same seed, words and picture give the same again."""
        import torch
        from PIL import Image

        known = inspect.signature(self.pipeline.__call__).parameters
        if picture is None and type(self.pipeline).__name__ not in _FROM_WORDS:
            raise GeneratorError(f"{self.family.name} paints only from a picture: give one for {prompt[:40]!r}")
        call: dict[str, Any] = {
            **self.family.call,
            "prompt": prompt,
            "image": None if picture is None else Image.fromarray(fit_picture(picture, self.size_wh)),
            "width": self.size_wh[0],
            "height": self.size_wh[1],
            "num_inference_steps": self._steps,
            "generator": torch.Generator("cpu").manual_seed(seed),
        }
        if self.family.negative is not None:
            call[self.family.negative] = " "
        call = {name: value for name, value in call.items() if name in known and value is not None}
        try:
            with torch.inference_mode():
                painted = self.pipeline(**call).images[0]
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise GeneratorError(f"{self.family.name} failed on {prompt[:60]!r}: {first}") from error
        return np.asarray(painted.convert("RGB"), np.uint8)


def make_replay(
    freehand: Freehand, prompts: Sequence[str | Pair], folder: Path, *, seed: int, tell: Callable[[str], None]
) -> int:
    """Paint what `folder` has not yet; how many were painted. A `Pair`'s picture goes in where it has one before."""
    if not prompts:
        raise DataError("replay needs prompts: a file with one a line, or a folder of pairs")
    done = len(read_pairs(folder)) if (folder / PAIRS).is_file() else 0
    for number, asked in enumerate(prompts):
        if number < done:
            continue
        before = None
        if isinstance(asked, Pair):
            before = None if asked.before is None else fit_picture(read_picture(asked.before), freehand.size_wh)
        text = asked if isinstance(asked, str) else asked.text
        write_pair(folder, f"{number:06}", text, freehand.paint(text, before, seed + number), before)
        if (number + 1) % 20 == 0:
            tell(f"{number + 1} of {len(prompts)} are painted")
    return max(0, len(prompts) - done)
