"""A report as one HTML page that needs nothing else: no server, no network, pictures and script inside.

Written for people: what was run, how fast, what it looks like (a slider between the picture and each layer), where it
doubts, and, where the truth is known, how right it is with the interval that other frames of this kind would move it
in (evaluation/intervals.py). Of two models, the difference frame by frame.
"""

from __future__ import annotations

import base64
import html
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vision_banana_ros.evaluation.intervals import estimate
from vision_banana_ros.viewing.notes import CONFIDENCE_EDGES, DEPTH_EDGES, Notes, Pictures
from vision_banana_ros.viewing.style import SCRIPT, STYLE

_HIGHER_IS_BETTER = {"delta1", "scaled delta1", "label accuracy"}
_MOST_CLASSES = 16
_number = itertools.count()


def page(title: str, facts: Sequence[tuple[str, str]], models: Sequence[Notes]) -> str:
    """The page's text; `facts` are lines of what was run."""
    sections = [
        ("What was run", _facts(facts)),
        ("Speed", _speed(models)),
        ("How right it is", _scores(models)),
        ("Frames", _frames(models)),
        ("Where it doubts", _worst(models)),
        ("Depth", _depth(models)),
        ("Confidence", _confidence(models)),
        ("Classes", _classes(models)),
    ]
    shown = [(name, body) for name, body in sections if body]
    links = "".join(f'<a href="#{_slug(name)}">{html.escape(name)}</a>' for name, _ in shown)
    bodies = "".join(
        f'<section id="{_slug(name)}"><h2>{html.escape(name)}</h2>{body}</section>' for name, body in shown
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><header><h1>{html.escape(title)}</h1><nav>{links}</nav></header><main>{bodies}</main>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in facts)
    return f"<table>{rows}</table>"


def _speed(models: Sequence[Notes]) -> str:
    head = "<tr><th></th><th>frames</th><th>median ms</th><th>95 % below ms</th><th>frames a second</th></tr>"
    rows = ""
    for notes in models:
        # The first frames load and warm up what the others use.
        values = np.array(notes.milliseconds[1:] or notes.milliseconds)
        cells = (
            notes.frames,
            f"{np.median(values):.1f}",
            f"{np.percentile(values, 95):.1f}",
            f"{1e3 / values.mean():.1f}",
        )
        rows += f"<tr><th>{html.escape(notes.model)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    return f"<table>{head}{rows}</table><p>Everything from picture to values, the first frame left out.</p>"


def _scores(models: Sequence[Notes]) -> str:
    names = list(dict.fromkeys(name for notes in models for name in notes.scores))
    if not names:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{html.escape(notes.model)}</th>"
        + "".join(f"<td>{_interval(notes.scores.get(name, []))}</td>" for name in names)
        + "</tr>"
        for notes in models
    )
    table = f"<table><tr><th></th>{head}</tr>{rows}"
    if len(models) == 2:
        table += f"<tr><th>difference</th>{''.join(f'<td>{_difference(name, *models)}</td>' for name in names)}</tr>"
    return (
        f"{table}</table><p>Mean over frames, and the 95&nbsp;% interval in which it would move with other frames of "
        "this kind. Frames of one video resemble each other: the true interval is wider.</p>"
    )


def _interval(values: Sequence[float]) -> str:
    known = np.array([value for value in values if np.isfinite(value)])
    return html.escape(str(estimate(known))) if known.size else "-"


def _difference(name: str, first: Notes, second: Notes) -> str:
    pairs = [
        (a, b)
        for a, b in zip(first.scores.get(name, []), second.scores.get(name, []), strict=False)
        if np.isfinite(a) and np.isfinite(b)
    ]
    if not pairs:
        return "-"
    found = estimate([b - a for a, b in pairs])
    better = found.value > 0 if name in _HIGHER_IS_BETTER else found.value < 0
    sure = found.low > 0 or found.high < 0
    verdict = "no clear winner" if not sure else f"{(second if better else first).model} is better"
    return f"{html.escape(str(found))}<br><small>{html.escape(verdict)}</small>"


def _frames(models: Sequence[Notes]) -> str:
    cards = ""
    for i, pictures in enumerate(models[0].shown):
        others = [notes.shown[i] for notes in models[1:] if i < len(notes.shown)]
        cards += _card(pictures, others, [notes.model for notes in models])
    return f'<div class="grid">{cards}</div>'


def _worst(models: Sequence[Notes]) -> str:
    told = "<p>Doubt is one minus the mean confidence of the decode: how far the colours are from any code.</p>"
    for notes in models:
        cards = "".join(_card(pictures, [], [notes.model]) for pictures in notes.worst)
        told += f'<h3>{html.escape(notes.model)}</h3><div class="grid">{cards}</div>'
    return told


def _card(pictures: Pictures, others: Sequence[Pictures], models: Sequence[str]) -> str:
    """The picture, and over it, as far as the slider says, the chosen layer of the chosen model."""
    key = f"c{next(_number)}"
    layers = {f"{models[0]}|{name}" if others else name: data for name, data in pictures.layers.items()}
    for model, other in zip(models[1:], others, strict=False):
        layers |= {f"{model}|{name}": data for name, data in other.layers.items() if name != "picture"}
    below = next(iter(layers.values()))
    over = {name: data for name, data in layers.items() if not name.endswith("picture")}
    choices = "".join(
        f'<option value="{number}">{html.escape(name.replace("|", ": "))}</option>' for number, name in enumerate(over)
    )
    images = "".join(
        f'<img class="over" alt="{html.escape(name)}" src="{_data(data)}"{"" if number == 0 else " hidden"}>'
        for number, (name, data) in enumerate(over.items())
    )
    caption = f"doubt {pictures.doubt:.2f}" + (f"; {pictures.caption}" if pictures.caption else "")
    return (
        f'<figure class="compare" id="{key}"><div class="stack"><img alt="picture" src="{_data(below)}">{images}'
        f'<div class="line"></div></div><div class="controls"><label>layer <select>{choices}</select></label>'
        f'<label>share <input type="range" min="0" max="100" value="50"></label></div>'
        f"<figcaption><b>{html.escape(pictures.name)}</b> {html.escape(caption)}</figcaption></figure>"
    )


def _depth(models: Sequence[Notes]) -> str:
    if not any(notes.depth_counts.any() for notes in models):
        return ""
    labels = [f"{edge:.2g}" for edge in DEPTH_EDGES]
    charts = [(notes.model, notes.depth_counts / max(1, notes.depth_counts.sum())) for notes in models]
    invalid = "; ".join(f"{n.model}: {n.invalid / max(1, n.pixels):.1%} without depth" for n in models)
    agreement = ""
    if len(models) == 2:
        a, b = (np.array(notes.log_depths) for notes in models)
        n = min(len(a), len(b))
        ratio = np.exp(np.nanmedian(np.abs(a[:n] - b[:n]))) if n else float("nan")
        agreement = f"<p>Median depths of a frame differ by a factor of {ratio:.2f} between the two (median).</p>"
    return f"{_bars(charts, labels, 'metres')}<p>{html.escape(invalid)}</p>{agreement}"


def _confidence(models: Sequence[Notes]) -> str:
    told = ""
    for layer in dict.fromkeys(name for notes in models for name in notes.confidence_counts):
        charts = [
            (notes.model, notes.confidence_counts[layer] / max(1, notes.confidence_counts[layer].sum()))
            for notes in models
            if layer in notes.confidence_counts
        ]
        told += f"<h3>{html.escape(layer)}</h3>" + _bars(charts, [f"{e:.0f}" for e in CONFIDENCE_EDGES], "of 255")
    return told


def _classes(models: Sequence[Notes]) -> str:
    totals: dict[str, float] = {}
    for notes in models:
        for name, pixels in notes.class_pixels.items():
            totals[name] = totals.get(name, 0) + pixels / max(1, notes.pixels)
    if not totals:
        return ""
    names = sorted(totals, key=lambda name: -totals[name])[:_MOST_CLASSES]
    rows = ""
    for name in names:
        bars = ""
        for number, notes in enumerate(models):
            share = notes.class_pixels.get(name, 0) / max(1, notes.pixels)
            bars += f'<div class="bar m{number}" style="width:{100 * share:.2f}%"></div><small>{share:.1%}</small>'
        rows += f"<tr><th>{html.escape(name)}</th><td class=wide>{bars}</td></tr>"
    return f"<table class=shares>{rows}</table>{_legend([notes.model for notes in models])}"


def _bars(charts: Sequence[tuple[str, npt.NDArray[np.float64]]], edges: Sequence[str], unit: str) -> str:
    """A histogram of each model in one drawing."""
    width, height, foot = 640, 150, 22
    count = len(edges) - 1
    top = max(float(values.max()) for _, values in charts) or 1.0
    each = width / count
    shapes = ""
    for number, (name, values) in enumerate(charts):
        bar = each * 0.9 / len(charts)
        for i, value in enumerate(values.tolist()):
            tall = height * value / top
            title = f"{name}: {value:.1%} from {edges[i]} to {edges[i + 1]} {unit}"
            shapes += (
                f'<rect class="m{number}" x="{i * each + number * bar:.1f}" y="{height - tall:.1f}" width="{bar:.1f}" '
                f'height="{tall:.1f}"><title>{html.escape(title)}</title></rect>'
            )
    step = max(1, count // 10)
    ticks = "".join(
        f'<text x="{i * each:.1f}" y="{height + foot - 6}">{html.escape(edges[i])}</text>'
        for i in range(0, count, step)
    )
    return (
        f'<svg viewBox="0 0 {width} {height + foot}" role="img" aria-label="histogram, {html.escape(unit)}">'
        f'{shapes}<line x1="0" x2="{width}" y1="{height}" y2="{height}"/>{ticks}</svg>'
        f"<small>{html.escape(unit)}</small>{_legend([name for name, _ in charts])}"
    )


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    return "".join(f'<span class="key m{number}"></span>{html.escape(name)} ' for number, name in enumerate(names))


def _data(picture: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(picture).decode('ascii')}"


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
