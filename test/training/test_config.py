"""A training run's settings: saved whole beside the weights, told without a machine's folders in a manifest."""

import json
from pathlib import Path

from vision_banana_ros.training.config import TrainingConfig

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
