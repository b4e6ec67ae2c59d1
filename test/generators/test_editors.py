"""Image editors as generators: the libraries' real pipelines at a few thousand random weights, from folders on disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.codecs import normals
from vision_banana_ros.core import About, Frame, GeneratorError, Target, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.generators.editors import EditorGenerator, EditorOptions, load
from vision_banana_ros.generators.editors.editor import Asking
from vision_banana_ros.generators.editors.families import family_of
from vision_banana_ros.generators.editors.folders import TRAINING_CARD, _licence
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Generator, Instruction

pytestmark = pytest.mark.usefixtures("one_thread")

FAMILIES = ["klein", "klein-distilled", "kontext", "pix2pix", "qwen", "qwen-plus"]
QUICK = EditorOptions(steps=1, tuned=True)
NORMALS, DEPTH = Instruction(Task.NORMALS), Instruction(Task.DEPTH)
FLOOR = Instruction(Task.SEMANTIC, (Target("floor", (255, 0, 0)),), background=(0, 0, 0))


def board(width: int, height: int, cell: int = 5) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width) // cell, np.arange(height) // cell)
    dark = ((x + y) % 2).astype(np.uint8)
    return np.stack([220 - 200 * dark, 30 + 150 * dark, 255 - 90 * dark], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def editor(editor_folder: Callable[[str], Path], tiny_qwen: Callable[[bool], Any]) -> Callable[[str], Generator]:
    kept: dict[str, Generator] = {}

    def named(name: str) -> Generator:
        if name not in kept:
            if name.startswith("qwen"):
                pipeline = tiny_qwen(name == "qwen-plus")
                about = About(name=name, licence="apache-2.0", cost="gpu")
                kept[name] = EditorGenerator(pipeline, family_of(pipeline), about, asking=Asking(tuned=True, steps=1))
            else:
                kept[name] = load(str(editor_folder(name)), options=QUICK)
        return kept[name]

    return named


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_paints_what_was_asked_in_order_and_again_the_same(
    editor: Callable[[str], Generator], name: str
) -> None:
    generator = editor(name)
    frame = Frame(rgb=board(90, 70))
    both = generator.generate(frame, [NORMALS, DEPTH])
    assert [canvas.instruction for canvas in both] == [NORMALS, DEPTH]
    assert [canvas.rgb.shape for canvas in both] == [(70, 90, 3)] * 2
    alone = generator.generate(frame, [DEPTH])[0]
    # One seed each: a canvas depends neither on the call before nor on its neighbours in the batch.
    assert np.abs(alone.rgb.astype(int) - both[1].rgb).max() <= 1
    assert generator.generate(frame, []) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_no_family_moves_a_pixel(
    editor: Callable[[str], Generator], tiny_editors: ModuleType, editor_folder: Any, tiny_qwen: Any, name: str
) -> None:
    """A checkerboard through the pipeline itself, whose networks hand it on: every square where it was."""
    if name.startswith("qwen"):
        pipeline = tiny_qwen(name == "qwen-plus")
        echo: Any = EditorGenerator(pipeline, family_of(pipeline), editor(name).about, asking=Asking(steps=1))
    else:
        echo = load(str(editor_folder(name)), options=QUICK)
    tiny_editors.make_echo(echo._pipeline)
    resized = name.startswith("qwen")  # they work at an area of their own
    for width, height in [(106, 70), (64, 90), (150, 64)]:
        frame = Frame(rgb=board(width, height, cell=10 if resized else 1))
        canvas = echo.generate(frame, [NORMALS])[0].rgb
        wrong = np.abs(canvas.astype(int) - frame.rgb).max(axis=-1)
        if not resized:
            assert wrong.max() <= 1, (name, width, height)
        else:
            inner = (np.arange(width) % 10 > 1) & (np.arange(width) % 10 < 8)
            rows = (np.arange(height) % 10 > 1) & (np.arange(height) % 10 < 8)
            assert wrong[rows[:, None] & inner[None]].max() <= 40, (name, width, height)


def test_a_large_frame_is_painted_below_a_megapixel(editor_folder: Any, tiny_editors: ModuleType) -> None:
    echo: Any = load(str(editor_folder("klein")), options=QUICK)
    tiny_editors.make_echo(echo._pipeline)
    canvas = echo.generate(Frame(rgb=board(1600, 900, cell=100)), [NORMALS])[0].rgb
    assert canvas.shape == (760, 1352, 3)
    middles = canvas[np.arange(50, 900, 100) * 760 // 900][:, np.arange(50, 1600, 100) * 1352 // 1600]
    np.testing.assert_allclose(middles, board(16, 9, cell=1), atol=1)


def test_the_user_sets_the_canvas(editor_folder: Any) -> None:
    small = load(str(editor_folder("klein-distilled")), size_wh=(72, 40), options=QUICK)
    assert small.generate(Frame(rgb=board(300, 200)), [NORMALS])[0].rgb.shape == (40, 72, 3)


def test_steps_and_guidance_are_the_familys_own(editor_folder: Any) -> None:
    asked: dict[str, Any] = {}
    for name in ("klein", "klein-distilled", "pix2pix", "kontext"):
        generator: Any = load(str(editor_folder(name)))
        call = generator._arguments(board(64, 64), ["x"], generator._family.fit((64, 64), None, generator._pipeline))
        asked[name] = (call["num_inference_steps"], call["guidance_scale"])
    assert asked == {"klein": (50, 4.0), "klein-distilled": (4, 1.0), "pix2pix": (100, 7.5), "kontext": (28, 3.5)}


def test_only_an_untuned_editor_is_told_what_the_colours_mean(editor_folder: Any) -> None:
    seen: list[Any] = []
    for tuned in (True, False):
        generator: Any = load(str(editor_folder("klein-distilled")), options=EditorOptions(steps=1, tuned=tuned))
        inner = generator._pipeline.encode_prompt

        def listen(*args: Any, _inner: Any = inner, **named: Any) -> Any:
            seen.append(named["prompt"])
            return _inner(*args, **named)

        generator._pipeline.encode_prompt = listen
        generator.generate(Frame(rgb=board(64, 64)), [DEPTH])
    assert seen[0] == DEPTH.to_text()
    assert seen[1].startswith(DEPTH.to_text())
    assert "black, red, yellow, green, cyan, blue, magenta, white" in seen[1]


def test_a_prompt_that_would_be_cut_off_is_refused(editor_folder: Any) -> None:
    generator = load(str(editor_folder("pix2pix")), options=QUICK)
    many = tuple(Target(f"thing number {i} of many", (i, 200 - i, 3 * i)) for i in range(40))
    with pytest.raises(GeneratorError, match=r"reads 77 tokens, the prompt has \d+: name fewer classes"):
        generator.generate(Frame(rgb=board(64, 64)), [Instruction(Task.SEMANTIC, many)])


def test_an_untuned_editor_does_not_claim_metres(editor_folder: Any) -> None:
    about = load(str(editor_folder("klein"))).about
    assert about.metric is False
    assert about.cost == "gpu"
    assert about.licence == "unknown licence"


def test_rays_are_not_asked_of_an_editor(editor_folder: Any) -> None:
    generator = load(str(editor_folder("klein")), options=QUICK)
    assert Task.RAYS not in generator.tasks
    assert Task.REFERRING in generator.tasks
    with pytest.raises(GeneratorError, match="cannot paint rays"):
        generator.generate(Frame(rgb=board(64, 64)), [Instruction(Task.RAYS)])


def test_an_error_of_the_pipeline_is_one_line_and_the_next_frame_is_painted(editor_folder: Any) -> None:
    generator: Any = load(str(editor_folder("klein-distilled")), options=QUICK)
    whole = generator._pipeline.encode_prompt

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("shapes differ\nand much more")

    generator._pipeline.encode_prompt = broken
    with pytest.raises(GeneratorError, match=r"failed on .*: shapes differ$"):
        generator.generate(Frame(rgb=board(64, 64)), [NORMALS])
    generator._pipeline.encode_prompt = whole
    assert len(generator.generate(Frame(rgb=board(64, 64)), [NORMALS])) == 1


def test_too_little_memory_for_a_batch_is_asked_one_by_one(editor_folder: Any) -> None:
    import torch

    generator: Any = load(str(editor_folder("klein-distilled")), options=QUICK)
    whole, sizes = generator._pipeline.encode_prompt, []

    def small_memory(*args: Any, **named: Any) -> Any:
        sizes.append(1 if isinstance(named["prompt"], str) else len(named["prompt"]))
        if sizes[-1] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(*args, **named)

    generator._pipeline.encode_prompt = small_memory
    assert len(generator.generate(Frame(rgb=board(64, 64)), [NORMALS, DEPTH, FLOOR])) == 3
    assert sizes == [3, 1, 1, 1]
    generator.generate(Frame(rgb=board(64, 64)), [NORMALS, DEPTH])
    assert sizes[4:] == [1, 1]  # and stays so


# Adapters, transformers, files


def test_a_lora_changes_the_picture_and_its_card_says_what_it_is(editor_folder: Any, tmp_path: Path) -> None:
    adapter = lora_for(load(str(editor_folder("klein"))), tmp_path / "adapter")
    (adapter / TRAINING_CARD).write_text(
        json.dumps({"licence": "CC0", "metric": True, "tasks": ["depth", "normals"], "steps": 1, "guidance": 1.0})
    )
    frame = Frame(rgb=board(64, 64))
    base = load(str(editor_folder("klein")), options=EditorOptions(steps=1, guidance=1.0, tuned=True))
    tuned = load(f"{editor_folder('klein')}+{adapter}")
    assert tuned.tasks == {Task.DEPTH, Task.NORMALS}
    assert tuned.about.metric is True
    assert tuned.about.licence == "unknown licence; CC0"
    before, after = base.generate(frame, [DEPTH])[0].rgb, tuned.generate(frame, [DEPTH])[0].rgb
    assert np.abs(before.astype(int) - after).max() > 3
    off = load(f"{editor_folder('klein')}+{adapter}", options=EditorOptions(lora_scale=0.0))
    np.testing.assert_array_equal(off.generate(frame, [DEPTH])[0].rgb, before)


def test_a_base_that_was_tuned_as_a_whole_is_what_its_card_says(editor_folder: Any, tmp_path: Path) -> None:
    """As `tune --full` leaves an InstructPix2Pix: a whole pipeline with the card beside it."""
    folder = Path(shutil.copytree(editor_folder("pix2pix"), tmp_path / "tuned"))
    assert load(str(folder)).about.metric is False
    card = {
        "base": "someone/base", "base_licence": "MIT", "licence": "CC-BY-4.0", "sources": ["our rooms (CC0)"],
        "metric": True, "tasks": ["depth", "image"], "steps": 1, "guidance": 1.0,
    }  # fmt: skip
    (folder / TRAINING_CARD).write_text(json.dumps(card))
    tuned: Any = load(str(folder))
    assert tuned.tasks == {Task.DEPTH, Task.IMAGE}
    about = tuned.about
    assert (about.metric, about.licence) == (True, "MIT; CC-BY-4.0")
    assert about.sources == ("someone/base (MIT)", "our rooms (CC0)")
    assert (tuned._asking.tuned, tuned._asking.steps, tuned._asking.guidance) == (True, 1, 1.0)
    assert load(str(folder), options=EditorOptions(tuned=False))._asking.tuned is False  # type: ignore[attr-defined]
    (folder / TRAINING_CARD).write_text(json.dumps({**card, "base_licence": "FLUX non-commercial"}))
    with pytest.raises(GeneratorError, match=r"may not be used commercially \(FLUX non-commercial; CC-BY-4.0\)"):
        load(str(folder))


def test_a_lora_for_another_base_is_refused(editor_folder: Any, tmp_path: Path) -> None:
    adapter = lora_for(load(str(editor_folder("klein"))), tmp_path / "adapter")
    with pytest.raises(GeneratorError, match="adapter"):
        load(f"{editor_folder('kontext')}+{adapter}")


def test_another_transformer_takes_the_place_of_the_bases(editor_folder: Any, tmp_path: Path) -> None:
    """As Open Vision Banana's weights are given: a folder with the transformer alone."""
    import torch

    generator: Any = load(str(editor_folder("klein")))
    other = generator._pipeline.transformer
    with torch.no_grad():
        other.proj_out.weight += 0.5
    other.save_pretrained(tmp_path / "banana" / "transformer")
    frame, options = Frame(rgb=board(64, 64)), EditorOptions(steps=1, tuned=True)
    swapped = load(f"{editor_folder('klein')}+{tmp_path / 'banana'}", options=options)
    base = load(str(editor_folder("klein")), options=options)
    difference = base.generate(frame, [DEPTH])[0].rgb.astype(int) - swapped.generate(frame, [DEPTH])[0].rgb
    assert np.abs(difference).max() > 3
    with pytest.raises(GeneratorError, match=r"is a Flux2Transformer2DModel, .* takes a FluxTransformer2DModel"):
        load(f"{editor_folder('kontext')}+{tmp_path / 'banana'}")
    config = tmp_path / "banana" / "transformer" / "config.json"
    config.write_text(config.read_text().replace('"num_layers": 1', '"num_layers": 2'))
    with pytest.raises(GeneratorError, match="its num_layers is 2, the base's 1"):
        load(f"{editor_folder('klein')}+{tmp_path / 'banana'}")


def test_a_licence_against_commerce_is_accepted_or_nothing_is_loaded(editor_folder: Any, tmp_path: Path) -> None:
    folder = tmp_path / "nine"
    shutil.copytree(editor_folder("klein"), folder)
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: flux-non-commercial-license\n---\n# Nine\n")
    with pytest.raises(GeneratorError, match=r"may not be used commercially .*accept-licence"):
        load(str(folder))
    accepted = load(str(folder), options=EditorOptions(accept_licence=True))
    assert accepted.about.licence == "other: flux-non-commercial-license"


def test_what_is_not_on_disk_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"run  vision-banana models get someone/nothing-here$"):
        load("someone/nothing-here")
    with pytest.raises(GeneratorError, match="no model can have that name"):
        load("not a name")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GeneratorError, match=r"no model_index.json.*models get"):
        load(str(tmp_path / "empty"))


def test_a_half_downloaded_folder_is_said_to_be_one(editor_folder: Any, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(editor_folder("klein"), folder)
    for weights in (folder / "transformer").glob("*.safetensors"):
        weights.unlink()
    with pytest.raises(GeneratorError, match=r"half.* is not whole on this disk .*models get"):
        load(str(folder))
    (folder / "model_index.json").write_text('{"_class_name": ')
    with pytest.raises(GeneratorError, match=r"model_index.json .* cannot be read"):
        load(str(folder))


def test_a_base_that_needs_torchvision_says_so_before_it_loads(
    editor_folder: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "qwen"
    shutil.copytree(editor_folder("klein"), folder)
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"processor": ["transformers", "Qwen2_5_VLProcessor"]}))
    monkeypatch.setattr("vision_banana_ros.generators.editors.loading.find_spec", lambda _name: None)
    with pytest.raises(GeneratorError, match="needs the package 'torchvision' of the same build as the torch"):
        load(str(folder))


def test_pickled_weights_are_not_opened(editor_folder: Any, tmp_path: Path) -> None:
    import torch

    folder = tmp_path / "pickled"
    shutil.copytree(editor_folder("klein"), folder)
    for weights in (folder / "vae").glob("*.safetensors"):
        weights.unlink()
    torch.save({}, folder / "vae" / "diffusion_pytorch_model.bin")
    with pytest.raises(GeneratorError, match="models get"):
        load(str(folder))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "int3"}, "precision must be one of auto"),
        ({"offload": "disk"}, "offload must be one of auto"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(GeneratorError, match=said):
        EditorOptions(**options)


# Marigold


def test_marigolds_normals_are_turned_into_our_frame(editor_folder: Any) -> None:
    generator: Any = load(str(editor_folder("marigold-normals")))
    assert generator.tasks == {Task.NORMALS}
    assert generator.about.metric is None
    right_up_near = np.array([0.36, 0.48, 0.8], np.float32)  # x right, y up, z to the viewer
    pipeline = generator._estimator._pipeline
    pipeline.decode_prediction = lambda latent: forced(latent, right_up_near)
    canvas = generator.generate(Frame(rgb=board(96, 64)), [NORMALS])[0].rgb
    assert canvas.shape == (64, 96, 3)
    assert tuple(canvas[30, 40]) == (82, 189, 230)  # 127.5 (1 - x, 1 + y, 1 + z): red is flipped
    np.testing.assert_allclose(normals.decode(canvas).normals[30, 40], [0.36, -0.48, -0.8], atol=0.01)


def test_marigold_moves_no_pixel(editor_folder: Any, tiny_editors: ModuleType) -> None:
    generator: Any = load(str(editor_folder("marigold-normals")), size_wh=(100, 75))
    tiny_editors.make_echo(generator._estimator._pipeline)
    frame = Frame(rgb=board(100, 75, cell=1))
    canvas = generator.generate(frame, [NORMALS])[0].rgb
    vectors = frame.rgb / 127.5 - 1
    expected = normals.encode(
        (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) * [1, -1, -1]).astype(np.float32)
    )
    assert np.abs(canvas.astype(int) - expected).max() <= 2


def test_affine_depth_is_no_metres_without_an_anchor(editor_folder: Any) -> None:
    with pytest.raises(GeneratorError, match=r"paints affine depth and it has no metres of its own: give an anchor"):
        load_generator(f"diffusers:{editor_folder('marigold-depth')}")


def test_affine_depth_by_an_anchor_is_metres(editor_folder: Any) -> None:
    """Forced to a ramp from 0 to 1, of which a sensor knows 4 % of the pixels as 2 m + 3 m times the ramp."""
    generator: Any = load_generator(f"diffusers:{editor_folder('marigold-depth')}@96x64", anchor="sparse")
    assert generator.tasks == {Task.DEPTH}
    assert generator.about.metric is True  # by its anchor
    ramp = np.linspace(0, 1, 96, dtype=np.float32)
    generator._estimator._pipeline.decode_prediction = lambda latent: forced_row(latent, ramp)
    known = np.full((64, 96), np.nan, np.float32)
    known[::5, ::5] = 2 + 3 * ramp[::5]
    generator.give_depth(known, 0)
    depth_m = perceive(Frame(rgb=board(96, 64)), generator, [DEPTH]).depth_m
    assert depth_m is not None
    np.testing.assert_allclose(np.nanmedian(depth_m, axis=0)[5:90], (2 + 3 * ramp)[5:90], rtol=0.02)
    assert generator.remarks["metres"].startswith("sparse depth: scale 3")


def forced_row(latent: Any, row: np.ndarray) -> Any:
    import torch

    height = latent.shape[2] * 8
    return torch.from_numpy(row).view(1, 1, 1, -1).expand(len(latent), 1, height, len(row))


def test_the_registry_knows_editors(editor_folder: Any) -> None:
    generator = load_generator(f"diffusers:{editor_folder('klein-distilled')}@64x48", device="cpu", precision="fp32")
    assert generator.generate(Frame(rgb=board(128, 96)), [NORMALS])[0].rgb.shape == (48, 64, 3)
    with pytest.raises(GeneratorError, match=r"run  vision-banana models get nobody/nothing$"):
        load_generator("diffusers:nobody/nothing")


@pytest.mark.parametrize("name", ["black-forest-labs/FLUX.2-klein-base-9B", "FunAILab/Open-Vision-Banana"])
def test_licences_of_known_models_need_no_card(name: str, tmp_path: Path) -> None:
    assert _licence(name, tmp_path) == ("FLUX non-commercial", True)
    assert _licence("black-forest-labs/FLUX.2-klein-base-4B", tmp_path) == ("Apache-2.0", False)


def forced(latent: Any, vector: np.ndarray) -> Any:
    import torch

    height, width = latent.shape[2] * 8, latent.shape[3] * 8
    return torch.from_numpy(vector).view(1, 3, 1, 1).expand(len(latent), 3, height, width)


def lora_for(generator: Any, folder: Path) -> Path:
    """An adapter with weights that are not zero, saved as training saves it."""
    import torch
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = generator._pipeline
    transformer = pipeline.transformer
    torch.manual_seed(1)
    transformer.add_adapter(
        LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q", "to_v", "to_qkv_mlp_proj"])
    )
    with torch.no_grad():
        for name, weight in transformer.named_parameters():
            if "lora_B" in name:
                weight *= 30
    pipeline.save_lora_weights(folder, transformer_lora_layers=get_peft_model_state_dict(transformer))
    return folder
