"""Colours in words: CSS's names, what English makes of them, and codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_banana_ros.core import InstructionError, Rgb
from vision_banana_ros.prompts import color_from_text, color_to_text
from vision_banana_ros.prompts.colors import CSS_COLORS

colors = st.tuples(*[st.integers(0, 255)] * 3)


def test_css_has_148_names_in_both_spellings_of_grey() -> None:
    assert len(CSS_COLORS) == 148
    for name, color in CSS_COLORS.items():
        assert color_from_text(name) == color_from_text(name.upper()) == color
        if "grey" in name:
            assert CSS_COLORS[name.replace("grey", "gray")] == color


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("red", (255, 0, 0)),
        ("green", (0, 128, 0)),
        ("lime", (0, 255, 0)),
        ("light blue", (173, 216, 230)),
        ("rebecca purple", (102, 51, 153)),
        ("light purple", (192, 128, 192)),
        ("dark teal", (0, 70, 70)),
        ("pinkish red", (255, 64, 68)),
        ("pure yellow", (255, 255, 0)),
        ("solid white", (255, 255, 255)),
        ("navy blue", (0, 0, 128)),
        ("blue-green", (0, 64, 128)),
        ("the colour pink", (255, 192, 203)),
        ("pure yellow (<255, 255, 0>)", (255, 255, 0)),
        ("#0f8", (0, 255, 136)),
        ("1, 2, 3", (1, 2, 3)),
    ],
)
def test_words_mean_these_colours(text: str, color: Rgb) -> None:
    assert color_from_text(text) == color


@given(colors)
def test_every_code_means_its_colour(color: Rgb) -> None:
    r, g, b = color
    for text in (f"<{r}, {g}, {b}>", f"({r},{g},{b})", f"[{r}, {g}, {b}]", f"rgb({r}, {g}, {b})", color_to_text(color)):
        assert color_from_text(text) == color
        assert color_from_text(text.upper()) == color


@given(st.sampled_from(sorted(CSS_COLORS)))
def test_light_and_dark_go_up_and_down(name: str) -> None:
    base = CSS_COLORS[name]
    if f"light{name}" not in CSS_COLORS:
        assert all(a >= b for a, b in zip(color_from_text(f"light {name}"), base, strict=True))
    if f"dark{name}" not in CSS_COLORS:
        assert all(a <= b for a, b in zip(color_from_text(f"dark {name}"), base, strict=True))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "unknown colour"),
        ("blurple", "did you mean purple"),
        ("redd", "did you mean red"),
        ("red or blue", "ambiguous"),
        ("#FF0000 #00FF00", "ambiguous"),
        ("(256, 0, 0)", "0 to 255"),
        ("#12345", "unknown colour"),
        ("12", "unknown colour"),
        ("ish", "unknown colour"),
        ("red/blue", "unknown colour"),
        ("très rouge", "unknown colour"),
    ],
)
def test_other_words_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(InstructionError, match=complaint):
        color_from_text(text)
