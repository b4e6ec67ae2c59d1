"""That it learns at all, that a run goes on where it stopped, and what its configuration and checkpoints promise."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from made_frames import make_frame

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.core import Canvas, DataError, Task
from vision_banana_ros.student.network import Student
from vision_banana_ros.training.checkpoint import (
    FIRST,
    LAST,
    Average,
    averaged_student,
    load_checkpoint,
    save_checkpoint,
)
from vision_banana_ros.training.config import TrainingConfig, View
from vision_banana_ros.training.gates import Gates
from vision_banana_ros.training.journal import alive
from vision_banana_ros.training.loop import train
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.photometry import vary
from vision_banana_ros.training.trainee import Trainee

SEEN = (("seen depth", 0.5), ("seen normals", 0.5), ("seen classes", 0.3))


def test_one_batch_can_be_learnt_by_heart(make_batch) -> None:
    """Every kind of question at once; a wiring fault in network, box or loss would keep one of them high."""
    torch.manual_seed(0)
    batch = make_batch(Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, view=View(width=64, height=32))
    trainee = Trainee(Student())
    trainee.learn(frozen_blocks=0, batch_norms=True)
    for module in trainee.student.encoder.modules():  # it has nothing to keep here
        module.train()
    optimiser = torch.optim.AdamW(trainee.parameters(), lr=2e-3)
    first: dict[str, torch.Tensor] = {}
    for _ in range(60):
        painting, sight = trainee(batch.image, batch.boxes, batch.log_focal)
        losses = total_loss(painting, batch, sight)
        first = first or losses.parts
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    assert alive(trainee.student, batch.image) > 0.9
    named = (("depth", 0.6), ("scale", 0.5), ("normals", 0.4), ("semantic", 0.4), ("countable", 0.5), ("rays", 0.8))
    for name, limit in (*named, *SEEN):
        assert losses.parts[name] < limit * first[name], f"{name} stays at {losses.parts[name]:.3f}"


def config_for(frames, samples: int, *, gates: bool = False) -> TrainingConfig:
    return TrainingConfig(
        frames=(str(frames),),
        gates=(str(frames),) if gates else (),
        views=(View(width=64, height=32),),
        batch=2,
        samples=samples,
        questions=2,
        log_seconds=0.0,
        bfloat16=False,
        initial=None,
    )


def test_a_run_writes_all_it_promises_and_goes_on_where_it_stopped(frames, tmp_path, text) -> None:
    run = tmp_path / "run"
    train(config_for(frames, 4), run, text)
    assert load_checkpoint(run / LAST)["samples"] == 4
    before = averaged_student(run / LAST).state_dict()
    train(config_for(frames, 8, gates=True), run, text)
    state = load_checkpoint(run / LAST)
    assert state["samples"] == 8
    assert state["average_steps"] == 4
    assert any(not torch.equal(value, state["average"][name]) for name, value in before.items())
    assert {name.split(".")[0] for name in state["helpers"]} == {"log_depth", "normals", "classes"}
    assert set(state["average"]) == set(before)  # what ships has no helpers
    assert TrainingConfig.load(run / "config.json").samples == 8
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert any("depth" in entry for entry in entries)
    gates = [entry for entry in entries if "gate" in entry]
    assert gates
    assert 0 <= gates[-1]["far_hit"] <= 1
    assert (run / "pictures" / "set.png").exists()


def test_an_old_checkpoint_is_no_run_but_may_start_one(frames, tmp_path, text) -> None:
    run = tmp_path / "run"
    state = load_checkpoint(train(config_for(frames, 4), run, text))
    del state["helpers"]
    save_checkpoint(run / LAST, state)
    with pytest.raises(DataError, match=r"lacks \['helpers'\].*`initial`"):
        train(config_for(frames, 8), run, text)
    train(dataclasses.replace(config_for(frames, 4), initial=str(run / LAST)), tmp_path / "next", text)


def test_a_run_keeps_what_it_started_from_and_both_can_be_mixed(frames, tmp_path, text) -> None:
    run, next_run = tmp_path / "run", tmp_path / "next"
    train(config_for(frames, 4), run, text)
    with pytest.raises(DataError, match=r"no first\.pt"):  # it started from nothing
        averaged_student(run / LAST, first_share=0.25)
    train(dataclasses.replace(config_for(frames, 4), initial=str(run / LAST)), next_run, text)
    first, last = averaged_student(run / LAST).state_dict(), averaged_student(next_run / LAST).state_dict()
    kept = load_checkpoint(next_run / FIRST)["average"]
    assert all(torch.equal(value, kept[name]) for name, value in first.items())
    mixed = averaged_student(next_run / LAST, first_share=0.25).state_dict()
    name = "mixer.pixel.weight"
    assert not torch.equal(first[name], last[name])
    torch.testing.assert_close(mixed[name], 0.75 * last[name] + 0.25 * first[name])


class OneDepth:
    """Paints the same depth everywhere; normals and rays mid grey."""

    def __init__(self, depth_m: float) -> None:
        self.depth_m = depth_m

    def generate(self, frame, instructions):
        depth = depth_code.encode(np.full(frame.hw, self.depth_m, np.float32))
        grey = np.full_like(depth, 128)
        return [Canvas(depth if i.task is Task.DEPTH else grey, i) for i in instructions]


@pytest.mark.parametrize(("depth_m", "too_far"), [(2.3, 0.0), (30.0, 1.0)])
def test_gates_see_regions_that_are_painted_far_too_far(frames, depth_m: float, too_far: float) -> None:
    result = Gates.open((str(frames),)).judge(OneDepth(depth_m))[0]
    assert result.name == "set"
    assert result.too_far == too_far
    assert result.evaluation.contenders[0].depth.delta1.value == 1 - too_far
    assert "toofar" in result.line()


def test_the_average_follows_the_weights() -> None:
    layer = torch.nn.Linear(2, 2)
    average = Average.of(layer, 0.9)
    with torch.no_grad():
        layer.weight.fill_(5.0)
    for _ in range(200):
        average.update(layer)
    assert torch.allclose(average.shadow["weight"], layer.weight, atol=1e-3)


def test_checkpoints_are_whole_or_absent(tmp_path) -> None:
    class Unpicklable:
        def __reduce__(self):
            raise RuntimeError("no")

    save_checkpoint(tmp_path / LAST, {"average": {}, "samples": 1})
    with pytest.raises(RuntimeError):
        save_checkpoint(tmp_path / LAST, {"average": Unpicklable()})
    assert load_checkpoint(tmp_path / LAST)["samples"] == 1
    assert [p.name for p in tmp_path.iterdir()] == [LAST]
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match="checkpoint"):
        load_checkpoint(tmp_path / "bad.pt")


def test_code_in_a_checkpoint_is_never_run(tmp_path) -> None:
    import pickle

    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Student))
    with pytest.raises(DataError, match="checkpoint"):
        load_checkpoint(tmp_path / "evil.pt")


def test_the_configuration_survives_its_file(tmp_path) -> None:
    config = TrainingConfig(shards=("a", "b"), views=(View(width=64, height=96, share=0.3),), samples=7)
    config.save(tmp_path / "c.json")
    assert TrainingConfig.load(tmp_path / "c.json") == config
    (tmp_path / "c.json").write_text('{"speed": 3}')
    with pytest.raises(DataError, match="speed"):
        TrainingConfig.load(tmp_path / "c.json")


def test_light_varies_within_bounds_and_by_its_seed() -> None:
    image = torch.from_numpy(make_frame()[0].rgb.copy()).permute(2, 0, 1)[None].repeat(8, 1, 1, 1).float()
    varied = vary(image, torch.Generator().manual_seed(1))
    assert varied.shape == image.shape
    assert varied.min() >= 0
    assert varied.max() <= 255
    assert torch.equal(varied, vary(image, torch.Generator().manual_seed(1)))
    assert len({round(float(v.mean()), 3) for v in varied}) == 8  # each image in its own way


def test_pictures_get_softer_and_crisper() -> None:
    """Contrast between neighbours, beside that over the whole picture."""
    stripes = torch.full((64, 3, 32, 32), 90.0)
    stripes[..., 8:16], stripes[..., 24:] = 140.0, 140.0
    varied = vary(stripes, torch.Generator().manual_seed(2))
    across = varied.mean(2, keepdim=True)  # noise averaged away
    step = (across[..., 8] - across[..., 7]).abs().mean((1, 2))
    whole = (across[..., 11] - across[..., 3]).abs().mean((1, 2))
    sharpness = step / whole
    assert (sharpness < 0.6).sum() > 4
    assert (sharpness > 1.3).sum() > 8
