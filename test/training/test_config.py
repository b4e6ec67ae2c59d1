"""A training run's settings: saved whole beside the weights, told without a machine's folders in a manifest."""

import json
from pathlib import Path

import pytest

from vision_banana_ros.core import DataError
from vision_banana_ros.training.config import Folder, TrainingConfig

CONFIG = TrainingConfig(
    shards=("/data/shards/near", "/data/shards/far"),
    frames=("/data/real/desk",),
    initial="/data/eighth/last.pt",
    seed=7,
)


def test_a_saved_configuration_is_the_same_when_loaded(tmp_path: Path) -> None:
    CONFIG.save(tmp_path / "config.json")
    assert TrainingConfig.load(tmp_path / "config.json") == CONFIG


def test_a_record_names_what_it_learnt_from_but_not_where_it_lay() -> None:
    record = CONFIG.record()
    told = TrainingConfig.from_json(json.loads(record))
    assert "/data" not in record
    assert (told.shards, told.frames, told.initial) == (("near", "far"), ("desk",), "last.pt")
    assert told.seed == 7
    assert told.annotations is None


def test_sources_may_say_how_they_are_drawn_from_and_plain_paths_stay_plain(tmp_path: Path) -> None:
    desk = {"path": "/data/real/desk", "weight": 3, "lens": "none", "labels": ["depth", "normals"]}
    near = {"path": "/data/shards/near", "weight": 0.5}
    config = TrainingConfig.from_json({"frames": ["/data/real/lab", desk], "shards": [near]})
    assert config.frames == (
        "/data/real/lab", Folder(path="/data/real/desk", weight=3, lens="none", labels=("depth", "normals"))
    )  # fmt: skip
    config.save(tmp_path / "config.json")
    assert json.loads((tmp_path / "config.json").read_text())["frames"][0] == "/data/real/lab"
    assert TrainingConfig.load(tmp_path / "config.json") == config
    told = TrainingConfig.from_json(json.loads(config.record()))
    assert "/data" not in config.record()
    assert told.shards == (Folder(path="near", weight=0.5),)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"weight": 0}, "weight of desk must be above 0"),
        ({"weight": float("inf")}, "weight of desk"),
        ({"weight": "2"}, "weight of desk"),
        ({"lens": "wide"}, "lens of desk must be one of all, no narrow, none"),
        ({"labels": ["colour"]}, "no kind of truth is called colour"),
        ({"wieght": 2}, r"unknown options \['wieght'\] of a folder"),
    ],
)
def test_a_source_that_is_misspelt_is_refused(entry: dict[str, object], what: str) -> None:
    with pytest.raises(DataError, match=what):
        TrainingConfig.from_json({"frames": [{"path": "desk", **entry}]})


def test_configurations_of_before_load_as_they_were(tmp_path: Path) -> None:
    """A run's file from the time when sources were plain and the recipe stood in the code."""
    before = {
        "shards": ["s"], "frames": ["a", "a", "b"], "gates": ["g"], "annotations": "m", "real_share": 0.45,
        "paste_share": 0.5, "turn_share": 0.7, "views": [{"width": 192, "height": 128, "share": 0.42}], "batch": 8,
        "samples": 400000, "questions": 3, "learning_rate": 0.0015, "encoder_rate": 0.2, "warmup": 2000,
        "cooldown": 0.25, "weight_decay": 0.02, "frozen_blocks": 3, "batch_norms": 30000, "average": 0.998, "seed": 0,
        "memory_gb": 2.5, "world_processes": 0, "world_size": [320, 240], "minutes": 0.0, "compile": False,
        "threads": 1, "bfloat16": True, "log_seconds": 20.0, "checkpoint_seconds": 120, "gate_seconds": 1200,
        "initial": "imagenet",
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(before))
    config = TrainingConfig.load(tmp_path / "config.json")
    assert (config.frames, config.shards) == (("a", "a", "b"), ("s",))
    assert list(config.asked_in_turn.items()) == [
        ("semantic", 0.48), ("instance", 0.24), ("referring", 0.08), ("rays", 0.15), ("image", 0.02), ("depth", 0.03),
    ]  # fmt: skip
    assert config.asked_first == {"depth": 1.0, "normals": 0.6}
    config.save(tmp_path / "again.json")
    saved = json.loads((tmp_path / "again.json").read_text())
    assert before.items() <= saved.items()


def test_a_source_needs_its_path() -> None:
    with pytest.raises(DataError, match="needs its path"):
        TrainingConfig.from_json({"shards": [{"weight": 2}]})
