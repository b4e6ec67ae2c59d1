"""Pages to look at: which pictures were chosen, and what the labels look like. One file each, pictures inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.labelling.selection import Selection
from vision_banana_ros.labelling.store import ShardLine, members_of

#: A page that takes a second to open; the plan has the rest.
_MOST_TILES = 400
_MOST_SAMPLES = 24
_SAMPLE_HEIGHT = 120
_STYLE = (
    "body{font:14px sans-serif;margin:16px;background:#fafafa}figure{display:inline-block;margin:4px}"
    "figcaption{font-size:11px;color:#444;max-width:172px;overflow-wrap:anywhere}"
    "figure{vertical-align:top}img{display:block}table{border-spacing:12px 2px}"
)


def selection_page(selection: Selection, recordings: Sequence[str]) -> str:
    """The chosen pictures in the order of time, and why the others are not among them."""
    chosen = selection.chosen
    step = max(1, -(-len(chosen) // _MOST_TILES))
    start = {c.recording: c.stamp_ns for c in reversed(chosen)}
    tiles = [
        _figure(
            candidate.preview.read(),
            "jpeg",
            f"{recordings[candidate.recording]} #{candidate.at}, "
            f"{(candidate.stamp_ns - start[candidate.recording]) / 1e9:.1f} s, sharpness {candidate.sharpness:.1f}",
        )
        for candidate in chosen[::step]
    ]
    rows = "".join(
        f"<tr><td>{count}</td><td>{escape(reason)}</td></tr>" for reason, count in selection.left_out.items()
    )
    shown = "" if step == 1 else f" (each {step}th is shown)"
    return _page(f"{len(chosen)} of {selection.seen} pictures chosen{shown}", f"<table>{rows}</table>{''.join(tiles)}")


def samples_page(root: Path, shards: Sequence[ShardLine], damaged: dict[str, str]) -> str:
    """Some labelled pictures of all shards, beside their canvases, and every refusal."""
    total = sum(len(shard.keys) for shard in shards)
    step = max(1, -(-total // _MOST_SAMPLES))
    rows, number = [], 0
    for shard in shards:
        wanted = {key for i, key in enumerate(shard.keys) if (number + i) % step == 0}
        number += len(shard.keys)
        if wanted:
            rows += _samples(root / shard.shard, wanted)
    refused = damaged | {refusal.key: refusal.reason for shard in shards for refusal in shard.refused}
    listed = "".join(f"<li>{escape(key)}: {escape(reason)}</li>" for key, reason in refused.items())
    licences = sorted({licence for shard in shards for licence in shard.licences})
    head = f"<p>Licences: {escape(', '.join(licences))}</p>"
    tail = f"<h2>Refused: {len(refused)}</h2><ul>{listed}</ul>"
    return _page(f"{total} labelled pictures", head + "".join(rows) + tail)


def _samples(shard: Path, wanted: set[str]) -> list[str]:
    found: dict[str, dict[str, bytes]] = {}
    for name, data in members_of(shard.read_bytes()):
        key, _, kind = name.partition(".")
        if key in wanted and (kind in ("rgb.jpg", "json", "depth_confidence.png") or kind.startswith("canvas_")):
            found.setdefault(key, {})[kind] = data
    return [_sample(key, files) for key, files in found.items()]


def _sample(key: str, files: dict[str, bytes]) -> str:
    about = json.loads(files["json"])
    figures = [_figure(_small(files["rgb.jpg"]), "jpeg", f"{about['recording']}, {about['stamp_ns'] / 1e9:.1f} s")]
    for answer in about["answers"]:
        if answer["canvas"]:
            figures.append(_figure(_small(files[answer["canvas"]]), "jpeg", answer["prompt"]))
        else:
            figures.append(
                f"<figure><figcaption>{escape(answer['task'])}: {escape(answer['problem'])}</figcaption></figure>"
            )
    if "depth_confidence.png" in files:
        figures.append(_figure(_small(files["depth_confidence.png"]), "jpeg", "confidence of depth"))
    numbers = ", ".join(f"{name} {value}" for name, value in about["agreement"].items())
    return f"<div title='{escape(key)}'>{''.join(figures)}<small>{escape(numbers)}</small></div>"


def _small(data: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return b""
    width = max(1, round(image.shape[1] * _SAMPLE_HEIGHT / image.shape[0]))
    small: UInt8Array = np.asarray(cv2.resize(image, (width, _SAMPLE_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


def _figure(data: bytes, kind: str, caption: str) -> str:
    source = base64.b64encode(data).decode()
    return f"<figure><img src='data:image/{kind};base64,{source}'><figcaption>{escape(caption)}</figcaption></figure>"


def _page(title: str, body: str) -> str:
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}\n"
    )
