"""`vision-banana image`: the files that it writes, read back as a user would read them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.cli import main
from vision_banana_ros.world.moving import LABELS, MovingScene

SCENE = MovingScene()
CLASSES = ", ".join(LABELS)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for index in (0, 1):
        cv2.imwrite(str(folder / f"view {index}.png"), SCENE.frame(index).rgb[..., ::-1])
    files = [str(folder / f"view {index}.png") for index in (0, 1)]
    options = ["-o", str(folder / "out"), "--model", "oracle:moving", "--classes", CLASSES]
    assert main(["image", *files, *options, "--prompt", "the red ball", "--json", str(folder / "found.json")]) == 0
    return folder


def test_every_image_gets_its_files(results: Path) -> None:
    endings = ("depth.npy", "depth.png", "normals.npy", "mask.png", "referring.png", "cloud.ply", "panel.png")
    assert {file.name for file in (results / "out").iterdir()} == {f"view {i}_{e}" for i in (0, 1) for e in endings}


def test_depth_is_in_metres_and_in_millimetres(results: Path) -> None:
    truth = SCENE.truth(1)
    assert truth.depth_m is not None
    depth = np.load(results / "out" / "view 1_depth.npy")
    assert (depth.dtype, depth.shape) == (np.float32, (480, 640))
    known = np.isfinite(depth)
    np.testing.assert_allclose(depth[known], truth.depth_m[known], rtol=0.003)
    millimetres = cv2.imread(str(results / "out" / "view 1_depth.png"), cv2.IMREAD_UNCHANGED)
    assert millimetres is not None
    assert millimetres.dtype == np.uint16
    assert np.array_equal(millimetres == 0, ~known)
    assert abs(millimetres[known] - depth[known] * 1000).max() <= 0.5


def test_normals_and_masks_keep_their_conventions(results: Path) -> None:
    truth = SCENE.truth(1)
    assert truth.mask is not None
    normals = np.load(results / "out" / "view 1_normals.npy")
    floor = normals[truth.mask == LABELS.index("floor")]
    assert floor[:, 1].max() < -0.9  # up is -y in the optical frame
    mask = cv2.imread(str(results / "out" / "view 1_mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, truth.mask + 1)
    referring = cv2.imread(str(results / "out" / "view 1_referring.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(referring == 1, truth.instances == 8)


def test_the_cloud_is_a_ply_of_the_valid_pixels(results: Path) -> None:
    depth = np.load(results / "out" / "view 1_depth.npy")
    data = (results / "out" / "view 1_cloud.ply").read_bytes()
    header, _, body = data.partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert f"element vertex {np.isfinite(depth).sum()}" in lines
    names = [line.split()[2] for line in lines if line.startswith("property")]
    assert names == ["x", "y", "z", "nx", "ny", "nz", "red", "green", "blue"]
    vertex = np.dtype([(name, "<f4") for name in names[:6]] + [(name, "u1") for name in names[6:]])
    points = np.frombuffer(body, vertex)
    assert np.array_equal(points["z"], depth[np.isfinite(depth)])
    rgb = SCENE.frame(1).rgb[np.isfinite(depth)]
    assert np.array_equal(np.stack([points["red"], points["green"], points["blue"]], axis=-1), rgb)
    # The recovered camera puts the floor where it is: about a metre below.
    floor = SCENE.truth(1).mask[np.isfinite(depth)] == LABELS.index("floor")  # type: ignore[index]
    assert points["y"][floor].max() == pytest.approx(0.9, abs=0.3)


def test_the_report_tells_what_was_found(results: Path) -> None:
    report = json.loads((results / "found.json").read_text())
    assert report["model"] == "oracle:moving"
    first, second = report["images"]
    assert (first["width"], first["height"]) == (640, 480)
    assert second["camera_recovered"]
    assert second["camera"]["fx"] == pytest.approx(SCENE.camera.fx, rel=0.005)
    assert sum(second["classes"].values()) == pytest.approx(1)
    assert all(Path(file).is_file() for file in first["written"] + second["written"])


def test_the_panel_shows_four_tiles(results: Path) -> None:
    panel = cv2.imread(str(results / "out" / "view 1_panel.png"))
    assert panel is not None
    assert panel.shape[1] == 2 * 640
    np.testing.assert_array_equal(panel[:480, :640, ::-1], SCENE.frame(1).rgb)
    assert all(tile.std() > 10 for tile in (panel[:480, 640:], panel[502:982, :640], panel[502:982, 640:]))


def test_a_known_field_of_view_makes_the_camera(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), SCENE.frame(0).rgb[..., ::-1])
    command = ["image", str(tmp_path / "a.png"), "-o", str(tmp_path), "--model", "oracle:moving", "--hfov", "50"]
    prompt = "An instance segmentation: every box has its own colour."
    assert main([*command, "--prompt", prompt, "--json", "-"]) == 0
    out, log = capsys.readouterr()
    (report,) = json.loads(out)["images"]
    assert not report["camera_recovered"]
    assert report["camera"]["fx"] == pytest.approx(320 / np.tan(np.radians(25)))
    assert log.startswith("[1/1] ")
    assert cv2.imread(str(tmp_path / "a_instances.png"), cv2.IMREAD_UNCHANGED).max() >= 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no.png"], "no such image: no.png"),
        (["empty.png"], "is no image that OpenCV can read"),
        (["text.png"], "is no image that OpenCV can read"),
        (["a/x.png", "b/x.png"], "several images are called x"),
        (["a/x.png", "--classes", "chair=blurple"], "unknown colour 'blurple'"),
        (["a/x.png", "--model", "oracle:cinema"], "no footage 'cinema'"),
        (["a/x.png", "--hfov", "200"], "hfov_deg must lie between"),
        (["a/x.png", "--max-range", "-1"], "max_range_m"),
        (["a/x.png", "--prompt", "Segment the chair."], "in which colour"),
        (["a/x.png"], "the oracle knows no such frame"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(f"{folder}/x.png", np.zeros((30, 40, 3), np.uint8))
    monkeypatch.setattr("vision_banana_ros.world.moving.MovingScene.__len__", lambda _scene: 2)
    assert main(["image", "-o", "out", "--model", "oracle:moving", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("vision-banana: ")
    assert complaint in error
    assert error.count("\n") == 1


def test_known_depth_sets_the_scale_of_a_picture(tmp_path: Path) -> None:
    """Depth of half the picture's size that is said to be twice the truth, in millimetres."""
    scene = MovingScene(count=2)
    truth = scene.truth(0).depth_m
    assert truth is not None
    cv2.imwrite(str(tmp_path / "a.png"), scene.frame(0).rgb[..., ::-1])
    (tmp_path / "known").mkdir()
    halved = np.nan_to_num(truth[::2, ::2], posinf=0.0)
    cv2.imwrite(str(tmp_path / "known" / "a.png"), (halved * 2000).astype(np.uint16))
    argv = ["image", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--model", "oracle:moving"]
    assert main([*argv, "--known-depth", str(tmp_path / "known")]) == 0
    seen = np.load(tmp_path / "out" / "a_depth.npy")
    both = np.isfinite(seen) & np.isfinite(truth)
    assert np.median(seen[both] / truth[both]) == pytest.approx(2.0, rel=0.02)
    (tmp_path / "known" / "a.png").unlink()
    assert main([*argv, "--known-depth", str(tmp_path / "known")]) == 2
