"""What may happen to a directory of engines: no permission, no home, two builders at once, one that dies at it."""

import ctypes
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_tensorrt import FakeCuda, FakeTensorRt
from seeded_model import golden_boxes, text_table

from vision_banana_ros.cli import main
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes import tensorrt
from vision_banana_ros.runtimes.choice import choose
from vision_banana_ros.runtimes.report import UNAVAILABLE
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions
from vision_banana_ros.runtimes.selfcheck import check
from vision_banana_ros.runtimes.tensorrt import Engines
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings
from vision_banana_ros.runtimes.tensorrt.build import Profile
from vision_banana_ros.runtimes.tensorrt.cache import EngineCache, EngineKey, default_directory, pack

MAY_WRITE_ANYWHERE = 1 << 1  # CAP_DAC_OVERRIDE
KEY = EngineKey(
    graph_sha256="g", tensorrt="10.3", gpu="G", compute_capability="8.7", precision=Precision.FP16,
    profile=Profile.for_sizes([(256, 192), (256, 128)]),
)  # fmt: skip


def engines(trt: FakeTensorRt, directory: Path, said: list[str]) -> Engines:
    return Engines(Bindings(trt), FakeCuda(), RuntimeOptions(cache_dir=directory, tell=said.append))


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Takes the right to write to a directory away: from root too, whom the kernel lets write everywhere else."""
    before = _effective_rights()
    closed: list[Path] = []

    def close(directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        directory.chmod(0o555)
        closed.append(directory)
        _effective_rights(before & ~MAY_WRITE_ANYWHERE)

    yield close
    _effective_rights(before)
    for directory in closed:
        directory.chmod(0o755)


def _effective_rights(wanted: int | None = None) -> int:
    """Of this thread, the capabilities 0 to 31: those it has, after setting them where `wanted` is given."""
    library = ctypes.CDLL(None)
    version_and_thread, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert library.capget(version_and_thread, sets) == 0
    if wanted is not None:
        sets[0] = wanted
        assert library.capset(version_and_thread, sets) == 0
    return sets[0]


def test_without_permission_the_engine_runs_from_memory_and_it_is_told_what_to_do(
    model: ModelFolder, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    said: list[str] = []
    read_only(tmp_path / "engines")
    made = engines(FakeTensorRt("10.3"), tmp_path / "engines", said)
    assert check(made.open(model, Precision.FP32), load_golden(model), golden_boxes()).passed
    assert not made.keeps(model, Precision.FP32)
    (line,) = (line for line in said if "cannot keep the engine" in line)
    assert "Permission denied" in line
    assert "make the directory writable, or name another: parameter engine_cache_dir" in line


def test_engines_that_were_put_into_a_read_only_directory_are_used(
    model: ModelFolder, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    """As in a container whose image was built with its engines."""
    trt, said = FakeTensorRt("10.3"), []
    engines(trt, tmp_path / "engines", said).open(model, Precision.FP32)
    said.clear()
    read_only(tmp_path / "engines")
    engines(trt, tmp_path / "engines", said).open(model, Precision.FP32)
    assert trt.builds == 1
    assert said == []


def test_a_refused_engine_in_a_read_only_directory_is_built_into_memory(
    model: ModelFolder, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    trt, said = FakeTensorRt("10.3"), []
    made = engines(trt, tmp_path / "engines", said)
    key = made.key(model, Precision.FP32)
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines" / key.file_name).write_bytes(pack(key, b"built by something else"))
    read_only(tmp_path / "engines")
    assert check(made.open(model, Precision.FP32), load_golden(model), golden_boxes()).passed
    assert trt.builds == 1
    assert any("the cached engine does not run: building it anew" in line for line in said)


def test_the_cache_is_the_users_and_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/robot")
    assert default_directory() == Path("/var/cache/robot/vision_banana_ros/engines")
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert default_directory() == Path.home() / ".cache/vision_banana_ros/engines"

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert default_directory() == Path("/nonexistent/vision_banana_ros/engines")


def use(monkeypatch: pytest.MonkeyPatch, trt: FakeTensorRt) -> FakeTensorRt:
    """TensorRT as if it were installed, behind the real adapter, choice and commands."""
    monkeypatch.setattr(tensorrt, "load_bindings", lambda: Bindings(trt))
    monkeypatch.setattr(tensorrt, "Cuda", FakeCuda)
    return trt


def test_a_generator_keeps_its_engines_where_it_is_told(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakeTensorRt("10.3"))
    for _ in range(2):
        report = load_generator(str(exported), backend="tensorrt:fp32", cache_dir=tmp_path).report  # type: ignore[attr-defined]
        assert report.backend is Backend.TENSORRT
    assert len(list(tmp_path.glob("*.engine"))) == 1


def test_what_the_bindings_raise_themselves_gives_way_to_the_next_runtime(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As theirs do where the driver is older than they want."""
    trt, said = use(monkeypatch, FakeTensorRt("10.3")), []

    def refuse(_logger: object) -> None:
        raise TypeError("pybind11::init(): factory function returned nullptr")

    monkeypatch.setattr(trt, "Builder", refuse, raising=False)
    chosen = choose(model, text_table(), "auto", RuntimeOptions(threads=1, cache_dir=tmp_path, tell=said.append))
    assert chosen.report.backend is not Backend.TENSORRT
    assert chosen.report.attempts[0].outcome == UNAVAILABLE
    assert any("TypeError: pybind11::init()" in line for line in said)


def test_build_checks_what_it_built_and_says_that_it_is_ready(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trt = use(monkeypatch, FakeTensorRt("11.4"))
    build = ["engine", "build", str(exported), "--precision", "fp16", "--cache-dir", str(tmp_path / "new")]
    assert main(build) == 0
    assert "fp16: ready; closest call: " in capsys.readouterr().out
    assert main(build) == 0
    assert trt.builds == 1


def test_build_fails_where_nothing_can_be_kept(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, FakeTensorRt("10.3"))
    (tmp_path / "file").write_text("a file where a directory should be")
    where = str(tmp_path / "file" / "engines")
    assert main(["engine", "build", str(exported), "--precision", "fp32", "--cache-dir", where]) == 1
    told = capsys.readouterr()
    assert "fp32: not kept" in told.out
    assert "--cache-dir" in told.err


def _get(directory: Path, seconds: float, begun: "multiprocessing.Queue[int]", ended: "multiprocessing.Queue") -> None:
    said: list[str] = []
    builds = 0

    def build(_timings: bytes) -> tuple[bytes, bytes]:
        nonlocal builds
        builds += 1
        begun.put(os.getpid())
        time.sleep(seconds)
        return b"engine", b""

    ended.put((EngineCache(directory, said.append).get(KEY, build), builds, said))


def test_of_two_processes_one_builds_and_the_other_waits_and_reads(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    begun, ended = context.Queue(), context.Queue()
    first = context.Process(target=_get, args=(tmp_path, 1.0, begun, ended))
    first.start()
    begun.get(timeout=30)  # it holds the lock
    second = context.Process(target=_get, args=(tmp_path, 0.0, begun, ended))
    second.start()
    outcomes = sorted((ended.get(timeout=30) for _ in range(2)), key=lambda outcome: outcome[1])
    for process in (first, second):
        process.join(timeout=30)
    assert outcomes[0] == (b"engine", 0, ["another process is building this engine: waiting for it"])
    assert outcomes[1] == (b"engine", 1, [])


def test_when_the_builder_is_killed_the_one_who_waits_builds(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    begun, ended = context.Queue(), context.Queue()
    first = context.Process(target=_get, args=(tmp_path, 600.0, begun, ended))
    first.start()
    builder = begun.get(timeout=30)
    second = context.Process(target=_get, args=(tmp_path, 0.0, begun, ended))
    second.start()
    time.sleep(0.3)  # it waits by now; were it not, it would find the lock free, and the outcome is the same
    os.kill(builder, signal.SIGKILL)
    engine, builds, _ = ended.get(timeout=30)
    assert (engine, builds) == (b"engine", 1)
    for process in (first, second):
        process.join(timeout=30)
    assert [path.name for path in tmp_path.glob("*.engine")] == [KEY.file_name]
