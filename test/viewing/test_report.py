"""The page: whole in itself, telling what was run; its sliders work in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from vision_banana_ros.cli import main

MODEL = "student@128x96"
_VOID = {"meta", "img", "input", "br", "line"}


class Outline(HTMLParser):
    """Fails on tags that do not close, remembers what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in _VOID:
            self.open.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_startendtag(self, tag, _attrs):
        assert tag in _VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    args = ["report", "moving", "-o", folder, "--limit", "4", "--samples", "3", "--model", MODEL]
    args += ["--against", "student@96x64", "--title", "Room <7> & more", "--json", folder / "figures.json"]
    assert main([str(arg) for arg in args]) == 0
    return folder / "report.html"


def test_page_is_whole_in_itself(page):
    text = page.read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert all(target.startswith(("data:image/webp;base64,", "#")) for target in outline.loads)
    assert "http" not in re.sub(r'http-equiv|data:[^"]*', "", text)
    assert outline.headings == [
        "What was run", "Speed", "How right it is", "Frames", "Where it doubts", "Depth", "Confidence", "Classes",
    ]  # fmt: skip
    assert "Room &lt;7&gt; &amp; more" in text
    assert "<7>" not in text


def test_page_tells_scores_of_both_with_intervals(page):
    text = page.read_text(encoding="utf-8")
    figures = json.loads((page.parent / "figures.json").read_text())
    assert [model["model"] for model in figures["models"]] == [MODEL, "student@96x64"]
    delta1 = figures["models"][0]["scores"]["delta1"]
    assert f"{delta1['mean']:.3f} [{delta1['low']:.3f}, {delta1['high']:.3f}]" in text
    assert "difference" in text
    assert text.count('class="compare"') == 3 + 2 * 4


def test_pictures_without_truth_get_no_scores(film, tmp_path):
    assert main(["report", str(film), "-o", str(tmp_path), "--limit", "3", "--model", MODEL]) == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "How right it is" not in text
    assert "3 of 12 frames" in text
    assert "not known: nothing is scored" in text


@pytest.mark.slow
def test_sliders_work_in_a_browser(page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here")
    used = page.read_text(encoding="utf-8").replace(
        "</body>",
        "<script>const f=document.querySelector('.compare'),r=f.querySelector('input'),s=f.querySelector('select');"
        "s.value='1';s.dispatchEvent(new Event('change'));r.value=80;r.dispatchEvent(new Event('input'));"
        "</script></body>",
    )
    copy = tmp_path / "used.html"
    copy.write_text(used, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [browser, *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", copy.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    first = dom[dom.index('class="compare"') :][:2_000_000]
    assert re.search(r'data-shown="[^"]*normals 80"', first)
    assert "clip-path: inset(0px 20% 0px 0px)" in first
