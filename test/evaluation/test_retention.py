"""Retention: a judge that is asked twice, agreement by a tiny CLIP, the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.core import DataError, UInt8Array
from vision_banana_ros.evaluation.retention import Retention, Wish, compare, page, verdict_of

DARK, BRIGHT = (np.full((8, 12, 3), level, np.uint8) for level in (20, 220))


def base(_prompt: str, _picture: UInt8Array | None, _seed: int) -> UInt8Array:
    return DARK


def tuned(_prompt: str, _picture: UInt8Array | None, _seed: int) -> UInt8Array:
    return BRIGHT


class Likes:
    """Answers by what it sees: the brighter half, always the left one, or nonsense."""

    def __init__(self, what: str) -> None:
        self.name, self._what = f"fake:{what}", what
        self.seen: list[tuple[str, UInt8Array]] = []

    def ask(self, prompt: str, picture: UInt8Array) -> str:
        self.seen.append((prompt, picture))
        if self._what == "brighter":
            # LEFT and RIGHT are the last two pictures
            return "LEFT, clearly." if picture[:, -40:-28].mean() > picture[:, -12:].mean() else "The RIGHT one."
        return {"left": "LEFT", "nonsense": "bananas", "tie": "TIE"}[self._what]


@pytest.mark.parametrize(
    ("what", "verdict", "unread"),
    [("brighter", "win", 0), ("left", "tie", 0), ("tie", "tie", 0), ("nonsense", "tie", 2)],
)
def test_a_verdict_holds_in_both_orders_or_is_a_tie(what: str, verdict: str, unread: int) -> None:
    wish = Wish("w", "make it bright", np.zeros((16, 24, 3), np.uint8))
    assert verdict_of(Likes(what), wish, DARK, BRIGHT) == (verdict, unread)
    if what == "brighter":
        assert verdict_of(Likes(what), wish, BRIGHT, DARK) == ("loss", 0)


def test_ties_are_counted_by_half_and_unread_answers_are_said() -> None:
    shown = (
        *compare([Wish("a", "x")], base, tuned, judge=Likes("brighter")),
        *compare([Wish("b", "x")], base, tuned, judge=Likes("nonsense")),
    )
    found = Retention(base="b", tuned="t", shown=shown, judge="fake", losses={"edit": [(1.0, 1.1), (1.0, 1.3)]})
    assert found.win_rate is not None
    assert found.win_rate.value == 0.75
    assert found.counts() == {"win": 1, "tie": 1, "loss": 0, "unread answers": 2}
    before, after, change = found.loss_change()["edit"]
    assert (before, after) == (1.0, pytest.approx(1.2))
    assert change.value == pytest.approx(0.2)
    assert "win rate" in found.report()
    text = page(Retention(base="b", tuned="t", shown=compare([Wish("a", "<script>")], base, tuned)))
    assert "<script>" not in text
    assert text.count("<img") == 2
    with pytest.raises(DataError, match="there is no prompt to compare by"):
        compare([], base, tuned)


def test_agreement_by_a_clip_of_this_disk(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    from vision_banana_ros.evaluation.agreement import Agreement

    torch.manual_seed(0)
    letters = [chr(i) for i in range(97, 123)]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "vocab_size": len(words), "bos_token_id": 52, "eos_token_id": 53, "pad_token_id": 53},
        vision_config={**small, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(tmp_path)
    CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(tmp_path)
    CLIPTokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[], model_max_length=77).save_pretrained(tmp_path)
    clip = Agreement(str(tmp_path), device="cpu")
    assert np.linalg.norm(clip.of_text("a dog")) == pytest.approx(1, abs=1e-5)
    shown = compare([Wish("a", "a dog")], base, tuned, agreement=clip)[0]
    assert shown.agreement is not None
    assert shown.agreement[0] == pytest.approx(float(clip.of_text("a dog") @ clip.of_picture(DARK)), abs=1e-6)
    same = compare([Wish("a", "a dog")], base, base, agreement=clip)[0]
    assert same.distance == pytest.approx(0, abs=1e-5)
    assert Retention(base="b", tuned="t", shown=(shown,)).agreement() is not None
