"""Statistics and what /diagnostics makes of them, on a clock that the tests turn."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Header

from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.ros.diagnostics import Condition, about_engine, diagnostic_array
from vision_banana_ros.ros.heat import Heat, read_heat
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.statistics import Drop, FrameStatistics
from vision_banana_ros.runtimes.report import Attempt, LoadReport
from vision_banana_ros.runtimes.runtime import Backend


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> FrameStatistics:
    return FrameStatistics(clock)


def _play(statistics: FrameStatistics, clock: Clock, frames: int, *, hz: float = 10.0, latency_s: float = 0.02) -> None:
    for _ in range(frames):
        clock.seconds += 1 / hz
        statistics.image_arrived()
        statistics.published(latency_s=latency_s, generate_s=0.005, own_s=0.01)


def _levels(statistics: FrameStatistics, **condition: object) -> tuple[dict[str, bytes], dict[str, str]]:
    state = Condition(**{"name": "/perception", "active": True, "engine": "loaded", **condition})  # type: ignore[arg-type]
    array = diagnostic_array(Header(), state.name, [(state, statistics.summary(), Settings())])
    parts = {status.name.removeprefix("/perception: "): status for status in array.status}
    return {p: bytes(s.level) for p, s in parts.items()}, {p: s.message for p, s in parts.items()}


def test_rates_and_percentiles_are_of_the_last_ten_seconds(statistics: FrameStatistics, clock: Clock) -> None:
    _play(statistics, clock, 50, latency_s=9.0)
    clock.seconds += 20
    _play(statistics, clock, 50)
    summary = statistics.summary()
    assert summary.input_hz == pytest.approx(10.0)
    assert summary.output_hz == pytest.approx(10.0)
    assert summary.latency_p95_ms == pytest.approx(20.0)
    assert summary.own_p50_ms == pytest.approx(10.0)
    assert (summary.received, summary.done) == (100, 100)


def test_what_is_kept_does_not_grow_with_time(statistics: FrameStatistics, clock: Clock) -> None:
    """Else a node that runs for an hour holds more than one that runs for a minute."""

    def kept(frames: int) -> int:
        for count in range(frames):
            clock.seconds += 1 / 30
            statistics.image_arrived(count)
            statistics.info_arrived(count)
            statistics.dropped(Drop.NEWER_FRAME)
            statistics.published(latency_s=0.1, generate_s=0.1, own_s=0.1, topics=frozenset({"points"}))
            if count % 30 == 0:
                statistics.summary()
        series = [*vars(statistics).values(), *vars(statistics._stamps).values(), *statistics._topics.values()]
        return sum(len(values) for values in series if isinstance(values, deque))

    assert kept(3000) == kept(300) <= 7 * 30 * 11, "the window of ten seconds, and what came since the last summary"
    assert statistics.summary().input_hz == pytest.approx(30.0)
    clock.seconds += 1000
    summary = statistics.summary()
    assert summary.since_image_s == pytest.approx(1000.0)
    assert summary.since_info_s == pytest.approx(1000.0)


def test_images_without_a_stamp_of_this_clock_have_no_latency(statistics: FrameStatistics) -> None:
    statistics.published(latency_s=None, generate_s=0.0, own_s=0.0)
    assert statistics.summary().latency_p50_ms is None


def test_wished_drops_are_no_losses(statistics: FrameStatistics, clock: Clock) -> None:
    _play(statistics, clock, 10)
    for _ in range(5):
        statistics.image_arrived()
        statistics.dropped(Drop.NOBODY)
        statistics.dropped(Drop.RATE_LIMIT)
    assert statistics.summary().lost_share == 0
    statistics.dropped(Drop.NEWER_FRAME)
    assert statistics.summary().lost_share == pytest.approx(1 / 15)
    assert statistics.summary().drops[Drop.NOBODY.value] == 5


def test_all_is_well_while_frames_come(statistics: FrameStatistics, clock: Clock) -> None:
    _play(statistics, clock, 20)
    levels, messages = _levels(statistics)
    assert set(levels.values()) == {DiagnosticStatus.OK}
    assert messages["camera"] == "10.0 Hz"


def test_a_camera_that_stops_is_stale(statistics: FrameStatistics, clock: Clock) -> None:
    assert _levels(statistics)[0]["camera"] == DiagnosticStatus.STALE
    _play(statistics, clock, 5)
    clock.seconds += Settings().stale_after_s + 0.1
    levels, messages = _levels(statistics)
    assert levels["camera"] == DiagnosticStatus.STALE
    assert "camera lost" in messages["camera"]
    _play(statistics, clock, 1)
    assert _levels(statistics)[0]["camera"] == DiagnosticStatus.OK


def test_late_and_lossy_frames_are_warned_about(statistics: FrameStatistics, clock: Clock) -> None:
    _play(statistics, clock, 10, latency_s=Settings().max_latency_s + 0.1)
    assert _levels(statistics)[0]["frames"] == DiagnosticStatus.WARN
    clock.seconds += 20
    _play(statistics, clock, 10)
    assert _levels(statistics)[0]["frames"] == DiagnosticStatus.OK
    for _ in range(4):
        statistics.image_arrived()
        statistics.dropped(Drop.NEWER_FRAME)
    levels, messages = _levels(statistics)
    assert levels["frames"] == DiagnosticStatus.WARN
    assert "29%" in messages["frames"]


def test_no_output_at_all_is_an_error_that_says_why(statistics: FrameStatistics, clock: Clock) -> None:
    for _ in range(5):
        clock.seconds += 0.1
        statistics.image_arrived()
        statistics.dropped(Drop.BAD_IMAGE, "image encoding 'thermal' is not known")
    levels, messages = _levels(statistics)
    assert levels["frames"] == DiagnosticStatus.ERROR
    assert "thermal" in messages["frames"]


def test_the_engine_and_the_camera_tell_their_own(statistics: FrameStatistics, clock: Clock) -> None:
    _play(statistics, clock, 5)
    levels, messages = _levels(statistics, failure="no model", camera_problem="image is distorted")
    assert (levels["engine"], levels["camera"]) == (DiagnosticStatus.ERROR, DiagnosticStatus.WARN)
    assert messages["engine"] == "no model"


def test_a_runtime_that_painted_something_wrong_is_an_error_whatever_runs_now(
    statistics: FrameStatistics, clock: Clock
) -> None:
    attempt = Attempt(
        backend=Backend.TENSORRT, precision=Precision.FP16, outcome="failed the self-check", detail="depth"
    )
    fallback = Attempt(backend=Backend.ONNX, precision=Precision.FP32, outcome="passed", detail="")
    report = LoadReport(backend=Backend.ONNX, precision=Precision.FP32, why="only one", attempts=(attempt, fallback))

    class Student:
        def __init__(self) -> None:
            self.report = report

        def generate(self, _frame: object, _instructions: object) -> list[object]:
            return []

    about = about_engine(Student())  # type: ignore[arg-type]
    _play(statistics, clock, 5)
    levels, messages = _levels(statistics, about=about)
    assert levels["engine"] == DiagnosticStatus.ERROR
    assert "tensorrt fp16 failed the self-check" in messages["engine"]
    assert "onnx" in about.words


def _zone(root: Path, name: str, kind: str, temp: object, **trips: int) -> None:
    zone = root / name
    zone.mkdir(parents=True)
    (zone / "type").write_text(f"{kind}\n", encoding="ascii")
    (zone / "temp").write_text(f"{temp}\n", encoding="ascii")
    for index, (trip, limit) in enumerate(trips.items()):
        (zone / f"trip_point_{index}_type").write_text(f"{trip}\n", encoding="ascii")
        (zone / f"trip_point_{index}_temp").write_text(f"{limit}\n", encoding="ascii")


def test_a_machine_that_slows_down_for_heat_is_warned_about(
    statistics: FrameStatistics, clock: Clock, tmp_path: Path
) -> None:
    _play(statistics, clock, 5)
    assert read_heat(tmp_path) == Heat()
    _zone(tmp_path, "thermal_zone0", "cpu-thermal", 97500, passive=99000, critical=104500)
    _zone(tmp_path, "thermal_zone1", "board", 120000)
    _zone(tmp_path, "thermal_zone2", "gpu-thermal", -256000, passive=99000)
    _zone(tmp_path, "thermal_zone3", "asleep", "", passive=1)
    heat = read_heat(tmp_path)
    assert (heat.zone, heat.temperature_c, heat.throttles_at_c) == ("cpu-thermal", 97.5, 99.0)
    levels, messages = _levels(statistics, heat=heat)
    assert levels["engine"] == DiagnosticStatus.WARN
    assert "cpu-thermal has 98 degrees and slows down from 99 on" in messages["engine"]
    assert Heat(zone="cpu", temperature_c=95.9, throttles_at_c=99.0).problem == ""


def test_the_rate_of_each_topic_is_told_while_it_has_one(statistics: FrameStatistics, clock: Clock) -> None:
    for index in range(20):
        clock.seconds += 0.1
        topics = frozenset({"depth/image"} if index % 2 else {"depth/image", "points"})
        statistics.published(latency_s=None, generate_s=0.0, own_s=0.0, topics=topics)
    rates = statistics.summary().topics_hz
    assert (rates["depth/image"], rates["points"]) == (pytest.approx(10.0), pytest.approx(5.0))
    clock.seconds += 11
    assert statistics.summary().topics_hz == {}


def test_an_inactive_node_complains_of_nothing(statistics: FrameStatistics) -> None:
    levels, messages = _levels(statistics, active=False, engine="not loaded")
    assert set(levels.values()) == {DiagnosticStatus.OK}
    assert messages["camera"] == "inactive"
