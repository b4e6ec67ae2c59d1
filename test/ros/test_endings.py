"""How processes end: in the midst of a slow frame, before they have begun, and on files that are none."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros

#: launch waits so long after its first signal before it sends a harsher one.
LAUNCH_ESCALATES_S = 5.0


def test_a_slow_frame_does_not_hold_up_the_end(ros: Any, tmp_path: Path) -> None:
    """A stand-in makes every frame take a minute, as a large model on a small machine might."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time\n"
        "from vision_banana_ros.generators import oracle\n"
        "oracle.OracleGenerator.generate = lambda *_: (print('painting', flush=True), time.sleep(60))\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = ros.start("node", environment={"PYTHONPATH": paths}, model="oracle:moving@160x120")
    ros.camera()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.wait_for(lambda: "painting" in process.output, "the first frame")
    start = time.monotonic()
    assert process.signal(signal.SIGINT) == 0
    assert time.monotonic() - start < LAUNCH_ESCALATES_S
    assert "not waiting for it" in process.output


def test_a_signal_while_it_starts_ends_it_cleanly(ros: Any, tmp_path: Path) -> None:
    """rclpy takes a moment to import; a stand-in tells when that begins."""
    (tmp_path / "rclpy").mkdir()
    (tmp_path / "rclpy" / "__init__.py").write_text(
        "import sys, time\n"
        "print('importing', flush=True)\n"
        "time.sleep(1)\n"
        f"sys.path.remove({str(tmp_path)!r})\n"
        "del sys.modules['rclpy']\n"
        "import rclpy\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    numbers = (signal.SIGINT, signal.SIGTERM)
    processes = [ros.start("node", environment={"PYTHONPATH": paths}, model="oracle:moving@160x120") for _ in numbers]
    for process, number in zip(processes, numbers, strict=True):
        ros.listener.wait_for(lambda process=process: "importing" in process.output, "the start")
        assert process.signal(number) == 0
        assert "Traceback" not in process.output


@pytest.mark.parametrize(("text", "said"), [(None, "Error opening YAML file"), ("a: [1,\n", "at line 1")])
def test_a_parameter_file_that_is_none_ends_the_process_with_one_line(
    ros: Any, tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "my.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    process = ros.run(["-m", "vision_banana_ros.ros.node", "--ros-args", "--params-file", str(file)])
    assert process.wait() == 1
    assert "Traceback" not in process.output
    line = process.output.splitlines()[-1]
    assert str(file) in line
    assert said in line


def test_a_name_that_no_parameter_has_is_told_with_the_nearest(ros: Any, tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    max_rang_m: 5.0\n    use_sim_time: false\n    model: oracle:moving\n"
        "    qos_overrides:\n      /image:\n        subscription:\n          depth: 2\n",
        encoding="utf-8",
    )
    process = ros.run(["-m", "vision_banana_ros.ros.node", "--ros-args", "--params-file", str(file)])
    ros.listener.subscribe(DiagnosticArray, "/diagnostics")
    ros.listener.messages("/diagnostics")
    assert process.output.count("there is no parameter") == 1
    assert "there is no parameter 'max_rang_m': max_range_m?" in process.output
