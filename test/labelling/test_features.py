"""Patch features of an encoder beside the labels: tiny checkpoints of real classes, from their configurations."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_label import run, settings

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.store import SETTINGS
from vision_banana_ros.labelling.unpack import unpack

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
Recorder = Callable[..., Path]
QUICK = BeliefSettings(mirror=False)
VISION = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 56,
    "patch_size": 14,
}  # fmt: skip
TEXT = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64,
}  # fmt: skip


@pytest.fixture(scope="module", params=["dinov2", "tipsv2", "siglip"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "dinov2":
        model = transformers.Dinov2Model(transformers.Dinov2Config(**VISION))
    elif request.param == "tipsv2":
        config = transformers.Tipsv2Config(vision_config=VISION, text_config=TEXT)
        model = transformers.Tipsv2Model(config)
    else:
        model = transformers.SiglipModel(transformers.SiglipConfig(vision_config=VISION, text_config=TEXT))
    model.eval().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    return folder


def test_a_cell_is_the_part_of_the_picture_that_it_covers(encoder: Path) -> None:
    from vision_banana_ros.generators.specialists.patches import load_patches

    patches = load_patches(f"hf:{encoder}", GeneratorOptions())
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    other = picture.copy()
    other[12:24, 32:48] = 255 - other[12:24, 32:48]  # the second row and the third column of four
    before, after = patches.see(picture), patches.see(other)
    assert before.shape == (4, 4, 32)
    assert before.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(before.astype(np.float32), axis=-1), 1, atol=1e-2)
    changed = np.linalg.norm((after - before).astype(np.float32), axis=-1)
    assert np.unravel_index(changed.argmax(), (4, 4)) == (1, 2)


def test_labels_carry_them_into_the_folder_that_training_reads(
    encoder: Path, tmp_path: Path, recording: Recorder
) -> None:
    folder = recording(3)
    run(tmp_path / "out", settings(folder, belief=QUICK, features=f"hf:{encoder}"))
    assert unpack(tmp_path / "out", tmp_path / "frames") == 3
    kept = sorted((tmp_path / "frames" / "features").glob("*.npy"))
    assert [path.stem for path in kept] == sorted(p.stem for p in (tmp_path / "frames" / "rgb").glob("*.jpg"))
    with tarfile.open(tmp_path / "out" / "labels-000000.tar") as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    key = kept[0].stem
    member = np.load(io.BytesIO(files[f"{key}.features.npy"]))
    assert member.shape == (4, 4, 32)
    np.testing.assert_array_equal(np.load(kept[0]), member)
    about = json.loads(files[f"{key}.json"])
    assert about["features"] == {"model": f"hf:{encoder}", "licence": "unknown", "revision": ""}


def test_without_them_nothing_is_different(tmp_path: Path, recording: Recorder) -> None:
    run(tmp_path / "out", settings(recording(2), belief=QUICK))
    assert "features" not in json.loads((tmp_path / "out" / SETTINGS).read_text())
    unpack(tmp_path / "out", tmp_path / "frames")
    assert not (tmp_path / "frames" / "features").exists()
    with tarfile.open(tmp_path / "out" / "labels-000000.tar") as tar:
        assert not any("features" in name for name in tar.getnames())


def test_what_is_no_encoder_of_patches_is_one_line(tmp_path: Path) -> None:
    from vision_banana_ros.generators.specialists.patches import load_patches

    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1])
    transformers.ResNetModel(config).save_pretrained(tmp_path)
    with pytest.raises(GeneratorError, match="sees no patches"):
        load_patches(f"hf:{tmp_path}", GeneratorOptions())
    with pytest.raises(GeneratorError, match="hf:ID"):
        load_patches("student", GeneratorOptions())
