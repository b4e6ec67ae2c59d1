"""Links lead where things lie on the site, and the site loads nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

_spec = importlib.util.spec_from_file_location("docs_site", ROOT / "tools" / "site.py")
assert _spec is not None
assert _spec.loader is not None
site = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(site)

KNOWN = {"index.md", "contributing.md", "ros.md", "adr/0001-one.md", "images/demo.jpg"}


@pytest.mark.parametrize(
    ("text", "source", "page", "wanted"),
    [
        ("[a](docs/ros.md#x)", "README.md", "index.md", "[a](ros.md#x)"),
        ("![a](docs/images/demo.jpg)", "README.md", "index.md", "![a](images/demo.jpg)"),
        ("[a](../CONTRIBUTING.md)", "docs/ros.md", "ros.md", "[a](contributing.md)"),
        ("[a](../../README.md)", "docs/adr/0001-one.md", "adr/0001-one.md", "[a](../index.md)"),
        ("[a](../ros.md)", "docs/adr/0001-one.md", "adr/0001-one.md", "[a](../ros.md)"),
        ("[a](LICENSE) and [b](docs/adr)", "README.md", "index.md", "a and b"),
        ("[a](https://example.org/x.md)", "README.md", "index.md", "[a](https://example.org/x.md)"),
        ("[a](#here)", "README.md", "index.md", "[a](#here)"),
        ("```python\nx[0](docs/ros.md)\n```\n", "README.md", "index.md", "```python\nx[0](docs/ros.md)\n```\n"),
    ],
)
def test_a_link_is_turned(text: str, source: str, page: str, wanted: str) -> None:
    assert site.moved(text, source, page, KNOWN) == wanted


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra `docs` is not installed")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    loading = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(?:https?:)?//[^\" >]+")
    loaded = {match for page in pages for match in loading.findall(page.read_text(encoding="utf-8"))}
    assert not loaded - {match for match in loaded if "rel=canonical" in match}
    reference = (tmp_path / "reference.html").read_text(encoding="utf-8")
    assert 'id="vision_banana_ros.perceiver.Perceiver.see"' in reference
