"""Hooks of the docs site (mkdocs.yml): pages that lie outside of docs/, and links that lead out of it.

README.md becomes the home page, CONTRIBUTING.md, CHANGELOG.md and examples/README.md pages of their own. A link to a
page follows it there; a link to a file of the source, which the site does not have, is left as words.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
#: Where a file of the repository lies on the site.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
}
_LINK = re.compile(r"(?P<image>!?)\[(?P<words>[^\]]*)\]\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    from mkdocs.structure.files import File

    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        known = {*(file.src_uri for file in files), *PAGES.values()}
        files.append(File.generated(config, page, content=moved(text, source, page, known)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:  # noqa: ARG001 -- mkdocs' names
    uri = page.file.src_uri
    if uri in PAGES.values():
        return markdown
    return moved(markdown, f"docs/{uri}", uri, {file.src_uri for file in files})


def moved(text: str, source: str, page: str, known: set[str]) -> str:
    """The text of the repository's file `source` as the site's `page`, its links turned to where things lie there."""

    def turned(match: re.Match[str]) -> str:
        target, words = match["target"], match["words"]
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = PAGES.get(path, path.removeprefix("docs/") if path.startswith("docs/") else "")
        if there not in known:
            return words
        link = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{match['image']}[{words}]({link}{match['anchor'] or ''})"

    outside_of_code = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _LINK.sub(turned, part) for part in outside_of_code)
