"""Reading quantised networks and annotating frames, with a stand-in for the TFLite interpreter.

The stand-in has the methods and dictionaries of that interpreter which the code under test uses. With the real one the
weights were checked by `agreement` when the shipped student was trained (docs/LOG.md).
"""

from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.student.encoder import MobileNetV2
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training import annotate as annotate_module
from vision_banana_ros.training import pretrained
from vision_banana_ros.training.annotate import ADE20K, CITYSCAPES, Segmenter, annotate
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.samples import read_real, real_stream
from vision_banana_ros.training.words import known_texts


class QuantisedNetwork:
    """Every convolution of `encoder` as 8-bit integers, per output channel, in TFLite's axis order."""

    def __init__(self, encoder: MobileNetV2) -> None:
        self.tensors, self.details, self.operations = {}, [], []
        for conv in encoder.convolutions():
            weight = conv.weight.detach().numpy()
            depthwise = conv.groups > 1
            scale = np.abs(weight).max((1, 2, 3)) / 127
            codes = np.rint(weight / scale[:, None, None, None]).astype(np.int8)
            stored = codes.transpose(1, 2, 3, 0) if depthwise else codes.transpose(0, 2, 3, 1)
            bias_scale = scale * 0.01
            bias = np.rint(conv.bias.detach().numpy() / bias_scale).astype(np.int32)
            ids = [self._add(stored, scale, 3 if depthwise else 0), self._add(bias, bias_scale, 0)]
            self.operations.append({"op_name": "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", "inputs": [0, *ids]})
            self.operations.append({"op_name": "ADD", "inputs": [0, 0]})

    def _add(self, stored: np.ndarray, scale: np.ndarray, axis: int) -> int:
        index = len(self.details) + 100
        self.tensors[index] = stored
        quantisation = {"scales": scale, "zero_points": np.zeros(len(scale), int), "quantized_dimension": axis}
        self.details.append({"index": index, "name": str(index), "quantization_parameters": quantisation})
        return index

    def get_tensor_details(self):
        return self.details

    def _get_ops_details(self):
        return self.operations

    def get_tensor(self, index: int):
        return self.tensors[index]


def test_dequantised_weights_are_those_that_were_quantised(monkeypatch, tmp_path) -> None:
    torch.manual_seed(1)
    source, copy = MobileNetV2(), MobileNetV2()
    monkeypatch.setattr(pretrained, "open_interpreter", lambda _: QuantisedNetwork(source))
    pretrained.load_imagenet(copy, tmp_path / "any.tflite")
    for a, b in zip(source.convolutions(), copy.convolutions(), strict=True):
        assert torch.allclose(a.weight, b.weight, atol=float(a.weight.abs().max()) / 250)
        assert torch.allclose(a.bias, b.bias, atol=1e-3)


def test_another_network_is_refused(monkeypatch, tmp_path) -> None:
    other = MobileNetV2()
    other.blocks[3].narrow = torch.nn.Conv2d(144, 40, 1)
    monkeypatch.setattr(pretrained, "open_interpreter", lambda _: QuantisedNetwork(other))
    with pytest.raises(DataError, match=r"MobileNetV2 1\.0"):
        pretrained.load_imagenet(MobileNetV2(), tmp_path / "any.tflite")


class Stripes:
    """A segmenter that sees its class 4 on the left, 20 on the right, and 31 in one corner."""

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
        ids[:, :, 32:] = 20
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


def test_annotations_reach_the_samples_whatever_their_size(segmenter: Segmenter, tmp_path) -> None:
    folder, sizes = tmp_path / "rooms", {"a": (48, 96), "b": (64, 80)}
    for kind in ("rgb", "depth"):
        (folder / kind).mkdir(parents=True)
    for name, hw in sizes.items():
        cv2.imwrite(str(folder / "rgb" / f"{name}.png"), np.zeros((*hw, 3), np.uint8))
        cv2.imwrite(str(folder / "depth" / f"{name}.png"), np.full(hw, 1000, np.uint16))
    assert annotate(folder, segmenter, tmp_path / "masks") == 2
    stream = real_stream(read_real((str(folder),), str(tmp_path / "masks")), seed=0)
    samples = {sample.rgb.shape[:2]: sample for sample in islice(stream, 2)}
    assert samples.keys() == set(sizes.values())
    assert all(sample.labels[sample.mask[40, 70]] == "chair" for sample in samples.values())


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
