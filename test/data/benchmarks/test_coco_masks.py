"""Masks as COCO stores them, bit for bit what pycocotools makes of the same runs and polygons."""

import numpy as np
import pytest
from pycocotools import mask as coco

from vision_banana_ros.core import DataError
from vision_banana_ros.data.readers.benchmarks.coco_masks import decode, from_polygon, from_runs, runs_of_text


@pytest.mark.parametrize("kind", ["whole numbers", "inside", "beyond the picture"])
def test_polygons_are_drawn_as_coco_draws_them(kind: str) -> None:
    rng = np.random.default_rng(sum(map(ord, kind)))
    for _ in range(80):
        height, width = (int(side) for side in rng.integers(5, 60, 2))
        corners = rng.uniform(-2, (width + 2, height + 2), (int(rng.integers(3, 9)), 2))
        if kind == "whole numbers":
            corners = np.round(corners)
        elif kind == "inside":
            corners = np.clip(corners, 0, (width, height))
        polygon = corners.ravel().tolist()
        theirs = coco.decode(coco.frPyObjects([polygon], height, width))[..., 0]
        assert np.array_equal(from_polygon(polygon, (height, width)), theirs == 1)


def test_compressed_and_plain_runs() -> None:
    rng = np.random.default_rng(1)
    for share in (0.0, 0.02, 0.5, 0.97, 1.0):
        for _ in range(10):
            mask = rng.random((int(rng.integers(3, 50)), int(rng.integers(3, 90)))) < share
            text = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
            assert np.array_equal(decode(text, mask.shape), mask)
            as_text = {"size": list(mask.shape), "counts": text["counts"].decode()}
            assert np.array_equal(decode(as_text, mask.shape), mask)
            runs = runs_of_text(as_text["counts"])
            assert np.array_equal(decode({"size": list(mask.shape), "counts": runs}, mask.shape), mask)


def test_runs_go_down_the_columns() -> None:
    assert np.array_equal(from_runs([1, 2, 3], (2, 3)), [[False, True, False], [True, False, False]])


def test_several_polygons_are_united_and_none_is_nothing() -> None:
    boxes = [[1, 1, 5, 1, 5, 5, 1, 5], [3, 3, 9, 3, 9, 9, 3, 9]]
    united = coco.decode(coco.merge(coco.frPyObjects(boxes, 12, 10)))
    assert np.array_equal(decode(boxes, (12, 10)), united == 1)
    assert not decode([], (12, 10)).any()


def test_masks_of_another_picture_are_refused() -> None:
    with pytest.raises(DataError, match="another version"):
        decode({"size": [4, 5], "counts": "0"}, (5, 4))
    with pytest.raises(DataError, match="add up to 6"):
        from_runs([1, 2], (2, 3))
    with pytest.raises(DataError, match="no digit"):
        runs_of_text("\x10")
