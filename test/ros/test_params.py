"""The table of parameters: valid as a whole or refused, and one source for the file and the documentation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from vision_banana_ros.ros.param_texts import as_table, as_yaml
from vision_banana_ros.ros.params import OF_A_CAMERA, Settings, parameters
from vision_banana_ros.ros.specs import ParameterError

ROOT = Path(__file__).parents[2]


def test_the_defaults_are_valid_and_every_parameter_says_what_it_is() -> None:
    assert Settings().class_set.targets
    for name, _, spec in parameters():
        assert len(spec.about) > 10, name
        assert spec.about.endswith("."), name


def test_the_committed_file_is_the_table() -> None:
    text = (ROOT / "config" / "perception.yaml").read_text(encoding="utf-8")
    assert text == as_yaml(parameters()), "run  python -m vision_banana_ros.ros.params yaml > config/perception.yaml"
    values = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert Settings().changed(values) == Settings()


def test_the_documentation_holds_the_table() -> None:
    text = (ROOT / "docs" / "topics-and-parameters.md").read_text(encoding="utf-8")
    assert as_table(parameters(), OF_A_CAMERA) in text, (
        "put the output of  python -m vision_banana_ros.ros.params table  there"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_range_m": 0.05}, "between 0.1 and 1000, got 0.05"),
        ({"max_range_m": float("nan")}, "max_range_m must lie between"),
        ({"max_range_m": "far"}, "max_range_m must be a number, got str 'far'"),
        ({"min_range_m": 5.0, "max_range_m": 5.0}, "min_range_m 5.0 must be below max_range_m 5.0"),
        ({"min_mask_confidence": 256}, "between 0 and 255, got 256"),
        ({"min_mask_confidence": 1.5}, "must be an integer"),
        ({"autostart": 1}, "autostart must be a bool"),
        ({"depth_format": "64FC1"}, "of 32FC1, 16UC1, got str '64FC1'"),
        ({"tasks": ["depth", "sound"]}, "got str 'sound'"),
        ({"tasks": 3}, "tasks must be a list of strings"),
        ({"classes": "floor=#80C000, chair=#80C000"}, "classes: "),
        ({"classes": "floor=nocolour"}, "classes: "),
        ({"classes": ""}, "classes: "),
        ({"classes": "/no/such/file.yaml"}, "cannot be read: No such file"),
        ({"prompt": "A segmentation map of this picture."}, "prompt: .* without saying what"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(change: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Settings().changed(change)


def test_numbers_and_lists_come_as_ros_gives_them() -> None:
    settings = Settings().changed({"far_point_m": 5, "tasks": ["depth"]})
    assert settings.far_point_m == 5.0
    assert isinstance(settings.far_point_m, float)
    assert settings.tasks == ("depth",)


def test_a_list_of_nothing_is_an_empty_list() -> None:
    assert Settings().changed({"cloud_fields": [""]}).cloud_fields == ()


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().max_range_m = 3.0  # type: ignore[misc]
