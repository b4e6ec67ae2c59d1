"""Standard sets in miniature: a few small pictures in exactly the published layouts, made here."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import h5py
import numpy as np
from pycocotools import mask as coco
from scipy.io import savemat

RNG = np.random.default_rng(11)


def picture(path: Path, hw: tuple[int, int]) -> np.ndarray:
    """A random picture on disk; as RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = RNG.integers(0, 255, (*hw, 3), np.uint8)
    cv2.imwrite(str(path), rgb[..., ::-1])
    return rgb


def image(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


def text(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def cityscapes(root: Path, hw: tuple[int, int] = (16, 32)) -> np.ndarray:
    """The label ids of the one frame that has every id from 0 to 33 in it."""
    ids = (np.arange(hw[0] * hw[1]) % 34).astype(np.uint8).reshape(hw)
    picture(root / "leftImg8bit/val/lindau/lindau_000003_000019_leftImg8bit.png", hw)
    image(root / "gtFine/val/lindau/lindau_000003_000019_gtFine_labelIds.png", ids)
    return ids


def refcocog(root: Path) -> None:
    """Two refs of val on one picture, one of train; a file_name that is none, as published."""
    for image_id in (7, 8):
        picture(root / f"images/mscoco/images/train2014/COCO_train2014_{image_id:012}.jpg", (30, 40))
    box = [5.0, 4.0, 25.0, 4.0, 25.0, 20.0, 5.0, 20.0]
    text(
        root / "refcocog/instances.json",
        {
            "images": [
                {"id": i, "file_name": f"COCO_train2014_{i:012}.jpg", "height": 30, "width": 40} for i in (7, 8)
            ],
            "annotations": [
                {"id": 70, "image_id": 7, "segmentation": [box]},
                {"id": 71, "image_id": 7, "segmentation": []},
                {"id": 80, "image_id": 8, "segmentation": [box]},
            ],
        },
    )
    refs = [
        {
            "ref_id": ref,
            "ann_id": ann,
            "image_id": image_id,
            "split": split,
            "file_name": f"COCO_train2014_{image_id:012}_{ann}.jpg",
            "sentences": [{"sent": s, "sent_id": i, "raw": s, "tokens": s.split()} for i, s in enumerate(sentences)],
        }
        for ref, ann, image_id, split, sentences in (
            (0, 70, 7, "val", [" The LEFT box ", "a box"]),
            (1, 71, 7, "val", ["nothing at all"]),
            (2, 80, 8, "train", ["another"]),
        )
    ]
    (root / "refcocog/refs(umd).p").write_bytes(pickle.dumps(refs, protocol=2))


def reasonseg(root: Path) -> None:
    folder = root / "reason_seg/ReasonSeg/val"
    big, small, hole = (
        [[2, 2], [30, 2], [30, 20], [2, 20]],
        [[5, 5], [9.9, 5], [9.9, 9.9], [5, 9.9]],
        [[12, 8], [16, 12]],
    )
    shapes = [
        {"label": "target", "points": small},
        {"label": "Flag", "points": [[0, 0], [39, 0], [39, 29], [0, 29]]},
        {"label": "ignore_region", "points": [*hole, [12, 12]]},
        {"label": "target", "points": big},
    ]
    picture(folder / "one.jpg", (30, 40))
    text(folder / "one.json", {"text": ["what holds water?", "other"], "is_sentence": True, "shapes": shapes})
    picture(folder / "two.jpg", (30, 40))
    old = json.dumps({"text": ["the café"], "is_sentence": False, "shapes": shapes[:1]}, ensure_ascii=False)
    (folder / "two.json").write_bytes(old.encode("cp1252"))


def saco(root: Path) -> None:
    """Pairs 1 (two things), 2 (negative), 3 (not exhaustive for b), 4 (one thing that only `c` marked; one crowd)."""
    picture(root / "metaclip-images/m/a.jpg", (24, 36))
    thing = np.zeros((24, 36), np.uint8)
    thing[2:10, 3:15] = 1
    other = np.roll(thing, 16, axis=1)

    def entry(pair: int, mask: np.ndarray, crowd: int = 0) -> dict:
        rle = coco.encode(np.asfortranarray(mask))
        segmentation = {"size": rle["size"], "counts": rle["counts"].decode()}
        return {"image_id": pair, "segmentation": segmentation, "iscrowd": crowd, "category_id": 1, "area": 0.1}

    for who in "abc":
        pairs = [
            {
                "id": pair,
                "file_name": "m/a.jpg",
                "text_input": words,
                "width": 36,
                "height": 24,
                "is_instance_exhaustive": int(not (pair == 3 and who == "b")),
            }
            for pair, words in ((1, "box"), (2, "cat"), (3, "lid"), (4, "cup"))
        ]
        marked = [entry(1, thing), entry(1, other), entry(3, thing), entry(4, other, crowd=1)]
        marked += [entry(4, thing)] if who == "c" else []
        text(
            root / f"gt-annotations/gold_metaclip_merged_{who}_release_test.json",
            {"images": pairs, "annotations": marked},
        )


def nyuv2(root: Path) -> dict[str, np.ndarray]:
    """Three frames of which the first and the third are of the test set."""
    root.mkdir(parents=True, exist_ok=True)
    rgb = RNG.integers(0, 255, (3, 480, 640, 3), np.uint8)
    raw = RNG.uniform(0.5, 10.5, (3, 480, 640)).astype(np.float32)
    raw[:, :9] = 0
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = rgb.transpose(0, 3, 2, 1)
        file["rawDepths"] = raw.transpose(0, 2, 1)
        file["depths"] = np.full((3, 640, 480), 3, np.float32)
    savemat(str(root / "splits.mat"), {"testNdxs": np.array([[1], [3]], np.uint16), "trainNdxs": np.array([[2]])})
    return {"rgb": rgb, "raw": raw}


def ibims(root: Path) -> None:
    folder = root / "ibims1_core_raw"
    text(folder / "imagelist.txt", "corridor_01\n")
    picture(folder / "rgb/corridor_01.png", (480, 640))
    raw = np.full((480, 640), 13107, np.uint16)  # 10 m and 0.2 mm
    raw[0] = 0
    image(folder / "depth/corridor_01.png", raw)
    valid, opaque = np.full((480, 640), 255, np.uint8), np.full((480, 640), 255, np.uint8)
    valid[1], opaque[2] = 0, 0
    image(folder / "mask_invalid/corridor_01.png", valid)
    image(folder / "mask_transp/corridor_01.png", opaque)
    text(folder / "calib/corridor_01.txt", "559.9, 558.2, 312.7, 247.8\n")


def eth3d(root: Path, hw: tuple[int, int] = (16, 24)) -> np.ndarray:
    picture(root / "courtyard/images/dslr_images/DSC_0286.JPG", hw)
    depth = RNG.uniform(2, 60, hw).astype(np.float32)
    depth[0] = np.inf
    path = root / "courtyard/ground_truth_depth/dslr_images/DSC_0286.JPG"
    path.parent.mkdir(parents=True, exist_ok=True)
    depth.tofile(path)
    return depth


def diode(root: Path) -> dict[str, np.ndarray]:
    folder = root / "val/indoors/scene_00019/scan_00183"
    stem = folder / "00019_00183_indoors_000_010"
    picture(stem.with_suffix(".png"), (768, 1024))
    depth = RNG.uniform(1, 30, (768, 1024, 1)).astype(np.float32)
    valid = np.ones((768, 1024), np.float32)
    valid[:100] = 0
    normal = np.zeros((768, 1024, 3), np.float32)
    normal[200:] = (0.6, 0.48, 0.64)  # to the right, up and towards the viewer
    for name, array in (("depth", depth), ("depth_mask", valid), ("normal", normal)):
        np.save(f"{stem}_{name}.npy", array)
    return {"depth": depth[..., 0], "valid": valid}


def kitti(root: Path, hw: tuple[int, int] = (375, 1242)) -> None:
    drive = "2011_09_26/2011_09_26_drive_0002_sync"
    truth = "2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02"
    lines = [f"{drive}/image_02/data/{n:010}.png {truth}/{n:010}.png 721.5377" for n in (69, 54)]
    lines.append(f"{drive}/image_02/data/{42:010}.png None 721.5377")
    text(root / "eigen_test_files_with_gt.txt", "\n".join(lines) + "\n")
    p = "7.215377e+02 0 6.095593e+02 4.485728e+01 0 7.215377e+02 1.728540e+02 2.163791e-01 0 0 1 2.745884e-03"
    text(root / "2011_09_26/calib_cam_to_cam.txt", f"calib_time: 09-Jan-2012\nP_rect_02: {p}\n")
    for number, part in ((69, "val"), (54, "train")):
        picture(root / f"{drive}/image_02/data/{number:010}.png", hw)
        raw = np.zeros(hw, np.uint16)
        raw[160:, ::7] = 256 * 20 + 128
        image(root / "data_depth_annotated" / part / truth / f"{number:010}.png", raw)


def dsine(root: Path, part: str) -> None:
    sixteen = part == "vkitti"
    top = 65535 if sixteen else 255
    folder = root / "dsine_eval" / part / {"nyuv2": "test", "scannet": "scene0532_00", "vkitti": "Scene01"}[part]
    picture(folder / f"000000_img.{'jpg' if sixteen else 'png'}", (12, 20))
    facing = np.full((12, 20, 3), (top + 1) // 2, np.uint16 if sixteen else np.uint8)
    facing[..., 2] = top  # outward and forward: a wall that faces the camera
    facing[0] = 0
    facing[1] = (0, (top + 1) // 2, (top + 1) // 2)  # outward to the left: its face looks right
    image(folder / "000000_normal.png", facing[..., ::-1])
    np.save(folder / "000000_intrins.npy", np.array([[20.0, 0, 9.5], [0, 21.0, 5.5], [0, 0, 1]]))


def nuscenes(root: Path) -> None:
    """A scene of val with 11 keyframes and one camera each, of train with one; the LiDAR looks along x."""
    tables: dict[str, list[dict]] = {n: [] for n in ("scene", "sample", "sample_data", "ego_pose")}
    tables["sensor"] = [{"token": "s-cam", "channel": "CAM_FRONT"}, {"token": "s-lid", "channel": "LIDAR_TOP"}]
    forward = [0.5, -0.5, 0.5, -0.5]  # camera: x right, y down, z forward, on a car with x forward, z up
    k = [[100.0, 0, 80.0], [0, 110.0, 45.0], [0, 0, 1]]
    tables["calibrated_sensor"] = [
        {"token": "c-cam", "sensor_token": "s-cam", "rotation": forward, "translation": [1.5, 0, 1.5]}
        | {"camera_intrinsic": k},
        {"token": "c-lid", "sensor_token": "s-lid", "rotation": [1, 0, 0, 0], "translation": [1.0, 0, 1.8]}
        | {"camera_intrinsic": []},
    ]
    cloud = np.zeros((4, 5), np.float32)
    # 20.5 m ahead of the LiDAR; the same ray nearer; behind; far to the side
    cloud[:, :3] = [(20.5, 0, -0.3), (40.5, 0, -0.3), (-9, 0, 0), (3, 30, 0)]
    for scene, count in (("scene-0003", 11), ("scene-0001", 1)):
        tables["scene"].append({"token": scene, "name": scene})
        for i in range(count):
            sample = f"{scene}-{i}"
            tables["sample"].append({"token": sample, "scene_token": scene, "timestamp": 100 - i})
            for sensor, folder, end, moved in (
                ("cam", "CAM_FRONT", ".jpg", 0.5),
                ("lid", "LIDAR_TOP", ".pcd.bin", 0.0),
            ):
                file = f"samples/{folder}/{sample}{end}"
                tables["ego_pose"].append(
                    {"token": f"e-{sensor}-{sample}", "rotation": [1, 0, 0, 0], "translation": [500 + moved, 0, 0]}
                )
                tables["sample_data"].append(
                    {"sample_token": sample, "ego_pose_token": f"e-{sensor}-{sample}", "is_key_frame": True}
                    | {"calibrated_sensor_token": f"c-{sensor}", "filename": file}
                )
                if sensor == "cam":
                    picture(root / file, (90, 160))
                else:
                    (root / file).parent.mkdir(parents=True, exist_ok=True)
                    cloud.tofile(root / file)
    for name, rows in tables.items():
        text(root / "v1.0-trainval" / f"{name}.json", rows)
