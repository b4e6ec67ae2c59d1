"""One-shot questions, services, and what is kept from frame to frame; one node, and the tests are its camera."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

from vision_banana_ros.core import Camera
from vision_banana_ros.ros.convert import image_message, info_message
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

SCENE = MovingScene(150)
PICTURE, TRUTH = SCENE.frame(0).rgb, SCENE.truth(0)
CAMERA = Camera.from_hfov(70.0, 640, 480)


@pytest.fixture(scope="module")
def node(shared_perception: Any) -> Iterator[Any]:
    listener = shared_perception.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    listener.subscribe(String, "prompt/answer", reliable=True)
    listener.prompt = listener.node.create_publisher(String, "prompt", 10)
    listener.wait_for(lambda: listener.prompt.get_subscription_count() > 0, "the prompt's subscription")
    with listener.feeding(("image", _image), ("camera_info", _info)):
        yield listener
    listener.destroy(listener.prompt)


def _image(head: Any) -> Image:
    return image_message(PICTURE, "rgb8", head)


def _info(head: Any) -> CameraInfo:
    return info_message(CAMERA, head)


def _ask(node: Any, text: str, count: int) -> list[dict[str, Any]]:
    """So many answers to it."""
    node.forget("prompt/answer")
    node.prompt.publish(String(data=text))
    answers = [json.loads(message.data) for message in node.messages("prompt/answer", count)]
    assert {answer["prompt"] for answer in answers} == {text}
    return answers


def _set(node: Any, **values: object) -> None:
    request = SetParameters.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    results = node.call(SetParameters, "/perception/set_parameters", request).results
    assert all(result.successful for result in results), results


def test_a_question_is_answered_with_regions_in_metres_though_nobody_listens_to_an_image(node: Any) -> None:
    node.newest("/diagnostics", lambda a: a.status[0].message == "images are not taken: nobody listens")
    taken, found = _ask(node, "sofa", 2)
    assert (taken["accepted"], taken["reason"], "regions" in taken) == (True, "", False)
    assert (found["accepted"], found["frame_id"]) == (True, "camera_optical_frame")
    (sofa,) = found["regions"]
    inside = TRUTH.mask == TRUTH.labels.index("sofa")
    rows, columns = np.nonzero(inside)
    x, y, width, height = sofa["box"]
    assert sofa["label"] == "sofa"
    assert sofa["pixels"] == pytest.approx(inside.sum(), rel=0.1)
    assert (x, y) == (pytest.approx(columns.min(), abs=8), pytest.approx(rows.min(), abs=8))
    assert (width, height) == (pytest.approx(np.ptp(columns), abs=16), pytest.approx(np.ptp(rows), abs=16))
    assert sofa["centre_m"][2] == pytest.approx(np.median(TRUTH.depth_m[inside]), rel=0.2)
    node.newest("/diagnostics", lambda a: a.status[0].message == "images are not taken: nobody listens")


def test_a_question_of_classes_is_answered_by_class_and_one_of_depth_without_regions(node: Any) -> None:
    text = "A segmentation map. The floor is solid red; the ball is solid green. Everything else is black."
    _, found = _ask(node, text, 2)
    assert [region["label"] for region in found["regions"]] == ["floor", "ball"]
    (empty,) = _ask(node, "", 1)
    assert empty["accepted"]


def test_a_question_that_nothing_would_answer_is_refused(node: Any) -> None:
    _set(node, tasks=["depth"])
    (answer,) = _ask(node, "sofa", 1)
    assert (answer["accepted"], answer["reason"]) == (False, "the parameter tasks leaves out referring")
    _set(node, tasks=["depth", "normals", "rays", "semantic", "instance", "referring"])


def test_reset_takes_the_prompt_back_and_self_test_tells_what_it_saw(node: Any) -> None:
    node.subscribe(Image, "referring/mask")
    _ask(node, "floor", 2)
    node.newest("referring/mask")
    answer = node.call(Trigger, "/perception/reset", Trigger.Request())
    assert (answer.success, answer.message) == (True, "filters, tracks and prompt are as at the start")
    array = node.newest("/diagnostics", lambda a: "no prompt names a region" in a.status[1].message)
    rates = {v.key: float(v.value) for v in array.status[1].values if v.key.startswith("hz: ")}
    assert rates["hz: referring/mask"] > 0
    node.unsubscribe("referring/mask")
    answer = node.call(Trigger, "/perception/self_test", Trigger.Request())
    assert answer.success
    assert "painted and decoded depth, normals" in answer.message


def test_tracks_come_with_the_steady_way(node: Any) -> None:
    node.subscribe(String, "tracks", reliable=True)
    _set(node, instance_class=["box"])
    node.newest("/diagnostics", lambda a: "tracks: only with the parameter steady" in a.status[1].message)
    _set(node, steady=True)
    tracks = json.loads(node.newest("tracks", lambda m: json.loads(m.data)["tracks"][0]["frames"] > 3).data)["tracks"]
    assert len(tracks) >= 3
    assert {track["label"] for track in tracks} == {"box"}
    assert len({track["number"] for track in tracks}) == len(tracks)
    node.unsubscribe("tracks")
    _set(node, steady=False, instance_class=[""])
