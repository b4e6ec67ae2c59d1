"""The layout file shows topics that the node publishes, and every panel of it is configured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("rosbags")

from vision_banana_ros.viewing.messages import IMAGE, LABELS, topics

FILE = Path(__file__).parents[2] / "config" / "foxglove" / "vision_banana.json"
INPUTS = {"/image", "/camera_info", "/diagnostics"}


def test_layout_fits_the_node():
    layout = json.loads(FILE.read_text(encoding="utf-8"))
    published = {f"/{topic.name}": topic.msgtype for topic in topics()} | {f"/{LABELS}": ""}
    panels: list[str] = []

    def walk(part) -> None:
        if isinstance(part, str):
            panels.append(part)
        else:
            walk(part["first"])
            walk(part["second"])

    walk(layout["layout"])
    assert sorted(panels) == sorted(layout["configById"])
    shown = set()
    for config in layout["configById"].values():
        if "imageMode" in config:
            mode = config["imageMode"]
            shown |= {mode["imageTopic"], mode.get("calibrationTopic", "/camera_info")}
            assert mode["imageTopic"] == "/image" or published[mode["imageTopic"]] == IMAGE
        shown |= set(config.get("topics", ())) | {config.get("topicPath", "/image")}
    assert shown <= set(published) | INPUTS
    assert "/points" in shown
