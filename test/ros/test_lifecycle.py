"""Every transition, and how the processes end."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from lifecycle_msgs.msg import State, Transition
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros


def test_a_walk_through_all_states(ros: Any) -> None:
    ros.camera()
    process = ros.perception(autostart=False)
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    assert listener.state() == State.PRIMARY_STATE_UNCONFIGURED
    for _ in range(2):  # twice: nothing of the first round may stand in the way of the second
        assert listener.change_state(Transition.TRANSITION_CONFIGURE)
        assert listener.state() == State.PRIMARY_STATE_INACTIVE
        assert listener.change_state(Transition.TRANSITION_ACTIVATE)
        assert listener.state() == State.PRIMARY_STATE_ACTIVE
        listener.newest("depth/image")
        assert listener.change_state(Transition.TRANSITION_DEACTIVATE)
        assert listener.state() == State.PRIMARY_STATE_INACTIVE
        assert listener.change_state(Transition.TRANSITION_CLEANUP)
        assert listener.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert not listener.change_state(Transition.TRANSITION_ACTIVATE), "it is not configured"
    assert listener.change_state(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert listener.state() == State.PRIMARY_STATE_FINALIZED
    assert process.signal(signal.SIGINT) == 0


def test_an_inactive_node_is_silent(ros: Any) -> None:
    ros.camera()
    ros.perception()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.messages("depth/image")
    assert listener.change_state(Transition.TRANSITION_DEACTIVATE)
    listener.subscribe(Image, "image")
    listener.messages("image", 3)  # what was on its way has arrived
    listener.forget("depth/image")
    listener.forget("image")
    listener.messages("image", 10)
    assert listener.received["depth/image"] == []
    assert listener.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN) is False
    assert listener.change_state(Transition.TRANSITION_INACTIVE_SHUTDOWN)


def test_shutdown_while_active_ends_cleanly(ros: Any) -> None:
    ros.camera()
    process = ros.perception()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.messages("depth/image")
    assert listener.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert listener.state() == State.PRIMARY_STATE_FINALIZED
    assert process.signal(signal.SIGTERM) == 0


def test_signals_end_both_nodes_with_exit_code_0(ros: Any) -> None:
    """A pair of nodes for each signal, side by side."""
    pairs = {signal.SIGINT: "/one", signal.SIGTERM: "/two"}
    started = {n: (ros.perception(remaps={"__ns": ns}), ros.camera(remaps={"__ns": ns})) for n, ns in pairs.items()}
    listener = ros.listener
    for namespace in pairs.values():
        listener.subscribe(Image, f"{namespace}/depth/image")
    for number, namespace in pairs.items():
        listener.messages(f"{namespace}/depth/image", 3)  # in the midst of work
        for process in started[number]:
            assert process.signal(number) == 0
            assert "Traceback" not in process.output
            assert "rror" not in process.output.replace("error=", ""), process.output


def test_a_model_that_is_not_there_refuses_to_configure_and_says_why(ros: Any) -> None:
    """More of them in test_models.py."""
    process = ros.perception(autostart=False, model="/no/such/model")
    listener = ros.listener
    assert not listener.change_state(Transition.TRANSITION_CONFIGURE)
    assert listener.state() == State.PRIMARY_STATE_UNCONFIGURED
    assert process.signal(signal.SIGINT) == 0
    assert "cannot configure" in process.output
    assert "no model '/no/such/model'" in process.output


def test_bad_parameters_end_the_process_with_one_line(ros: Any) -> None:
    """All started at once: a start is most of what such a process does."""
    cases: list[tuple[str, dict[str, object], str]] = [
        ("node", {"max_range_m": -1.0}, "max_range_m out of range"),
        ("node", {"max_range_m": 3.0, "min_range_m": 4.0}, "min_range_m 4.0 must be below max_range_m 3.0"),
        ("node", {"classes": "floor=#80C000, chair=#80C000"}, "classes: "),
        ("camera_node", {"source": "/no/such/clip"}, "no source '/no/such/clip'"),
        ("camera_node", {"source": "moving", "encoding": "jpeg"}, "encoding must be one of"),
        ("camera_node", {"source": "moving", "rate_hz": -5}, "rate_hz must lie between"),
        ("node", {"scan_pose": "ahead"}, "scan_pose: a pose is six numbers"),
    ]
    for process, said in [(ros.start(module, **parameters), said) for module, parameters, said in cases]:
        assert process.wait() == 1
        assert said in process.output
        assert "Traceback" not in process.output
