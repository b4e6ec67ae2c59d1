"""RefCOCOg, split by UMD, val: 2,573 objects with 4,896 expressions (lichengunc/refer, read as dvlab-research/LISA).

    refcocog/refs(umd).p, refcocog/instances.json
    images/mscoco/images/train2014/COCO_train2014_%012d.jpg

The pickle was written by Python 2 and comes from the internet: it is read by an unpickler that knows plain containers
only. `file_name` of a ref is no file; the picture's name is that of instances.json.

Convention
    one example a ref   instances: 1 where the object is; referring: each of its sentences, lower case, stripped.
    mask                polygons drawn one by one as COCO draws them, united; no polygon is an empty mask.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import DataError, Frame, Referring, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks import coco_masks
from vision_banana_ros.data.readers.benchmarks.common import (
    NamedDataset,
    read_json,
    read_rgb,
    require,
    require_some,
    stand_in,
)

SOURCE = Source("RefCOCOg val", "annotations CC BY 4.0 (COCO), pictures under Flickr's terms", "umd")
LAYOUT = "refcocog/refs(umd).p, refcocog/instances.json and images/mscoco/images/train2014/COCO_train2014_*.jpg"
_PICTURES = Path("images/mscoco/images/train2014")


class _PlainUnpickler(pickle.Unpickler):
    """Lists, dicts, texts and numbers; anything that would have to be imported is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no list of expressions needs")


def open_dataset(root: Path, split: str = "val") -> NamedDataset:
    refs = _read_refs(require(root / "refcocog" / "refs(umd).p", root, LAYOUT))
    chosen = {f"{ref['ref_id']}": ref for ref in refs if ref["split"] == split}
    everything = read_json(require(root / "refcocog" / "instances.json", root, LAYOUT))
    pictures = {image["id"]: image["file_name"] for image in everything["images"]}
    objects = {thing["id"]: thing for thing in everything["annotations"]}

    def read(name: str) -> Example:
        ref = chosen[name]
        rgb = read_rgb(require(root / _PICTURES / pictures[ref["image_id"]], root, LAYOUT))
        mask = coco_masks.decode(objects[ref["ann_id"]]["segmentation"], (rgb.shape[0], rgb.shape[1]))
        sentences = tuple(Referring(sentence["sent"].strip().lower(), (1,)) for sentence in ref["sentences"])
        truth = Truth(camera=stand_in(rgb.shape[:2]), instances=mask.astype(np.uint16), referring=sentences)
        return Example(name, Frame(rgb), truth, SOURCE, camera_known=False)

    return NamedDataset(SOURCE, require_some(list(chosen), root, LAYOUT), read)


def _read_refs(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            refs: list[dict[str, Any]] = _PlainUnpickler(file, encoding="latin1").load()
        return refs
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError) as error:
        raise DataError(f"{path} must be the pickle of the refer API: {error}") from error
