"""What the network must do by construction, trained or not: the prompt is its only switch."""

import numpy as np
import pytest
import torch

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.core import Target, Task
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.student.blocks import coordinates, sharp_double
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.encoder import CHANNELS, EfficientNetLite
from vision_banana_ros.student.folded import folded
from vision_banana_ros.student.lens import FOCAL_PX, Guess, log_shift, shifted
from vision_banana_ros.student.mixer import walk
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import pack
from vision_banana_ros.tasks.depth import knot_colors

HW = (64, 96)
TARGETS = (Target("floor", (0, 200, 0)), Target("chair", (220, 0, 0)), Target("wall", (0, 0, 180)))


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 3, *HW), np.uint8))


def paint(student: Student, image: torch.Tensor, text, *instructions: Instruction):
    with torch.no_grad():
        return student(image, Boxes(*(torch.from_numpy(a)[None] for a in pack(instructions, text).arrays().values())))


def test_canvases_have_the_size_of_the_image_and_lie_in_range(student, image, text) -> None:
    instructions = [Instruction(Task.DEPTH), Instruction(Task.NORMALS), Instruction(Task.SEMANTIC, TARGETS)]
    painting = paint(student, image, text, *instructions)
    assert painting.canvas.shape == (1, 3, 3, *HW)
    assert painting.canvas.min() >= 0
    assert painting.canvas.max() <= 1


def test_a_canvas_does_not_depend_on_the_other_prompts(student, image, text) -> None:
    alone = paint(student, image, text, Instruction(Task.SEMANTIC, TARGETS)).canvas[0, 0]
    together = paint(
        student, image, text, Instruction(Task.DEPTH), Instruction(Task.SEMANTIC, TARGETS), Instruction(Task.RAYS)
    ).canvas[0, 1]
    assert torch.allclose(alone, together, atol=1e-5)


def test_other_colours_change_the_colours_and_nothing_else(student, image, text) -> None:
    recoloured = tuple(
        Target(t.text, c) for t, c in zip(TARGETS, ((9, 9, 9), (0, 255, 255), (250, 120, 0)), strict=True)
    )
    before = paint(student, image, text, Instruction(Task.SEMANTIC, TARGETS, background=(0, 0, 0)))
    after = paint(student, image, text, Instruction(Task.SEMANTIC, recoloured, background=(77, 0, 77)))
    assert torch.equal(before.logits, after.logits)
    assert not torch.allclose(before.canvas, after.canvas, atol=0.1)


def test_the_order_of_the_targets_does_not_matter(student, image, text) -> None:
    forth = paint(student, image, text, Instruction(Task.SEMANTIC, TARGETS)).canvas
    back = paint(student, image, text, Instruction(Task.SEMANTIC, TARGETS[::-1])).canvas
    assert torch.allclose(forth, back, atol=1e-5)


def test_other_words_change_what_is_painted(student, image, text) -> None:
    one = paint(student, image, text, Instruction(Task.REFERRING, (Target("floor", (255, 255, 255)),), (0, 0, 0)))
    other = paint(student, image, text, Instruction(Task.REFERRING, (Target("sofa", (255, 255, 255)),), (0, 0, 0)))
    assert not torch.allclose(one.canvas, other.canvas, atol=1e-3)


def test_every_pixel_is_a_mixture_of_the_prompts_colours(student, image, text) -> None:
    """Two paints: all colours lie on the line between them."""
    a, b = np.array((250, 20, 60)), np.array((10, 200, 90))
    targets = (Target("floor", tuple(a.tolist())), Target("wall", tuple(b.tolist())))
    canvas = (
        paint(student, image, text, Instruction(Task.SEMANTIC, targets)).canvas[0, 0].permute(1, 2, 0).numpy() * 255
    )
    along = (canvas - b) @ (a - b) / ((a - b) @ (a - b))
    assert np.abs(canvas - (b + along[..., None] * (a - b))).max() < 0.01
    assert -1e-4 < along.min() < along.max() < 1 + 1e-4
    assert along.max() - along.min() > 0.05  # and the two are not painted alike everywhere


def test_depth_lies_on_the_walk_of_its_encoding(student, image, text) -> None:
    painting = paint(student, image, text, Instruction(Task.DEPTH), Instruction(Task.DEPTH, depth_encoding="viridis"))
    assert torch.allclose(painting.place[0, 0], painting.place[0, 1], atol=1e-6)
    colors = torch.from_numpy(np.stack([knot_colors("cube"), knot_colors("viridis")]))
    small = walk(painting.place[0], colors, torch.tensor([22.0, 22.0]))
    rgb = (small.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    assert depth_code.decode(rgb[0], "cube").confidence.min() > 250
    assert depth_code.decode(rgb[1], "viridis").confidence.min() > 200  # 22 straight pieces instead of a curve
    assert depth_code.decode(rgb[1], "cube").confidence.mean() < 200  # so the two canvases do differ


def test_the_walk_is_piecewise_linear_between_its_knots() -> None:
    colors = torch.from_numpy(knot_colors("cube"))[None]
    place = torch.linspace(0, 1, 1786)[None, None]  # every level of an 8-bit walk
    rgb = walk(place, colors, torch.tensor([22.0]))[0, :, 0]
    steps = (rgb[:, 1:] - rgb[:, :-1]) * 255
    assert torch.allclose(steps.abs().sum(0), torch.ones(1785), atol=1e-3)  # one channel by one level each
    assert rgb[:, 0].tolist() == [0, 0, 0]
    assert rgb[:, -1].tolist() == [1, 1, 1]


def test_doubling_with_decided_choices_keeps_colours_pure() -> None:
    x = torch.rand(2, 3, 5, 7)
    nearest = torch.full((4, 4), -20.0)
    for new, old in enumerate((3, 2, 1, 0)):
        nearest[new, old] = 20.0
    choice = nearest.flatten()[None, :, None, None].expand(2, -1, 5, 7)
    assert torch.allclose(sharp_double(x, choice), x.repeat_interleave(2, -1).repeat_interleave(2, -2), atol=1e-5)


def test_doubling_starts_as_bilinear_interpolation() -> None:
    x = torch.rand(1, 3, 6, 9)
    student = Student()
    expected = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    choice = student.mixer.pixel.bias.detach()[None, 3:, None, None].expand(1, -1, 6, 9)
    assert torch.allclose(sharp_double(x, choice), expected, atol=1e-5)
    finer = student.edges.say.bias.detach()[None, :, None, None].expand(1, -1, 3, 5)
    finer = torch.nn.functional.pixel_shuffle(finer, 2)[..., :9]
    assert torch.allclose(sharp_double(x, finer), expected, atol=1e-5)


def test_canvases_that_share_a_choice_are_doubled_alike() -> None:
    x, choice = torch.rand(6, 3, 4, 5), torch.randn(2, 16, 4, 5)
    alone = torch.cat([sharp_double(x[i : i + 1], choice[i // 3 : i // 3 + 1]) for i in range(6)])
    assert torch.allclose(sharp_double(x, choice), alone, atol=1e-6)


def test_metres_follow_a_told_lens_exactly(student, image, text) -> None:
    """Twice the focal length: everything twice as far, and nothing else changes."""
    wide, long = (2 * np.degrees(np.arctan(t)) for t in (0.8, 0.4))
    asked = [Instruction(Task.DEPTH, hfov_deg=wide), Instruction(Task.DEPTH, hfov_deg=long), Instruction(Task.DEPTH)]
    painting = paint(student, image, text, *asked)
    assert torch.equal(painting.place[0, 0], painting.place[0, 1])
    rgb = (painting.canvas[0].permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    near, far, untold = (depth_code.decode(canvas, "cube").depth_m for canvas in rgb)
    assert np.median(far / near) == pytest.approx(2, rel=0.01)
    guess = student.lens(student.see(image).glance)
    factor = float(torch.exp(guess.untold - guess.told - guess.lens)) * 2 * 0.8
    assert np.median(untold / near) == pytest.approx(factor, rel=0.01)


def test_the_lens_is_a_shift_along_the_walk() -> None:
    depth = torch.tensor([[[0.3, 2.0, 9.0, 60.0]]])
    place = 1 - (1 + depth / 10) ** -2
    for k in (0.25, 1.0, 3.5):
        moved = shifted(place, torch.tensor([k]).log())
        assert torch.allclose(10 * ((1 - moved) ** -0.5 - 1), k * depth, rtol=1e-3)
    assert torch.isfinite(shifted(torch.ones(1, 1, 1), torch.tensor([9.0]))).all()
    nothing = torch.zeros(1)
    guess = Guess(torch.tensor([0.2]), nothing, nothing + 0.1)
    told = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    expected = [np.log(192 / FOCAL_PX), np.log(192 / FOCAL_PX) - 0.2 + 0.1]
    assert log_shift(guess, told, 192).tolist() == pytest.approx(expected)


def test_a_folded_network_paints_the_same(student, image, text) -> None:
    boxes = Boxes(
        *(torch.from_numpy(a) for a in pack([Instruction(Task.DEPTH), Instruction(Task.RAYS)], text).arrays().values())
    )
    plain = folded(student)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in plain.modules())
    with torch.no_grad():
        before, after = (network.sketch(image, boxes).color for network in (student, plain))
    assert torch.allclose(before, after, atol=1e-4)


def test_coordinates_point_right_and_down() -> None:
    where = coordinates(torch.zeros(2, 1, 4, 8))[0]
    assert where[0, 0].tolist() == pytest.approx([-0.875 + 0.25 * i for i in range(8)])
    assert where[1, :, 0].tolist() == pytest.approx([-0.375, -0.125, 0.125, 0.375])


def test_encoder_features_halve_five_times() -> None:
    features = EfficientNetLite()(torch.zeros(1, 3, 64, 96))
    assert [f.shape[1] for f in features] == list(CHANNELS)
    assert [f.shape[2:] for f in features] == [(64 >> i, 96 >> i) for i in range(1, 6)]


def test_it_stays_within_its_budget() -> None:
    assert sum(p.numel() for p in Student().parameters()) < 6_000_000
