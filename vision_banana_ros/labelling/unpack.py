"""Shards of labels -> a folder in the `frames` layout, which training and `vision-banana eval frames` read.

What was not believed is unknown there. Written once: a folder that was made from the same shards is left alone.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core.files import write_whole
from vision_banana_ros.data import Example
from vision_banana_ros.data.readers.labels import MANIFEST, open_dataset, read_features
from vision_banana_ros.labelling.labeller import normals_picture
from vision_banana_ros.labelling.pictures import JPEG_QUALITY, millimetres, png

_MADE_FROM = "made_from.json"


def unpack(labels: Path, folder: Path) -> int:
    """The number of frames in `folder`."""
    manifest = (labels / MANIFEST).read_text(encoding="utf-8")
    marker = folder / _MADE_FROM
    dataset = open_dataset(labels)
    if marker.is_file() and json.loads(marker.read_text(encoding="utf-8"))["manifest"] == manifest:
        return len(dataset)
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    for kind in ("rgb", "depth", "normal", "label", "instance"):
        (draft / kind).mkdir(parents=True)
    cameras, names, referring = {}, tuple[str, ...](), {}
    for example in dataset:
        _write(draft, example)
        names = example.truth.labels or names
        if example.camera_known:
            cameras[example.name] = asdict(example.truth.camera)
        if example.truth.referring:
            referring[example.name] = [
                {"text": said.text, "instances": list(said.instance_ids)} for said in example.truth.referring
            ]
    for key, features in read_features(labels):
        (draft / "features").mkdir(exist_ok=True)
        (draft / "features" / f"{key}.npy").write_bytes(features)
    for name, entries in (
        ("intrinsics.json", cameras),
        ("referring.json", referring),
        ("labels.json", list(names)),
        ("source.json", asdict(dataset.source)),
        (_MADE_FROM, {"manifest": manifest}),
    ):
        write_whole(draft / name, json.dumps(entries).encode())
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return len(dataset)


def _write(folder: Path, example: Example) -> None:
    truth, name = example.truth, example.name
    bgr = np.ascontiguousarray(example.frame.rgb[..., ::-1])
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    (folder / "rgb" / f"{name}.jpg").write_bytes(jpeg.tobytes())
    if truth.depth_m is not None:
        # the layout has no word for sky: it stays unknown
        finite = np.where(np.isfinite(truth.depth_m), truth.depth_m, np.float32(np.nan))
        (folder / "depth" / f"{name}.png").write_bytes(png(millimetres(finite)))
    if truth.normals is not None:
        (folder / "normal" / f"{name}.png").write_bytes(png(normals_picture(truth.normals)))
    if truth.mask is not None:
        (folder / "label" / f"{name}.png").write_bytes(png(truth.mask))
    if truth.instances is not None:
        (folder / "instance" / f"{name}.png").write_bytes(png(truth.instances))
