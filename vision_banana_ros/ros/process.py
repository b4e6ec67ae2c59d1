"""How a node's process starts, ends and answers signals; the same for both nodes.

The main thread waits for SIGINT or SIGTERM while the executor spins on a thread of its own. So the signal is answered
at once, whatever the executor is at, and the context is still valid while the node deactivates and says goodbye:
rclpy's own handlers would invalidate it first. The exit code is 0 after a signal, 1 when the node could not be made
or its executor broke. A second signal ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from vision_banana_ros.core import MissingExtraError
from vision_banana_ros.ros.transport import prepare_process

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_S = 10.0


class Runnable(Protocol):
    """A node that wants to know when its executor spins, and when it is about to end."""

    def started(self) -> None: ...

    def close(self) -> None: ...

    def get_logger(self) -> Any: ...

    def destroy_node(self) -> None: ...


def run_node(make: Callable[[], Runnable], arguments: Sequence[str] | None = None) -> int:
    """`make` a Runnable node, spin it until a signal comes, close it; the exit code."""
    # Blocked before any thread exists, so that no thread of the middleware gets the signal instead of sigwait().
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    applied = prepare_process()
    try:
        rclpy = import_rclpy()
    except MissingExtraError as error:
        return _refuse(error)
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    try:
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
    signal.sigwait(_SIGNALS)
    threading.Thread(target=_end_at_second_signal, daemon=True).start()
    executor.shutdown(timeout_sec=_PATIENCE_S)
    thread.join(_PATIENCE_S)
    if thread.is_alive():  # loading a model, say; nothing that must not be cut off
        os._exit(0)
    node.close()
    node.destroy_node()
    rclpy.try_shutdown()
    for failure in failures:
        print(f"{sys.argv[0]}: {type(failure).__name__}: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _refuse(error: Exception) -> int:
    print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
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
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _end_at_second_signal() -> None:
    signal.sigwait(_SIGNALS)
    os._exit(1)
