"""How a node's process starts, ends and answers signals; the same for both nodes.

The main thread waits for SIGINT or SIGTERM (ros/ending.py) while the executor spins on a thread of its own. So the
signal is answered at once, whatever the executor is at, and the context is still valid while the node deactivates and
says goodbye: rclpy's own handlers would invalidate it first. Nothing that takes long is waited for: launch sends a
second, harsher signal after five seconds. The exit code is 0 after a signal, 1 when the node could not be made or its
executor broke. A second signal ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from vision_banana_ros.core import MissingExtraError
from vision_banana_ros.ros.ending import Ending
from vision_banana_ros.ros.transport import SEGMENT_SIZES, prepare_process

#: For the executor's callback at hand, and as long again for the node's frame at hand.
_PATIENCE_S = 1.5


class Runnable(Protocol):
    """A node that wants to know when its executor spins, and when it is about to end.

    `close` waits for its own threads so long at most, and tells whether they have ended.
    """

    def started(self) -> None: ...

    def close(self, patience_s: float) -> bool: ...

    def get_logger(self) -> Any: ...

    def destroy_node(self) -> None: ...


def run_node(
    make: Callable[[], Runnable],
    arguments: Sequence[str] | None = None,
    *,
    ending: Ending | None = None,
    largest_segment: int = SEGMENT_SIZES[0],
) -> int:
    """`make` a Runnable node, spin it until a signal comes, close it; the exit code."""
    ending = ending or Ending()
    applied = prepare_process(largest_segment)
    try:
        rclpy = import_rclpy()
    except MissingExtraError as error:
        return _refuse(error)
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    try:  # bad arguments too: a parameter file that is not there, or no YAML
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = make()
    except Exception as error:
        rclpy.try_shutdown()
        return _refuse(error)
    for item in applied:
        if item.ok:  # two calls: rclpy ties a severity to the place in the code
            node.get_logger().info(item.words)
        else:
            node.get_logger().warning(item.words)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    failures: list[BaseException] = []
    thread = threading.Thread(target=_spin, args=(executor, node, failures), name="executor", daemon=True)
    thread.start()
    ending.wait()
    executor.shutdown(timeout_sec=_PATIENCE_S)
    thread.join(_PATIENCE_S)
    if thread.is_alive():  # loading a model, say; nothing that must not be cut off
        os._exit(0)
    idle = node.close(_PATIENCE_S)
    node.destroy_node()
    rclpy.try_shutdown()
    for failure in failures:
        print(f"{sys.argv[0]}: {type(failure).__name__}: {failure}", file=sys.stderr)
    code = 1 if failures else 0
    if not idle:  # a thread in the midst of a model's work would not survive the interpreter's own end
        sys.stderr.flush()
        os._exit(code)
    return code


def _refuse(error: Exception) -> int:
    """One line, even of an error that quotes a parser's places line by line."""
    words = str(error).splitlines() or [type(error).__name__]
    print(f"{os.path.basename(sys.argv[0])}: {words[0].strip()}", file=sys.stderr)
    return 1


def import_rclpy() -> Any:
    """rclpy, or one line that says how to get it."""
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)  # a virtual environment has no setup.bash to set it
    try:
        import rclpy
    except ImportError as error:
        raise MissingExtraError(package="ros-rclpy", extra="ros", purpose="Running nodes") from error
    return rclpy


def _spin(executor: Any, node: Runnable, failures: list[BaseException]) -> None:
    try:
        node.started()
        executor.spin()
    except BaseException as error:
        if type(error).__name__ not in ("ExternalShutdownException", "ShutdownException"):
            failures.append(error)
            os.kill(os.getpid(), signal.SIGTERM)
