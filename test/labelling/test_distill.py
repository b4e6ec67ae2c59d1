"""Distillation: its configuration, what it hands to training, and the whole way on a few pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from teachers import told
from test_label import settings

from vision_banana_ros.commands import label as label_command
from vision_banana_ros.commands.distilling import steps as steps_module
from vision_banana_ros.commands.distilling.card import card
from vision_banana_ros.commands.distilling.config import DistillConfig, Replay, read_config
from vision_banana_ros.commands.distilling.steps import Distillation
from vision_banana_ros.commands.distilling.training_call import TrainingJob, mixed
from vision_banana_ros.core import DataError
from vision_banana_ros.data import Source, open_dataset
from vision_banana_ros.evaluation.intervals import Estimate
from vision_banana_ros.evaluation.paired import Comparison
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.run import label
from vision_banana_ros.labelling.unpack import unpack
from vision_banana_ros.training.config import TrainingConfig, folders

Recorder = Callable[..., Path]


def test_labels_become_frames_that_training_and_evaluation_read(tmp_path: Path, recording: Recorder) -> None:
    wanted = settings(recording(3), teachers=("plane", "corner"), belief=BeliefSettings(mirror=False))
    label(tmp_path / "labels", wanted, load=told, say=lambda _text: None)
    assert unpack(tmp_path / "labels", tmp_path / "frames") == 3
    there = {example.name: example for example in open_dataset(tmp_path / "labels")}
    frames = open_dataset(tmp_path / "frames")
    assert frames.source == open_dataset(tmp_path / "labels").source
    for example in frames:
        same = there[example.name].truth
        np.testing.assert_allclose(example.truth.depth_m, same.depth_m, atol=1e-6)
        np.testing.assert_allclose(example.truth.normals, same.normals, atol=1e-2)
        np.testing.assert_array_equal(example.truth.mask, same.mask)
        np.testing.assert_array_equal(example.truth.instances, same.instances)
        assert np.isnan(example.truth.depth_m).any()  # type: ignore[arg-type]
    made = (tmp_path / "frames" / "made_from.json").stat().st_mtime_ns
    unpack(tmp_path / "labels", tmp_path / "frames")
    assert (tmp_path / "frames" / "made_from.json").stat().st_mtime_ns == made


def test_one_file_says_all_and_a_slip_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "out: office\nrecordings: [monday]\nkept_aside: [friday.mp4]\nteachers: [student, 'moge:x']\n"
        "label: {classes: 'floor, wall', most: 50}\nreplay: {world: [shards], share: 0.25}\nsizes: [192x128]\n"
    )
    config = read_config(path)
    assert config.out == tmp_path / "office"
    assert config.recordings == (tmp_path / "monday",)
    assert config.replay == Replay(world=(str(tmp_path / "shards"),), share=0.25)
    assert config.start == "student"
    for text, words in (
        ("out: a\nrecordings: [b]\nteachers: [c]\nsampels: 3\n", "has 'sampels', which means nothing here"),
        ("out: a\nrecordings: [b]\n", "needs `recordings` to learn from and `teachers`"),
        ("recordings: [b]\nteachers: [c]\n", "lacks 'out'"),
        ("out: a\nrecordings: [b]\nteachers: [c]\nreplay: {share: 0.5}\n", "replay needs `world`"),
        ("- 1\n", "must be a mapping"),
        ("out: [\n", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=words) as error:
            read_config(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.6])
@pytest.mark.parametrize(("old", "shards"), [((), ("w",)), (("a", "b"), ()), (("a", "b", "c"), ("w",))])
def test_replay_takes_its_share(tmp_path: Path, share: float, old: tuple[str, ...], shards: tuple[str, ...]) -> None:
    job = TrainingJob(run=tmp_path, start="student", taught=tmp_path, replayed=old, shards=shards, replay_share=share)
    size = {str(tmp_path): 90, "a": 400, "b": 25, "c": 7}
    frames, real_share = mixed(job, size.__getitem__)
    config = TrainingConfig.from_json({"frames": frames, "real_share": real_share})
    drawn = {folder.path: folder.weight * size[folder.path] ** 0.5 for folder in folders(config.frames)}
    assert real_share * drawn[str(tmp_path)] / sum(drawn.values()) == pytest.approx(1 - share)
    if old:
        assert drawn["a"] / drawn["b"] == pytest.approx(4)
    assert (real_share == 1) == (not shards)


def comparison(metric: str, before: float, after: float) -> Comparison:
    gain = after - before
    return Comparison(
        metric=metric, frames=9, before=before, after=after, gain=Estimate(gain, gain - 0.01, gain + 0.01)
    )


@pytest.mark.parametrize(
    ("gate", "code", "said"),
    [
        ([comparison("delta1", 0.5, 0.49)], 0, "written"),
        ([comparison("delta1", 0.5, 0.47)], 1, "elsewhere: delta1 0.500 -> 0.470"),
        ([comparison("abs_rel", 0.5, 0.3)], 0, "written"),
    ],
)
def test_a_model_ships_when_it_gained_and_no_set_lost_more_than_is_borne(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: list[Comparison], code: int, said: str
) -> None:
    (tmp_path / "out" / "candidate").mkdir(parents=True)
    (tmp_path / "out" / "candidate" / "manifest.json").write_text("{}")
    config = DistillConfig(
        out=tmp_path / "out",
        recordings=(tmp_path / "monday",),
        teachers=("plane",),
        judge=(tmp_path / "home", tmp_path / "elsewhere"),
        replay=Replay(share=0.0),
    )
    answers = {"home": [comparison("delta1", 0.5, 0.7)], "elsewhere": gate}
    monkeypatch.setattr(steps_module, "load_generator", lambda name: name)
    monkeypatch.setattr(steps_module, "compare", lambda root, *_models: answers[root.name])
    monkeypatch.setattr(Distillation, "_examples", lambda _self, root: root)
    monkeypatch.setattr(Distillation, "sources", lambda _self: [Source("monday", "CC0")])
    lines: list[str] = []
    assert Distillation(config, lines.append).run(("judge",)) == code
    assert any(said in line for line in lines)
    assert (tmp_path / "out" / "model").exists() == (code == 0)
    judged = json.loads((tmp_path / "out" / "judged.json").read_text())
    assert judged["home"][0]["verdict"] == "better"
    if code == 0:
        text = (tmp_path / "out" / "model" / "CARD.md").read_text()
        assert "| monday  | CC0 |" in text
        assert "| home | delta1 | 9 | 0.500 | 0.700 | +0.200 [+0.190, +0.210] | better |" in text


@pytest.mark.parametrize("accepted", [False, True])
def test_terms_that_were_accepted_for_the_labels_are_for_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accepted: bool
) -> None:
    jobs: list[TrainingJob] = []
    monkeypatch.setattr(steps_module, "train_student", lambda job: jobs.append(job) or job.run)
    (tmp_path / "taught").mkdir()
    config = DistillConfig(
        out=tmp_path,
        recordings=(tmp_path,),
        teachers=("closed",),
        start="imagenet",
        replay=Replay(share=0.0),
        train={"samples": 7},
        accept_licence=accepted,
    )
    assert Distillation(config, lambda _line: None).run(("train",)) == 0
    assert jobs[0].options == {"allow_non_commercial": accepted, "samples": 7}


def test_the_card_says_when_commerce_is_forbidden(tmp_path: Path) -> None:
    config = DistillConfig(out=tmp_path, recordings=(tmp_path,), teachers=("x",), replay=Replay(share=0.0))
    closed = card(config, {}, [Source("x", "CC-BY-NC-4.0", "", True)])
    assert "Not for commercial use" in closed
    assert "Not for commercial use" not in card(config, {}, [Source("x", "MIT")])


def test_a_step_that_comes_too_early_names_the_one_before(tmp_path: Path) -> None:
    config = DistillConfig(out=tmp_path, recordings=(tmp_path,), teachers=("x",), replay=Replay(share=0.0))
    for step, before in (("train", "label"), ("pack", "train"), ("judge", "pack"), ("engine", "judge")):
        with pytest.raises(DataError, match=f"run the step '{before}' first"):
            Distillation(config).run((step,))


def test_options_of_the_file_are_those_of_the_command(tmp_path: Path) -> None:
    config = DistillConfig(
        out=tmp_path, recordings=(tmp_path,), teachers=("x",), label={"mots": 3}, replay=Replay(share=0.0)
    )
    with pytest.raises(DataError, match="unrecognized arguments: --mots 3"):
        Distillation(config).run(("label",))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_way_from_recordings_to_a_model(
    tmp_path: Path, recording: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real student, real training and packing; the teacher is a wall, so nothing is learnt that ships."""
    pytest.importorskip("torch")
    monkeypatch.setattr(label_command, "label", _label_by_tests(label_command.label))
    monday, friday = recording(8, "monday", (192, 128)), recording(4, "friday", (192, 128))
    path = tmp_path / "mine.json"
    entries = {
        "out": "office",
        "recordings": [monday.name],
        "kept_aside": [friday.name],
        "teachers": ["plane"],
        "label": {"classes": "floor, wall", "every": 1},
        "train": {"samples": 16, "batch": 4, "warmup": 8, "threads": 1, "views": [{"width": 96, "height": 64}]},
        "sizes": ["96x64"],
    }
    path.write_text(json.dumps(entries))
    out = tmp_path / "office"
    code = Distillation(read_config(path)).run()
    assert code in (0, 1)
    assert (out / "candidate" / "manifest.json").is_file()
    record = json.loads((out / "candidate" / "manifest.json").read_text())["training"]
    assert "monday" not in record["config"] or str(tmp_path) not in record["config"]
    assert [source["licence"] for source in record["sources"]] == ["Apache-2.0, unknown"]
    assert {row["metric"] for row in json.loads((out / "judged.json").read_text())["unseen"]} >= {"delta1", "mean_deg"}
    before = (out / "candidate" / "manifest.json").stat().st_mtime_ns
    assert Distillation(read_config(path)).run() == code
    assert (out / "candidate" / "manifest.json").stat().st_mtime_ns == before


def _label_by_tests(real: Callable[..., object]) -> Callable[..., object]:
    return lambda *args, **kwargs: real(*args, **(kwargs | {"load": told}))


def test_pictures_of_the_selection_are_kept_sharp(tmp_path: Path, recording: Recorder) -> None:
    """What is in the shard is the picture of the recording, to JPEG's precision."""
    folder = recording(1, wh=(320, 240))
    label(tmp_path / "labels", settings(folder), load=told, say=lambda _text: None)
    (example,) = open_dataset(tmp_path / "labels")
    original = cv2.imread(str(folder / "0000.png"))[..., ::-1].astype(int)
    assert np.abs(example.frame.rgb.astype(int) - original).mean() < 2
