"""The evaluator on generators whose scores are known beforehand: the oracle, and one that paints a constant."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_banana_ros.cli import main
from vision_banana_ros.codecs import Palette
from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.codecs.arrays import INVALID_COLOR
from vision_banana_ros.core import About, Canvas, Frame, Task
from vision_banana_ros.data import Example, Source
from vision_banana_ros.evaluation.evaluate import EvaluationSettings, evaluate, semantic_instruction
from vision_banana_ros.evaluation.pictures import side_by_side
from vision_banana_ros.evaluation.questions import ANY_THING, instance_questions, runtime_of
from vision_banana_ros.evaluation.report import beats_baselines, report
from vision_banana_ros.generators.oracle import OracleGenerator
from vision_banana_ros.generators.scaled import ScaledGenerator
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.report import LoadReport
from vision_banana_ros.runtimes.runtime import Backend
from vision_banana_ros.world.moving import MovingScene

FOOTAGE = MovingScene(count=3, width=160, height=96)
INDICES = (0, 1, 2)
MADE_UP = Source("made up")


def frames() -> Iterator[Example]:
    for i in INDICES:
        yield Example(f"{i}", FOOTAGE.frame(i), FOOTAGE.truth(i), MADE_UP)


class Constant:
    """One depth everywhere; everything else black."""

    def __init__(self, depth_m: float) -> None:
        self.depth_m = depth_m
        self.saw_camera = False

    def generate(self, frame: Frame, instructions):
        self.saw_camera |= frame.camera is not None
        black = np.zeros((*frame.hw, 3), np.uint8)
        depth = depth_code.encode(np.full(frame.hw, self.depth_m, np.float32))
        return [Canvas(depth if i.task is Task.DEPTH else black, i) for i in instructions]


@pytest.fixture(scope="module")
def of_the_oracle():
    return evaluate(frames(), OracleGenerator(FOOTAGE), root="moving", model="oracle")


def test_the_oracle_is_all_but_perfect(of_the_oracle) -> None:
    model = of_the_oracle.contenders[0]
    assert model.depth.delta1.value == 1
    assert model.depth.abs_rel.value < 0.01
    assert model.depth.r2.value > 0.999
    assert model.normals.mean_deg.value < 0.5
    assert of_the_oracle.mean_iou == pytest.approx(1)
    assert of_the_oracle.cumulative_iou == pytest.approx(1)
    assert of_the_oracle.instance_pm_f1 > 0.9
    assert of_the_oracle.focal_error < 0.01
    assert of_the_oracle.frames == 3
    assert beats_baselines(of_the_oracle) == []


def test_a_constant_does_not_beat_the_best_constant() -> None:
    evaluation = evaluate(frames(), Constant(2.0), root="moving", model="constant")
    model, best = evaluation.contenders[:2]
    assert model.depth.delta1.value <= best.depth.delta1.value + 0.02
    assert model.depth.scaled_delta1.value == pytest.approx(best.depth.scaled_delta1.value, abs=1e-6)
    assert model.depth.r2.value == pytest.approx(0, abs=1e-6)
    assert "scaled delta1 of best constant" in beats_baselines(evaluation)


class HalfKnown:
    """The truth in the left half, and the grey of unknown depth in the right one."""

    def generate(self, frame: Frame, instructions):
        halved = []
        for canvas in OracleGenerator(FOOTAGE).generate(frame, instructions):
            rgb = canvas.rgb.copy()
            rgb[:, 80:] = INVALID_COLOR
            halved.append(Canvas(rgb, canvas.instruction))
        return halved


def test_the_colour_of_unknown_depth_is_no_depth() -> None:
    """Read as metres it would be 27 m, and right where the truth is by chance."""
    depth_only = [Example(e.name, e.frame, replace(e.truth, normals=None, mask=None), MADE_UP) for e in frames()]
    evaluation = evaluate(depth_only, HalfKnown(), root="moving", model="half")
    depth = evaluation.contenders[0].depth
    assert depth.coverage == pytest.approx(0.5, abs=0.03)
    assert depth.delta1.value == pytest.approx(depth.coverage, abs=0.005)
    assert depth.scaled_delta1.value == pytest.approx(depth.coverage, abs=0.005)
    assert depth.median_scale == pytest.approx(1, abs=0.01)
    assert f"{depth.coverage:6.3f}" in report(evaluation)
    assert evaluation.contenders[1].depth.coverage == 1


def test_the_camera_is_hidden_from_the_generator() -> None:
    watched = Constant(3.0)
    evaluate(frames(), watched, root="", model="")
    assert not watched.saw_camera


def test_frames_without_truth_are_counted_not_scored() -> None:
    bare = Example("bare", FOOTAGE.frame(0), FOOTAGE.truth(0).__class__(camera=FOOTAGE.truth(0).camera), MADE_UP)
    evaluation = evaluate([bare], Constant(1.0), root="", model="")
    assert (evaluation.frames, evaluation.skipped) == (0, 1)


def test_every_class_of_a_set_gets_its_own_colour() -> None:
    instruction = semantic_instruction(FOOTAGE.truth(0).labels)
    assert [t.text for t in instruction.targets] == list(FOOTAGE.truth(0).labels)
    assert instruction.background is None


def test_limits_keep_many_classes_and_expressions_affordable() -> None:
    settings = EvaluationSettings(instance_classes_per_frame=0, expressions_per_frame=0)
    evaluation = evaluate(frames(), OracleGenerator(FOOTAGE), root="", model="", settings=settings)
    assert evaluation.instance_pm_f1 is None
    assert evaluation.cumulative_iou is None


def test_the_report_names_all_contenders_and_is_json(of_the_oracle) -> None:
    text = report(of_the_oracle)
    assert "oracle" in text
    assert "best constant" in text
    json.dumps(of_the_oracle.to_json(), allow_nan=False)


def test_pictures_show_what_was_seen_beside_what_is_true() -> None:
    tiles = []
    evaluate(
        frames(), OracleGenerator(FOOTAGE), root="", model="", watch=lambda *seen: tiles.append(side_by_side(*seen))
    )
    assert tiles[0].shape == (3 * 96, 3 * 160, 3)
    depth_row = tiles[0][:96]
    assert np.array_equal(depth_row[:, :160], FOOTAGE.frame(0).rgb)
    assert np.abs(depth_row[:, 160:320].astype(int) - depth_row[:, 320:]).mean() < 1


@pytest.fixture
def folder(tmp_path):
    """Frames of the moving scene on disk."""
    for kind in ("rgb", "depth", "normal", "label"):
        (tmp_path / "set" / kind).mkdir(parents=True)
    cameras = {}
    for labelled in frames():
        root, truth = tmp_path / "set", labelled.truth
        cv2.imwrite(str(root / "rgb" / f"{labelled.name}.png"), labelled.frame.rgb[..., ::-1])
        depth = np.where(np.isfinite(truth.depth_m), truth.depth_m, 0)
        np.savez(root / "depth" / f"{labelled.name}.npz", depth=depth)
        np.savez(root / "normal" / f"{labelled.name}.npz", normal=np.nan_to_num(truth.normals))
        cv2.imwrite(str(root / "label" / f"{labelled.name}.png"), truth.mask)
        c = truth.camera
        cameras[labelled.name] = {"fx": c.fx, "fy": c.fy, "cx": c.cx, "cy": c.cy, "width": 160, "height": 96}
    (tmp_path / "set" / "intrinsics.json").write_text(json.dumps(cameras))
    (tmp_path / "set" / "labels.json").write_text(json.dumps(list(FOOTAGE.truth(0).labels)))
    return tmp_path


def test_the_command_writes_scores_and_pictures_and_tells_by_its_exit_code(folder, monkeypatch, capsys) -> None:
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: OracleGenerator(FOOTAGE))
    argv = ["eval", "frames", "--root", str(folder / "set"), "--json", str(folder / "s.json")]
    assert main([*argv, "--pictures", str(folder / "p")]) == 0
    scores = json.loads((folder / "s.json").read_text())
    assert scores["contenders"][0]["depth"]["delta1"]["value"] == 1
    assert scores["mean_iou"] == pytest.approx(1, abs=0.01)
    assert len(list((folder / "p").glob("*.png"))) == 3
    assert "beats every baseline" in capsys.readouterr().out
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: Constant(2.0))
    assert main(argv) == 1


class Half:
    """Sees everything at half its distance."""

    tasks = frozenset({Task.DEPTH})
    about = About(name="half", licence="MIT")

    def generate(self, frame: Frame, instructions):
        painted = OracleGenerator(FOOTAGE).generate(frame, instructions)
        return [Canvas(depth_code.rescaled(canvas.rgb, 0.5), canvas.instruction) for canvas in painted]


def test_some_known_points_of_each_frame_set_the_scale(folder, monkeypatch, capsys) -> None:
    monkeypatch.setattr(
        "vision_banana_ros.commands.eval.load_generator",
        lambda _name, **given: ScaledGenerator(Half()) if given["anchor"] == "scale" else Half(),
    )
    argv = ["eval", "frames", "--root", str(folder / "set"), "--json", str(folder / "s.json")]
    delta1 = []
    for more in ([], ["--anchor", "scale"], ["--anchor", "scale", "--known-points", "60"]):
        main([*argv, *more])
        scores = json.loads((folder / "s.json").read_text())
        delta1.append(scores["contenders"][0]["depth"]["delta1"]["value"])
    assert delta1 == [0, 0, 1]
    assert "60 known" in capsys.readouterr().out
    assert main([*argv, "--known-points", "60"]) == 2
    assert "takes no measured depth: add --anchor scale" in capsys.readouterr().err


@pytest.fixture
def labels_only(folder):
    for kind in ("depth", "normal"):
        shutil.rmtree(folder / "set" / kind)
    (folder / "set" / "intrinsics.json").unlink()
    return folder / "set"


def test_labels_alone_are_scored_beside_the_most_frequent_class(labels_only, monkeypatch, capsys) -> None:
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: OracleGenerator(FOOTAGE))
    assert main(["eval", "frames", "--root", str(labels_only)]) == 0
    out = capsys.readouterr().out
    assert "pixel accuracy" in out
    assert "best constant" in out
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: Constant(2.0))
    assert main(["eval", "frames", "--root", str(labels_only)]) == 1
    assert "does not beat: pixel accuracy of best constant" in capsys.readouterr().out


def test_json_to_stdout_is_nothing_but_json(labels_only, monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: OracleGenerator(FOOTAGE))
    monkeypatch.chdir(tmp_path)
    assert main(["eval", "frames", "--root", str(labels_only), "--json", "-"]) == 0
    out, err = capsys.readouterr()
    scores = json.loads(out)
    model, constant = scores["contenders"]
    assert model["classes"]["pixel_accuracy"]["value"] > constant["classes"]["pixel_accuracy"]["value"]
    assert scores["runtime"] == "no choice of runtimes"
    assert scores["sources"] == ["set (unknown)"]
    assert "beats every baseline" in err
    assert not (tmp_path / "-").exists()


def test_prompts_without_a_frame_to_ask_about_are_still_json(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: OracleGenerator(FOOTAGE))
    monkeypatch.setattr("vision_banana_ros.commands.eval.open_dataset", lambda *_: [])
    assert main(["eval", "prompts", "--root", str(tmp_path), "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"frames": 0, "recolouring": None, "renaming": None, "absence": None}
    assert "nan" in err


def test_scores_are_those_of_fp32_unless_told(labels_only, monkeypatch) -> None:
    asked = []

    def load(_model, *, backend, anchor):
        assert anchor == ""
        asked.append(backend)
        return OracleGenerator(FOOTAGE)

    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", load)
    main(["eval", "frames", "--root", str(labels_only)])
    main(["eval", "frames", "--root", str(labels_only), "--backend", "openvino:bf16"])
    assert asked == ["auto:fp32", "openvino:bf16"]


def test_the_report_names_runtime_and_precision() -> None:
    generator = OracleGenerator(FOOTAGE)
    generator.report = LoadReport(backend=Backend.OPENVINO, precision=Precision.FP32, why="", attempts=())
    assert runtime_of(generator) == "openvino fp32"
    evaluation = evaluate(frames(), generator, root="moving", model="m")
    assert "m by openvino fp32; frames: made up (unknown)" in report(evaluation)
    named = evaluate([], generator, root="", model="m", runtime="torch fp32")
    assert named.runtime == "torch fp32"


def test_instances_alone_are_asked_for_as_things_of_any_class() -> None:
    whole = next(frames())
    alone = whole.only(frozenset({"instances"}))
    ((question, instances),) = instance_questions(alone.truth, EvaluationSettings())
    assert [target.text for target in question.targets] == [ANY_THING]
    kept, pixels = np.unique(instances[instances > 0], return_counts=True)
    assert pixels.min() >= 40
    assert set(kept) <= set(np.unique(whole.truth.instances))

    class Painter:
        def generate(self, _frame, instructions):
            colors = np.zeros((int(instances.max()) + 1, 3), np.uint8)
            colors[kept] = Palette.distinct(len(kept), avoid=((0, 0, 0),)).targets
            return [Canvas(colors[instances], i) for i in instructions]

    evaluation = evaluate([alone], Painter(), root="", model="")
    assert evaluation.frames == 1
    assert evaluation.instance_pm_f1 > 0.8
    assert beats_baselines(evaluation) == []


def test_a_specialist_is_judged_by_what_it_paints() -> None:
    constant = Constant(2.0)
    constant.tasks = frozenset({Task.DEPTH})
    evaluation = evaluate(frames(), constant, root="", model="")
    assert evaluation.contenders[0].depth is not None
    assert evaluation.contenders[0].normals is None
    assert evaluation.mean_iou is evaluation.instance_pm_f1 is evaluation.cumulative_iou is None


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys) -> None:
    assert main(["eval", "frames", "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "rgb/" in error
