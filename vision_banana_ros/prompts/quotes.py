"""Quoted words in a prompt are taken as they are: they are put aside while the wording around them is read.

Written, a quoted text is a JSON string; read, the curly quotes of word processors serve too. A quotation put aside
stands in the text as its number between two NULs, which no prompt has (a raw one is read as a space).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

#: What a quotation looks like after it was put aside.
ASIDE = r"\x00\d+\x00"
_ASIDE = re.compile(r"\x00(\d+)\x00")
_QUOTATION = re.compile(r'"(?:[^"\\]|\\.)*"|“[^“”]*”|«[^«»]*»', re.DOTALL)


def quote(text: str) -> str:
    """`text` as one JSON string, other scripts left readable."""
    return json.dumps(text, ensure_ascii=False)


def unquote(quotation: str) -> str:
    """What stands between the quotes; a slip in the escapes is taken literally."""
    if quotation.startswith('"'):
        try:
            # strict=False: a raw line break in a quoted name is no reason to refuse it.
            return str(json.loads(quotation, strict=False))
        except ValueError:
            pass
    return quotation[1:-1]


@dataclass(frozen=True, slots=True)
class Masked:
    """A prompt whose quotations are put aside."""

    text: str
    quotations: tuple[str, ...]

    def restore(self, part: str) -> str:
        """A part of `text` as somebody wrote it; one that is nothing but a quotation loses its quotes."""
        part = part.strip()
        whole = _ASIDE.fullmatch(part)
        if whole:
            return unquote(self.quotations[int(whole[1])])
        return _ASIDE.sub(lambda match: self.quotations[int(match[1])], part)


def mask(text: str) -> Masked:
    """Put every quotation of `text` aside."""
    found: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        found.append(match[0])
        return f"\x00{len(found) - 1}\x00"

    masked = _QUOTATION.sub(put_aside, text.replace("\x00", " "))
    return Masked(masked, tuple(found))
