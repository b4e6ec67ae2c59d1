"""What is known of models, what is fetched and what never is, and whether a lie is found out."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.cli import main
from vision_banana_ros.codecs import depth, normals
from vision_banana_ros.commands import models as command
from vision_banana_ros.core import About, Canvas, DataError, Frame, Task
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.models import hub
from vision_banana_ros.models.known import known_models
from vision_banana_ros.models.probe import OK, WRONG, Finding, probe
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.world.moving import MovingScene


class Liar:
    """The oracle, with its depth or its normals changed on the way out."""

    tasks = frozenset({Task.DEPTH, Task.NORMALS, Task.SEMANTIC})
    about = About(name="liar", licence="none")

    def __init__(self, lie: Callable[[Canvas], np.ndarray]) -> None:
        self._oracle, self._lie = OracleGenerator(SCENE), lie

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        return [Canvas(self._lie(c), c.instruction) for c in self._oracle.generate(frame, instructions)]


SCENE = MovingScene(width=320, height=240)


def findings(lie: Callable[[Canvas], np.ndarray]) -> dict[str, Finding]:
    return {f.question: f for f in probe(Liar(lie), [(SCENE, [0, 75])], tell=lambda _line: None)}


def of_depth(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Canvas], np.ndarray]:
    def lie(canvas: Canvas) -> np.ndarray:
        if canvas.instruction.task is not Task.DEPTH:
            return canvas.rgb
        return depth.encode(change(depth.decode(canvas.rgb).depth_m).astype(np.float32))

    return lie


def of_normals(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Canvas], np.ndarray]:
    def lie(canvas: Canvas) -> np.ndarray:
        if canvas.instruction.task is not Task.NORMALS:
            return canvas.rgb
        return normals.encode(change(normals.decode(canvas.rgb).normals).astype(np.float32))

    return lie


def test_the_truth_passes() -> None:
    found = findings(lambda canvas: canvas.rgb)
    assert {f.question: f.verdict for f in found.values() if f.verdict != OK} == {}
    assert found["metres?"].values["scale"] == pytest.approx(1, abs=0.02)
    assert found["normals?"].values["own_deg"] < 1
    assert found["classes?"].values["right"] > 0.97


@pytest.mark.parametrize(
    ("change", "question", "words"),
    [
        (lambda z: z * 3.28, "metres?", "another unit"),
        (lambda z: np.clip(4 / z, 0, 50), "near and far?", "near is painted far"),
        (lambda z: z[:, ::-1], "left and right?", "mirrored"),
        (lambda z: np.roll(z, (4, -3), (0, 1)), "aligned?", "-3, \\+4 pixels"),
    ],
)
def test_depth_that_lies_is_found_out(change: Callable[[np.ndarray], np.ndarray], question: str, words: str) -> None:
    import re

    found = findings(of_depth(change))[question]
    assert found.verdict == WRONG
    assert re.search(words, found.words)


@pytest.mark.parametrize(("turn", "axes"), [((1, -1, -1), "+x -y -z"), ((-1, 1, 1), "-x +y +z")])
def test_normals_of_another_convention_are_found_out(turn: tuple[int, int, int], axes: str) -> None:
    found = findings(of_normals(lambda n: n * np.array(turn)))["normals?"]
    assert found.verdict == WRONG
    assert axes in found.words


def test_colours_that_are_no_code_are_found_out() -> None:
    found = findings(lambda canvas: np.full_like(canvas.rgb, 128))
    assert found["colours of depth?"].verdict == WRONG


def test_the_table_is_sound() -> None:
    names = [model.name for model in known_models()]
    assert len(set(names)) == len(names) > 40
    for model in known_models():
        assert model.licence
        assert all(Task(task) for task in model.paints)
        assert ("nc" not in model.licence.lower().split("-")) or model.restricted
        if Task.DEPTH in model.paints:
            assert model.unit


def test_list_and_show_say_what_is_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert main(["models", "list", "--paints", "normals", "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} >= {"moge:Ruicheng/moge-2-vits-normal", "student"}
    assert main(["models", "show", "apple/DepthPro-hf"]) == 0
    assert "research only" in capsys.readouterr().out
    assert main(["models", "show", "nobody/nothing"]) == 2
    assert "no model 'nobody/nothing' is known" in capsys.readouterr().err


def test_get_asks_for_the_licence_and_fetches_data_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def fetch(name: str, *, files: tuple[str, ...], **_named: object) -> Path:
        asked.append((name, files))
        return Path("/cache") / name

    monkeypatch.setattr(command, "fetch", fetch)
    assert main(["models", "get", "hf:apple/DepthPro-hf"]) == 2
    assert "--accept-licence" in capsys.readouterr().err
    assert not asked
    assert main(["models", "get", "hf:apple/DepthPro-hf", "--accept-licence"]) == 0
    assert main(["models", "get", "hf:IDEA-Research/grounding-dino-tiny+facebook/sam2.1-hiera-tiny"]) == 0
    assert main(["models", "get", "onnx:moge-2-vits-normal"]) == 0
    assert [name for name, _ in asked] == [
        "apple/DepthPro-hf", "IDEA-Research/grounding-dino-tiny", "facebook/sam2.1-hiera-tiny",
        "Ruicheng/moge-2-vits-normal-onnx",
    ]  # fmt: skip
    assert not any(name.endswith((".bin", ".py", ".pt")) for _, files in asked for name in files)
    assert main(["models", "get", "student"]) == 2


def test_fetching_says_why_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class GatedRepoError(Exception):
        pass

    class Hub:
        def snapshot_download(self, *_given: object, **_named: object) -> str:
            raise GatedRepoError("401 Client Error\nmore")

    monkeypatch.setattr(hub, "_hub", lambda: Hub())
    with pytest.raises(DataError, match="is gated: accept its terms on its page") as refused:
        hub.fetch("facebook/sam3", revision="", tell=lambda _line: None)
    assert "\n" not in str(refused.value)


def test_check_reports_and_tells_failure_by_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check", "oracle:moving", "--frames", "1", "--json", str(tmp_path / "check.json")]) == 0
    assert "near and far?" in capsys.readouterr().out
    record = json.loads((tmp_path / "check.json").read_text())
    assert record["model"] == "oracle:moving"
    assert main(["models", "check", "oracle:moving", "--frames", "0"]) == 2


@pytest.mark.parametrize(
    ("card", "licence", "restricted"),
    [
        ("license: mit", "mit", False),
        ("license: apache-2.0\nlicense_link: LICENSE", "apache-2.0", False),
        ("license: other\nlicense_name: sapiens2-license\nlicense_link: https://x.org/l", None, True),
        ("license_link: LICENSE\nlicense_name: 'sam-license'\nlicense: other", "other: sam-license (LICENSE)", True),
        ("license: other", "other", True),
        ("license_name: my-terms", "other: my-terms", True),
        ("tags: [license]", "", False),
    ],
)
def test_other_licences_go_by_their_name_and_stay_restricted(
    tmp_path: Path, card: str, licence: str | None, restricted: bool
) -> None:
    (tmp_path / "README.md").write_text(f"---\n{card}\n---\n# A model\nlicense: no line of the card\n")
    said = hub.licence_of(tmp_path)
    assert said == (licence if licence is not None else "other: sapiens2-license (https://x.org/l)")
    assert hub.is_restricted(said) is restricted
