"""`onnx:CARD.yaml`: any ONNX or TFLite file as a generator, by what its card says of it.

The graph is run by runtimes/, so by OpenVINO, ONNX Runtime, TensorRT with its cache, or LiteRT, whichever is fastest
and answers right. Names and sizes are read from the file: the card's must be among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vision_banana_ros.core import (
    UNLABELLED,
    About,
    AnyArray,
    BoolArray,
    Camera,
    FloatArray,
    GeneratorError,
    Task,
    Truth,
    UInt8Array,
)
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.card import Card, find_card, read_card
from vision_banana_ros.generators.specialists.classes import ClassMatcher, read_words, remark
from vision_banana_ros.generators.specialists.metres import Metres, SparseAnchor, parse_anchor
from vision_banana_ros.generators.specialists.placing import Placing, solve_camera, solve_shift
from vision_banana_ros.generators.specialists.specialist import (
    Specialist,
    View,
    resize_depth,
    resize_labels,
    resize_normals,
)
from vision_banana_ros.geometry.anchor import DepthKind
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes.graphs import OpenedGraph, open_graph
from vision_banana_ros.runtimes.report import LoadReport
from vision_banana_ros.runtimes.runtime import RuntimeOptions
from vision_banana_ros.runtimes.session import Feed, Session

#: An answer whose spread is below this share of its size is constant, whatever the picture.
_CONSTANT = 1e-3
_FAR_M = 200.0


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The model's answer for one frame, at the size of the canvases."""

    depth_m: FloatArray | None = None
    normals: FloatArray | None = None
    classes: UInt8Array | None = None
    camera: Camera | None = None


class OnnxGenerator(Specialist):
    """A `Generator` around a graph; `report` says how its runtime was chosen."""

    def __init__(self, card: Card, options: GeneratorOptions, *, metres: Metres | None) -> None:
        tasks = set()
        if metres is not None:
            tasks.add(Task.DEPTH)
        if "normals" in card.outputs:
            tasks.add(Task.NORMALS)
        if "points" in card.outputs:
            tasks.add(Task.RAYS)
        if "classes" in card.outputs:
            tasks.add(Task.SEMANTIC)
        about = About(
            name=f"onnx:{card.name}",
            licence=card.licence,
            metric=None if metres is None else True,
            sources=(f"{card.source} ({card.licence})",) if card.source else (),
        )
        super().__init__(about, frozenset(tasks), size=options.size)
        self._card = card
        self._options = options
        self._metres = metres
        self._opened: dict[int, OpenedGraph] = {}
        self._matcher = (
            ClassMatcher(card.labels, model=card.name, words=read_words(options.words))
            if "classes" in card.outputs
            else None
        )
        self._graph(0)

    @property
    def report(self) -> LoadReport:
        return next(iter(self._opened.values())).report

    def give_depth(self, depth_m: FloatArray, stamp_ns: int) -> None:
        if self._metres is not None and isinstance(self._metres.anchor, SparseAnchor):
            self._metres.anchor.give(depth_m, stamp_ns)

    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]:
        asked = frozenset(i.task for i in instructions)
        seen = self._see(view, asked)
        return [self._truth(seen, view, instruction) for instruction in instructions]

    def _truth(self, seen: _Seen, view: View, instruction: Instruction) -> Truth:
        camera = seen.camera or view.truth_camera()
        if instruction.task is not Task.SEMANTIC:
            return Truth(camera=camera, depth_m=seen.depth_m, normals=seen.normals)
        assert self._matcher is not None
        assert seen.classes is not None
        words = tuple(target.text for target in instruction.targets)
        matched = self._matcher.match(words)
        self.remarks["words"] = remark(matched)
        table = np.zeros(256, np.uint8)
        table[: len(matched.table)] = matched.table
        table[UNLABELLED] = UNLABELLED
        return Truth(camera=camera, mask=table[seen.classes], labels=("", *words))

    def _see(self, view: View, asked: frozenset[Task]) -> _Seen:
        session, net_hw = self._session_for(view.frame.hw)
        placing = Placing.of(view.frame.hw, net_hw, self._card.input.fit)
        answer = session.run(self._feed(view.frame.rgb, placing, session))
        net_camera = placing.camera(view.frame.camera or _told(view))
        roles = {role: self._pick(answer, role) for role in self._card.outputs}
        valid = self._valid(roles, net_hw)
        depth_m = normals = classes = None
        if "points" in roles and net_camera is None:
            net_camera = solve_camera(_hwc(roles["points"]), valid)
        if self._metres is not None and Task.DEPTH in asked:
            depth_m = self._depth(roles, valid, net_camera, placing, view)
            self.remarks["metres"] = self._metres.words
        if "normals" in roles and Task.NORMALS in asked:
            flip = self._flip()
            normals = resize_normals(
                placing.back(_hwc(roles["normals"])[..., :3] * flip, np.nan),
                np.asarray(placing.back(valid, 0), bool),
                view.wh,
            )
        if "classes" in roles:
            classes = np.asarray(resize_labels(placing.back(self._ids(roles["classes"]), UNLABELLED), view.wh))
        camera = view.camera
        if camera is None and net_camera is not None and "points" in roles:
            camera = Camera.from_hfov(_hfov_of_frame(net_camera, placing), *view.wh)
        return _Seen(depth_m, normals, classes, camera)

    def _depth(self, roles: Feed, valid: BoolArray, camera: Camera | None, placing: Placing, view: View) -> FloatArray:
        assert self._metres is not None
        spec = self._card.outputs.get("depth") or self._card.outputs["points"]
        if "points" in roles:
            values = self._depth_of_points(roles, valid, camera)
            if spec.kind == "affine_shift" and "scale" in roles:
                values = values * np.float32(np.ravel(roles["scale"])[0])
        else:
            values = np.asarray(_plane(roles["depth"]), np.float32)
        if self._metres.kind.needs_anchor:
            # fitted at the canvas's size, so that what is known needs no resizing by guesses
            known = np.where(valid, values, np.float32(np.nan)).astype(np.float32)
            return self._metres(_resize_plain(placing.back(known, np.nan), view.wh), view)
        metres = self._metres(values, view, net_camera=camera)
        near, far = spec.number("near", 0.0), spec.number("far", _FAR_M)
        with np.errstate(invalid="ignore"):
            inside = valid & np.isfinite(metres) & (metres > near) & (metres < far)
        return resize_depth(placing.back(metres, 1.0), np.asarray(placing.back(inside, 0), bool), view.wh)

    def _depth_of_points(self, roles: Feed, valid: BoolArray, camera: Camera | None) -> FloatArray:
        points = np.asarray(_hwc(roles["points"]), np.float32)
        if self._card.outputs["points"].kind == "metric":
            return points[..., 2]
        if camera is None:
            return np.full(valid.shape, np.nan, np.float32)
        solved = solve_shift(points, valid, camera)
        if solved is None:  # nothing to see: say invalid, do not guess
            return np.full(valid.shape, np.nan, np.float32)
        return points[..., 2] + np.float32(solved[0])

    def _valid(self, roles: Feed, hw: tuple[int, int]) -> BoolArray:
        valid = np.ones(hw, bool)
        for role, default, keep_above in (("mask", 0.5, True), ("confidence", 0.0, True), ("sky", 0.3, False)):
            if role in roles:
                above = _plane(roles[role]) >= self._card.outputs[role].number("above", default)
                valid &= above if keep_above else ~above
        return valid

    def _flip(self) -> FloatArray:
        said = self._card.outputs["normals"].options
        flip = np.array((1, -1, -1) if said.get("frame") == "opengl" else (1, 1, 1), np.float32)
        return -flip if said.get("facing") == "scene" else flip

    def _ids(self, answer: AnyArray) -> UInt8Array:
        spec = self._card.outputs["classes"]
        if spec.kind == "logits":
            scores = answer.reshape(answer.shape[-3:])
            ids = scores.argmax(-1 if spec.options.get("layout", "NCHW") == "NHWC" else 0)
        else:
            ids = _plane(answer)
        ids = np.where((ids >= 0) & (ids < UNLABELLED), ids, UNLABELLED).astype(np.uint8)
        for ignored in spec.options.get("ignore", ()):
            ids[ids == ignored] = UNLABELLED
        return ids

    def _pick(self, answer: Feed, role: str) -> AnyArray:
        names = self._card.outputs[role].names
        return next(np.asarray(answer[name]) for name in names if name in answer)

    def _feed(self, rgb: UInt8Array, placing: Placing, session: Session) -> Feed:
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

    def _session_for(self, frame_hw: tuple[int, int]) -> tuple[Session, tuple[int, int]]:
        fixed = self._card.fixed_hw
        index = 0
        if len(fixed) > 1:
            aspect = math.log(frame_hw[1] / frame_hw[0])
            index = min(range(len(fixed)), key=lambda i: abs(math.log(fixed[i][1] / fixed[i][0]) - aspect))
        session = self._graph(index).session
        return session, self._net_hw(frame_hw, index, session)

    def _net_hw(self, frame_hw: tuple[int, int], index: int, session: Session) -> tuple[int, int]:
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

    def _graph(self, index: int) -> OpenedGraph:
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
            hw = self._net_hw((480, 640), index, session)
            return self._feed(_pattern(hw, seed), Placing.of(hw, hw, "stretch"), session)

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
            flat = [np.asarray(self._pick(answer, role), np.float64) for answer in answers]
            spreads = [np.nanstd(v) / max(float(np.nanmean(np.abs(v))), 1e-12) for v in flat]
            if not all(np.isfinite(v).any() for v in flat) or max(spreads) < _CONSTANT:
                raise GeneratorError(
                    f"card {self._card.name}: {role} is the same everywhere, whatever the picture: the file or its "
                    "precision is broken on this runtime; try another file, or backend 'onnxruntime'"
                )


def load(rest: str, options: GeneratorOptions) -> OnnxGenerator:
    """The generator of `onnx:REST`."""
    return from_card(read_card(find_card(rest)), options)


def from_card(card: Card, options: GeneratorOptions) -> OnnxGenerator:
    if not card.commercial and not options.accept_licence:
        raise GeneratorError(
            f"the weights of {card.name} are not for commercial use ({card.licence}): accept the licence to use them"
        )
    metres = None
    spec = card.outputs.get("depth") or card.outputs.get("points")
    if spec is not None:
        from vision_banana_ros.generators.registry import load_generator

        kind = DepthKind.METRIC if "depth" not in card.outputs else DepthKind(spec.kind)
        anchor = parse_anchor(options.anchor or card.anchor, load_generator) if kind.needs_anchor else None
        metres = Metres(
            kind, f"onnx:{card.name}", anchor=anchor, focal=spec.number("focal", 0.0),
            axis=str(spec.options.get("axis", "mean")),
        )  # fmt: skip
    return OnnxGenerator(card, options, metres=metres)


def _plane(answer: AnyArray) -> AnyArray:
    """(H, W) of an answer with any number of ones around it."""
    if answer.ndim > 2 and answer.shape[-1] == 1 and answer.shape[-2] > 1 and answer.shape[-3] > 1:
        answer = answer[..., 0]
    height, width = answer.shape[-2:]
    return answer.reshape(height, width)


def _hwc(answer: AnyArray) -> AnyArray:
    """(H, W, C) of vectors in either order."""
    image: AnyArray = answer.reshape(answer.shape[-3:])
    return image if image.shape[-1] in (3, 4) else np.moveaxis(image, 0, -1)


def _resize_plain(values: AnyArray, wh: tuple[int, int]) -> FloatArray:
    """Values that are linear already, NaN where unknown."""
    import cv2

    valid = np.isfinite(values)
    if not valid.all():
        share = cv2.resize(valid.astype(np.float32), wh, interpolation=cv2.INTER_LINEAR)
        mean = cv2.resize(np.where(valid, values, 0).astype(np.float32), wh, interpolation=cv2.INTER_LINEAR)
        return np.where(share > 0.5, mean / np.maximum(share, 1e-6), np.float32(np.nan)).astype(np.float32)
    return np.asarray(cv2.resize(values, wh, interpolation=cv2.INTER_LINEAR), np.float32)


def _static_hw(shape: tuple[int | None, ...], layout: str) -> tuple[int, int] | None:
    if len(shape) < 4:
        return None
    sizes: list[int | None] = list(shape)
    h, w = (sizes[-3], sizes[-2]) if layout == "NHWC" else (sizes[-2], sizes[-1])
    return None if h is None or w is None else (h, w)


def _told(view: View) -> Camera | None:
    return None if view.camera is None else view.camera.scaled_to(view.frame.hw[1], view.frame.hw[0])


def _hfov_of_frame(net: Camera, placing: Placing) -> float:
    return math.degrees(2 * math.atan(placing.inner_wh[0] / 2 / net.fx))


def _pattern(hw: tuple[int, int], seed: int) -> UInt8Array:
    """A picture of patches: smooth enough for a network to see shapes, another one for every seed."""
    import cv2

    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(small, (hw[1], hw[0]), interpolation=cv2.INTER_CUBIC))


def _ports(ports: Sequence[Any]) -> str:
    return "; ".join(str(port) for port in ports)
