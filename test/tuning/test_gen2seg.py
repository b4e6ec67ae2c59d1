"""The study of unseen kinds: what may be learnt, how it is judged, and the script from models to report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.codecs import instances as codec
from vision_banana_ros.core import DataError, GeneratorError

torch = pytest.importorskip("torch")
SIDE = 64


def scene() -> Any:
    """A chair (learnt), a cup and a dog (unseen), a van (neither), and a pixel that nobody knows."""
    from vision_banana_ros.tuning.gen2seg.scenes import Scene

    ids = np.zeros((SIDE, SIDE), np.int16)
    for i, (top, left) in enumerate([(4, 4), (4, 36), (36, 4), (36, 36)], start=1):
        ids[top : top + 20, left : left + 20] = i
    ids[0, 0] = -1
    rgb = np.full((SIDE, SIDE, 3), 90, np.uint8)
    rgb[ids > 0] = 40 * ids[ids > 0][:, None]
    return Scene(rgb, ids, ("chair", "cup", "dog", "van"))


def test_learnt_near_and_unseen_kinds_are_apart() -> None:
    from vision_banana_ros.tasks import vocabulary
    from vision_banana_ros.tuning.gen2seg.scenes import LEARNT, NEAR, UNSEEN, lessons

    assert vocabulary.things() == LEARNT | NEAR | UNSEEN
    assert not LEARNT & UNSEEN
    assert not NEAR & (LEARNT | UNSEEN)
    ids = lessons([scene()])[0].instances
    assert set(np.unique(ids)) == {-1, 0, 1}
    assert (ids[36:, 36:][:20, :20] == -1).all()


def painted_as(*colors: tuple[int, int, int]) -> Callable[[np.ndarray], np.ndarray]:
    canvas = np.array([(0, 0, 0), *colors], np.uint8)[np.maximum(scene().ids, 0)]
    return lambda _rgb: canvas


def test_what_is_found_is_judged_without_the_things_that_were_not_asked_about() -> None:
    from vision_banana_ros.tuning.gen2seg.judging import judge

    red, green, blue, white = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
    every = judge(painted_as(red, green, blue, white), [scene()])
    assert (every["unseen"]["value"], every["unseen"]["things"]) == (1.0, 2)
    assert every["learnt"]["value"] == 1.0
    # One of two unseen things is not painted: 2 * 1 / (2 * 1 + 0 + 1). The learnt ones do not matter.
    one = judge(painted_as((0, 0, 0), green, (0, 0, 0), white), [scene()])
    assert one["unseen"]["value"] == pytest.approx(2 / 3)
    assert one["learnt"]["value"] == 0
    # A piece on background is a mistake.
    canvas = painted_as(red, green, blue, white)(scene().rgb).copy()
    canvas[26:34, 26:34] = (255, 255, 0)
    more = judge(lambda _: canvas, [scene()])
    assert more["unseen"]["value"] == pytest.approx(4 / 5)
    assert judge(painted_as(red, green, blue, white), []) == {}


def test_what_is_nobodys_and_specks_are_left_out() -> None:
    from vision_banana_ros.core import Camera, Truth
    from vision_banana_ros.tuning.gen2seg.scenes import scene_of

    mask = np.zeros((SIDE, SIDE), np.uint8)
    instances = np.zeros((SIDE, SIDE), np.uint16)
    instances[:20, :20], mask[:20, :20] = 7, 1
    instances[40, 40] = 9  # one pixel in 4096
    truth = Truth(camera=Camera.from_hfov(70, SIDE, SIDE), mask=mask, instances=instances, labels=("wall", "chair"))
    found = scene_of(np.zeros((SIDE, SIDE, 3), np.uint8), truth)
    assert found.kinds == ("chair",)
    assert found.ids[0, 0] == 1
    assert found.ids[40, 40] == -1
    with pytest.raises(DataError, match="frames with truth of instances and classes"):
        scene_of(np.zeros((4, 4, 3), np.uint8), Truth(camera=Camera.from_hfov(70, 4, 4), labels=()))


@pytest.fixture(scope="module")
def models(base_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    transformers = pytest.importorskip("transformers")
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("models")
    transformers.ViTMAEForPreTraining(
        transformers.ViTMAEConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32,
            patch_size=8, decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
            decoder_intermediate_size=16,
        )
    ).save_pretrained(root / "mae")  # fmt: skip
    editor = diffusers.DiffusionPipeline.from_pretrained(base_folder("pix2pix"))
    latents = editor.vae.config.latent_channels
    unet = type(editor.unet).from_config({**editor.unet.config, "in_channels": latents})
    diffusers.StableDiffusionPipeline(
        vae=editor.vae, text_encoder=editor.text_encoder, tokenizer=editor.tokenizer, unet=unet,
        scheduler=diffusers.PNDMScheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(root / "sd")  # fmt: skip
    return {"mae": root / "mae", "sd": root / "sd", "pix2pix": base_folder("pix2pix"), "own": own_base(root / "own")}


def own_base(folder: Path) -> Path:
    """As `train_own` leaves it, with weights that paint something."""
    import json
    from dataclasses import asdict

    from vision_banana_ros.tuning.own.network import NetworkConfig, OwnNetwork

    network = NetworkConfig(side=32, width=16, depth=1, heads=2)
    model = OwnNetwork(network)
    torch.nn.init.normal_(model.leave.weight, std=0.2)
    folder.mkdir()
    torch.save({"weights": model.state_dict(), "step": 1}, folder / "weights.pt")
    (folder / "training.json").write_text(json.dumps({"training": {}, "network": asdict(network)}))
    return folder


def test_each_model_paints_and_a_fresh_one_is_another(models: dict[str, Path]) -> None:
    from vision_banana_ros.tuning.gen2seg.painters import open_painter, side_of
    from vision_banana_ros.tuning.instance_painters import paint_instances

    assert [side_of(str(models[name]), 64) for name in ("mae", "sd", "own")] == [32, 64, 32]
    for name, folder in models.items():
        side = side_of(str(folder), 32)
        rgb = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
        one, again = (paint_instances(open_painter(str(folder)), rgb) for _ in range(2))
        np.testing.assert_array_equal(one, again)
        assert np.abs(paint_instances(open_painter(str(folder), fresh=True), rgb).astype(int) - one).max() > 0, name
    with pytest.raises(GeneratorError, match="is no model that cannot colour instances here"):
        open_painter(str(models["mae"].parent))


def test_what_went_below_black_finds_back(models: dict[str, Path]) -> None:
    from vision_banana_ros.tuning.gen2seg.painters import open_painter

    painter = open_painter(str(models["pix2pix"]))
    painter.vae.decode = lambda z, return_dict: (z[:, :3] * 0 - 3 + z[:, :3],)  # noqa: ARG005
    painted = painter(torch.rand(1, 3, 32, 32))
    assert float(painted.detach().abs().max()) < 1e-6
    torch.autograd.backward(painted.sum())
    assert any(p.grad is not None and float(p.grad.abs().max()) > 0 for p in painter.parameters())


@pytest.mark.parametrize("name", ["mae", "sd", "own"])
def test_a_stopped_training_goes_on_with_the_same_weights(models: dict[str, Path], tmp_path: Path, name: str) -> None:
    from vision_banana_ros.tuning.gen2seg.painters import open_painter
    from vision_banana_ros.tuning.instance_painters import Things, load_painter, train_painter

    things = [Things(scene().rgb[16:48, 16:48], scene().ids[16:48, 16:48])]
    whole, parts = open_painter(str(models[name])), open_painter(str(models[name]))
    before = [p.detach().clone() for p in whole.parameters()]
    train_painter(whole, things, steps=4, batch=1, rate=1e-3)
    for steps in (2, 4):  # the second call begins from the file, in another network
        parts = open_painter(str(models[name]))
        train_painter(parts, things, steps=steps, batch=1, rate=1e-3, keep=tmp_path / "kept.pt")
    pairs = list(zip(whole.parameters(), parts.parameters(), strict=True))
    assert all(torch.equal(one, other) for one, other in pairs)
    assert any(not torch.equal(one, old) for (one, _), old in zip(pairs, before, strict=True))
    with pytest.raises(DataError, match="cannot be read into this network"):
        load_painter(open_painter(str(models["pix2pix" if name == "mae" else "mae"])), tmp_path / "kept.pt")


def test_the_script_from_models_to_report(models: dict[str, Path], tmp_path: Path, capsys: Any) -> None:
    import cv2

    pytest.importorskip("numba")
    from vision_banana_ros.tuning.gen2seg import experiment

    run = tmp_path / "run"
    words = [
        str(run),
        "--device",
        "cpu",
        "--learn",
        "4",
        "--judge",
        "3",
        "--side",
        "32",
        "--steps",
        "2",
        "--batch",
        "1",
    ]
    named = [w for name in ("mae", "sd") for w in ("--model", str(models[name]))]
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), np.full((40, 60, 3), 120, np.uint8))
    assert experiment.main([*words, *named, "--photos", str(tmp_path / "photos")]) == 0
    results = json.loads((run / "results.json").read_text())
    assert set(results) == {"mae-tuned", "mae-fresh", "sd-tuned", "sd-fresh"}
    assert all(0 <= row["unseen"]["value"] <= 1 and row["unseen"]["things"] > 0 for row in results.values())
    assert len(list((run / "photos").glob("a-*.png"))) == 4
    assert cv2.imread(str(run / "photos" / "a-sd-fresh.png")).shape == (32, 96, 3)
    kept = {path: path.stat().st_mtime_ns for path in [*run.glob("*.pt"), *(run / "scenes").iterdir()]}
    assert experiment.main([*words, *named]) == 0  # nothing is done twice
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    report = tmp_path / "gen2seg.md"
    assert experiment.main([str(run), "--report", str(report)]) == 0
    assert "| sd-fresh | 32 |" in report.read_text()
    with pytest.raises(DataError, match="was begun with other settings"):
        experiment.main([*words[:-1], "2", *named])
    with pytest.raises(DataError, match="name at least one model"):
        experiment.main(words)
    capsys.readouterr()


def test_the_report_compares_what_was_judged_from_both_starts(tmp_path: Path) -> None:
    from vision_banana_ros.tuning.gen2seg.report import write_report

    def row(value: float) -> dict[str, Any]:
        unseen = {"value": value, "low": value - 0.02, "high": value + 0.02, "things": 9, "scenes": 3}
        return {"unseen": unseen, "side": 64, "lessons": 5, "steps": 7}

    path = tmp_path / "r.md"
    write_report({"a-tuned": row(0.5), "a-fresh": row(0.2), "b-tuned": row(0.21), "b-fresh": row(0.2),
                  "c-tuned": row(0.3)}, path)  # fmt: skip
    text = path.read_text()
    assert "- a: unseen kinds with pretraining against without: 2.50 times (asked: at least 2): reached" in text
    assert "- b: unseen kinds with pretraining against without: 1.05 times (asked: at least 2): not reached" in text
    assert "- c:" not in text
    with pytest.raises(DataError, match="nothing is judged yet"):
        write_report({}, path)


def test_the_decoder_is_the_one_of_the_node() -> None:
    from vision_banana_ros.tuning.gen2seg.judging import find

    ids = np.maximum(scene().ids, 0).astype(np.uint16)
    found = find(codec.encode(ids))
    assert len(np.unique(found)) == 5
