"""Each reader on its set in miniature: layout, units, masks and the traps that BENCHMARKS lists."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from load_file import load_file

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Dataset
from vision_banana_ros.data.readers.benchmarks import (
    cityscapes,
    diode,
    dsine,
    eth3d,
    genai_bench,
    ibims,
    imgedit,
    kitti,
    nuscenes,
    nyuv2,
    reasonseg,
    refcocog,
    saco,
)

miniature = load_file(Path(__file__).with_name("miniature.py"))


def test_cityscapes_label_ids_become_train_ids(tmp_path: Path) -> None:
    ids = miniature.cityscapes(tmp_path)
    opened = cityscapes.open_dataset(tmp_path)
    (only,) = opened
    assert isinstance(opened, Dataset)
    assert only.name == "lindau/lindau_000003_000019"
    assert len(cityscapes.LABELS) == 19
    for label_id, train_id in ((7, 0), (8, 1), (11, 2), (17, 5), (23, 10), (26, 13), (28, 15), (31, 16), (33, 18)):
        assert (only.truth.mask[ids == label_id] == train_id).all()
    for ignored in (0, 6, 9, 10, 14, 15, 16, 18, 29, 30):
        assert (only.truth.mask[ids == ignored] == 255).all()
    assert only.truth.labels[13] == "car"
    assert only.source.non_commercial
    (tmp_path / "gtFine/val/lindau/lindau_000003_000019_gtFine_labelIds.png").unlink()
    with pytest.raises(DataError, match="has no gtFine"):
        opened.read(only.name)


def test_refcocog_takes_every_sentence_of_every_ref_of_the_split(tmp_path: Path) -> None:
    miniature.refcocog(tmp_path)
    box, empty = refcocog.open_dataset(tmp_path)
    assert [r.text for r in box.truth.referring] == ["the left box", "a box"]
    assert box.frame.hw == (30, 40)
    assert box.truth.instances[10, 15] == 1
    assert box.truth.instances.sum() == pytest.approx(20 * 16, abs=40)
    assert not empty.truth.instances.any()
    assert [len(refcocog.open_dataset(tmp_path, split)) for split in ("val", "train")] == [2, 1]


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path) -> None:
    miniature.refcocog(tmp_path)
    (tmp_path / "refcocog/refs(umd).p").write_bytes(pickle.dumps([Evil()]))
    with pytest.raises(DataError, match=r"asks for builtins\.print"):
        refcocog.open_dataset(tmp_path)


def test_reasonseg_paints_small_over_large_and_reads_old_files(tmp_path: Path) -> None:
    miniature.reasonseg(tmp_path)
    one, two = reasonseg.open_dataset(tmp_path)
    assert [r.text for r in one.truth.referring] == ["what holds water?"]
    assert two.truth.referring[0].text == "the café"
    assert (one.place, two.place) == ("sentence", "phrase")
    mask = one.truth.mask
    assert mask[3, 3] == mask[6, 6] == 1
    assert mask[11, 13] == 255, "an ignored region on top of a larger target"
    assert mask[0, 0] == mask[25, 35] == 0, "a flag paints nothing"
    assert mask[2, 30] == 1, "the outline belongs to the shape"
    assert two.truth.mask[9, 9] == 1
    assert two.truth.mask[10, 10] == 0, "points are cut, not rounded"


def test_saco_pairs_are_those_that_all_found_exhaustive(tmp_path: Path) -> None:
    miniature.saco(tmp_path)
    opened = saco.open_dataset(tmp_path)
    assert opened.subsets == ("metaclip",)
    pairs = {pair.pair_id: pair for pair in opened}
    assert list(pairs) == ["1", "2", "4"]
    assert [[len(pair.masks(who)) for who in range(3)] for pair in pairs.values()] == [[2, 2, 2], [0, 0, 0], [0, 0, 1]]
    left, right = pairs["1"].masks(0)
    assert left[2:10, 3:15].all()
    assert left.sum() == right.sum() == 96
    assert pairs["1"].frame().hw == (24, 36)


def test_nyu_reads_the_raw_depth_of_the_test_frames_the_right_way_round(tmp_path: Path) -> None:
    made = miniature.nyuv2(tmp_path)
    first, third = nyuv2.open_dataset(tmp_path)
    assert np.array_equal(third.frame.rgb, made["rgb"][2])
    assert np.isnan(first.truth.depth_m[:9]).all()
    assert np.array_equal(first.truth.depth_m[9:], made["raw"][0, 9:])
    assert first.frame.camera.fy == pytest.approx(519.470)


def test_ibims_masks_say_what_is_valid(tmp_path: Path) -> None:
    miniature.ibims(tmp_path)
    (only,) = ibims.open_dataset(tmp_path)
    assert np.isnan(only.truth.depth_m[:3]).all()
    assert only.truth.depth_m[3:] == pytest.approx(13107 * 50 / 65535)
    assert (only.frame.camera.fx, only.frame.camera.cy) == (559.9, 247.8)


def test_eth3d_depth_is_no_picture_in_spite_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = miniature.eth3d(tmp_path)
    opened = eth3d.open_dataset(tmp_path)
    (only,) = opened
    assert np.isnan(only.truth.depth_m[0]).all()
    assert np.array_equal(only.truth.depth_m[1:], depth[1:])
    monkeypatch.setattr(eth3d, "_WIDEST", 12)
    (reduced,) = opened
    assert reduced.frame.hw == (8, 12)
    assert reduced.truth.depth_m.shape == (16, 24)
    path = tmp_path / "courtyard/ground_truth_depth/dslr_images/DSC_0286.JPG"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="384 raw float32"):
        opened.read(only.name)


def test_diode_depth_and_normals(tmp_path: Path) -> None:
    made = miniature.diode(tmp_path)
    (depth,), (normals,) = diode.open_depth(tmp_path), diode.open_normals(tmp_path)
    assert np.isnan(depth.truth.depth_m[:100]).all()
    assert np.array_equal(depth.truth.depth_m[100:], made["depth"][100:])
    assert depth.frame.camera.fy == pytest.approx(927.06)
    assert np.isnan(normals.truth.normals[:200]).all()
    assert normals.truth.normals[300, 500] == pytest.approx((0.6, -0.48, -0.64)), "right, down, forward"


def test_kitti_reads_annotated_frames_alone_wherever_they_lie(tmp_path: Path) -> None:
    miniature.kitti(tmp_path)
    opened = kitti.open_dataset(tmp_path)
    assert len(opened) == 2
    for example in opened:
        assert np.nanmax(example.truth.depth_m) == 20.5
        assert np.isnan(example.truth.depth_m[:160]).all()
        assert example.frame.camera.cy == pytest.approx(172.854)
        assert example.place == "2011_09_26_drive_0002_sync"


@pytest.mark.parametrize("part", ["nyuv2", "scannet", "vkitti"])
def test_dsine_normals_point_outwards_and_ours_face_the_camera(tmp_path: Path, part: str) -> None:
    miniature.dsine(tmp_path, part)
    (only,) = dsine.open_dataset(tmp_path, part)
    assert np.isnan(only.truth.normals[0]).all()
    assert only.truth.normals[5, 5] == pytest.approx((0, 0, -1), abs=0.006)
    assert only.truth.normals[1, 5] == pytest.approx((1, 0, 0), abs=0.006)
    assert only.frame.camera.fy == 21


def test_nuscenes_projects_the_lidar_through_both_poses(tmp_path: Path) -> None:
    miniature.nuscenes(tmp_path)
    opened = nuscenes.open_dataset(tmp_path)
    assert len(nuscenes.val_scenes()) == 150
    assert {"scene-0003", "scene-0012", "scene-1073"} <= nuscenes.val_scenes()
    assert "scene-0001" not in nuscenes.val_scenes()
    assert list(opened.names) == ["scene-0003-10", "scene-0003-0"], "in order of time, every tenth, of val alone"
    depth = next(iter(opened)).truth.depth_m
    # 500 + 1 + 20.5 m along x against a camera at 500.5 + 1.5, at its own height: straight ahead, and the nearer wins
    assert np.argwhere(np.isfinite(depth)).tolist() == [[45, 80]]
    assert depth[45, 80] == pytest.approx(19.5)


def test_generation_and_editing_are_read(tmp_path: Path) -> None:
    text = miniature.text
    models = {"DALLE_3": [4, 5, 3]}
    text(tmp_path / "genai_image.json", {"00000": {"prompt": "two red cups", "models": models}, "1": {"prompt": "x"}})
    text(tmp_path / "genai_skills.json", {"counting": [0], "attribute": [0, 1]})
    cups, plain = genai_bench.read_prompts(tmp_path)
    assert (cups.text, cups.skills, cups.advanced) == ("two red cups", ("counting", "attribute"), True)
    assert cups.ratings == {"DALLE_3": (4, 5, 3)}
    assert not plain.advanced
    miniature.picture(tmp_path / "Benchmark/singleturn/animal/1.jpg", (4, 6))
    miniature.picture(tmp_path / "Benchmark/hard/2.jpg", (4, 6))
    text(tmp_path / "Basic/basic_edit.json", {"7": {"id": "animal/1.jpg", "prompt": "a hat", "edit_type": "add"}})
    text(tmp_path / "Basic/prompts.json", {"add": "Rate <edit_prompt>"})
    text(tmp_path / "UGE/UGE_edit.json", {"3": {"id": "2.jpg", "prompt": "harder"}})
    (edit,), (hard,) = imgedit.read_edits(tmp_path), imgedit.read_edits(tmp_path, hard=True)
    assert (edit.edit_type, edit.rubric, edit.picture.name) == ("add", "Rate <edit_prompt>", "1.jpg")
    assert (hard.key, hard.prompt) == ("3", "harder")


@pytest.mark.parametrize(
    "opener",
    [
        cityscapes.open_dataset,
        refcocog.open_dataset,
        reasonseg.open_dataset,
        saco.open_dataset,
        nyuv2.open_dataset,
        ibims.open_dataset,
        eth3d.open_dataset,
        diode.open_depth,
        diode.open_normals,
        kitti.open_dataset,
        nuscenes.open_dataset,
        lambda root: dsine.open_dataset(root, "scannet"),
        genai_bench.read_prompts,
        imgedit.read_edits,
    ],
)
def test_a_missing_folder_says_what_it_expects(tmp_path: Path, opener) -> None:
    with pytest.raises(DataError, match=r"expected .*; docs/benchmarks\.md") as told:
        opener(tmp_path)
    assert "\n" not in str(told.value)


def test_pngs_of_another_depth_and_broken_json_are_named(tmp_path: Path) -> None:
    miniature.ibims(tmp_path)
    path = tmp_path / "ibims1_core_raw/depth/corridor_01.png"
    cv2.imwrite(str(path), np.zeros((480, 640), np.uint8))
    with pytest.raises(DataError, match="must be a PNG of uint16, read uint8"):
        list(ibims.open_dataset(tmp_path))
    miniature.refcocog(tmp_path)
    (tmp_path / "refcocog/instances.json").write_text(json.dumps({})[:1])
    with pytest.raises(DataError, match="must be JSON"):
        refcocog.open_dataset(tmp_path)
