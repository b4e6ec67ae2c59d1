"""Nodes as processes of their own, on this machine alone: for the demonstration and the benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_PATIENCE_S = 20.0


def isolated_environment() -> dict[str, str]:
    """This environment, with a domain of this process and nothing heard from or said to the network.

    Of the domains above Linux's passing ports (215 to 232), which hardly anybody sets: robots use small numbers.
    """
    domain = str(215 + os.getpid() % 18)
    return {**os.environ, "ROS_DOMAIN_ID": domain, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


@contextmanager
def running_node(
    module: str, parameters: Mapping[str, object], *, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`module` of this package's ros/, until the end of the block, which waits for a clean exit."""
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={json.dumps(value)}")]
    process = subprocess.Popen(
        [sys.executable, "-m", f"vision_banana_ros.ros.{module}", "--ros-args", "--log-level", "warn", *words],
        env=environment or isolated_environment(),
        text=True,
        start_new_session=True,  # Ctrl-C is for the one who started it, who then ends it in order
    )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
