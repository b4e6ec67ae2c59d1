"""`onnx:CARD.yaml`: any ONNX or TFLite file as a generator, by what its card says of it.

The graph is run by runtimes/, so by OpenVINO, ONNX Runtime, TensorRT with its cache, or LiteRT, whichever is fastest
and answers right (onnx_graph.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
from vision_banana_ros.generators.specialists.onnx_graph import CardGraphs
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
from vision_banana_ros.runtimes.report import LoadReport
from vision_banana_ros.runtimes.session import Feed

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
        self._metres = metres
        self._matcher = (
            ClassMatcher(card.labels, model=card.name, words=read_words(options.words))
            if "classes" in card.outputs
            else None
        )
        self._graphs = CardGraphs(card, options)

    @property
    def report(self) -> LoadReport:
        return self._graphs.report

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
        session, net_hw = self._graphs.for_frame(view.frame.hw)
        placing = Placing.of(view.frame.hw, net_hw, self._card.input.fit)
        answer = session.run(self._graphs.feed(view.frame.rgb, placing, session))
        net_camera = placing.camera(view.frame.camera or _told(view))
        roles = {role: self._graphs.pick(answer, role) for role in self._card.outputs}
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


def _told(view: View) -> Camera | None:
    return None if view.camera is None else view.camera.scaled_to(view.frame.hw[1], view.frame.hw[0])


def _hfov_of_frame(net: Camera, placing: Placing) -> float:
    return math.degrees(2 * math.atan(placing.inner_wh[0] / 2 / net.fx))
