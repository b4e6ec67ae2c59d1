"""The command line: exit codes tell failure, errors are one line, nothing is imported before it is needed."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from vision_banana_ros import __version__
from vision_banana_ros.bench.rows import Row, timed
from vision_banana_ros.cli import main
from vision_banana_ros.commands import COMMANDS, bench


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main([name, "--help"])
    assert ending.value.code == 0
    assert COMMANDS[name].split()[0] in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["--version"])
    assert ending.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("arguments", [[], ["no-such-command"]])
def test_a_wrong_call_is_told_so(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    assert "vision-banana" in capsys.readouterr().err


def test_an_error_is_one_line_and_exit_code_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["image", str(tmp_path / "missing.png"), "-o", str(tmp_path), "--model", "oracle:moving"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "missing.png" in error


def test_interrupted_work_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run", interrupted)
    assert main(["bench"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_asking_for_the_version_imports_neither_torch_nor_numba_nor_ros() -> None:
    code = (
        "import sys\n"
        "from vision_banana_ros.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numba', 'rclpy', 'onnxruntime', 'openvino'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_bench_refuses_an_unknown_area(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "coffee"]) == 2
    assert "coffee" in capsys.readouterr().err


@pytest.mark.parametrize("area", bench.AREAS)
def test_every_area_of_bench_can_be_measured(area: str) -> None:
    assert callable(importlib.import_module(f"vision_banana_ros.bench.{area}").measure)


def test_bench_writes_the_rows_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = Row(area="codecs", name="decode", value=2.0, unit="ms", against="other", ratio=60.0, bar=">= 50")
    monkeypatch.setattr("vision_banana_ros.bench.codecs.measure", lambda: [row])
    assert main(["bench", "codecs", "--json", str(tmp_path / "rows.json")]) == 0
    assert "60.0 x other" in capsys.readouterr().out
    assert '"ratio": 60.0' in (tmp_path / "rows.json").read_text()


def test_timed_calls_the_work_and_orders_its_figures() -> None:
    calls: list[int] = []
    timing = timed(lambda: calls.append(1), repeats=20, warmups=2)
    assert len(calls) == 22
    assert 0 <= timing.best_ms <= timing.median_ms <= timing.p95_ms
