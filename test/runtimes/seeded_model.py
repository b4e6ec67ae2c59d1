"""A network with seeded weights whose canvases have contrast, and its exported folder: what runtimes are tried on.

A fresh network paints one colour, on which any runtime would agree. So batch normalisation is set from frames, and the
paints are set to be mixed, so that each canvas has many colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.models import pack as packing
from vision_banana_ros.models.manifest import Manifest, Precision, Score, TrainedOn, TrainingRecord
from vision_banana_ros.models.pack import GOLDEN_INSTRUCTIONS, ExportSettings, write_model
from vision_banana_ros.runtimes.runtime import say_nothing
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.graph import to_onnx
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import PaintBoxes, pack
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable
from vision_banana_ros.world.moving import MovingScene

WIDTH, HEIGHT = 128, 96
WIDE = (160, 64)
WORDS = ("floor", "wall", "box", "door")


@cache
def text_table() -> TextTable:
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), EMBEDDING_SIZE)).astype(np.float32)
    return TextTable(WORDS, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@cache
def golden_boxes() -> PaintBoxes:
    return pack(GOLDEN_INSTRUCTIONS, text_table())


@cache
def seeded_student() -> Student:
    torch.manual_seed(0)
    student = Student()
    boxes = [torch.from_numpy(array)[None] for array in golden_boxes().arrays().values()]
    batch = Boxes(*(tensor.expand(4, *tensor.shape[1:]) for tensor in boxes))
    images = torch.from_numpy(np.stack([frame(40 * i, (96, 64)) for i in range(4)])).permute(0, 3, 1, 2)
    with torch.no_grad():
        for module in student.encoder.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.mul_(1.6)
        for module in student.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain average, which two passes are enough for
        for _ in range(2):
            student(images, batch)
        student.reader.words.weight.mul_(0.3)
        student.reader.key[-1].weight.mul_(0.25)
        student.mixer.pixel.weight[:3].mul_(0.085)
    return student.eval()


@cache
def scene() -> MovingScene:
    """It keeps what it has rendered."""
    return MovingScene()


def frame(index: int, size_wh: tuple[int, int] = (WIDTH, HEIGHT)) -> UInt8Array:
    rgb = scene().frame(index % len(scene())).rgb
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


_traced: dict[tuple[bool, bool], bytes] = {}


def traced_once(student: Student, *, width: int, height: int, several: bool = False) -> bytes:
    """to_onnx, of which the seeded student's graphs are kept for the whole process: each takes seconds, all are alike.

    By whether it is computed in halves and takes several images, which is all that an export makes of it.
    """
    kind = (any(value.dtype is torch.float16 for value in student.state_dict().values()), several)
    if kind not in _traced:
        _traced[kind] = to_onnx(student, width=width, height=height, several=several)
    return _traced[kind]


@contextmanager
def traced_for_all() -> Iterator[None]:
    """Exports in here must be of the seeded student."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "to_onnx", traced_once)
        yield


def export_to(
    folder: Path, *precisions: Precision, with_weights: bool = False, several_images: bool = False
) -> Manifest:
    settings = ExportSettings(
        sizes_wh=((WIDTH, HEIGHT), WIDE),
        precisions=precisions,
        with_weights=with_weights,
        several_images=several_images,
        training=TrainingRecord(summary="seeded", sources=(TrainedOn(name="none", licence="none"),), seed=0),
        scores=(Score(frames="none", metric="delta1", value=0.5, baseline=0.4),),
    )
    with traced_for_all():
        return write_model(
            seeded_student(),
            text_table(),
            folder,
            settings,
            footage=scene(),
            vocabulary=WORDS,
            tell=say_nothing,
        )
