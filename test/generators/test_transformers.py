"""What transformers' models say, in our terms: metres, unit vectors, classes; and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")

from vision_banana_ros.core import DataError, Frame, GeneratorError, MissingExtraError, Target, Task, VisionBananaError
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings

Tiny = Callable[[str], Path]
PLAIN = DecodeSettings(filter_flying_pixels=False)
DEPTH = Instruction(Task.DEPTH)


@pytest.mark.parametrize("name", ["metric", "glpn", "zoedepth"])
def test_a_plane_at_five_metres_is_five_metres_away(tiny: Tiny, frame: Frame, name: str) -> None:
    generator = load_generator(f"hf:{tiny(name)}")
    seen = perceive(frame, generator, [DEPTH], PLAIN)
    np.testing.assert_allclose(seen.depth_m, 5.0, rtol=0.025 if name == "zoedepth" else 0.005)
    assert generator.about.metric is True


def test_depth_pro_takes_our_focal_length(tiny: Tiny, frame: Frame) -> None:
    """inverse depth 0.25 at fx / width = 60 / 65."""
    seen = perceive(frame, load_generator(f"hf:{tiny('depth_pro')}"), [DEPTH], PLAIN)
    np.testing.assert_allclose(seen.depth_m, 60 / 65 / 0.25, rtol=0.005)


def test_depth_pro_tells_the_lens_where_nobody_knows_it(tiny: Tiny, frame: Frame) -> None:
    generator = load_generator(f"hf:{tiny('depth_pro')}")
    seen = perceive(Frame(frame.rgb), generator, [DEPTH, Instruction(Task.RAYS)], PLAIN)
    assert seen.camera is not None
    assert seen.camera.hfov_deg == pytest.approx(60, abs=1)
    np.testing.assert_allclose(seen.depth_m, 0.5 / np.tan(np.radians(30)) / 0.25, rtol=0.005)


@pytest.mark.parametrize("name", ["relative", "midas"])
def test_relative_depth_is_refused_and_then_fitted(tiny: Tiny, frame: Frame, name: str) -> None:
    """Twice: once to find out what the random network says, then as if that were 1 / (2 z) - 0.1."""
    with pytest.raises(GeneratorError, match=r"inverse affine depth and it has no metres of its own: give an anchor"):
        load_generator(f"hf:{tiny(name)}")
    generator = load_generator(f"hf:{tiny(name)}", anchor="sparse")
    said: list[np.ndarray] = []
    inner = generator._see  # type: ignore[attr-defined]

    def listen(view):  # type: ignore[no-untyped-def]
        values, camera = inner(view)
        values = (values - values.min()) / (values.max() - values.min()) + 0.05
        said.append(values)
        return values, camera

    generator._see = listen  # type: ignore[attr-defined]
    generator.generate(frame, [DEPTH])
    import cv2

    values = cv2.resize(said[0], (65, 48), interpolation=cv2.INTER_LINEAR)
    true = (1 / (0.4 * values + 0.05)).astype(np.float32)
    known = np.full((48, 65), np.nan, np.float32)
    known[::3, ::3] = true[::3, ::3]
    generator.give_depth(known, 0)  # type: ignore[attr-defined]
    seen = perceive(frame, generator, [DEPTH], PLAIN)
    assert seen.depth_m is not None
    assert np.median(np.abs(seen.depth_m / true - 1)) < 0.02
    assert "scale 0.4, shift 0.05" in generator.remarks["metres"]  # type: ignore[attr-defined]


def test_prompted_depth_is_in_the_metres_of_its_prompt(tiny: Tiny, frame: Frame) -> None:
    """The network gives the middle of the prompt's range, 2 m to 4 m; without a prompt it says nothing."""
    generator = load_generator(f"hf:{tiny('prompted')}")
    seen = perceive(frame, generator, [DEPTH], PLAIN)
    assert np.isnan(seen.depth_m).all()
    assert "no measured depth" in generator.remarks["prompt"]  # type: ignore[attr-defined]
    known = np.full((48, 65), np.nan, np.float32)
    known[10, :30], known[40, 20:] = 2.0, 4.0
    generator.give_depth(known, 0)  # type: ignore[attr-defined]
    seen = perceive(frame, generator, [DEPTH], PLAIN)
    np.testing.assert_allclose(seen.depth_m, 3.0, rtol=0.01)


@pytest.mark.parametrize("axes", [(1, 1, 1), (-1, 1, -1)])
def test_normals_are_unit_vectors_turned_as_the_configuration_says(
    tiny: Tiny, frame: Frame, tmp_path: Path, axes: tuple[int, int, int]
) -> None:
    folder = Path(shutil.copytree(tiny("tips"), tmp_path / "tips"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "normals_axes": axes}))
    asked = [Instruction(Task.NORMALS)]
    plain = perceive(frame, load_generator(f"hf:{tiny('tips')}"), asked, PLAIN).normals
    turned = perceive(frame, load_generator(f"hf:{folder}"), asked, PLAIN).normals
    assert plain is not None
    assert turned is not None
    known = np.isfinite(plain).all(-1) & np.isfinite(turned).all(-1)
    assert known.mean() > 0.5
    np.testing.assert_allclose(np.linalg.norm(turned[known], axis=-1), 1, atol=1e-3)
    np.testing.assert_allclose(turned[known], plain[known] * axes, atol=0.02)


def test_one_pass_of_tips_answers_three_tasks(tiny: Tiny, frame: Frame) -> None:
    generator = load_generator(f"hf:{tiny('tips')}")
    passes: list[int] = []
    generator._model.register_forward_hook(lambda *_: passes.append(1))  # type: ignore[attr-defined]
    targets = (Target("wall", (255, 0, 0)), Target("people", (0, 255, 0)))
    generator.generate(frame, [DEPTH, Instruction(Task.NORMALS), Instruction(Task.SEMANTIC, targets)])
    assert len(passes) == 1


def test_the_classes_of_a_segmenter_are_found_by_the_prompts_words(tiny: Tiny, frame: Frame) -> None:
    """It sees "floor, flooring" everywhere."""
    generator = load_generator(f"hf:{tiny('segformer')}")
    targets = (Target("wall", (255, 0, 0)), Target("the flooring", (0, 255, 0)), Target("zebra", (0, 0, 255)))
    seen = perceive(frame, generator, [Instruction(Task.SEMANTIC, targets, background=(0, 0, 0))], PLAIN)
    assert (seen.mask == 2).all()
    assert generator.remarks["words"].startswith("knows nothing of zebra")  # type: ignore[attr-defined]


def test_a_file_of_words_decides(tiny: Tiny, frame: Frame, tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("'floor, flooring': lawn\n")
    generator = load_generator(f"hf:{tiny('segformer')}", words=tmp_path / "words.yaml")
    targets = (Target("floor", (255, 0, 0)), Target("lawn", (0, 255, 0)))
    seen = perceive(frame, generator, [Instruction(Task.SEMANTIC, targets, background=(0, 0, 0))], PLAIN)
    assert (seen.mask == 2).all()
    (tmp_path / "words.yaml").write_text("ocean: lawn\n")
    with pytest.raises(GeneratorError, match=r"has no class 'ocean': its classes are wall, floor"):
        load_generator(f"hf:{tiny('segformer')}", words=tmp_path / "words.yaml")


def test_things_are_told_apart(tiny: Tiny, frame: Frame) -> None:
    """Every query of the tiny model is a swivel chair, so what is asked for is found and other classes are not."""
    generator = load_generator(f"hf:{tiny('mask2former')}")
    chairs, people = (
        Instruction(Task.INSTANCE, (Target(word),), background=(0, 0, 0)) for word in ("swivel chair", "person")
    )
    painted, black = (canvas.rgb for canvas in generator.generate(frame, [chairs, people]))
    assert painted.any()
    assert not black.any()


def test_sam3_encodes_a_picture_once(tiny: Tiny, frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = load_generator(f"hf:{tiny('sam3')}")
    model = generator._model  # type: ignore[attr-defined]
    seen: list[int] = []
    encode = model.get_vision_features
    monkeypatch.setattr(model, "get_vision_features", lambda **given: seen.append(1) or encode(**given))
    words = tuple(Target(word, color) for word, color in (("door", (255, 0, 0)), ("cup", (0, 255, 0))))
    generator.generate(frame, [Instruction(Task.SEMANTIC, words), Instruction(Task.REFERRING, words[:1])])
    assert len(seen) == 1


def test_polygons_are_drawn_in_the_canvas(frame: Frame) -> None:
    from vision_banana_ros.generators.specialists.hf_words import drawn
    from vision_banana_ros.generators.specialists.specialist import View

    view = View(frame=frame, wh=(130, 96), camera=None)  # twice the frame's size
    (region,) = drawn([[[10, 10, 30, 10, 30, 20, 10, 20]], [[1, 1, 2, 2]]], view)
    rows, columns = np.nonzero(region.where)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (20, 60, 20, 40)


def damaged(tiny: Tiny, tmp_path: Path, name: str = "metric") -> Path:
    return Path(shutil.copytree(tiny(name), tmp_path / "copy"))


def test_what_is_not_here_is_one_line_that_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"not on this machine: run  vision-banana models get hf:nobody/nothing") as no:
        load_generator("hf:nobody/nothing")
    assert "\n" not in str(no.value)


def test_a_half_downloaded_folder_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = damaged(tiny, tmp_path)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"half downloaded: model-00002-of-00002\.safetensors is missing"):
        load_generator(f"hf:{folder}")


def test_weights_that_are_left_out_are_not_filled_with_noise(tiny: Tiny, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = damaged(tiny, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights.pop("head.conv3.weight")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match=r"lacks weights \(head.conv3.weight and 0 more\)"):
        load_generator(f"hf:{folder}")


def test_pickled_weights_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = damaged(tiny, tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match="only pickled weights, which can run code"):
        load_generator(f"hf:{folder}")


def test_code_that_comes_with_a_model_is_not_run(tiny: Tiny, tmp_path: Path) -> None:
    folder = damaged(tiny, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForDepthEstimation": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    load_generator(f"hf:{folder}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"model_type": "bert"}, "is a bert model, which no adapter knows: there are beit"),
        ({"model_type": "sam2"}, "does half of the work: join a model that finds boxes"),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric"}, "metric but no max_depth"),
    ],
)
def test_a_model_of_another_kind_is_refused(tiny: Tiny, tmp_path: Path, config: dict[str, str], complaint: str) -> None:
    folder = damaged(tiny, tmp_path)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(VisionBananaError, match=complaint):
        load_generator(f"hf:{folder}")


def test_a_licence_that_is_not_for_everybody_is_asked_for(tiny: Tiny, tmp_path: Path) -> None:
    folder = damaged(tiny, tmp_path)
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\nA model.\n")
    with pytest.raises(GeneratorError, match=r"not for every use \(cc-by-nc-4.0\)"):
        load_generator(f"hf:{folder}")
    assert load_generator(f"hf:{folder}", accept_licence=True).about.licence == "cc-by-nc-4.0"


def test_a_device_that_is_not_there_is_refused(tiny: Tiny) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(GeneratorError, match="no CUDA device: use device 'cpu'"):
        load_generator(f"hf:{tiny('metric')}", device="cuda")
    with pytest.raises(GeneratorError, match="device must be one of auto, cpu"):
        load_generator(f"hf:{tiny('metric')}", device="gpu")


def test_half_precision_gives_the_same_metres(tiny: Tiny, frame: Frame) -> None:
    seen = perceive(frame, load_generator(f"hf:{tiny('metric')}", precision="bf16"), [DEPTH], PLAIN)
    np.testing.assert_allclose(seen.depth_m, 5.0, rtol=0.02)


def test_no_room_on_the_device_says_what_helps(tiny: Tiny, frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = load_generator(f"hf:{tiny('metric')}")

    def full(**_given: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore lines")

    monkeypatch.setattr(generator, "_model", full)
    with pytest.raises(GeneratorError, match="does not fit into the memory of the device: use precision 'fp16'") as no:
        generator.generate(frame, [DEPTH])
    assert "\n" not in str(no.value)


@pytest.mark.parametrize(("name", "package"), [("moge", "moge"), ("da3", "depth-anything-3")])
def test_packages_of_their_own_are_named_where_they_are_missing(tmp_path: Path, name: str, package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package.replace("-", "_")) is not None:
        pytest.skip("it is installed")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=f"needs the package '{package}'"):
        load_generator(f"{name}:{tmp_path}")
