"""The files of a card, each opened when a frame's shape asks for it: what goes into them, and whether they are sound.

Names and sizes are read from the file: the card's must be among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vision_banana_ros.core import AnyArray, GeneratorError, UInt8Array
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.card import Card
from vision_banana_ros.generators.specialists.placing import Placing
from vision_banana_ros.runtimes.graphs import OpenedGraph, open_graph
from vision_banana_ros.runtimes.report import LoadReport
from vision_banana_ros.runtimes.runtime import RuntimeOptions
from vision_banana_ros.runtimes.session import Feed, Session

#: An answer whose spread is below this share of its size is constant, whatever the picture.
_CONSTANT = 1e-3


class CardGraphs:
    """The graphs of a card by number; the first is opened at once."""

    def __init__(self, card: Card, options: GeneratorOptions) -> None:
        self._card = card
        self._options = options
        self._opened: dict[int, OpenedGraph] = {}
        self.opened(0)

    @property
    def report(self) -> LoadReport:
        return next(iter(self._opened.values())).report

    def pick(self, answer: Feed, role: str) -> AnyArray:
        names = self._card.outputs[role].names
        return next(np.asarray(answer[name]) for name in names if name in answer)

    def feed(self, rgb: UInt8Array, placing: Placing, session: Session) -> Feed:
        spec = self._card.input
        picture: AnyArray = placing.picture(rgb, spec.interpolation, spec.pad_colour)
        if spec.colour == "bgr":
            picture = picture[..., ::-1]
        if spec.scale != 255:
            picture = picture * np.float32(spec.scale / 255)
        if spec.mean:
            picture = (picture - np.asarray(spec.mean, np.float32)) / np.asarray(spec.std, np.float32)
        if spec.layout != "NHWC":
            picture = picture.transpose(2, 0, 1)
        batch = picture[None] if spec.layout != "BNCHW" else picture[None, None]
        port = self._input_port(session)
        feed: Feed = {port.name: np.ascontiguousarray(batch).astype(port.dtype)}
        for name, value in spec.extra.items():
            kind = next(p.dtype for p in session.inputs if p.name == name)
            feed[name] = np.array(self._tokens() if value == "tokens" else value, kind)
        return feed

    def _tokens(self) -> int:
        return int(self._card.input.size.get("tokens", 0))

    def _input_port(self, session: Session) -> Any:
        name = self._card.input.name
        if not name and len(session.inputs) == 1:
            return session.inputs[0]
        return next(port for port in session.inputs if port.name == name)

    def for_frame(self, frame_hw: tuple[int, int]) -> tuple[Session, tuple[int, int]]:
        fixed = self._card.fixed_hw
        index = 0
        if len(fixed) > 1:
            aspect = math.log(frame_hw[1] / frame_hw[0])
            index = min(range(len(fixed)), key=lambda i: abs(math.log(fixed[i][1] / fixed[i][0]) - aspect))
        session = self.opened(index).session
        return session, self.net_hw(frame_hw, index, session)

    def net_hw(self, frame_hw: tuple[int, int], index: int, session: Session) -> tuple[int, int]:
        spec, (height, width) = self._card.input, frame_hw
        own = _static_hw(self._input_port(session).shape, spec.layout)
        if self._card.fixed_hw:
            return self._card.fixed_hw[index]
        if own is not None:
            return own
        if "longest" in spec.size:
            scale = spec.size["longest"] / max(height, width)
        elif "shortest" in spec.size:
            scale = spec.size["shortest"] / min(height, width)
        elif "tokens" in spec.size:
            scale = math.sqrt(spec.size["tokens"] * spec.patch**2 / (height * width))
        else:
            scale = 1.0
        step = spec.multiple
        return max(step, round(height * scale / step) * step), max(step, round(width * scale / step) * step)

    def opened(self, index: int) -> OpenedGraph:
        if index not in self._opened:
            options = RuntimeOptions(tell=self._options.tell, cache_dir=self._options.cache_dir)
            opened = open_graph(self._card.files[index], self._options.backend, options, self._probe(index))
            if self._card.check:
                self._require_varies(opened.session, index)
            self._opened[index] = opened
        return self._opened[index]

    def _probe(self, index: int, seed: int = 0) -> Any:
        def feed(session: Session) -> Feed:
            self._require_names(session, index)
            hw = self.net_hw((480, 640), index, session)
            return self.feed(_pattern(hw, seed), Placing.of(hw, hw, "stretch"), session)

        return feed

    def _require_names(self, session: Session, index: int) -> None:
        """What the card names must be in the file, by name and size."""
        card, ins = self._card, [port.name for port in session.inputs]
        for name in (*((card.input.name,) if card.input.name or len(ins) > 1 else ()), *card.input.extra):
            if name not in ins:
                raise GeneratorError(
                    f"card {card.name}: the file has no input {name!r}, it has {_ports(session.inputs)}"
                )
        outs = [port.name for port in session.outputs]
        for role, spec in card.outputs.items():
            if not set(spec.names) & set(outs):
                raise GeneratorError(
                    f"card {card.name}: none of {', '.join(spec.names)} ({role}) is an output of the file, "
                    f"it has {_ports(session.outputs)}"
                )
        own = _static_hw(self._input_port(session).shape, card.input.layout)
        if own is not None and card.fixed_hw and card.fixed_hw[index] != own:
            raise GeneratorError(
                f"card {card.name}: size fixed is {list(card.fixed_hw[index])}, but the file takes {list(own)} "
                "(height, width): correct the card"
            )

    def _require_varies(self, session: Session, index: int) -> None:
        """Some published files give one number for every pixel of every picture, without an error."""
        answers = [session.run(self._probe(index, seed)(session)) for seed in (1, 2)]
        answers = [{name: array.copy() for name, array in answer.items()} for answer in answers]
        for role in ("depth", "points", "normals"):
            if role not in self._card.outputs:
                continue
            flat = [np.asarray(self.pick(answer, role), np.float64) for answer in answers]
            spreads = [np.nanstd(v) / max(float(np.nanmean(np.abs(v))), 1e-12) for v in flat]
            if not all(np.isfinite(v).any() for v in flat) or max(spreads) < _CONSTANT:
                raise GeneratorError(
                    f"card {self._card.name}: {role} is the same everywhere, whatever the picture: the file or its "
                    "precision is broken on this runtime; try another file, or backend 'onnxruntime'"
                )


def _static_hw(shape: tuple[int | None, ...], layout: str) -> tuple[int, int] | None:
    if len(shape) < 4:
        return None
    sizes: list[int | None] = list(shape)
    h, w = (sizes[-3], sizes[-2]) if layout == "NHWC" else (sizes[-2], sizes[-1])
    return None if h is None or w is None else (h, w)


def _pattern(hw: tuple[int, int], seed: int) -> UInt8Array:
    """A picture of patches: smooth enough for a network to see shapes, another one for every seed."""
    import cv2

    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(small, (hw[1], hw[0]), interpolation=cv2.INTER_CUBIC))


def _ports(ports: Sequence[Any]) -> str:
    return "; ".join(str(port) for port in ports)
