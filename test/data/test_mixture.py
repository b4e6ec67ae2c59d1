"""Sources are mixed by weight, not by size; each example once a round; labels and lenses only where they may teach."""

import pickle
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Frame, Referring, Truth
from vision_banana_ros.data import KINDS, Dataset, Example, Lens, Mixture, Part, Source, open_dataset

HW = (4, 6)


def example(name: str, source: Source, hfov_deg: float = 60.0) -> Example:
    camera = Camera.from_hfov(hfov_deg, HW[1], HW[0])
    truth = Truth(
        camera=camera,
        depth_m=np.full(HW, 2.5, np.float32),
        normals=np.full((*HW, 3), (0, 0, -1), np.float32),
        mask=np.zeros(HW, np.uint8),
        instances=np.ones(HW, np.uint16),
        labels=("wall",),
        referring=(Referring("it", (1,)),),
    )
    return Example(name, Frame(np.zeros((*HW, 3), np.uint8), camera=camera), truth, source)


@dataclass
class Listed:
    """Pieces of two examples each, counted as they are read."""

    source: Source
    count: int
    hfov_deg: float = 60.0
    reads: Counter = field(default_factory=Counter)

    def __len__(self):
        return 2 * self.count

    def __iter__(self):
        return (one for piece in self.pieces() for one in self.read_piece(piece))

    def pieces(self):
        return [f"{i}" for i in range(self.count)]

    def read_piece(self, piece):
        self.reads[piece] += 1
        return [example(f"{self.source.name}{piece}{half}", self.source, self.hfov_deg) for half in "ab"]


def listed(name: str = "a", count: int = 5, hfov_deg: float = 60.0, **source) -> Listed:
    return Listed(Source(name, "CC0", **source), count, hfov_deg)


def names(mixture: Mixture, count: int, **how) -> list[str]:
    return [drawn.example.name for drawn in islice(mixture.stream(**{"seed": 3, "least_pool": 4} | how), count)]


def test_the_weight_decides_the_share_and_the_size_does_not() -> None:
    mixture = Mixture((Part(dataset=listed("a", 2), weight=3), Part(dataset=listed("b", 40), weight=1)))
    assert mixture.shares() == (0.75, 0.25)
    share = sum(name.startswith("a") for name in names(mixture, 4000)) / 4000
    assert share == pytest.approx(0.75, abs=0.03)


def test_every_example_comes_once_a_round_in_another_order() -> None:
    drawn = names(Mixture((Part(dataset=listed()),)), 20)
    rounds = drawn[:10], drawn[10:]
    assert sorted(drawn) == sorted(2 * [e.name for e in listed()])
    assert rounds[0] != rounds[1]
    assert rounds[0] != [e.name for e in listed()]


def test_the_order_is_the_seeds_and_another_seed_gives_another() -> None:
    mixture = Mixture((Part(dataset=listed("a")), Part(dataset=listed("b"))))
    assert names(mixture, 30) == names(mixture, 30)
    assert names(mixture, 30) != names(mixture, 30, seed=4)


def test_workers_share_the_pieces_unless_there_are_too_few() -> None:
    mixture = Mixture((Part(dataset=listed(count=5)),))
    seen = [set(names(mixture, 30, worker=w, workers=2)) for w in range(2)]
    assert seen[0] | seen[1] == {e.name for e in listed()}
    assert not seen[0] & seen[1]
    assert set(names(mixture, 60, worker=6, workers=7)) == {e.name for e in listed()}


def test_small_sets_may_be_kept_in_memory_as_what_is_made_of_them() -> None:
    kept, read = listed("a"), listed("b")
    mixture = Mixture((Part(dataset=kept, keep=True), Part(dataset=read)))
    made = list(islice(mixture.stream(seed=0, convert=lambda drawn: (drawn.example.name, drawn.part)), 200))
    assert {part.dataset.source.name for _, part in made} == {"a", "b"}
    assert set(kept.reads.values()) == {1}
    assert min(read.reads.values()) > 3


def test_only_the_kinds_that_a_part_may_teach_are_left() -> None:
    whole = example("x", Source("a"))
    assert whole.kinds == set(KINDS)
    for kind in KINDS:
        assert whole.only(frozenset({kind})).kinds == {kind}
    assert whole.only(frozenset({"depth"})).truth.labels == ()
    drawn = Part(dataset=listed(), kinds=frozenset({"depth", "mask"})).draw(whole)
    assert drawn.example.kinds == {"depth", "mask"}
    assert not drawn.teaches_lens, "whose camera is hidden cannot teach a lens"
    assert drawn.example.frame is whole.frame
    with pytest.raises(DataError, match="no kind of truth is called smell"):
        Part(dataset=listed(), kinds=frozenset({"smell"}))


@pytest.mark.parametrize(
    ("lens", "hfov_deg", "teaches"),
    [
        (Lens.ALL, 30, True),
        (Lens.NO_NARROW, 30, False),
        (Lens.NO_NARROW, 41.5, False),
        (Lens.NO_NARROW, 42.5, True),
        (Lens.NONE, 80, False),
    ],
)
def test_lens_policies(lens: Lens, hfov_deg: float, teaches: bool) -> None:
    part = Part(dataset=listed(hfov_deg=hfov_deg), lens=lens)
    assert part.draw(next(iter(part.dataset))).teaches_lens is teaches


def test_the_longer_side_decides_what_is_narrow() -> None:
    upright = Camera(400.0, 400.0, 119.5, 319.5, 240, 640)  # 33 degrees across, 77 down
    assert Lens.NO_NARROW.teaches(upright)


def test_what_forbids_commercial_use_needs_a_word() -> None:
    parts = (Part(dataset=listed()), Part(dataset=listed("closed", non_commercial=True)))
    with pytest.raises(DataError, match="closed: not for commercial use"):
        Mixture(parts)
    assert Mixture(parts, allow_non_commercial=True).parts == parts


def test_nothing_to_mix_or_to_read_is_told() -> None:
    with pytest.raises(DataError, match="at least one source"):
        Mixture(())
    with pytest.raises(DataError, match="must be above 0"):
        Part(dataset=listed(), weight=0)
    with pytest.raises(DataError, match="nothing to read"):
        names(Mixture((Part(dataset=listed(count=0)),)), 1)


def test_a_folder_of_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must hold shard_\*"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match="no reader is called"):
        open_dataset(tmp_path, "tape")
    assert isinstance(listed(), Dataset)


def test_a_source_says_its_terms() -> None:
    assert str(Source("homes", "CC BY-NC 4.0", "v2", non_commercial=True)) == "homes v2 (CC BY-NC 4.0, non-commercial)"
    assert str(Source("desk")) == "desk (unknown)"


def test_datasets_travel_to_other_processes(tmp_path: Path) -> None:
    for kind in ("rgb", "depth"):
        (tmp_path / kind).mkdir()
    cv2.imwrite(str(tmp_path / "rgb" / "a.png"), np.zeros((*HW, 3), np.uint8))
    np.savez(tmp_path / "depth" / "a.npz", depth=np.full(HW, 2, np.float32))
    mixture = Mixture((Part(dataset=open_dataset(tmp_path), kinds=frozenset({"depth"})),))
    copied = pickle.loads(pickle.dumps(mixture))
    assert names(copied, 3) == ["a", "a", "a"]
