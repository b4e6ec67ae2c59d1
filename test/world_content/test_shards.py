"""Shards: what is written is what is read, within the stated error; runs continue; damage is told."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.cli import main
from vision_banana_ros.core import Camera, DataError, Frame, Referring, Truth
from vision_banana_ros.data import Example, Source
from vision_banana_ros.data.readers import shards as reading
from vision_banana_ros.data.shard_codes import (
    FAR_M,
    NEAR_M,
    decode_depth,
    decode_normals,
    encode_depth,
    encode_normals,
)
from vision_banana_ros.world import shards
from vision_banana_ros.world.dataset import WorldSettings, WorldStream, render_sample
from vision_banana_ros.world.manifest import Manifest, read_manifest, write_manifest

LABELS = ("wall", "chair", "sky")
SMALL = WorldSettings(width=40, height=30, places=("living room", "street"), samples_per_pixel=1)


def sample(seed: int = 0) -> Example:
    """A made-up frame, wider than high, with asymmetric intrinsics and every kind of hole."""
    rng = np.random.default_rng(seed)
    camera = Camera(31.5, 33.25, 20.5, 11.0, 40, 24)
    depth = np.exp(rng.uniform(-3, 5, (24, 40))).astype(np.float32)
    depth[0, 0], depth[1, 1] = np.nan, np.inf
    normals = rng.normal(size=(24, 40, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    normals[0, 0] = np.nan
    rgb = np.full((24, 40, 3), (200, 40, 90), np.uint8)
    mask = rng.integers(0, 3, (24, 40)).astype(np.uint8)
    mask[2, 2] = 255
    truth = Truth(
        camera=camera,
        depth_m=depth,
        normals=normals,
        mask=mask,
        instances=rng.integers(0, 900, (24, 40)).astype(np.uint16),
        labels=LABELS,
        referring=(Referring("the chair", (7,)), Referring("all chairs", (7, 300))),
    )
    return Example(f"{seed}", Frame(rgb, camera=camera), truth, Source("made up"), place="office", seed=seed)


def manifest(**changes: object) -> Manifest:
    plain = Manifest(
        code_version="1",
        first_seed=5,
        count=10,
        per_shard=4,
        width=40,
        height=24,
        places=(),
        samples_per_pixel=2,
        sensor=True,
        labels=LABELS,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(depth_m=st.floats(NEAR_M, FAR_M))
def test_depth_comes_back_within_its_bound(depth_m: float) -> None:
    code = encode_depth(np.array([[depth_m]], np.float32))
    assert decode_depth(code)[0, 0] == pytest.approx(depth_m, rel=8e-5)


def test_depth_codes_at_the_ends() -> None:
    depth = np.array([[np.nan, np.inf, 0.001, 9999.0]], np.float32)
    code = encode_depth(depth)
    assert code.tolist() == [[0, 65535, 1, 65534]]
    back = decode_depth(code)[0]
    assert np.isnan(back[0])
    assert np.isposinf(back[1])
    assert back[2:] == pytest.approx([NEAR_M, FAR_M])


def test_the_depth_code_is_strictly_increasing() -> None:
    assert (np.diff(decode_depth(np.arange(1, 65535, dtype=np.uint16))) > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_normals_come_back_within_their_bound(vector: tuple[float, float, float]) -> None:
    normal = np.array([[vector]], np.float32) / np.float32(np.linalg.norm(vector))
    back = decode_normals(encode_normals(normal))
    assert np.degrees(np.arccos(np.clip((back * normal).sum(), -1, 1))) < 0.4
    assert np.linalg.norm(back) == pytest.approx(1)


def test_unknown_normals_stay_unknown() -> None:
    assert np.isnan(decode_normals(encode_normals(np.full((1, 1, 3), np.nan, np.float32)))).all()


def test_a_shard_gives_back_its_samples(tmp_path: Path) -> None:
    written = [sample(3), sample(4)]
    shards.write_shard(tmp_path / "shard_000000.npz", written)
    write_manifest(tmp_path, manifest())
    read = list(reading.open_dataset(tmp_path))
    assert [s.seed for s in read] == [3, 4]
    for before, after in zip(written, read, strict=True):
        assert after.place == "office"
        assert after.truth.camera == before.truth.camera == after.frame.camera
        assert after.truth.labels == LABELS
        assert after.truth.referring == before.truth.referring
        assert np.array_equal(after.truth.mask, before.truth.mask)
        assert np.array_equal(after.truth.instances, before.truth.instances)
        np.testing.assert_allclose(after.truth.depth_m, before.truth.depth_m, rtol=1e-4)
        assert np.abs(after.frame.rgb.astype(int) - before.frame.rgb).max() <= 3


def test_only_whole_shards_appear(tmp_path: Path) -> None:
    shards.write_shard(tmp_path / "shard_000000.npz", [sample()])
    assert [p.name for p in tmp_path.iterdir()] == ["shard_000000.npz"]


def test_damage_is_told_with_the_file_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "shard_000000.npz"
    shards.write_shard(path, [sample()])
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"shard_000000\.npz must be a shard .* render it again"):
        reading.read_arrays(path)
    with pytest.raises(DataError, match="found none: run"):
        reading.shard_files(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(DataError, match="must be the manifest of a render"):
        read_manifest(tmp_path)


def test_a_manifest_knows_its_shards(tmp_path: Path) -> None:
    plan = manifest()
    assert plan.shard_count == 3
    assert [list(plan.shard_seeds(i)) for i in range(3)] == [[5, 6, 7, 8], [9, 10, 11, 12], [13, 14]]
    write_manifest(tmp_path, plan)
    assert read_manifest(tmp_path) == plan


def test_a_truth_with_gaps_is_no_sample(tmp_path: Path) -> None:
    whole = sample()
    bare = replace(whole, truth=replace(whole.truth, normals=None))
    with pytest.raises(DataError, match="needs the normals of every sample"):
        shards.write_shard(tmp_path / "x.npz", [bare])


def test_the_stream_is_the_same_for_any_number_of_processes() -> None:
    alone = list(WorldStream(settings=SMALL, first_seed=11, length=3))
    shared = list(WorldStream(settings=SMALL, first_seed=11, length=3, processes=2, ahead=2))
    assert [s.seed for s in shared] == [11, 12, 13]
    for a, b in zip(alone, shared, strict=True):
        assert a.place == b.place
        assert np.array_equal(a.frame.rgb, b.frame.rgb)
        assert np.array_equal(a.truth.instances, b.truth.instances)
        assert a.truth.referring == b.truth.referring


def render(folder: Path, *more: str) -> int:
    words = ["render", "--out", str(folder), "--count", "4", "--per-shard", "2", "--size", "40x30", "--processes", "1"]
    return main([*words, "--samples", "1", "--grammar", "living room,street", "--seed", "20", *more])


def test_the_command_renders_continues_and_describes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render(tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["rendered"] == 4
    first = (tmp_path / "shard_000000.npz").read_bytes()
    (tmp_path / "shard_000000.npz").unlink()
    assert render(tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["rendered"] == 2, "only what is missing"
    again = reading.read_arrays(tmp_path / "shard_000000.npz")
    (tmp_path / "before.npz").write_bytes(first)
    before = reading.read_arrays(tmp_path / "before.npz")
    (tmp_path / "before.npz").unlink()
    assert np.array_equal(again.rgb, before.rgb), "the same seed gives the same frame"
    assert again.seeds == (20, 21)
    whole = render_sample(20, replace(SMALL, samples_per_pixel=1))
    assert np.array_equal(again.mask[0], whole.truth.mask)

    assert main(["render", "--statistics", str(tmp_path), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)["rendered"]
    assert described["frames"] == 4
    assert sum(described["depth_shares"]) == pytest.approx(1, abs=0.01)
    assert sum(described["class_shares"].values()) == pytest.approx(1, abs=0.01)
    assert sum(described["place_frames"].values()) == 4


def test_another_render_into_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_manifest(tmp_path, manifest())
    assert render(tmp_path) == 2
    assert "use another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["render"], "needs --out DIR"),
        (["render", "--out", "x", "--size", "big"], "--size must be WIDTHxHEIGHT"),
        (["render", "--out", "x", "--grammar", "mars"], "no grammar is called 'mars'"),
        (["render", "--out", "x", "--count", "0"], "must be at least 1"),
        (["render", "--clip"], "needs --out DIR"),
    ],
)
def test_wrong_words_are_told_in_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    message = capsys.readouterr().err.strip()
    assert told in message
    assert "\n" not in message


def test_real_frames_are_described_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, real = tmp_path / "shards", tmp_path / "real"
    folder.mkdir()
    shards.write_shard(folder / "shard_000000.npz", [sample()])
    write_manifest(folder, manifest())
    for kind in ("rgb", "depth"):
        (real / kind).mkdir(parents=True)
    for name in "ab":
        cv2.imwrite(str(real / "rgb" / f"{name}.png"), np.zeros((6, 8, 3), np.uint8))
    np.savez(real / "depth" / "a.npz", depth=np.full((6, 8), 2.5, np.float32))
    cv2.imwrite(str(real / "depth" / "b.png"), np.full((6, 8), 2500, np.uint16))
    (real / "intrinsics.json").write_text(
        json.dumps({"a": {"fx": 4.0, "fy": 4.0, "cx": 3.5, "cy": 2.5, "width": 8, "height": 6}})
    )
    assert main(["render", "--statistics", str(folder), "--real", str(real), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)["real"]
    assert described["depth_percentiles_m"] == pytest.approx([2.5] * 5, rel=0.01)
    assert described["fov_shares"][6] == 1.0, "90 degrees lie between 85 and 95"


def test_a_contact_sheet_shows_rgb_depth_normals_classes(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    words = ["render", "--sheet", str(sheet), "--count", "2", "--size", "40x30", "--samples", "1"]
    assert main([*words, "--grammar", "street"]) == 0
    image = cv2.imread(str(sheet))
    assert image.shape == (30, 3 * 4 * 40, 3)
