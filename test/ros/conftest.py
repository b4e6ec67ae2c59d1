"""Real nodes in real processes, and a listener in this one; every fixture has a ROS domain of its own.

`ros`                 a fresh Graph for one test
`shared_graph`        one Graph with a camera and a perception node, for all tests of a module that only look
`shared_first_frames` the same with a camera that plays six frames, in which all that there is can be seen
`shared_perception`   one Graph with a perception node alone
`shared_processes`    one Graph with nothing in it yet
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from vision_banana_ros.world.moving import MovingScene

sys.path.insert(0, str(Path(__file__).parent))  # test helpers of this folder
ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0  # generous: the machine may be busy; nothing waits that long unless something is broken
#: An answer takes milliseconds; one that took so long was lost.
ASK_AGAIN_S = 5.0
#: Of workers side by side (pytest -n) each has every third domain to itself.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 3
_domains = itertools.count((os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()) * 7)


@functools.cache
def _first_frames() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="first_frames_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    scene = MovingScene(150)
    for index in range(6):
        cv2.imwrite(str(folder / f"{index}.png"), cv2.cvtColor(scene.frame(index).rgb, cv2.COLOR_RGB2BGR))
    return folder


class Process:
    """A node's process; its output is kept for failures' sake."""

    def __init__(self, command: list[str], domain: int, environment: dict[str, str | None]) -> None:
        wanted = {**os.environ, **ENVIRONMENT, "ROS_DOMAIN_ID": str(domain), **environment}  # None: unset
        self._log = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={name: value for name, value in wanted.items() if value is not None},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def signal(self, number: int) -> int:
        """Send it and wait for the end; the exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        return self._process.wait(PATIENCE_S)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def ask_to_stop(self) -> None:
        if self.running:
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """After ask_to_stop(); a second signal would end it at once, without a goodbye."""
        if self.running:
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()


ENVIRONMENT = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_PYTHON_CHECK_FIELDS": "1"}


def _yaml(value: object) -> str:
    return json.dumps(value)


class Listener:
    """A node of this process: collects messages, publishes, calls services."""

    def __init__(self, domain: int) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node("listener", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.received: dict[str, list[Any]] = defaultdict(list)
        self._subscriptions: dict[str, Any] = {}

    def _spin(self) -> None:
        from rclpy.executors import ExternalShutdownException

        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def subscribe(
        self, kind: Any, topic: str, *, reliable: bool = False, latched: bool = False, depth: int = 20
    ) -> None:
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

        qos = QoSProfile(
            depth=depth,
            reliability=ReliabilityPolicy.RELIABLE if reliable or latched else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        received = self.received[topic].append
        self._subscriptions[topic] = self._on_executor(
            lambda: self.node.create_subscription(kind, topic, received, qos)
        )

    def unsubscribe(self, topic: str) -> None:
        subscription = self._subscriptions.pop(topic)
        self._on_executor(lambda: self.node.destroy_subscription(subscription))

    def destroy(self, publisher: Any) -> None:
        self._on_executor(lambda: self.node.destroy_publisher(publisher))

    def _on_executor(self, action: Callable[[], Any]) -> Any:
        """On the thread that waits for messages: rclpy breaks when an entity goes while it is being waited for."""
        task = self._executor.create_task(action)
        wait_for(task.done, "the executor's thread")
        return task.result()

    def forget(self, topic: str) -> None:
        self.received[topic].clear()

    def messages(self, topic: str, count: int = 1) -> list[Any]:
        """At least so many of a topic."""
        wait_for(lambda: len(self.received[topic]) >= count, f"{count} messages on {topic}")
        return list(self.received[topic])

    def newest(self, topic: str, where: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first message from now on that fits."""
        self.forget(topic)
        wait_for(lambda: any(where(message) for message in self.received[topic]), f"a fitting message on {topic}")
        return next(message for message in self.received[topic] if where(message))

    def same_stamp(self, topics: list[str]) -> dict[str, Any]:
        """One message per topic, all of one frame."""

        def common() -> set[tuple[int, int]]:
            stamps = [{stamp(message) for message in list(self.received[topic])} for topic in topics]
            return set.intersection(*stamps)

        wait_for(lambda: bool(common()), f"one frame on all of {topics}")
        wanted = max(common())
        return {t: next(m for m in self.received[t] if stamp(m) == wanted) for t in topics}

    def change_state(self, transition: int) -> bool:
        """Ask the perception node for a lifecycle transition."""
        from lifecycle_msgs.srv import ChangeState

        request = ChangeState.Request()
        request.transition.id = transition
        return bool(self.call(ChangeState, "/perception/change_state", request).success)

    def state(self) -> int:
        """The perception node's, as lifecycle_msgs numbers it."""
        from lifecycle_msgs.srv import GetState

        return int(self.call(GetState, "/perception/get_state", GetState.Request()).current_state.id)

    def call(self, kind: Any, service: str, request: Any) -> Any:
        """The answer. A server may answer a new client before it has found it, and that answer is lost: so what only
        asks is asked again, what changes something is not.
        """
        only_asks = kind.__name__.startswith(("Get", "Describe"))
        client = self.node.create_client(kind, service)
        try:
            assert client.wait_for_service(PATIENCE_S), f"no service {service}"
            calls = [client.call_async(request)]
            asked_s = time.monotonic()

            def answered() -> bool:
                nonlocal asked_s
                if only_asks and time.monotonic() - asked_s > ASK_AGAIN_S:
                    calls.append(client.call_async(request))
                    asked_s = time.monotonic()
                return any(call.done() for call in calls)

            wait_for(answered, f"an answer from {service}")
            return next(call.result() for call in calls if call.done())
        finally:
            self._on_executor(lambda: self.node.destroy_client(client))

    @contextlib.contextmanager
    def feeding(self, *messages: tuple[str, Callable[[Any], Any]], period_s: float = 0.1) -> Iterator[None]:
        """Publish on (topic, make) again and again; `make` gets one header for all messages of a moment."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy

        from vision_banana_ros.ros.convert import header

        qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        publishers: dict[str, Any] = {}
        stopping = threading.Event()

        def feed() -> None:
            while not stopping.wait(period_s):
                head = header(time.time_ns(), "camera_optical_frame")
                for topic, make in messages:
                    message = make(head)
                    if topic not in publishers:
                        publishers[topic] = self.node.create_publisher(type(message), topic, qos)
                    publishers[topic].publish(message)

        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(PATIENCE_S)
            for publisher in publishers.values():
                self.destroy(publisher)

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        wait_for(condition, what)

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join(PATIENCE_S)
        self.node.destroy_node()
        self.context.try_shutdown()


class Graph:
    """Processes and a listener in one domain."""

    def __init__(self) -> None:
        self.domain = 1 + 3 * (next(_domains) % 33) + _WORKER
        self._processes: list[Process] = []
        self._listener: Listener | None = None

    @property
    def listener(self) -> Listener:
        if self._listener is None:
            self._listener = Listener(self.domain)
        return self._listener

    def start(
        self,
        module: str,
        *,
        environment: dict[str, str | None] | None = None,
        remaps: dict[str, str] | None = None,
        **parameters: object,
    ) -> Process:
        command = ["-m", f"vision_banana_ros.ros.{module}", "--ros-args"]
        for name, value in parameters.items():
            command += ["-p", f"{name}:={_yaml(value)}"]
        for name, target in (remaps or {}).items():
            command += ["-r", f"{name}:={target}"]
        return self.run(command, environment=environment)

    def run(self, command: list[str], *, environment: dict[str, str | None] | None = None) -> Process:
        """This Python with these words, in the domain of the graph."""
        process = Process(command, self.domain, environment or {})
        self._processes.append(process)
        return process

    def perception(
        self,
        *,
        remaps: dict[str, str] | None = None,
        environment: dict[str, str | None] | None = None,
        **parameters: object,
    ) -> Process:
        return self.start(
            "node",
            remaps=remaps,
            environment=environment,
            **{"model": "oracle:moving@160x120", "diagnostics_period_s": 0.2, **parameters},
        )

    def camera(self, *, remaps: dict[str, str] | None = None, **parameters: object) -> Process:
        """Plays the scene's first frames, which the oracle finds at once."""
        if "source" not in parameters:
            parameters = {"source": str(_first_frames()), "hfov_deg": 70.0, **parameters}
        return self.start("camera_node", remaps=remaps, **{"rate_hz": 10.0, **parameters})

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for process in self._processes:  # all together: each takes a second
            process.ask_to_stop()
        for process in self._processes:
            process.stop()


@pytest.fixture
def ros() -> Iterator[Graph]:
    graph = Graph()
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def shared_processes() -> Iterator[Graph]:
    """A Graph for all tests of a module, which start in it what they want."""
    graph = Graph()
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def shared_graph() -> Iterator[Graph]:
    graph = Graph()
    graph.camera(source="moving", publish_truth=True)
    graph.perception(
        instance_class="box", prompt="the lamp", max_range_m=80.0, classes="floor, wall, ceiling, sky, box, ball, sofa"
    )
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def shared_first_frames() -> Iterator[Graph]:
    graph = Graph()
    graph.camera()
    graph.perception(
        instance_class="box", prompt="the lamp", max_range_m=80.0, classes="floor, wall, ceiling, sky, box, ball, sofa"
    )
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def shared_perception() -> Iterator[Graph]:
    """A perception node without a camera: the module's tests publish the images."""
    graph = Graph()
    graph.perception(max_range_m=80.0)
    yield graph
    graph.close()


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """This process's own nodes: only this machine, checked fields, and a segment that images fit into."""
    patch = pytest.MonkeyPatch()
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    from vision_banana_ros.ros.process import import_rclpy
    from vision_banana_ros.ros.transport import use_large_shared_memory

    # The choice of a runtime is kept there: not that of this machine's user.
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    environment: dict[str, str] = {}
    use_large_shared_memory(environment)
    for name, value in environment.items():
        patch.setenv(name, value)
    import_rclpy()
    yield
    patch.undo()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain for {what}"
        time.sleep(0.01)


def stamp(message: Any) -> tuple[int, int]:
    return message.header.stamp.sec, message.header.stamp.nanosec
