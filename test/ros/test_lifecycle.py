"""Every transition, and how the processes end."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros


def _change(listener: Any, transition: int) -> bool:
    request = ChangeState.Request()
    request.transition.id = transition
    return bool(listener.call(ChangeState, "/perception/change_state", request).success)


def _state(listener: Any) -> int:
    return int(listener.call(GetState, "/perception/get_state", GetState.Request()).current_state.id)


def test_a_walk_through_all_states(ros: Any) -> None:
    ros.camera()
    process = ros.perception(autostart=False)
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    assert _state(listener) == State.PRIMARY_STATE_UNCONFIGURED
    for _ in range(2):  # twice: nothing of the first round may stand in the way of the second
        assert _change(listener, Transition.TRANSITION_CONFIGURE)
        assert _state(listener) == State.PRIMARY_STATE_INACTIVE
        assert _change(listener, Transition.TRANSITION_ACTIVATE)
        assert _state(listener) == State.PRIMARY_STATE_ACTIVE
        listener.newest("depth/image")
        assert _change(listener, Transition.TRANSITION_DEACTIVATE)
        assert _state(listener) == State.PRIMARY_STATE_INACTIVE
        assert _change(listener, Transition.TRANSITION_CLEANUP)
        assert _state(listener) == State.PRIMARY_STATE_UNCONFIGURED
    assert not _change(listener, Transition.TRANSITION_ACTIVATE), "it is not configured"
    assert _change(listener, Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert _state(listener) == State.PRIMARY_STATE_FINALIZED
    assert process.signal(signal.SIGINT) == 0


def test_an_inactive_node_is_silent(ros: Any) -> None:
    ros.camera()
    ros.perception()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.messages("depth/image")
    assert _change(listener, Transition.TRANSITION_DEACTIVATE)
    listener.subscribe(Image, "image")
    listener.messages("image", 3)  # what was on its way has arrived
    listener.forget("depth/image")
    listener.forget("image")
    listener.messages("image", 10)
    assert listener.received["depth/image"] == []
    assert _change(listener, Transition.TRANSITION_ACTIVE_SHUTDOWN) is False
    assert _change(listener, Transition.TRANSITION_INACTIVE_SHUTDOWN)


def test_shutdown_while_active_ends_cleanly(ros: Any) -> None:
    ros.camera()
    process = ros.perception()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.messages("depth/image")
    assert _change(listener, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert _state(listener) == State.PRIMARY_STATE_FINALIZED
    assert process.signal(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_both_nodes_with_exit_code_0(ros: Any, number: int) -> None:
    camera = ros.camera()
    perception = ros.perception()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.messages("depth/image", 3)  # in the midst of work
    assert perception.signal(number) == 0
    assert camera.signal(number) == 0
    for process in (perception, camera):
        assert "Traceback" not in process.output
        assert "rror" not in process.output.replace("error=", ""), process.output


@pytest.mark.parametrize(
    ("model", "said"),
    [("", "student"), ("oracle:nothing", "no footage 'nothing'"), ("/no/such/model", "no model '/no/such/model'")],
)
def test_a_model_that_is_not_there_refuses_to_configure_and_says_why(ros: Any, model: str, said: str) -> None:
    from vision_banana_ros.generators.registry import MANIFEST, SHIPPED_STUDENT

    if model == "" and (SHIPPED_STUDENT / MANIFEST).is_file():
        model, said = "/no/such/model", "no model"  # a student is shipped, so nothing is refused without a name
    process = ros.perception(autostart=False, model=model)
    listener = ros.listener
    assert not _change(listener, Transition.TRANSITION_CONFIGURE)
    assert _state(listener) == State.PRIMARY_STATE_UNCONFIGURED
    assert process.signal(signal.SIGINT) == 0
    assert "cannot configure" in process.output
    assert said in process.output


@pytest.mark.parametrize(
    ("module", "parameters", "said"),
    [
        ("node", {"max_range_m": -1.0}, "max_range_m out of range"),
        ("node", {"max_range_m": 3.0, "min_range_m": 4.0}, "min_range_m 4.0 must be below max_range_m 3.0"),
        ("node", {"classes": "floor=#80C000, chair=#80C000"}, "classes: "),
        ("camera_node", {"source": "/no/such/clip"}, "no source '/no/such/clip'"),
        ("camera_node", {"source": "moving", "encoding": "jpeg"}, "encoding must be one of"),
        ("camera_node", {"source": "moving", "rate_hz": -5}, "rate_hz must lie between"),
    ],
)
def test_bad_parameters_end_the_process_with_one_line(
    ros: Any, module: str, parameters: dict[str, object], said: str
) -> None:
    process = ros.start(module, **parameters)
    assert process.wait() == 1
    assert said in process.output
    assert "Traceback" not in process.output
