"""Each loss is least at the answer, grows with the error it is meant for, and leaves unknown pixels alone."""

import dataclasses

import numpy as np
import pytest
import torch

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.core import Task
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.student.mixer import walk
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import FREE, KNOT
from vision_banana_ros.training.batch import Batch, collate
from vision_banana_ros.training.losses.depth import depth_loss
from vision_banana_ros.training.losses.instances import coloring_loss
from vision_banana_ros.training.losses.normals import normals_loss
from vision_banana_ros.training.losses.palette import palette_loss
from vision_banana_ros.training.losses.rays import guess_loss, painted_lens, rays_loss
from vision_banana_ros.training.losses.total import total_loss
from vision_banana_ros.training.questions import Question, QuestionMaker


@pytest.fixture
def batch_with(make_sample, text):
    """A batch of one image that asks depth, normals and one question of the given task."""

    def make(task: Task) -> Batch:
        maker, sample = QuestionMaker(np.random.default_rng(0)), make_sample()
        first = [Question(instruction=Instruction(Task.DEPTH)), Question(instruction=Instruction(Task.NORMALS))]
        while True:
            question = maker.ask(sample, 3)[2]
            if question.instruction.task is task:
                return collate([sample], [[*first, question]], text)

    return make


def perfect(batch: Batch) -> Painting:
    """The canvases that answer every question of the batch exactly."""
    count = batch.boxes.task.shape[1]
    height, width = batch.image.shape[-2:]
    canvas = torch.rand(1, count, 3, height, width)
    place = torch.zeros(1, count, height // 2, width // 2)
    logits = torch.zeros(1, count, batch.boxes.kind.shape[2], height // 2, width // 2)
    full = batch.position[0].clamp(min=0)
    canvas[0, 0] = walk(full[None], batch.boxes.color[0, :1], batch.boxes.kind[0, :1, :, KNOT].sum(-1))[0]
    place[0, 0] = full[::2, ::2]
    position = place[0, 0] * 21
    before = position.floor().clamp(max=20)
    shares = torch.zeros(22, *before.shape).scatter_(0, before.long()[None], (1 - (position - before))[None])
    shares.scatter_add_(0, before.long()[None] + 1, (position - before)[None])
    logits[0, 0, :22] = torch.log(shares.clamp(min=1e-9))
    canvas[0, 1] = (1 - batch.normals[0]) / 2
    paints = batch.paints[0, 2].long()
    if (paints >= 0).any():
        chosen = paints.clamp(min=0)
        canvas[0, 2] = batch.boxes.color[0, 2][chosen].permute(2, 0, 1)
        logits[0, 2] = torch.nn.functional.one_hot(chosen[::2, ::2], logits.shape[2]).permute(2, 0, 1) * 30.0 - 15
    return Painting(canvas, place, canvas[..., ::2, ::2].clone(), logits, batch.lens.clone())


def test_the_answer_costs_next_to_nothing(batch_with) -> None:
    batch = batch_with(Task.SEMANTIC)
    painting = perfect(batch)
    assert depth_loss(painting, batch) < 0.1  # the entropy of two knots remains
    assert normals_loss(painting, batch) < 0.01
    assert palette_loss(painting, batch, Task.SEMANTIC) < 1e-3


@pytest.mark.parametrize("wrong_m", [0.3, 2.0, 30.0])
def test_a_wrong_depth_costs_more_the_more_it_is_wrong(batch_with, wrong_m: float) -> None:
    batch = batch_with(Task.SEMANTIC)
    painting = perfect(batch)
    off = painting.place.clone()
    off[0, 0] = float(curve(torch.tensor(wrong_m)))
    costs = [
        depth_loss(dataclasses.replace(painting, place=painting.place + t * (off - painting.place)), batch).item()
        for t in (0.0, 0.5, 1.0)
    ]
    assert costs == sorted(costs)
    assert costs[2] > costs[0] + 0.2


def test_a_dead_channel_and_white_regions_are_expensive(batch_with) -> None:
    """What a loss on plain RGB forgives: red never painted, or everything at the end of the walk."""
    batch = batch_with(Task.SEMANTIC)
    painting = perfect(batch)
    plain = depth_loss(painting, batch)
    dead = painting.canvas.clone()
    dead[0, 0, 0] = 0
    assert depth_loss(dataclasses.replace(painting, canvas=dead), batch) > plain + 0.05
    white = dataclasses.replace(painting, place=torch.ones_like(painting.place))
    assert depth_loss(white, batch) > plain + 2


def test_sky_and_unknown_pixels_are_left_alone(batch_with) -> None:
    batch = batch_with(Task.SEMANTIC)
    painting = perfect(batch)
    plain = (depth_loss(painting, batch), normals_loss(painting, batch))
    canvas, place = painting.canvas.clone(), painting.place.clone()
    canvas[..., :7, :19], canvas[..., :7, -5:] = 0.3, 0.9
    place[..., :3, :9], place[..., :3, -2:] = 0.9, 0.1
    changed = dataclasses.replace(painting, canvas=canvas, place=place)
    assert depth_loss(changed, batch) == pytest.approx(plain[0].item(), abs=1e-6)
    assert normals_loss(changed, batch) == pytest.approx(plain[1].item(), abs=1e-6)


def test_a_turned_normal_map_is_expensive(batch_with) -> None:
    batch = batch_with(Task.SEMANTIC)
    painting = perfect(batch)
    turned = painting.canvas.clone()
    turned[0, 1] = 1 - turned[0, 1]
    assert normals_loss(dataclasses.replace(painting, canvas=turned), batch) > 2


def test_one_colour_per_instance_is_best() -> None:
    instances = torch.zeros(12, 20, dtype=torch.long)
    instances[:, 2:8], instances[:, 10:18] = 1, 2
    background = torch.zeros(3)
    # red and green say where the middle of an instance lies, blue is free
    palette = torch.tensor([[0.0, 0, 0], [0.15 + 0.7 * 0.225, 0.15 + 0.7 * 5.5 / 12, 0], [0.15 + 0.7 * 0.675, 0.47, 1]])
    apart = coloring_loss(palette[instances].permute(2, 0, 1), instances, background)
    same = coloring_loss(palette[instances.clamp(max=1)].permute(2, 0, 1), instances, background)
    like_background = coloring_loss(torch.zeros(3, 12, 20), instances, background)
    speckled = coloring_loss(torch.rand(3, 12, 20), instances, background)
    assert apart == pytest.approx(0, abs=1e-3)
    assert same > apart + 0.1
    assert like_background > same
    assert speckled > apart + 0.1
    assert coloring_loss(torch.rand(3, 12, 20), torch.zeros_like(instances), background) is None


def test_the_free_paint_of_an_instance_question_is_judged_by_its_share_only(batch_with) -> None:
    batch = batch_with(Task.INSTANCE)
    painting = perfect(batch)
    cost = palette_loss(painting, batch, Task.INSTANCE)
    canvas = painting.canvas.clone()
    free = batch.boxes.kind[0, 2, :, FREE].argmax()
    canvas[0, 2][:, batch.paints[0, 2] == free] = 0.77
    assert palette_loss(dataclasses.replace(painting, canvas=canvas), batch, Task.INSTANCE) == pytest.approx(
        cost.item()
    )


def test_a_wrong_lens_is_expensive_though_its_colours_hardly_differ(batch_with) -> None:
    batch = batch_with(Task.RAYS)
    painting = perfect(batch)
    right = batch.colors.float() / 255
    middle = right[0, 2].mean((1, 2), keepdim=True)
    narrow = right.clone()
    narrow[0, 2] = middle + (right[0, 2] - middle) * 0.75  # a field of view of three quarters
    cost = rays_loss(dataclasses.replace(painting, canvas=right), batch)
    assert cost < 0.03  # what 8 bits leave
    assert (narrow - right).abs().mean() < 0.03
    assert rays_loss(dataclasses.replace(painting, canvas=narrow), batch) > cost + 0.25
    assert guess_loss(painting, batch) == 0
    assert guess_loss(dataclasses.replace(painting, lens=batch.lens + 0.3), batch) == pytest.approx(0.3)


def test_no_guess_at_the_lens_of_a_real_frame_through_a_long_one_is_wrong(make_sample, text) -> None:
    usual, long = make_sample(real=True), make_sample(real=True)
    long = dataclasses.replace(long, camera=dataclasses.replace(long.camera, fx=150.0, fy=150.0))
    asked = [Question(instruction=Instruction(Task.DEPTH)), Question(instruction=Instruction(Task.NORMALS))]
    batch = collate([usual, long], [asked, asked], text)
    truth = np.log(96 / 70)
    painting = Painting(*([torch.zeros(0)] * 4), lens=torch.tensor([truth + 0.3, 5.0], requires_grad=True))
    loss = guess_loss(painting, batch)
    assert loss.item() == pytest.approx(0.3)
    loss.backward()
    assert painting.lens.grad.tolist() == [1, 0]


def test_the_lens_of_a_painted_canvas_is_the_cameras(batch_with) -> None:
    batch = batch_with(Task.RAYS)
    assert painted_lens(batch.colors[:, 2].float() / 255) == pytest.approx(batch.lens.numpy(), abs=0.01)
    assert batch.lens.item() == pytest.approx(np.log(96 / 70))


@pytest.mark.parametrize("task", [Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE])
def test_every_task_gives_a_gradient(batch_with, task: Task) -> None:
    batch = batch_with(task)
    painting = perfect(batch)
    canvas = torch.full_like(painting.canvas, 0.4, requires_grad=True)
    free = torch.full_like(painting.free, 0.4, requires_grad=True)
    losses = total_loss(dataclasses.replace(painting, canvas=canvas, free=free), batch)
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert all(canvas.grad[0, k].abs().sum() > 0 for k in range(3))
    assert (free.grad is not None) == (task is Task.INSTANCE)
