"""Gradients that are written out are those of plain operations, which graphs are traced from."""

import pytest
import torch
from torch import Tensor, nn

from vision_banana_ros.student import blocks, mixer
from vision_banana_ros.student.blocks import Depthwise, sharp_double
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.gradients import Depthwise5, by_hand
from vision_banana_ros.student.mixer import Mixer, walk
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import KINDS, KNOT
from vision_banana_ros.tasks.depth import KNOTS


@pytest.fixture
def plainly(monkeypatch):
    """Calls something so that nothing is by hand."""

    def call(function, *args):
        with monkeypatch.context() as patch:
            for module in (blocks, mixer):
                patch.setattr(module, "by_hand", lambda *_: False)
            return function(*args)

    return call


def agree(plainly, function, *inputs: Tensor, tolerance: float = 1e-4) -> None:
    """Value and gradients, both ways."""
    wanted = [x for x in inputs if x.requires_grad]
    plain, quick = plainly(function, *inputs), function(*inputs)
    torch.testing.assert_close(quick, plain, rtol=tolerance, atol=1e-5)
    off = torch.randn_like(plain)
    for got, expected in zip(
        torch.autograd.grad(quick, wanted, off), torch.autograd.grad(plain, wanted, off), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))


def wanted(*shape: int) -> Tensor:
    return torch.randn(shape).requires_grad_()


@pytest.mark.parametrize(("height", "width"), [(12, 8), (4, 6), (2, 2), (3, 10), (7, 4)])
@pytest.mark.parametrize("stride", [1, 2])
def test_weights_of_five_columns(plainly, height: int, width: int, stride: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 8, height, width).contiguous(memory_format=torch.channels_last).requires_grad_()
    look = Depthwise(8, 5, stride)
    assert type(look(x).grad_fn).__name__ == "Depthwise5Backward"
    agree(plainly, look._conv_forward, x, look.weight, look.bias)


def test_an_odd_width_and_three_columns_are_left_to_torch() -> None:
    x = wanted(2, 8, 6, 7)
    for look in (Depthwise(8, 5), Depthwise(8, 3)):
        assert type(look(x).grad_fn).__name__ == "ConvolutionBackward0"


def test_only_the_gradients_that_are_wanted() -> None:
    x, weight = torch.randn(2, 8, 6, 4), wanted(8, 1, 5, 5)
    Depthwise5.apply(x, weight, None, 1).sum().backward()
    assert weight.grad is not None
    assert x.grad is None


@pytest.mark.parametrize(("canvases", "images"), [(2, 2), (6, 2), (3, 1)])
def test_doubling(plainly, canvases: int, images: int) -> None:
    torch.manual_seed(0)
    choice = (30 * torch.randn(images, 16, 5, 8)).requires_grad_()  # some beyond their limit, which have no gradient
    agree(plainly, sharp_double, wanted(canvases, 3, 5, 8), choice)
    agree(plainly, sharp_double, wanted(canvases, 3, 5, 8), choice.detach())


@pytest.mark.parametrize("knots", [KNOTS, 4])
def test_the_walk(plainly, knots: int) -> None:
    torch.manual_seed(0)
    place = (1.2 * torch.rand(2, 5, 8) - 0.1).requires_grad_()  # some before its start and beyond its end
    color = torch.rand(2, KNOTS, 3)
    agree(plainly, lambda p: walk(p, color, torch.tensor([float(knots), 0.0])), place)


def test_mixing(plainly) -> None:
    torch.manual_seed(0)
    mixing = Mixer(8)
    kind = torch.zeros(3, 5, KINDS)
    kind[:, :4, KNOT] = 1  # and one is absent
    boxes = Boxes(
        torch.zeros(3, 7), torch.zeros(3, 2), torch.zeros(3, 5, 384), kind, torch.rand(3, 5), torch.rand(3, 5, 3)
    )

    def all_of_it(feature: Tensor, key: Tensor, *_: Tensor) -> Tensor:
        mixture = mixing(feature, key, boxes)
        return torch.cat([mixture.mixed, mixture.free, mixture.choice, mixture.logits[:, :4]], dim=1)

    feature = torch.randn(3, 8, 4, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    agree(plainly, all_of_it, feature, wanted(3, 5, 8), mixing.pixel.weight, mixing.pixel.bias)


def test_nothing_is_by_hand_without_gradients() -> None:
    """Graphs are traced so; and what is drawn is then made of plain operations."""
    x = wanted(1)
    assert by_hand(x)
    assert not by_hand(x.detach())
    with torch.no_grad():
        assert not by_hand(x)


def test_training_in_bfloat16_has_gradients_too() -> None:
    torch.manual_seed(0)
    look = nn.Sequential(Depthwise(8, 5), nn.Conv2d(8, 16, 1))
    x, canvas = wanted(2, 8, 6, 8), wanted(2, 3, 6, 8)
    with torch.autocast("cpu", torch.bfloat16):
        doubled = sharp_double(canvas, look(x))
    doubled.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in (x, canvas, *look.parameters()))


def test_the_names_of_weights_are_as_they_were() -> None:
    names = Student().state_dict().keys()
    assert {"encoder.blocks.4.look.conv.weight", "mixer.pixel.bias", "painter.work.0.steps.0.conv.weight"} <= names
