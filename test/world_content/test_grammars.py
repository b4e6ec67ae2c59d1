"""Every grammar, many seeds: no crash, no NaN, no black frame, no camera in a thing, labels that add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import DataError
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.world import poses, sample
from vision_banana_ros.world.grammars import GRAMMARS, WEIGHTS
from vision_banana_ros.world.render import render
from vision_banana_ros.world.scene import SKY, Scene

WIDTH, HEIGHT = 40, 30


def require_sound(scene: Scene) -> None:
    """What must hold for every frame of the world."""
    assert poses.clearance_m(scene.parts, scene.view.pose.position) >= poses.CLEARANCE_M
    made = render(scene, samples=1, denoise=False, threads=1)
    truth = made.truth
    assert np.isfinite(made.linear).all()
    assert made.frame.rgb.max() > 40, "black frame"
    sky = truth.mask == truth.labels.index(SKY)
    assert np.array_equal(np.isposinf(truth.depth_m), sky)
    assert (truth.depth_m[~sky] > 0.03).all()
    lengths = np.linalg.norm(truth.normals[~sky], axis=-1)
    assert np.allclose(lengths, 1, atol=1e-4)
    assert truth.mask.max() < len(truth.labels), "unlabelled pixels"
    assert truth.labels == vocabulary.labels()
    stuff = np.array([not word.is_thing for word in vocabulary.words()])
    assert (truth.instances[stuff[truth.mask]] == 0).all()
    assert (truth.instances[~stuff[truth.mask]] > 0).all()


def try_seeds(name: str, seeds: range) -> None:
    for seed in seeds:
        try:
            require_sound(sample.sample_scene(seed, name, width=WIDTH, height=HEIGHT))
        except Exception as error:
            raise AssertionError(f"seed {seed} of {name}: {error!r}") from error


#: Left out of mixed sets.
BY_NAME = ("winter garden", "drive", "in reach")


@pytest.mark.parametrize("name", GRAMMARS)
def test_twenty_seeds(name: str) -> None:
    try_seeds(name, range(20))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", GRAMMARS)
def test_a_thousand_seeds(name: str) -> None:
    try_seeds(name, range(1000, 2000))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_any_seed_will_do(seed: int) -> None:
    name = sample.place_of(seed)
    require_sound(sample.sample_scene(seed, name, width=WIDTH, height=HEIGHT))


@pytest.mark.parametrize("name", ["living room", "street", "table top"])
def test_a_seed_is_a_scene(name: str) -> None:
    """The same seed gives the same parts and view; another seed gives another world."""
    first, again, other = (sample.sample_scene(seed, name, width=64, height=48) for seed in (5, 5, 6))
    assert first.view == again.view
    assert np.array_equal(first.parts.centers, again.parts.centers)
    assert first.materials == again.materials
    assert first.view != other.view


def test_every_grammar_has_a_weight() -> None:
    assert set(WEIGHTS) == set(GRAMMARS)
    assert {name for name, weight in WEIGHTS.items() if weight <= 0} == set(BY_NAME)


def test_an_unknown_place_is_refused_with_the_list() -> None:
    with pytest.raises(DataError, match=r"no grammar is called 'moon base': choose from living room"):
        sample.sample_scene(0, "moon base")


def test_places_are_drawn_by_weight() -> None:
    drawn = [sample.place_of(seed) for seed in range(600)]
    assert set(drawn) == {name for name, weight in WEIGHTS.items() if weight > 0}
    assert drawn.count("street") > drawn.count("bathroom")


@pytest.mark.parametrize("name", BY_NAME)
def test_a_place_that_mixed_sets_leave_out_comes_by_name(name: str) -> None:
    assert WEIGHTS[name] == 0
    assert sample.place_of(3, (name,)) == name


def test_winter_gardens_have_tall_plants_before_much_else() -> None:
    plant = vocabulary.class_id("plant")
    shares, nearer, heights = [], [], []
    for seed in range(12):
        scene = sample.sample_scene(seed, "winter garden", width=WIDTH, height=HEIGHT)
        heights += [thing.size_m[2] for thing in scene.things if thing.name == "plant"]
        truth = render(scene, samples=1, denoise=False, threads=1).truth
        leaves = truth.mask == plant
        shares.append(leaves.mean())
        if leaves.any() and not leaves.all():
            nearer.append(np.median(truth.depth_m[leaves]) < np.median(truth.depth_m[~leaves]))
    assert max(shares) > 0.15
    assert np.mean(shares) > 0.04
    assert np.mean(nearer) > 0.5
    assert max(heights) > 1.8


def test_streets_reach_far() -> None:
    """Over a handful of street frames about a third of the pixels with depth lie beyond 10 m, some beyond 80 m."""
    depths = []
    for seed in range(12):
        scene = sample.sample_scene(seed, "street", width=WIDTH, height=HEIGHT)
        depth = render(scene, samples=1, denoise=False, threads=1).truth.depth_m
        assert depth is not None
        depths.append(depth[np.isfinite(depth)])
    known = np.concatenate(depths)
    assert (known > 10).mean() > 0.25
    assert known.max() > 80


def test_roads_are_seen_from_a_car_and_reach_far() -> None:
    road, shares, far = vocabulary.class_id("road"), [], []
    for seed in range(12):
        scene = sample.sample_scene(seed, "drive", width=WIDTH, height=HEIGHT)
        assert 1.2 <= scene.view.pose.position[2] <= 2.0
        assert abs(scene.view.pose.pitch_deg) < 15
        truth = render(scene, samples=1, denoise=False, threads=1).truth
        shares.append((truth.mask[HEIGHT // 2 :] == road).mean())
        far.append(truth.depth_m[np.isfinite(truth.depth_m)].max())
    assert np.mean(shares) > 0.4
    assert np.median(far) > 60


@pytest.mark.parametrize(("name", "nearest_m", "farthest_m"), [("table top", 0.2, 1.6), ("in reach", 0.1, 0.8)])
def test_table_tops_are_close(name: str, nearest_m: float, farthest_m: float) -> None:
    near = []
    for seed in range(10):
        scene = sample.sample_scene(seed, name, width=WIDTH, height=HEIGHT)
        near.append(float(np.median(render(scene, samples=1, denoise=False, threads=1).truth.depth_m)))
    assert nearest_m < np.median(near) < farthest_m
