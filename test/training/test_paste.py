"""What is pasted stands in front of what it covers, at the depth at which the real lens would see it so large."""

import pytest
import torch
from made_frames import make_frame, seen_whole, stack_of

from vision_banana_ros.core import UNLABELLED
from vision_banana_ros.training.config import View
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.paste import paste


def pair(wall_m: float) -> Seen:
    """A render, and a real frame of one flat wall."""
    seen, _ = seen_whole(stack_of(make_frame(), make_frame(1)), View(width=96, height=64))
    seen.depth[1], seen.image[1], seen.instances[1], seen.classes[1] = wall_m, 200, 0, UNLABELLED
    seen.normals[1] = torch.tensor((0.0, 0, -1))[:, None, None]
    return seen


def pasted(seen: Seen, seed: int = 0, focal: tuple[float, float] = (70.0, 70.0), lender_is_real: bool = False) -> None:
    real = torch.tensor([lender_is_real, True])
    numbers = torch.tensor([0]), torch.tensor([1])
    paste(seen, *numbers, real, torch.tensor(focal), torch.Generator().manual_seed(seed))


def test_objects_hide_a_far_wall_and_keep_their_size_their_class_and_their_being_one_thing() -> None:
    for seed in range(5):
        seen = pair(9.0)
        pasted(seen, seed, focal=(70.0, 140.0))  # a longer lens: twice as far
        region = seen.depth[1] != 9.0
        assert region.any()
        assert (seen.instances[0][region] > 0).all()
        torch.testing.assert_close(seen.depth[1][region], 2 * seen.depth[0][region])
        assert torch.equal(seen.normals[1][:, region], seen.normals[0][:, region])
        assert torch.equal(seen.classes[1][region], seen.classes[0][region])
        assert (seen.instances[1][region] > 0).all()
        assert not seen.instances[1][~region].any()
        assert (seen.image[1][:, ~region] == 200).all()


def test_objects_behind_a_near_wall_are_left_out() -> None:
    seen = pair(0.3)
    pasted(seen)
    assert (seen.depth[1] == 0.3).all()


def test_where_nothing_is_known_the_rest_of_the_frame_decides() -> None:
    for wall_m, fits in ((0.3, False), (9.0, True)):
        seen = pair(wall_m)
        seen.depth[1, 10:50, 5:90] = 0
        before = seen.depth[1].clone()
        pasted(seen)
        assert bool((seen.depth[1] != before).any()) == fits


def test_a_real_frame_lends_what_is_near_in_it() -> None:
    seen = pair(9.0)
    seen.instances[0] = 0
    pasted(seen, lender_is_real=True)
    region = seen.depth[1] != 9.0
    assert region.any()
    known = seen.depth[0][(seen.depth[0] > 0) & torch.isfinite(seen.depth[0])]
    assert seen.depth[0][region].max() < known.quantile(0.75)


@pytest.mark.parametrize("real", [False, True])
def test_without_anything_to_lend_nothing_is_pasted(real: bool) -> None:
    seen = pair(9.0)
    seen.instances[0], seen.depth[0] = 0, 0
    pasted(seen, lender_is_real=real)
    assert (seen.depth[1] == 9.0).all()
