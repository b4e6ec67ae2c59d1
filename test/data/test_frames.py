"""The folder layout, both of its forms, and what is said about damaged ones."""

import json

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Source, open_dataset
from vision_banana_ros.data.readers.frames import FrameFolder

HW = (18, 30)


@pytest.fixture
def folder(tmp_path):
    """Two frames: `a` in .npz form with everything, `b` in .png form without a camera; `c` has no truth."""
    for kind in ("rgb", "depth", "normal", "label", "instance"):
        (tmp_path / kind).mkdir()
    rng = np.random.default_rng(0)
    for name in "abc":
        cv2.imwrite(str(tmp_path / "rgb" / f"{name}.png"), rng.integers(0, 255, (*HW, 3), np.uint8))
    depth = rng.uniform(1, 5, HW).astype(np.float32)
    depth[0] = 0
    np.savez(tmp_path / "depth" / "a.npz", depth=depth)
    cv2.imwrite(str(tmp_path / "depth" / "b.png"), np.round(depth * 1000).astype(np.uint16))
    normal = np.zeros((*HW, 3), np.float32)
    normal[1:, :, 2] = -1
    normal[2, :, 2] = 1  # faces away: has to be turned
    np.savez(tmp_path / "normal" / "a.npz", normal=normal)
    code = np.full((*HW, 3), 255, np.uint8)
    code[1:] = (127, 127, 0)
    cv2.imwrite(str(tmp_path / "normal" / "b.png"), code[..., ::-1])
    label = np.full(HW, 255, np.uint8)
    label[5:] = 1
    cv2.imwrite(str(tmp_path / "label" / "a.png"), label)
    cv2.imwrite(str(tmp_path / "instance" / "a.png"), np.uint16(label == 1) * 700)
    (tmp_path / "labels.json").write_text('["wall", "chair"]')
    (tmp_path / "referring.json").write_text('{"a": [{"text": "the chair", "instances": [700]}]}')
    camera = {"fx": 50, "fy": 60, "cx": 29, "cy": 17, "width": 60, "height": 36}
    (tmp_path / "intrinsics.json").write_text(json.dumps({"a": camera}))
    return tmp_path


def test_frames_without_truth_are_not_listed(folder) -> None:
    assert FrameFolder.open(folder).names == ("a", "b")
    assert len(FrameFolder.open(folder)) == 2


def test_both_forms_hold_the_same(folder) -> None:
    a, b = FrameFolder.open(folder)
    assert np.isnan(a.truth.depth_m[0]).all()
    assert np.isnan(b.truth.depth_m[0]).all()
    assert b.truth.depth_m[1:] == pytest.approx(a.truth.depth_m[1:], abs=6e-4)
    assert np.isnan(a.truth.normals[0]).all()
    assert a.truth.normals[2, 3] == pytest.approx([0, 0, -1])
    assert b.truth.normals[1:] == pytest.approx(a.truth.normals[1:], abs=1e-2)


def test_labels_instances_referring_and_camera(folder) -> None:
    a, b = FrameFolder.open(folder)
    assert a.truth.labels == ("wall", "chair")
    assert set(np.unique(a.truth.mask).tolist()) == {1, 255}
    assert a.truth.instances.max() == 700
    assert a.truth.referring[0].instance_ids == (700,)
    assert a.camera_known
    assert a.frame.camera.fx == pytest.approx(25)  # the file's camera is for an image of twice the size
    assert not b.camera_known
    assert b.frame.camera is None
    assert b.truth.mask is None


def test_colours_are_rgb(folder) -> None:
    bgr = cv2.imread(str(folder / "rgb" / "a.png"))
    assert np.array_equal(FrameFolder.open(folder).read("a").frame.rgb, bgr[..., ::-1])


def test_truth_of_another_size_is_picked_not_blended(folder) -> None:
    cv2.imwrite(str(folder / "label" / "a.png"), np.repeat([[0, 1, 255]], 9, axis=0).astype(np.uint8))
    assert set(np.unique(FrameFolder.open(folder).read("a").truth.mask).tolist()) == {0, 1, 255}


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("labels.json", "3", "list of names"),
        ("labels.json", "[", "no JSON"),
        ("intrinsics.json", '{"a": {"fx": 1}}', "fx, fy, cx, cy"),
        ("referring.json", '{"a": [{}]}', "text and instances"),
    ],
)
def test_damaged_lists_are_named(folder, path: str, content: str, said: str) -> None:
    (folder / path).write_text(content)
    with pytest.raises(DataError, match=said):
        FrameFolder.open(folder)


def test_damaged_files_are_named(folder) -> None:
    (folder / "depth" / "a.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="'depth'"):
        FrameFolder.open(folder).read("a")
    (folder / "rgb" / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot be read"):
        FrameFolder.open(folder).read("b")


def test_a_folder_of_something_else(tmp_path) -> None:
    with pytest.raises(DataError, match="rgb/"):
        FrameFolder.open(tmp_path)
    (tmp_path / "rgb").mkdir()
    with pytest.raises(DataError, match="no image"):
        FrameFolder.open(tmp_path)


def test_instances_alone_are_a_truth(tmp_path) -> None:
    for kind in ("rgb", "instance"):
        (tmp_path / kind).mkdir()
    cv2.imwrite(str(tmp_path / "rgb" / "a.png"), np.zeros((*HW, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "instance" / "a.png"), np.full(HW, 300, np.uint16))
    (only,) = open_dataset(str(tmp_path))
    assert only.kinds == {"instances"}
    assert (only.truth.instances == 300).all()


@pytest.mark.parametrize("hw", [(36, 60), (9, 15)])
def test_values_of_another_size_are_those_at_the_pixel_centres(folder, hw) -> None:
    """Neither blended nor shifted: of depth, normals and ids that differ in every pixel."""
    number = np.arange(hw[0] * hw[1]).reshape(hw)
    rows = ((np.arange(HW[0]) + 0.5) * hw[0] / HW[0]).astype(int)
    columns = ((np.arange(HW[1]) + 0.5) * hw[1] / HW[1]).astype(int)
    picked = number[np.ix_(rows, columns)]
    np.savez(folder / "depth" / "a.npz", depth=(number + 1).astype(np.float32))
    cv2.imwrite(str(folder / "instance" / "a.png"), number.astype(np.uint16))
    angle = (number / number.size).astype(np.float32)
    np.savez(folder / "normal" / "a.npz", normal=np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], axis=-1))
    truth = FrameFolder.open(folder).read("a").truth
    assert np.array_equal(truth.depth_m, picked + 1)
    assert np.array_equal(truth.instances, picked)
    assert truth.normals[..., 0] == pytest.approx(np.sin(picked / number.size), abs=1e-6)


def test_the_source_is_the_folders_own_word(folder) -> None:
    assert FrameFolder.open(folder).source == Source(folder.name)
    (folder / "source.json").write_text('{"name": "desk", "licence": "CC0-1.0", "revision": "2"}')
    assert FrameFolder.open(folder).read("a").source == Source("desk", "CC0-1.0", "2")
    (folder / "source.json").write_text('{"licence": "CC0-1.0"}')
    with pytest.raises(DataError, match="name, licence"):
        FrameFolder.open(folder)


def test_pieces_are_single_frames(folder) -> None:
    opened = open_dataset(folder)
    assert list(opened.pieces()) == ["a", "b"]
    assert [e.name for e in opened.read_piece("b")] == ["b"]
