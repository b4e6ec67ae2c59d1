"""That the loop uses its parts: each of them could be left out without an error, and the run would only be worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from made_frames import write_frames
from torch import Tensor

from vision_banana_ros.student.network import Student
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.training import loop
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.checkpoint import LAST, load_checkpoint, save_checkpoint
from vision_banana_ros.training.config import TrainingConfig, View
from vision_banana_ros.training.optimisation import learning_rate
from vision_banana_ros.training.photometry import vary
from vision_banana_ros.training.samples import Sampler

BATCH = 2


@dataclass
class Went:
    """A run of two batches, which was started again for two more; what it drew on the way."""

    config: TrainingConfig
    first: dict[str, Tensor]
    state: dict[str, Any]
    images: list[Tensor] = field(default_factory=list)
    noise_seeds: list[int] = field(default_factory=list)


def settings(folder: Path, samples: int, **more: Any) -> TrainingConfig:
    return TrainingConfig(
        frames=(str(folder / "set"),), views=(View(width=64, height=32),), batch=BATCH, samples=samples, questions=2,
        bfloat16=False, threads=1, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def went(tmp_path_factory: pytest.TempPathFactory, text: TextTable) -> Went:
    folder = tmp_path_factory.mktemp("went")
    write_frames(folder / "set")
    torch.manual_seed(3)
    first = {name: value.clone() for name, value in Student().state_dict().items()}
    save_checkpoint(folder / "first.pt", {"average": first})
    began = {"initial": str(folder / "first.pt"), "batch_norms": 2 * BATCH, "frozen_blocks": 2, "average": 0.5}
    images: list[Tensor] = []
    noise_seeds: list[int] = []

    class Kept(Sampler):
        def __iter__(self) -> Iterator[Batch]:
            for batch in super().__iter__():
                images.append(batch.image.clone())
                yield batch

    def noted(image: Tensor, noise: torch.Generator) -> Tensor:
        noise_seeds.append(noise.initial_seed())
        return vary(image, noise)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Sampler", Kept)
        patch.setattr(loop, "vary", noted)
        for samples in (2 * BATCH, 4 * BATCH):
            config = settings(folder, samples, warmup=12, cooldown=0.9, **began)
            loop.train(config, folder / "run", text)
    return Went(config, first, load_checkpoint(folder / "run" / LAST), images, noise_seeds)


def test_a_run_that_goes_on_sees_other_samples(went: Went) -> None:
    """The loop looks one batch ahead before it stops, so each start draws three."""
    assert len(went.images) == 6
    for i, one in enumerate(went.images):
        assert not any(torch.equal(one, other) for other in went.images[:i])
    assert len(set(went.noise_seeds)) == 2


def test_steps_are_as_long_as_the_schedule_says_and_shorter_in_the_encoder(went: Went) -> None:
    rate = learning_rate(went.config, 3 * BATCH)  # of the last step
    assert rate < 0.5 * went.config.learning_rate
    groups = went.state["optimiser"]["param_groups"]
    encoder = went.config.encoder_rate * rate
    assert [group["lr"] for group in groups] == pytest.approx([encoder, encoder, rate, rate])
    assert [group["weight_decay"] for group in groups] == [0.02, 0.0, 0.02, 0.0]


def moved(went: Went, part: str) -> bool:
    weights = went.state["weights"]
    return any(
        name.startswith(part) and value.is_floating_point() and not torch.equal(value, went.first[name])
        for name, value in weights.items()
    )


def test_frozen_blocks_and_the_encoders_statistics_keep_what_they_were(went: Went) -> None:
    weights = went.state["weights"]
    assert not moved(went, "encoder.stem")
    assert not moved(went, "encoder.blocks.0.")
    assert not moved(went, "encoder.blocks.1.")
    assert moved(went, "encoder.blocks.2.")
    kept = [name for name in weights if name.startswith("encoder") and name.endswith("running_mean")]
    assert kept
    assert all(torch.equal(weights[name], went.first[name]) for name in kept)


def test_new_parts_follow_their_batches_for_as_long_as_it_says(went: Went) -> None:
    weights = went.state["weights"]
    counts = {name: int(value) for name, value in weights.items() if name.endswith("num_batches_tracked")}
    assert {count for name, count in counts.items() if not name.startswith("encoder")} == {2}


def test_what_ships_is_the_average_over_both_starts(went: Went) -> None:
    assert went.state["samples"] == 4 * BATCH
    assert went.state["average_steps"] == 4
    name = "mixer.pixel.weight"
    first, last, average = went.first[name], went.state["weights"][name], went.state["average"][name]
    assert not torch.equal(average, last)
    assert float((average - last).abs().mean()) < float((first - last).abs().mean())


def test_what_is_learnt_from_went_through_light_and_sensor_and_a_broken_batch_changes_nothing(
    tmp_path: Path, text: TextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "vary", lambda image, _noise: torch.full_like(image, torch.nan))
    write_frames(tmp_path / "set")
    run = loop.train(settings(tmp_path, BATCH, initial=None, batch_norms=0), tmp_path / "run", text)
    state = load_checkpoint(run)
    assert state["samples"] == BATCH
    assert state["average_steps"] == 0
    assert not state["optimiser"]["state"]
    assert all(value.isfinite().all() for value in state["weights"].values())


@pytest.mark.parametrize("change", [{"start": 8}, {"rank": 1, "world": 2}])
def test_other_starts_and_processes_draw_other_samples(change: dict[str, int], tmp_path: Path, text: TextTable) -> None:
    write_frames(tmp_path / "set")
    config = settings(tmp_path, 100)
    words = loop.Words.of(text, torch.device("cpu"))
    one = next(iter(Sampler(config, words, torch.device("cpu"))))
    other = next(iter(Sampler(config, words, torch.device("cpu"), **change)))
    assert not torch.equal(one.image, other.image)


@pytest.mark.parametrize("unit", ["_is_avx512_bf16_supported", "_is_amx_tile_supported", None])
def test_bfloat16_is_only_used_where_the_processor_has_units_for_it(monkeypatch, unit):
    """With AVX-512 alone it is imitated, and a step takes 1.6 times as long as in float32."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name == unit, raising=False)
    assert loop.has_bfloat16(torch.device("cpu")) is (unit is not None)
