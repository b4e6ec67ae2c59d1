"""Class masks for real frames from small segmenters: the paper has its 2D data annotated by models too.

    ade20k       512x512 uint8 RGB in, ids 1..31 out, 31 also where it is not sure
    cityscapes   its own input size, train ids 0..18 out

Only classes with a plain name in the vocabulary are kept, the rest becomes 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import UNLABELLED, DataError, MissingExtraError, UInt8Array
from vision_banana_ros.data.readers.frames import FrameFolder
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.annotations import Annotations

#: The segmenter's id -> our name. Left out: what is no clear word, and 31, which catches all the rest.
ADE20K = {
    1: "wall",
    2: "building",
    3: "sky",
    4: "floor",
    5: "tree",
    6: "ceiling",
    7: "road",
    8: "bed",
    9: "window",
    10: "grass",
    11: "cabinet",
    12: "sidewalk",
    13: "person",
    14: "ground",
    15: "door",
    16: "table",
    18: "plant",
    19: "curtain",
    20: "chair",
    21: "car",
    22: "water",
    23: "picture",
    24: "sofa",
    25: "shelf",
    28: "mirror",
    29: "rug",
}
CITYSCAPES = {
    0: "road",
    1: "sidewalk",
    2: "building",
    3: "wall",
    4: "fence",
    5: "pole",
    6: "traffic light",
    7: "traffic sign",
    8: "tree",
    9: "ground",
    10: "sky",
    11: "person",
    12: "person",
    13: "car",
    14: "truck",
    15: "bus",
    17: "motorcycle",
    18: "bicycle",
}
NAMES = {"ade20k": ADE20K, "cityscapes": CITYSCAPES}
#: Regions below this share of the picture are as often noise as things.
_SMALLEST = 0.002


@dataclass(slots=True)
class Segmenter:
    """A TFLite segmentation network: RGB image in, mask of vocabulary ids out."""

    interpreter: Any
    table: UInt8Array  # the network's id -> class id of the vocabulary, UNLABELLED

    @classmethod
    def open(cls, path: Path, kind: str) -> Segmenter:
        if kind not in NAMES:
            raise DataError(f"no segmenter of kind {kind!r}: there are {', '.join(NAMES)}")
        table = np.full(256, UNLABELLED, np.uint8)
        for foreign, name in NAMES[kind].items():
            table[foreign] = vocabulary.class_id(name)
        return cls(open_interpreter(path), table)

    def __call__(self, rgb: UInt8Array) -> UInt8Array:
        entry, answer = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        _, height, width, _ = entry["shape"]
        image = cv2.resize(rgb, (int(width), int(height)), interpolation=cv2.INTER_LINEAR)
        self.interpreter.set_tensor(entry["index"], image[None].astype(entry["dtype"]))
        self.interpreter.invoke()
        ids = self.interpreter.get_tensor(answer["index"])[0]
        if ids.ndim == 3:  # scores per class, or one channel of ids
            ids = ids.argmax(-1) if ids.shape[-1] > 1 else ids[..., 0]
        mask = self.table[ids.astype(np.uint8)]
        mask = cv2.resize(mask, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_NEAREST)
        found, counts = np.unique(mask, return_counts=True)
        mask[np.isin(mask, found[counts < _SMALLEST * mask.size])] = UNLABELLED
        return np.asarray(mask, np.uint8)


def annotate(folder: Path, segmenter: Segmenter, root: Path) -> int:
    """Write ROOT/FOLDER.npz; how many frames it holds."""
    masks = {labelled.name: segmenter(labelled.frame.rgb) for labelled in FrameFolder.open(folder)}
    Annotations(vocabulary.labels(), masks).write(root, folder.name)
    return len(masks)


def open_interpreter(path: Path) -> Any:
    """The TFLite interpreter on a file, plain kernels only, so that every tensor can be looked at."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise MissingExtraError(package="ai-edge-litert", extra="train", purpose="Reading a TFLite file") from error
    if not path.exists():
        raise DataError(f"{path} does not exist: give the TFLite file of a segmenter")
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    return interpreter
