"""The encoder in NumPy, against sentence-transformers, and what the shipped table knows without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.core import DataError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.student.minilm import MiniLm, model_folder, read_safetensors
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.training.words import class_names

#: Words, punctuation, accents, an unknown character, a text longer than the encoder looks at.
TEXTS = ["the red chair left of the table", "charging dock", "zorble", "Café, naïve (x)!", "a", "\u2603", "far " * 200]


def test_it_says_what_sentence_transformers_says() -> None:
    """Recorded from sentence-transformers 6.2 on the same weights: three coordinates and the likeness of two texts."""
    folder = model_folder()
    assert folder is not None, "the extra dev has the weights"
    vectors = MiniLm(folder)(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(vectors[:5, [0, 100, 383]], RECORDED, atol=1e-5)
    alone = MiniLm(folder)(TEXTS[1:2])
    np.testing.assert_allclose(alone[0], vectors[1], atol=1e-6)


RECORDED = [
    [0.041603, 0.042572, 0.053882],
    [-0.04321, 0.088823, 0.058494],
    [-0.077823, -0.008562, 0.000249],
    [0.007718, -0.068219, -0.078789],
    [-0.036433, 0.007633, 0.094287],
]


def test_the_shipped_student_knows_the_class_names_of_the_usual_sets_without_it() -> None:
    table = TextTable.load(SHIPPED_STUDENT / "text.npz")
    sets = class_names()
    assert {"Cityscapes", "ADE20K", "Objects365"} <= set(sets)
    assert [name for names in sets.values() for name in names if name not in table] == []
    for said in ("cable", "the glass door", "socks", "Wheelchairs", "charging dock", "bicyclists", "people", "knives"):
        assert said in table, said
    assert "zorble" not in table
    assert "chair" in table.nearest("chairr")
    assert "door" in table.nearest("zorble door")


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"short", b"\x08" + bytes(7) + b"no json!"):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(DataError, match="cannot be read as safetensors"):
            read_safetensors(tmp_path / "x")
