"""Each loss is least at the answer, grows with the error it is meant for, and leaves unknown pixels alone."""

import dataclasses
import math

import pytest
import torch

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.codecs.rays import WIDEST_DEG
from vision_banana_ros.core import Task
from vision_banana_ros.student.lens import Guess
from vision_banana_ros.student.mixer import walk
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import FREE, KNOT
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tasks.depth import KNOTS
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.tasks.depth import depth_loss, scale_loss, walked
from vision_banana_ros.training.tasks.instance import coloring_loss, hint
from vision_banana_ros.training.tasks.normals import normals_loss
from vision_banana_ros.training.tasks.paints import palette_loss
from vision_banana_ros.training.tasks.rays import guess_loss, painted_lens, ray_colors, rays_loss
from vision_banana_ros.training.trainee import Sight


def perfect(batch: Batch) -> Painting:
    """The canvases that answer every question of the batch exactly; nothing is to be corrected about its scale."""
    images, count = batch.boxes.task.shape[:2]
    height, width = batch.image.shape[-2:]
    canvas = torch.rand(images, count, 3, height, width)
    place = torch.zeros(images, count, height // 2, width // 2)
    logits = torch.zeros(images, count, batch.boxes.kind.shape[2], height // 4, width // 4)
    for image, k in zip(*batch.rows[Task.DEPTH], strict=True):
        metric, canonical = (batch.place(canonical=c)[image].clamp(min=0) for c in (False, True))
        knots = batch.boxes.kind[image, k, :, KNOT].sum()[None]
        canvas[image, k] = walk(metric[None], batch.boxes.color[image, k][None], knots)[0]
        place[image, k] = canonical[1::2, 1::2]
        position = place[image, k][::2, ::2] * 21
        before = position.floor().clamp(max=20)
        shares = torch.zeros(22, *before.shape).scatter_(0, before.long()[None], (1 - (position - before))[None])
        shares.scatter_add_(0, before.long()[None] + 1, (position - before)[None])
        logits[image, k, :22] = torch.log(shares.clamp(min=1e-9))
    for image, k in zip(*batch.rows.get(Task.NORMALS, ()), strict=True):
        canvas[image, k] = (1 - batch.normals[image]) / 2
    for task, paints in batch.paints.items():
        for image, k, paint in zip(*batch.rows[task], paints, strict=True):
            chosen = paint.clamp(min=0)
            canvas[image, k] = batch.boxes.color[image, k][chosen].permute(2, 0, 1)
            one = torch.nn.functional.one_hot(chosen[2::4, 2::4], logits.shape[2])
            logits[image, k] = one.permute(2, 0, 1) * 30.0 - 15
    for task, colors in batch.colors.items():
        canvas[batch.rows[task]] = colors
    nothing = torch.zeros(images)
    guess = Guess(batch.lens.clone(), nothing, nothing)
    return Painting(canvas, place, canvas[..., 2::4, 2::4].clone(), logits, guess)


def test_the_answer_costs_next_to_nothing(make_batch) -> None:
    batch = make_batch(Task.SEMANTIC, Task.REFERRING)
    painting = perfect(batch)
    assert depth_loss(painting, batch) < 0.1  # the entropy of two knots remains
    assert scale_loss(painting, batch) < 1e-4
    assert normals_loss(painting, batch) < 0.01
    for task in (Task.SEMANTIC, Task.REFERRING):
        assert palette_loss(painting, batch, task) < 1e-3


@pytest.mark.parametrize("wrong_m", [0.3, 2.0, 30.0])
def test_a_wrong_depth_costs_more_the_more_it_is_wrong(make_batch, wrong_m: float) -> None:
    batch = make_batch(Task.SEMANTIC)
    painting = perfect(batch)
    off = painting.place.clone()
    off[0, 0] = float(curve(torch.tensor(wrong_m)))
    costs = [
        depth_loss(dataclasses.replace(painting, place=painting.place + t * (off - painting.place)), batch).item()
        for t in (0.0, 0.5, 1.0)
    ]
    assert costs == sorted(costs)
    assert costs[2] > costs[0] + 0.2


def test_a_dead_channel_and_white_regions_are_expensive(make_batch) -> None:
    """What a loss on plain RGB forgives: red never painted, or everything at the end of the walk."""
    batch = make_batch(Task.SEMANTIC)
    painting = perfect(batch)
    plain = depth_loss(painting, batch)
    dead = painting.canvas.clone()
    dead[0, 0, 0] = 0
    assert depth_loss(dataclasses.replace(painting, canvas=dead), batch) > plain + 0.05
    white = dataclasses.replace(painting, place=torch.ones_like(painting.place))
    assert depth_loss(white, batch) > plain + 2


def test_the_scale_of_the_whole_is_corrected_by_what_sees_the_whole(make_batch) -> None:
    """A canonical picture that is everywhere 30 % too far, and a lens that is taken for a longer one."""
    batch = make_batch(Task.SEMANTIC)
    painting = perfect(batch)
    far = dataclasses.replace(painting, place=_farther(painting.place, 1.3).requires_grad_())
    numbers = [torch.tensor([value], requires_grad=True) for value in (batch.lens[0].item() - 0.2, 0.0, 0.0)]
    loss = scale_loss(dataclasses.replace(far, guess=Guess(*numbers)), batch)
    assert loss.item() == pytest.approx(0.257 + 0.457, abs=0.02)  # log 1.3, less what 5 cm soften
    loss.backward()
    assert far.place.grad is None  # pixels have losses of their own
    assert [number.grad.item() for number in numbers] == [-1, 1, 1]
    right = Guess(batch.lens - 0.2, torch.tensor([-0.257]), torch.tensor([-0.457]))
    assert scale_loss(dataclasses.replace(far, guess=right), batch) < 0.03


def _farther(place: torch.Tensor, factor: float) -> torch.Tensor:
    return curve(factor * 10 * ((1 - place) ** -0.5 - 1))


def test_a_lens_that_is_not_to_be_expected_teaches_none(make_batch) -> None:
    batch = make_batch(Task.SEMANTIC, Task.SEMANTIC, usual=[True, False])
    painting = perfect(batch)
    lens = batch.lens.clone()
    lens += torch.tensor([0.3, 5.0])
    guess = Guess(lens.requires_grad_(), torch.zeros(2), torch.zeros(2))
    loss = guess_loss(dataclasses.replace(painting, guess=guess), batch)
    assert loss.item() == pytest.approx(0.3)
    loss.backward()
    assert guess.lens.grad.tolist() == [1, 0]


def test_sky_and_unknown_pixels_are_left_alone(make_batch) -> None:
    batch = make_batch(Task.SEMANTIC)
    painting = perfect(batch)
    plain = (depth_loss(painting, batch), normals_loss(painting, batch))
    canvas, place = painting.canvas.clone(), painting.place.clone()
    canvas[..., :7, :19], canvas[..., :7, -5:] = 0.3, 0.9
    place[..., :3, :9], place[..., :3, -2:] = 0.9, 0.1
    changed = dataclasses.replace(painting, canvas=canvas, place=place)
    assert depth_loss(changed, batch) == pytest.approx(plain[0].item(), abs=1e-6)
    assert normals_loss(changed, batch) == pytest.approx(plain[1].item(), abs=1e-6)


def test_a_turned_normal_map_is_expensive(make_batch) -> None:
    batch = make_batch(Task.SEMANTIC)
    painting = perfect(batch)
    turned = painting.canvas.clone()
    turned[0, 1] = 1 - turned[0, 1]
    assert normals_loss(dataclasses.replace(painting, canvas=turned), batch) > 2


def test_one_colour_per_instance_is_best_and_neighbours_must_differ_most() -> None:
    instances = torch.zeros(1, 12, 40, dtype=torch.long)
    instances[..., 2:8], instances[..., 10:18], instances[..., 34:38] = 1, 2, 3
    background = torch.zeros(1, 3)
    middles = torch.tensor([[[0.0, 0.125, 0.35, 0.9], [0.0, 0.5, 0.5, 0.5]]])
    hinted = hint(middles)[0].T
    hinted[0] = 0

    def cost(palette: torch.Tensor) -> float:
        return float(coloring_loss(palette[instances[0]].permute(2, 0, 1)[None], instances, background))

    apart = cost(hinted)
    assert apart < 0.12

    def _push(palette: torch.Tensor) -> float:
        """Without what the hint adds."""
        return cost(palette) - apart - float((palette - hinted)[1:].abs().mean(1).sum() / 6)

    neighbours, distant = hinted.clone(), hinted.clone()
    neighbours[2], distant[3] = hinted[1], hinted[1]
    assert cost(neighbours) > apart + 0.05
    assert _push(neighbours) > 2 * _push(distant) > 0
    assert cost(torch.zeros(4, 3)) > cost(neighbours)
    speckled = coloring_loss(torch.rand(1, 3, 12, 40), instances, background)
    assert speckled > apart + 0.1
    assert coloring_loss(torch.rand(1, 3, 12, 40), torch.zeros_like(instances), background) == 0


def test_the_free_paint_of_an_instance_question_is_judged_by_its_share_only(make_batch) -> None:
    batch = make_batch(Task.INSTANCE)
    painting = perfect(batch)
    cost = palette_loss(painting, batch, Task.INSTANCE)
    canvas = painting.canvas.clone()
    free = batch.boxes.kind[0, 2, :, FREE].argmax()
    canvas[0, 2][:, batch.paints[Task.INSTANCE][0] == free] = 0.77
    assert palette_loss(dataclasses.replace(painting, canvas=canvas), batch, Task.INSTANCE) == pytest.approx(
        cost.item()
    )


def test_a_wrong_lens_is_expensive_though_its_colours_hardly_differ(make_batch) -> None:
    batch = make_batch(Task.RAYS)
    painting = perfect(batch)
    narrow = painting.canvas.clone()
    middle = narrow[0, 2].mean((1, 2), keepdim=True)
    narrow[0, 2] = middle + (narrow[0, 2] - middle) * 0.75  # a field of view of three quarters
    cost = rays_loss(painting, batch)
    assert cost < 0.03  # the slope of tangents over an off-centre picture
    assert (narrow - painting.canvas)[0, 2].abs().mean() < 0.05
    assert rays_loss(dataclasses.replace(painting, canvas=narrow), batch) > cost + 0.25
    assert guess_loss(painting, batch) == 0
    assert painted_lens(batch.colors[Task.RAYS]) == pytest.approx(batch.lens.numpy(), abs=0.01)


@pytest.mark.parametrize("task", [Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE])
def test_every_task_gives_a_gradient(make_batch, task: Task) -> None:
    batch = make_batch(task)
    painting = perfect(batch)
    canvas = torch.full_like(painting.canvas, 0.4, requires_grad=True)
    free = torch.full_like(painting.free, 0.4, requires_grad=True)
    losses = total_loss(dataclasses.replace(painting, canvas=canvas, free=free), batch)
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert all(canvas.grad[0, k].abs().sum() > 0 for k in range(3))
    assert (free.grad is not None) == (task is Task.INSTANCE)


def waves(*shape: int) -> torch.Tensor:
    """Numbers of 0..1 that no term is indifferent to, the same everywhere."""
    return 0.5 + 0.5 * torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * 0.37).float().reshape(shape)


def waving(batch: Batch) -> tuple[Painting, Sight]:
    """Of everything something that is right nowhere."""
    images, count = batch.boxes.task.shape[:2]
    height, width = batch.image.shape[-2:]
    paints = batch.boxes.kind.shape[2]
    guess = Guess(waves(images), waves(2, images)[1] - 0.3, waves(3, images)[2] - 0.6)
    painting = Painting(
        canvas=waves(images, count, 3, height, width),
        place=0.9 * waves(images, count, height // 2, width // 2),
        free=waves(images, count, 3, height // 4, width // 4),
        logits=3 * waves(images, count, paints, height // 4, width // 4),
        guess=guess,
    )
    squares = (height // 8, width // 8)
    sight = Sight(
        2 * waves(images, *squares), waves(images, 3, *squares) - 0.4, waves(images, len(vocabulary.labels()), *squares)
    )
    return painting, sight


def test_every_term_counts_as_much_as_its_formula_says(make_batch) -> None:
    """Pinned: a factor, a sign, a stride that changes changes one of them."""
    batch = make_batch(Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE)
    painting, sight = waving(batch)
    losses = total_loss(painting, batch, sight)
    assert {name: loss.item() for name, loss in losses.parts.items()} == pytest.approx(PINNED, rel=1e-4)
    weights = {
        "depth": 1.0, "scale": 0.5, "normals": 1.0, "rays": 1.0, "lens": 0.5, "semantic": 0.5, "instance": 1.0,
        "countable": 0.3, "referring": 0.25, "picture": 0.3,
        "seen depth": 0.5, "seen normals": 0.5, "seen classes": 0.4,
    }  # fmt: skip
    assert losses.total.item() == pytest.approx(sum(weights[name] * PINNED[name] for name in PINNED), rel=1e-4)


def test_several_pictures_may_be_asked_the_same_and_borders_lie_anywhere(make_batch) -> None:
    """Pinned as above: rows of a task are two, borders fall between the pixels that are looked at, one lens is odd."""
    batch = make_batch(*[Task.SEMANTIC, Task.INSTANCE, Task.RAYS] * 2, usual=[True, False, True, True, True, True])
    paints, numbers = (
        {task: tensor.roll((1, 1), (-2, -1)) for task, tensor in answers.items()}
        for answers in (batch.paints, batch.numbers)
    )
    batch = dataclasses.replace(batch, paints=paints, numbers=numbers)
    painting, sight = waving(batch)
    losses = total_loss(painting, batch, sight)
    assert {name: loss.item() for name, loss in losses.parts.items()} == pytest.approx(PINNED_PAIRS, rel=1e-4)


def test_answers_are_coloured_as_the_student_colours_from_one_end_of_the_walk_to_the_other() -> None:
    place = torch.tensor([[[0.0, 0.013, 0.49, 0.955, 0.9999, 1.0]], [[1.0, 0.3, 0.048, 0.97, 0.0, 0.5]]])
    color = waves(2, KNOTS + 3, 3)
    painted = walked(place, color)
    torch.testing.assert_close(painted, walk(place, color, torch.full((2,), KNOTS)))
    assert painted[0, :, 0, -1].tolist() == pytest.approx(color[0, KNOTS - 1].tolist())


def test_the_lens_is_read_from_any_part_of_its_picture() -> None:
    """The slope of tangents over columns is that of the lens, wherever its middle lies."""
    for fx, cx in ((70.0, 47.5), (70.0, 30.0), (140.0, 80.0)):
        colors = ray_colors(torch.tensor([[fx, 80.0, cx, 30.0]]), (8, 96))
        assert painted_lens(colors).item() == pytest.approx(math.log(96 / fx), abs=1e-4)
    ends = torch.ones(1, 3, 8, 96)
    ends[..., :48] = 0  # directions that no lens of the code has: tangents are cut at 98 % of the widest angle
    column = (torch.arange(96) + 0.5) / 96 - 0.5
    slope = math.tan(0.98 * math.radians(WIDEST_DEG)) * column.abs().mean() / column.square().mean()
    assert painted_lens(ends).item() == pytest.approx(math.log(slope), rel=1e-5)


PINNED_PAIRS = {
    "depth": 4.848544,
    "scale": 2.681716,
    "normals": 1.719021,
    "rays": 5.266925,
    "lens": 0.536861,
    "semantic": 3.764794,
    "instance": 0.557936,
    "countable": 3.794066,
    "seen depth": 1.449725,
    "seen normals": 1.513493,
    "seen classes": 4.964982,
}
PINNED = {
    "depth": 4.846171,
    "scale": 2.527408,
    "normals": 1.718874,
    "rays": 5.267473,
    "lens": 0.476895,
    "semantic": 3.771737,
    "instance": 0.48851,
    "countable": 3.785957,
    "referring": 3.861744,
    "picture": 0.351873,
    "seen depth": 1.44741,
    "seen normals": 1.518613,
    "seen classes": 4.957479,
}
