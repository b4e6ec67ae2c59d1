"""Where lessons come from: sources in a fixed order, item by item, so that a stopped preparation goes on where it was.

for item in items(config, size_wh):
    item.name                 what stands in the index of what is done
    for lesson in item.make(): ...
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Example, Mixture, Part, open_dataset
from vision_banana_ros.tuning.config import TuningConfig
from vision_banana_ros.tuning.lessons import Lesson, Pair, load_pair, read_pairs
from vision_banana_ros.tuning.questions import Asker

WORLD = "vision_banana_ros world (Apache-2.0)"


@dataclass(frozen=True, slots=True)
class Item:
    """Lessons that are made together: those of one frame, one shard, one pair."""

    name: str
    make: Callable[[], list[Lesson]]


def items(config: TuningConfig, size_wh: tuple[int, int]) -> Iterator[Item]:
    """Everything that the configuration names; refused before anything is made where a source cannot be used."""
    if config.ratio > 0 and not (config.data or config.world):
        raise DataError("instructions need frames with truth: give --world N, or --data DIR, or --ratio 0")
    if config.ratio < 1 and not (config.own or config.replay or config.world_edits):
        raise DataError(
            "the base's own work is missing, and without it tuning forgets how to generate: give --own DIR (captions, "
            "edits), --replay DIR (vision-banana tune replay), --world-edits N, or --ratio 1"
        )
    datasets = [open_dataset(Path(root)) for root in config.data]
    if datasets:
        Mixture(tuple(Part(dataset=d) for d in datasets), allow_non_commercial=config.allow_non_commercial)
    pairs = [(root, kind, read_pairs(Path(root))) for kind, roots in _owned(config) for root in roots]
    if config.ratio > 0:
        for seed in range(config.first_seed, config.first_seed + config.world):
            yield Item(f"world/{seed}", lambda seed=seed: _asked([_rendered(seed, size_wh, config)], config, size_wh))  # type: ignore[misc]
        for root, dataset in zip(config.data, datasets, strict=True):
            for piece in dataset.pieces():
                yield Item(
                    f"{root}/{piece}",
                    lambda dataset=dataset, piece=piece: _asked(dataset.read_piece(piece), config, size_wh),  # type: ignore[misc]
                )
    if config.ratio < 1:
        for seed in range(config.first_seed + config.world, config.first_seed + config.world + config.world_edits):
            yield Item(f"world-edits/{seed}", lambda seed=seed: _edited(seed, size_wh, config))  # type: ignore[misc]
        for root, kind, found in pairs:
            for pair in found:
                yield Item(f"{root}/{pair.picture.name}", lambda p=pair, k=kind, r=root: [_own(p, k, r, size_wh)])  # type: ignore[misc]


def _owned(config: TuningConfig) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("own", config.own), ("replay", config.replay))


def _own(pair: Pair, kind: str, root: str, size_wh: tuple[int, int]) -> Lesson:
    lesson_kind = "replay" if kind == "replay" else pair.kind
    return load_pair(pair, size_wh, kind=lesson_kind, source="the base itself" if kind == "replay" else Path(root).name)


def _rendered(seed: int, size_wh: tuple[int, int], config: TuningConfig) -> Example:
    from vision_banana_ros.world.dataset import WorldSettings, render_sample

    return render_sample(seed, WorldSettings(width=size_wh[0], height=size_wh[1], places=config.places))


def _asked(examples: list[Example], config: TuningConfig, size_wh: tuple[int, int]) -> list[Lesson]:
    """Instructions about each frame. The picture is stretched to the size, and the canvas is painted there."""
    import cv2

    lessons = []
    for example in examples:
        dice = np.random.default_rng((config.seed, zlib.crc32(f"{example.source.name}/{example.name}".encode())))
        rgb = example.frame.rgb
        if rgb.shape[1::-1] != size_wh:
            how = cv2.INTER_AREA if size_wh[0] * size_wh[1] < rgb.shape[0] * rgb.shape[1] else cv2.INTER_LINEAR
            rgb = np.asarray(cv2.resize(rgb, size_wh, interpolation=how), np.uint8)
        asker = Asker(dice, size_wh, config.task_shares)
        for number, question in enumerate(asker.ask(example, config.per_frame)):
            lessons.append(
                Lesson(
                    name=f"{example.name}-{number}",
                    kind=question.instruction.task.value,
                    prompt=question.prompt,
                    target=question.canvas,
                    picture=rgb,
                    source=str(example.source),
                )
            )
    return lessons


def _edited(seed: int, size_wh: tuple[int, int], config: TuningConfig) -> list[Lesson]:
    """A picture from its caption, and every true edit that its view allows."""
    from vision_banana_ros.tuning.edits import caption, possible_edits
    from vision_banana_ros.world.render import render
    from vision_banana_ros.world.sample import place_of, sample_scene

    place = place_of(seed, config.places)
    scene = sample_scene(seed, place, width=size_wh[0], height=size_wh[1])
    made = render(scene, seed=seed)
    said = caption(place, scene, made.truth)
    lessons = [Lesson(name=f"{seed}", kind="caption", prompt=said, target=made.frame.rgb, source=WORLD)]
    for edit in possible_edits(scene, made.truth, np.random.default_rng((seed, 0xED175))):
        after = render(edit.scene, seed=seed, key=edit.key).frame.rgb
        lessons.append(
            Lesson(
                name=f"{seed}-{edit.kind}", kind="edit", prompt=edit.text, target=after, picture=made.frame.rgb,
                source=WORLD,
            )
        )  # fmt: skip
    return lessons
