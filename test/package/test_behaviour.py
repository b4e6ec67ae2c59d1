"""Canvases, layers and messages are what they were when test/data/behaviour.json was written.

Where something is meant to change, see what changes and write it anew:

    python tools/behaviour.py record after.json --frames 1 --settings 3
    python tools/behaviour.py compare test/data/behaviour.json after.json

Bits are compared where this machine rounds as the one that recorded, else the figures beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from load_file import load_file

ROOT = Path(__file__).parents[2]
FRAMES, SETTINGS = 1, 3


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_file(ROOT / "tools" / "behaviour.py")


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    entries: dict[str, Any] = json.loads((ROOT / "test" / "data" / "behaviour.json").read_text(encoding="utf-8"))
    return entries


def _differences(tool: ModuleType, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    other_machine = before["arithmetic"] != tool.arithmetic()
    lines: list[str] = tool.differences(before, after, within_rounding=other_machine)
    return lines


def test_canvases_and_layers_are_as_recorded(tool: ModuleType, recorded: dict[str, Any]) -> None:
    wanted = {name: entry for name, entry in recorded.items() if not name.startswith("node/")}
    assert len(wanted) > 200
    assert _differences(tool, wanted, tool.record(frames=FRAMES, settings=SETTINGS, node=False)) == []


@pytest.mark.ros
def test_messages_are_as_recorded(tool: ModuleType, recorded: dict[str, Any]) -> None:
    model = "oracle:moving@192x128"
    wanted = {name: entry for name, entry in recorded.items() if name.startswith(f"node/{model}/")}
    assert len(wanted) > 50
    answers = tool.node_answers(model, tool.footage("moving", FRAMES), SETTINGS)
    assert _differences(tool, {**wanted, "arithmetic": recorded["arithmetic"]}, answers) == []


def test_a_single_bit_is_a_difference_and_rounding_is_not(tool: ModuleType) -> None:
    values = np.linspace(0.5, 9.0, 200, dtype=np.float32)
    nudged = values.copy()
    nudged[7] = np.nextafter(nudged[7], np.float32(10.0))
    before, after = {"x": tool.of_array(values)}, {"x": tool.of_array(nudged)}
    assert tool.differences(before, before) == []
    assert len(tool.differences(before, after)) == 1
    assert tool.differences(before, after, within_rounding=True) == []
    assert len(tool.differences(before, {"x": tool.of_array(values * 1.01)}, within_rounding=True)) == 1
    assert len(tool.differences(before, {"x": tool.of_array(values[None])}, within_rounding=True)) == 1
    assert tool.differences(before, {}) == ["x: only before"]


def test_a_messages_stamp_does_not_count_and_every_other_field_does(tool: ModuleType) -> None:
    convert = pytest.importorskip("vision_banana_ros.ros.convert")
    image = np.zeros((2, 3, 3), np.uint8)
    early, late, elsewhere = (
        tool.of_message(convert.image_message(image, "rgb8", convert.header(stamp, frame)))
        for stamp, frame in ((1, "a"), (2 * 10**9, "a"), (1, "b"))
    )
    assert early == late
    assert early["sha256"] != elsewhere["sha256"]
