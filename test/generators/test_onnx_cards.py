"""Graphs by their cards: metres, axes and classes as the card says, and every wrong card refused by name."""

import re
from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Frame, GeneratorError, Target, Task, VisionBananaError
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings

DEPTH, NORMALS, RAYS = Instruction(Task.DEPTH), Instruction(Task.NORMALS), Instruction(Task.RAYS)
PLAIN = DecodeSettings(filter_flying_pixels=False)


def picture(red: np.ndarray, camera: Camera | None = None, stamp_ns: int = 0) -> Frame:
    rgb = np.zeros((*red.shape, 3), np.uint8)
    rgb[..., 0] = red
    return Frame(rgb, camera=camera, stamp_ns=stamp_ns)


def ramp(hw: tuple[int, int] = (96, 128)) -> np.ndarray:
    return np.linspace(20, 235, hw[1])[None].repeat(hw[0], 0).astype(np.uint8)


def true_z(red: np.ndarray) -> np.ndarray:
    return 1 + 9 * red.astype(np.float32) / 255


def plane_z(red: np.ndarray) -> np.ndarray:
    return 4 + 4 * red.astype(np.float32) / 255


def depth(name: str, frame: Frame, **options: object) -> np.ndarray:
    seen = perceive(frame, load_generator(name, backend="onnxruntime", **options), [DEPTH], PLAIN)  # type: ignore[arg-type]
    assert seen.depth_m is not None
    return seen.depth_m


def test_metres_are_metres(graphs: Path) -> None:
    red = ramp()
    z = depth(f"onnx:{graphs / 'plane.yaml'}", picture(red))
    np.testing.assert_allclose(z, plane_z(red), rtol=0.02)


@pytest.mark.parametrize("hw", [(48, 64), (96, 128), (120, 90), (7, 5)])
def test_padding_keeps_every_pixel_in_its_place(graphs: Path, hw: tuple[int, int]) -> None:
    red = ramp(hw)
    z = depth(f"onnx:{graphs / 'padded.yaml'}", picture(red))
    inner = np.s_[1:-1, 1:-1]
    np.testing.assert_allclose(z[inner], plane_z(red)[inner], rtol=0.06)


def test_what_a_crop_leaves_out_is_unknown(graphs: Path) -> None:
    z = depth(f"onnx:{graphs / 'cropped.yaml'}", picture(ramp((48, 128))))
    assert np.isnan(z[:, :28]).all()
    assert np.isnan(z[:, -28:]).all()
    assert np.isfinite(z[:, 36:-36]).all()


def test_canonical_depth_uses_the_focal_length_of_what_the_network_saw(graphs: Path) -> None:
    red = np.zeros((96, 128), np.uint8)
    camera = Camera(120.0, 120.0, 63.5, 47.5, 128, 96)  # 60 pixels at 64x48
    z = depth(f"onnx:{graphs / 'focal.yaml'}", picture(red, camera))
    np.testing.assert_allclose(z, 4 * 60 / 20, rtol=0.01)


def test_canonical_depth_without_a_camera_is_refused_with_what_to_do(graphs: Path) -> None:
    with pytest.raises(GeneratorError, match="camera_info, or tell the field of view"):
        depth(f"onnx:{graphs / 'focal.yaml'}", picture(ramp()))


def test_a_field_of_view_in_the_prompt_is_a_camera(graphs: Path) -> None:
    generator = load_generator(f"onnx:{graphs / 'focal.yaml'}", backend="onnxruntime")
    told = Instruction(Task.DEPTH, hfov_deg=90.0)  # fx = 32 at 64 pixels
    seen = perceive(picture(np.zeros((96, 128), np.uint8)), generator, [told], PLAIN)
    np.testing.assert_allclose(seen.depth_m, 4 * 32 / 20, rtol=0.02)


def test_relative_depth_is_refused_without_an_anchor(graphs: Path) -> None:
    with pytest.raises(
        GeneratorError, match=r"inverse affine depth and it has no metres .* 'sparse' .* 'height:METRES'"
    ):
        load_generator(f"onnx:{graphs / 'inverse.yaml'}", backend="onnxruntime")


def test_relative_depth_is_fitted_to_sparse_depth(graphs: Path) -> None:
    red = ramp()
    generator = load_generator(f"onnx:{graphs / 'inverse.yaml'}", backend="onnxruntime", anchor="sparse")
    known = np.full(red.shape, np.nan, np.float32)
    known[::5, ::7] = true_z(red)[::5, ::7]
    known[::10, ::14] *= 3  # a fifth of it is wrong
    generator.give_depth(known, 0)  # type: ignore[attr-defined]
    seen = perceive(picture(red), generator, [DEPTH], PLAIN)
    assert seen.depth_m is not None
    np.testing.assert_allclose(seen.depth_m[:, 2:-2], true_z(red)[:, 2:-2], rtol=0.02)
    said = re.match(r"sparse depth: scale (\S+), shift (\S+), spread", generator.remarks["metres"])  # type: ignore[attr-defined]
    assert said is not None
    scale, shift = said.groups()
    assert (float(scale), float(shift)) == (pytest.approx(0.5, rel=0.01), pytest.approx(0.05, rel=0.02))
    assert generator.about.metric is True  # by its anchor


def test_without_measured_depth_nothing_is_claimed(graphs: Path) -> None:
    generator = load_generator(f"onnx:{graphs / 'inverse.yaml'}", backend="onnxruntime", anchor="sparse")
    seen = perceive(picture(ramp()), generator, [DEPTH], PLAIN)
    assert np.isnan(seen.depth_m).all()
    assert "says too little" in generator.remarks["metres"]  # type: ignore[attr-defined]


def test_a_measurement_of_another_time_is_not_this_frames(graphs: Path) -> None:
    generator = load_generator(f"onnx:{graphs / 'inverse.yaml'}", backend="onnxruntime", anchor="sparse")
    generator.give_depth(true_z(ramp()).astype(np.float32), 0)  # type: ignore[attr-defined]
    seen = perceive(picture(ramp(), stamp_ns=10**10), generator, [DEPTH], PLAIN)
    assert np.isnan(seen.depth_m).all()


def test_another_generator_that_paints_metres_is_an_anchor(graphs: Path) -> None:
    """The plane's metres are no truth of this picture, but they are what the fit has to follow."""
    red = ramp()
    name = f"onnx:{graphs / 'inverse.yaml'}"
    z = depth(name, picture(red), anchor=f"onnx:{graphs / 'plane.yaml'}")
    np.testing.assert_allclose(np.median(z / plane_z(red)), 1, atol=0.1)
    with pytest.raises(GeneratorError, match="cannot be an anchor"):
        load_generator(name, anchor=f"onnx:{graphs / 'logits.yaml'}", backend="onnxruntime")


@pytest.mark.parametrize("anchor", ["height:", "height:-1", "height:abc"])
def test_a_height_that_is_none_is_refused(graphs: Path, anchor: str) -> None:
    with pytest.raises(GeneratorError, match="metres over the floor"):
        load_generator(f"onnx:{graphs / 'inverse.yaml'}", backend="onnxruntime", anchor=anchor)


def test_points_are_shifted_onto_our_rays(graphs: Path) -> None:
    red = ramp()
    camera = Camera(118.0, 118.0, 63.5, 47.5, 128, 96)
    z = depth(f"onnx:{graphs / 'points.yaml'}", picture(red, camera))
    # the mask is sure everywhere; scale 2 undoes the halved points, the shift is found
    np.testing.assert_allclose(z[2:-2, 2:-2], true_z(red)[2:-2, 2:-2], rtol=0.03)


def test_points_tell_the_lens_where_nobody_knows_it(graphs: Path) -> None:
    red = np.random.default_rng(0).integers(20, 235, (12, 16)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    generator = load_generator(f"onnx:{graphs / 'points.yaml'}", backend="onnxruntime")
    seen = perceive(picture(red), generator, [DEPTH, NORMALS, RAYS], PLAIN)
    assert seen.camera is not None
    assert seen.camera.fx == pytest.approx(118, rel=0.03)
    assert seen.normals is not None
    assert np.median(seen.normals[..., 2]) < -0.95


@pytest.mark.parametrize(("said", "sign"), [("frame: opengl", 1), ("facing: scene", 1), ("frame: opencv", -1)])
def test_the_axes_of_normals_are_what_the_card_says(graphs: Path, tmp_path: Path, said: str, sign: int) -> None:
    text = (graphs / "points.yaml").read_text().replace("frame: opencv, facing: camera", said)
    (tmp_path / "turned.yaml").write_text(text.replace("points.onnx", str(graphs / "points.onnx")))
    generator = load_generator(f"onnx:{tmp_path / 'turned.yaml'}", backend="onnxruntime")
    seen = perceive(picture(ramp()), generator, [NORMALS], PLAIN)
    assert seen.normals is not None
    assert np.sign(np.nanmedian(seen.normals[..., 2])) == sign


def test_the_mask_leaves_out_what_is_not_seen(graphs: Path) -> None:
    red = ramp()
    red[:, :64] = 0
    z = depth(f"onnx:{graphs / 'points.yaml'}", picture(red, Camera(118.0, 118.0, 63.5, 47.5, 128, 96)))
    assert np.isnan(z[:, :60]).all()
    assert np.isfinite(z[4:-4, 70:-4]).all()


def test_classes_take_the_words_of_the_prompt(graphs: Path) -> None:
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:, :20, 0], rgb[:, 20:40, 1], rgb[:, 40:, 2] = 200, 200, 200
    generator = load_generator(f"onnx:{graphs / 'logits.yaml'}", backend="onnxruntime")
    targets = (Target("flooring", (255, 0, 0)), Target("zebra", (0, 255, 0)), Target("walls", (0, 0, 255)))
    seen = perceive(Frame(rgb), generator, [Instruction(Task.SEMANTIC, targets, background=(0, 0, 0))], PLAIN)
    assert seen.mask is not None
    assert [int(seen.mask[24, x]) for x in (10, 30, 50)] == [3, 1, 0]
    assert "zebra" in generator.remarks["words"]  # type: ignore[attr-defined]


def test_a_constant_answer_is_refused(graphs: Path) -> None:
    with pytest.raises(GeneratorError, match="depth is the same everywhere"):
        load_generator(f"onnx:{graphs / 'constant.yaml'}", backend="onnxruntime")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("name: image", "name: pixel_values"), "no input 'pixel_values', it has image float32"),
        (("name: depth,", "name: predicted_depth,"), "none of predicted_depth .* it has depth float32"),
        (("kind: metric", "kind: metres"), "kind of depth must be one of metric"),
        (("kind: metric", "kind: canonical_focal"), "focal: 300"),
        (("layout: NCHW", "layout: CHW"), "layout must be one of NCHW"),
        (("depth:", "dept:"), "outputs has no 'dept': it may say depth"),
        (("plane.onnx", "missing.onnx"), r"missing.onnx of card .* not here: put it beside the card"),
        (("size: {fixed: [48, 64]}", "size: {fixed: [48]}"), r"\[height, width\]"),
        (("  licence:", "  sha256: 00\n  licence:"), "is not the file of its card: SHA-256"),
        (("{name: depth, kind: metric}", "{kind: metric}"), "output depth must say name"),
        (("onnx:", "onxx:"), "must have one key, onnx"),
        (("onnx:", "onnx: ["), "must be YAML"),
    ],
)
def test_a_wrong_card_is_refused_by_name(graphs: Path, tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    text = (graphs / "plane.yaml").read_text()
    assert change[0] in text
    (tmp_path / "plane.onnx").write_bytes((graphs / "plane.onnx").read_bytes())
    (tmp_path / "card.yaml").write_text(text.replace(*change))
    with pytest.raises(VisionBananaError, match=complaint) as refused:
        load_generator(f"onnx:{tmp_path / 'card.yaml'}", backend="onnxruntime")
    assert "\n" not in str(refused.value)


def test_a_card_that_is_not_there_names_those_that_ship() -> None:
    with pytest.raises(DataError, match=r"no card 'cinema': .* moge-2-vits-normal"):
        load_generator("onnx:cinema")


def test_the_cards_that_ship_are_well_formed() -> None:
    from vision_banana_ros.generators.specialists.card import card_folders, read_card

    cards = [read_card(path, locate=False) for path in sorted(card_folders()[0].glob("*.yaml"))]
    assert len(cards) >= 9
    assert all(card.licence != "unknown" and card.outputs for card in cards)


def test_openvino_gives_the_same_metres(graphs: Path) -> None:
    red = ramp()
    seen = perceive(picture(red), load_generator(f"onnx:{graphs / 'plane.yaml'}", backend="openvino"), [DEPTH], PLAIN)
    np.testing.assert_allclose(seen.depth_m, plane_z(red), rtol=0.02)
