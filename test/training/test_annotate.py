"""Annotating frames, with a stand-in for the TFLite interpreter: it has the methods that the code under test uses."""

import cv2
import numpy as np
import pytest
from made_frames import CPU

from vision_banana_ros.core import DataError
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training import annotate as annotate_module
from vision_banana_ros.training.annotate import ADE20K, CITYSCAPES, Segmenter, annotate
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.sources import read_real
from vision_banana_ros.training.store import Labels
from vision_banana_ros.training.words import known_texts


class Stripes:
    """A segmenter that sees its class 4 on the left, 20 right of an edge off the middle, and 31 in one corner."""

    def get_input_details(self):
        return [{"index": 0, "shape": np.array((1, 64, 64, 3)), "dtype": np.uint8}]

    def get_output_details(self):
        return [{"index": 1}]

    def set_tensor(self, index: int, image: np.ndarray) -> None:
        assert index == 0
        assert image.shape == (1, 64, 64, 3)

    def invoke(self) -> None:
        pass

    def get_tensor(self, _index: int) -> np.ndarray:
        ids = np.full((1, 64, 64), 4, np.uint8)
        ids[:, :, 33:] = 20
        ids[:, :10, :10] = 31
        ids[:, 40, 3] = 7  # a single pixel: noise
        return ids


@pytest.fixture
def segmenter(monkeypatch, tmp_path) -> Segmenter:
    monkeypatch.setattr(annotate_module, "open_interpreter", lambda _: Stripes())
    return Segmenter.open(tmp_path / "any.tflite", "ade20k")


def test_masks_are_in_the_vocabulary_and_at_the_size_of_the_frame(segmenter: Segmenter) -> None:
    mask = segmenter(np.zeros((48, 96, 3), np.uint8))
    assert mask.shape == (48, 96)
    assert mask[40, 10] == vocabulary.class_id("floor")
    assert mask[40, 80] == vocabulary.class_id("chair")
    assert mask[2, 2] == 255  # 31 catches all the rest
    assert vocabulary.class_id("road") not in mask
    assert set(mask[40].tolist()) == {vocabulary.class_id("floor"), vocabulary.class_id("chair")}, "never blended"


def test_annotations_reach_the_samples_whatever_their_size(segmenter: Segmenter, tmp_path) -> None:
    folder, sizes = tmp_path / "rooms", {"a": (48, 96), "b": (64, 80)}
    for kind in ("rgb", "depth"):
        (folder / kind).mkdir(parents=True)
    for name, hw in sizes.items():
        cv2.imwrite(str(folder / "rgb" / f"{name}.png"), np.zeros((*hw, 3), np.uint8))
        cv2.imwrite(str(folder / "depth" / f"{name}.png"), np.full(hw, 1000, np.uint16))
    assert annotate(folder, segmenter, tmp_path / "masks") == 2
    (group,) = read_real((str(folder),), str(tmp_path / "masks"), Labels(), CPU)
    assert {stack.hw for stack in group.stacks} == set(sizes.values())
    for stack in group.stacks:
        classes = ((stack.truth[0] >> 40) & 255).view(stack.hw)
        assert classes[40, 70] == vocabulary.class_id("chair")


def test_a_file_without_masks_is_no_annotation(tmp_path) -> None:
    np.savez(tmp_path / "rooms.npz", labels=np.array(["wall"]))
    with pytest.raises(DataError, match="annotate rooms again"):
        Annotations.read(tmp_path, "rooms")
    assert Annotations.read(tmp_path, "others") is None


def test_segmenters_speak_the_vocabulary(tmp_path) -> None:
    for names in (ADE20K, CITYSCAPES):
        assert all(vocabulary.find(name) is not None for name in names.values())
    with pytest.raises(DataError, match="ade20k, cityscapes"):
        Segmenter.open(tmp_path / "x", "coco")


def test_the_shipped_words_hold_every_wording_of_the_vocabulary() -> None:
    texts = set(known_texts(["a label of another set"]))
    assert {wording for word in vocabulary.words() for wording in word.wordings} <= texts
    assert {"red chair", "leftmost person", "car nearest to the camera", "a label of another set"} <= texts
