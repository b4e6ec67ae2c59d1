"""Still a generator? The same prompts and seeds, painted by the base and by what was tuned from it.

agreement    cosine with the words, by a CLIP or SigLIP: before, after, and the difference prompt by prompt
distance     1 - cosine between the two pictures: how much changed at all
win rate     (wins + ties / 2) / prompts, by a vision-language model that is shown both, twice, the order swapped;
             it wins only where both answers name it, all else is a tie, answers that cannot be read are counted
losses       of the base's own task on held-out pairs, at the same noise (the caller's numbers)
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import DataError, UInt8Array
from vision_banana_ros.evaluation.agreement import Agreement
from vision_banana_ros.evaluation.intervals import Estimate, estimate
from vision_banana_ros.generators.reasoning import Chat
from vision_banana_ros.generators.remote.pictures import to_png

#: (prompt, picture that goes in or None, seed) -> picture.
Paint = Callable[[str, "UInt8Array | None", int], UInt8Array]
_GAP = 16
_ANSWER = re.compile(r"\b(left|right|tie|equal|same|neither|both)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One prompt; `picture`: what is to be edited."""

    name: str
    text: str
    picture: UInt8Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What came of one wish. `verdict`: "win" (of the tuned one), "loss", "tie", or "" where nobody judged;
    `unread`: how many of the two answers could not be read."""

    wish: Wish
    before: UInt8Array
    after: UInt8Array
    agreement: tuple[float, float] | None = None
    distance: float | None = None
    verdict: str = ""
    unread: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Retention:
    """The comparison as a whole."""

    base: str
    tuned: str
    shown: tuple[Shown, ...]
    agreement_model: str = ""
    judge: str = ""
    losses: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)

    @property
    def win_rate(self) -> Estimate | None:
        points = {"win": 1.0, "tie": 0.5, "loss": 0.0}
        rows = [points[s.verdict] for s in self.shown if s.verdict]
        return estimate(rows) if rows else None

    def counts(self) -> dict[str, int]:
        verdicts = [s.verdict for s in self.shown]
        return {name: verdicts.count(name) for name in ("win", "tie", "loss")} | {
            "unread answers": sum(s.unread for s in self.shown)
        }

    def agreement(self) -> tuple[Estimate, Estimate, Estimate] | None:
        """Before, after, after - before."""
        rows = np.array([s.agreement for s in self.shown if s.agreement is not None])
        if not len(rows):
            return None
        return estimate(rows[:, 0]), estimate(rows[:, 1]), estimate(rows[:, 1] - rows[:, 0])

    def loss_change(self) -> dict[str, tuple[float, float, Estimate]]:
        """By kind: before, after, and the change as a share of before."""
        found = {}
        for kind, pairs in self.losses.items():
            rows = np.array(pairs, np.float64)
            before = float(rows[:, 0].mean())
            found[kind] = (before, float(rows[:, 1].mean()), estimate((rows[:, 1] - rows[:, 0]) / before))
        return found

    def report(self) -> str:
        lines = [f"{self.tuned} beside {self.base}, {len(self.shown)} prompts, the same seeds"]
        for kind, (before, after, change) in self.loss_change().items():
            spread = f"{change.value:+.2%} [{change.low:+.2%}, {change.high:+.2%}]"
            lines.append(f"  loss of {kind:12} {before:.4f} -> {after:.4f}   {spread}")
        if (found := self.agreement()) is not None:
            before_e, after_e, gain = found
            lines.append(
                f"  agreement with words  {before_e.value:.4f} -> {after_e.value:.4f}   {gain} ({self.agreement_model})"
            )
        distances = [s.distance for s in self.shown if s.distance is not None]
        if distances:
            lines.append(f"  distance of the two   {estimate(distances)} ({self.agreement_model})")
        if (rate := self.win_rate) is not None:
            counted = ", ".join(f"{n} {name}" for name, n in self.counts().items())
            lines.append(f"  win rate              {rate} ({counted}; {self.judge})")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        def plain(e: Estimate) -> dict[str, float]:
            return {"value": e.value, "low": e.low, "high": e.high}

        agreement, rate = self.agreement(), self.win_rate
        return {
            "base": self.base,
            "tuned": self.tuned,
            "prompts": len(self.shown),
            "losses": {k: {"before": b, "after": a, "change": plain(c)} for k, (b, a, c) in self.loss_change().items()},
            "agreement": None
            if agreement is None
            else dict(zip(("before", "after", "gain"), map(plain, agreement), strict=True)),
            "agreement_model": self.agreement_model,
            "win_rate": None if rate is None else {**plain(rate), **self.counts()},
            "judge": self.judge,
            "each": [
                {
                    "name": s.wish.name,
                    "prompt": s.wish.text,
                    "agreement": s.agreement,
                    "distance": s.distance,
                    "verdict": s.verdict,
                }
                for s in self.shown
            ],
        }


def compare(
    wishes: Iterable[Wish], before: Paint, after: Paint, *, seed: int = 0, agreement: Agreement | None = None,
    judge: Chat | None = None, step: Callable[[], None] = lambda: None,
) -> tuple[Shown, ...]:  # fmt: skip
    """Every wish painted by both, and measured."""
    found = []
    for number, wish in enumerate(wishes):
        first, second = (paint(wish.text, wish.picture, seed + number) for paint in (before, after))
        measured: dict[str, Any] = {}
        if agreement is not None:
            text = agreement.of_text(wish.text)
            one, other = agreement.of_picture(first), agreement.of_picture(second)
            measured["agreement"] = (float(text @ one), float(text @ other))
            measured["distance"] = float(1 - one @ other)
        if judge is not None:
            measured["verdict"], measured["unread"] = verdict_of(judge, wish, first, second)
        found.append(Shown(wish, first, second, **measured))
        step()
    if not found:
        raise DataError("there is no prompt to compare by: give --prompts FILE, --genai-bench DIR or --imgedit DIR")
    return tuple(found)


def verdict_of(judge: Chat, wish: Wish, before: UInt8Array, after: UInt8Array) -> tuple[str, int]:
    """Of `after`; the judge sees both orders, and what it says of only one of them is a tie."""
    answers = [_answer(judge, wish, before, after), _answer(judge, wish, after, before)]
    unread = answers.count(None)
    if answers == ["right", "left"]:
        return "win", unread
    if answers == ["left", "right"]:
        return "loss", unread
    return "tie", unread


def page(retention: Retention) -> str:
    """A page that needs nothing but itself: every prompt with its pictures side by side."""
    rows = []
    for shown in retention.shown:
        pictures = [p for p in (shown.wish.picture, shown.before, shown.after) if p is not None]
        names = ([] if shown.wish.picture is None else ["given"]) + ["base", "tuned"]
        cells = "".join(
            f'<figure><img src="{_inline(p)}" alt="{name}"><figcaption>{name}</figcaption></figure>'
            for p, name in zip(pictures, names, strict=True)
        )
        notes = []
        if shown.agreement is not None:
            notes.append(f"agreement {shown.agreement[0]:.3f} &rarr; {shown.agreement[1]:.3f}")
        if shown.distance is not None:
            notes.append(f"distance {shown.distance:.3f}")
        if shown.verdict:
            notes.append(f"tuned: {shown.verdict}")
        rows.append(f"<h2>{html.escape(shown.wish.text)}</h2><p>{', '.join(notes)}</p><div>{cells}</div>")
    return (
        '<!doctype html><meta charset="utf-8"><title>Still a generator?</title>'
        "<style>body{font-family:sans-serif;margin:2em}div{display:flex;gap:1em;flex-wrap:wrap}figure{margin:0}"
        "img{max-width:30em}h2{font-size:1em;margin-top:2em}</style>"
        f"<h1>Still a generator?</h1><pre>{html.escape(retention.report())}</pre>{''.join(rows)}\n"
    )


def _answer(judge: Chat, wish: Wish, left: UInt8Array, right: UInt8Array) -> str | None:
    """ "left", "right", "tie", or None where it said none of them."""
    pictures = [p for p in (wish.picture, left, right) if p is not None]
    which = "The left picture and the right picture are two answers"
    if wish.picture is not None:
        which = "The first picture is the original. The second (LEFT) and the third (RIGHT) are two edits of it"
    words = judge.ask(
        f"{which} to this request: {wish.text!r}. Which one does better what was asked, and is the better picture? "
        "Answer with one word: LEFT, RIGHT or TIE.",
        _beside(pictures),
    )
    said = _ANSWER.findall(words)
    if not said:
        return None
    first = said[0].lower()
    return first if first in ("left", "right") else "tie"


def _beside(pictures: Sequence[UInt8Array]) -> UInt8Array:
    """In a row, of one height, with white between."""
    height = pictures[-1].shape[0]
    row: list[UInt8Array] = []
    for picture in pictures:
        if picture.shape[0] != height:
            width = max(1, round(picture.shape[1] * height / picture.shape[0]))
            picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        row += [picture, np.full((height, _GAP, 3), 255, np.uint8)]
    return np.ascontiguousarray(np.concatenate(row[:-1], axis=1))


def _inline(rgb: UInt8Array) -> str:
    return f"data:image/png;base64,{base64.b64encode(to_png(rgb)).decode()}"
