"""Evaluations on a real local Ray: the very report of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import painters
import pytest
from load_file import load_file

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.data import open_dataset
from vision_banana_ros.evaluation.baselines import PriorMaps
from vision_banana_ros.evaluation.evaluate import evaluate
from vision_banana_ros.evaluation.on_ray import evaluate_on_ray, judge_on_ray
from vision_banana_ros.evaluation.protocols import BENCHMARKS, judge
from vision_banana_ros.evaluation.questions import EvaluationSettings
from vision_banana_ros.evaluation.summary import jsonable
from vision_banana_ros.scaling.actors import RaySettings
from vision_banana_ros.world.moving import MovingScene

miniature = load_file(Path(__file__).parents[1] / "data" / "benchmarks" / "miniature.py")

FOOTAGE = MovingScene(count=7, width=96, height=64)
SETTINGS = EvaluationSettings(priors=PriorMaps.load())

# Ray is not imported here: what start_ray says to it must come first.
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra scale")


@pytest.fixture(autouse=True)
def _workers_find_the_painters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Seven frames with every kind of truth; the third has none that can be asked for."""
    root = tmp_path / "set"
    for kind in ("rgb", "depth", "normal", "label", "instance"):
        (root / kind).mkdir(parents=True)
    cameras, said = {}, {}
    for i in range(7):
        frame, truth, name = FOOTAGE.frame(i), FOOTAGE.truth(i), f"{i:02}"
        cv2.imwrite(str(root / "rgb" / f"{name}.png"), frame.rgb[..., ::-1])
        if i == 2:
            np.savez(root / "normal" / f"{name}.npz", normal=np.nan_to_num(truth.normals))
            continue
        np.savez(root / "depth" / f"{name}.npz", depth=np.where(np.isfinite(truth.depth_m), truth.depth_m, 0))
        np.savez(root / "normal" / f"{name}.npz", normal=np.nan_to_num(truth.normals))
        cv2.imwrite(str(root / "label" / f"{name}.png"), truth.mask)
        cv2.imwrite(str(root / "instance" / f"{name}.png"), truth.instances)
        c = truth.camera
        cameras[name] = {"fx": c.fx, "fy": c.fy, "cx": c.cx, "cy": c.cy, "width": 96, "height": 64}
        said[name] = [{"text": r.text, "instances": list(r.instance_ids)} for r in truth.referring]
    (root / "intrinsics.json").write_text(json.dumps(cameras))
    (root / "referring.json").write_text(json.dumps(said))
    (root / "labels.json").write_text(json.dumps(list(FOOTAGE.truth(0).labels)))
    return root


@needs_ray
def test_frames_are_judged_as_by_one_process(frames: Path, tmp_path: Path) -> None:
    here = evaluate(open_dataset(frames, "frames"), painters.load("luma"), root="set", model="luma", settings=SETTINGS)
    steps: list[None] = []
    (tmp_path / "pictures").mkdir()
    there = evaluate_on_ray(
        frames,
        "frames",
        model="luma",
        settings=SETTINGS,
        ray=RaySettings(workers=2, batch=2),
        pictures=tmp_path / "pictures",
        load=painters.load,
        step=lambda: steps.append(None),
    )
    assert here.frames == 7
    assert [row.name for row in here.contenders] == ["luma", "best constant", "mean map"]
    assert None not in (here.mean_iou, here.cumulative_iou, here.instance_pm_f1, here.focal_error)
    assert 0 < here.contenders[0].depth.delta1.value < 1
    assert there.to_json() | {"root": "set"} == here.to_json()
    assert len(steps) == len(list((tmp_path / "pictures").glob("*.png"))) == 7
    assert print.__module__ == "builtins", "Ray leaves Python as it was"


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_set_is_judged_as_by_one_process_and_errors_are_one_line(tmp_path: Path) -> None:
    miniature.eth3d(tmp_path)
    benchmark = BENCHMARKS["eth3d"]
    here = judge(benchmark, benchmark.open(tmp_path), painters.load("luma"), model="luma")
    ray = RaySettings(workers=1)
    there = judge_on_ray("eth3d", tmp_path, model="luma", ray=ray, load=painters.load)
    assert 0 < here.scores[1].value < 10
    assert there == here
    with pytest.raises(GeneratorError, match=r"^no model 'absent'$"):
        judge_on_ray("eth3d", tmp_path, model="absent", ray=ray, load=painters.load)


@pytest.mark.parametrize("name", ["eth3d", "nyuv2-normals", "cityscapes", "refcocog", "saco"])
def test_parts_of_a_set_put_together_are_the_set(name: str, tmp_path: Path) -> None:
    """Three times over, so that there is an order to keep."""
    make = {"nyuv2-normals": lambda root: miniature.dsine(root, "nyuv2")}.get(name) or getattr(miniature, name)
    make(tmp_path)
    benchmark, generator = BENCHMARKS[name], painters.load("luma")
    items = benchmark.open(tmp_path)
    pieces = [item for piece in items.pieces() for item in items.read_piece(piece)] * 3
    whole, merged = benchmark.scorer(), benchmark.scorer()
    for item in list(items) * 3:
        whole.add(item, generator)
    for item in pieces:
        one = benchmark.scorer()
        one.add(item, generator)
        merged.merge(one)
    assert whole.scores()
    assert jsonable([asdict(s) for s in merged.scores()]) == jsonable([asdict(s) for s in whole.scores()])


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_command_says_the_same(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vision_banana_ros.cli import main

    said = []
    for more in ([], ["--ray", "auto"]):
        code = main(["eval", "frames", "--root", str(frames), "--limit", "5", "--json", "-", *more])
        said.append((code, *capsys.readouterr()))
    (here_code, here, here_words), (there_code, there, there_words) = said
    assert json.loads(here)["frames"] == 5
    assert there_code == here_code
    # threads of the runtime add in another order each time: the twelfth digit differs between two runs here, too
    assert _rounded(json.loads(there)) == _rounded(json.loads(here))
    assert there_words[-300:] == here_words[-300:]


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return round(value, 7) if isinstance(value, float) else value


def test_one_machine_does_not_import_ray(frames: Path) -> None:
    code = (
        "import sys\nfrom vision_banana_ros.cli import main\n"
        "import vision_banana_ros.commands.eval as command\nimport painters\n"
        "command.load_generator = lambda name, **_: painters.load(name)\n"
        f"main(['eval', 'frames', '--root', {str(frames)!r}, '--model', 'depth', '--limit', '1'])\n"
        "assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_needs_the_frames_in_order_is_not_spread(frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vision_banana_ros.cli import main

    assert main(["eval", "frames", "--root", str(frames), "--ray", "auto", "--anchor", "scale"]) == 2
    assert "leave --ray out" in capsys.readouterr().err
