"""One picture in, one labelled sample out: asks every teacher what it can paint, weighs the answers, packs the result.

A sample is a few files of a webdataset shard, all with the picture's key:

    rgb.jpg                     the picture
    depth.png                   16-bit millimetres along z; 0 unknown, 65535 sky     depth_confidence.png   8 bits
    normals.png                 n = v / 127 - 1, optical frame; (255, 255, 255) unknown      normals_confidence.png
    mask.png                    ids into `labels` of the JSON; 255 unlabelled        mask_confidence.png
    instances_NN.png            16-bit, 0 none, of the class that answer NN names    region_NN.png  255 where it is
    sensor_depth.png            as depth.png: what a sensor measured, where there was one
    features.npy                float16 (h, w, C): what an encoder makes of each patch, where one was named
    canvas_NN.png               answer NN painted by the code of its prompt
    json                        prompts, classes, camera, teachers, revisions, licences, agreement, what was left out
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vision_banana_ros import __version__
from vision_banana_ros.codecs import instances as instances_code
from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import (
    About,
    AnyArray,
    Camera,
    DataError,
    FloatArray,
    Frame,
    GeneratorError,
    Perception,
    Task,
    Truth,
    UInt8Array,
)
from vision_banana_ros.labelling.belief import Belief, BeliefSettings, Vote, believe
from vision_banana_ros.labelling.licences import forbids_commerce
from vision_banana_ros.labelling.pictures import Picture, millimetres, png
from vision_banana_ros.labelling.store import tar_of
from vision_banana_ros.labelling.votes import matched_share, overlap
from vision_banana_ros.perceive import PerceiveSettings, perceive
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import encode

#: Tasks whose answer is one value a pixel, and stays true when picture and answer are mirrored.
DENSE = (Task.DEPTH, Task.NORMALS, Task.SEMANTIC)
_FEWEST_MATCHES = 0.5
#: Depth that is no metres yet has no say about the scale here, see belief.py.
_SETTINGS = PerceiveSettings(believes_unmetric=True)


class RefusedError(Exception):
    """A picture of which nothing is believed; the message says why."""


@dataclass(frozen=True, slots=True)
class Teacher:
    name: str
    generator: Generator

    @property
    def about(self) -> About:
        return self.generator.about


class Encoder(Protocol):
    """Patch features of a picture, (h, w, C)."""

    @property
    def about(self) -> About: ...

    def see(self, rgb: UInt8Array) -> npt.NDArray[np.float16]: ...


@dataclass(slots=True)
class Labeller:
    """`recording_licence` is the terms of the pictures themselves."""

    teachers: Sequence[Teacher]
    instructions: Sequence[Instruction]
    settings: BeliefSettings = field(default_factory=BeliefSettings)
    recording_licence: str = "unknown"
    encoder: Encoder | None = None

    def __post_init__(self) -> None:
        for instruction in self.instructions:
            if not any(instruction.task in teacher.generator.tasks for teacher in self.teachers):
                names = ", ".join(teacher.name for teacher in self.teachers)
                raise DataError(
                    f"no teacher can paint {instruction.task.value!r} (asked are {names}): name one that can"
                )

    def label(self, picture: Picture) -> bytes:
        """The sample as a tar; RefusedError where nothing is believed."""
        votes = [vote for number, teacher in enumerate(self.teachers) for vote in self._dense(number, teacher, picture)]
        belief = believe(votes, picture.frame.camera, picture.sensor_depth_m, self.settings)
        answers = [self._answer(instruction, picture, belief) for instruction in self.instructions]
        if belief.is_empty and not any(answer.members for answer in answers):
            reasons = "; ".join(f"{layer}: {reason}" for layer, reason in belief.left_out.items())
            raise RefusedError(reasons or "no teacher said anything")
        members = [("rgb.jpg", picture.jpeg), *_layers(belief)]
        if picture.sensor_depth_m is not None:
            members.append(("sensor_depth.png", png(millimetres(picture.sensor_depth_m))))
        if self.encoder is not None:
            members.append(("features.npy", _npy(self.encoder.see(picture.frame.rgb))))
        canvases = []
        for number, answer in enumerate(answers):
            members += [(f"{name}_{number:02d}.png", data) for name, data in answer.members]
            if answer.canvas is not None:
                members.append((f"canvas_{number:02d}.png", png(answer.canvas)))
            canvases.append(answer.entry(number))
        members.append(("json", json.dumps(self._about(picture, belief, canvases)).encode()))
        return tar_of([(f"{picture.key}.{name}", data) for name, data in members])

    def _dense(self, number: int, teacher: Teacher, picture: Picture) -> list[Vote]:
        frame, able = picture.frame, teacher.generator.tasks
        asked = [self._told(i, frame) for i in self.instructions if i.task in able and i.task in DENSE]
        rays = [Instruction(Task.RAYS)] if frame.camera is None and Task.RAYS in able else []
        if not asked:
            return []
        metric = teacher.about.metric is True
        votes = [Vote(number, _seen(frame, teacher, [*asked, *rays]), metric)]
        if self.settings.mirror:
            votes.append(Vote(number, _mirrored(_seen(_mirror(frame), teacher, asked)), metric, mirrored=True))
        return votes

    def _told(self, instruction: Instruction, frame: Frame) -> Instruction:
        """With the field of view, where it is known and depth is asked for."""
        if instruction.task is not Task.DEPTH or frame.camera is None or not self.settings.tell_lens:
            return instruction
        return replace(instruction, hfov_deg=instruction.hfov_deg or round(frame.camera.hfov_deg, 1))

    def _answer(self, instruction: Instruction, picture: Picture, belief: Belief) -> Answer:
        if instruction.task in (*DENSE, Task.RAYS):
            return _dense_answer(instruction, picture, belief)
        able = [teacher for teacher in self.teachers if instruction.task in teacher.generator.tasks]
        told = [_seen(picture.frame, teacher, [instruction]) for teacher in able]
        if instruction.task is Task.INSTANCE:
            return _instances(instruction, told)
        if instruction.task is Task.REFERRING:
            return _region(instruction, told)
        if instruction.task is Task.IMAGE:
            canvas = told[0].canvases[0].rgb
            return Answer(instruction, canvas, (("image", png(canvas)),))
        raise DataError(f"labels of {instruction.task.value!r} are not made: leave it out")

    def _about(self, picture: Picture, belief: Belief, answers: list[dict[str, Any]]) -> dict[str, Any]:
        teachers = [
            {
                "name": teacher.name,
                "model": teacher.about.name,
                "licence": teacher.about.licence,
                "revision": teacher.about.revision,
                "metric": teacher.about.metric,
                "deterministic": teacher.about.deterministic,
                "sources": list(teacher.about.sources),
            }
            for teacher in self.teachers
        ]
        encoder = self.encoder.about if self.encoder is not None else None
        sources = [teacher.about for teacher in self.teachers] + ([encoder] if encoder is not None else [])
        licences = sorted({self.recording_licence, *(about.licence for about in sources)})
        about = {name: value for name, value in picture.about.items() if name not in ("camera", "has_sensor_depth")}
        return (
            about
            | {
                "key": picture.key,
                "camera": None if belief.camera is None else asdict(belief.camera),
                "camera_from": belief.camera_from,
                "labels": list(belief.labels),
                "answers": answers,
                "teachers": teachers,
                "recording_licence": self.recording_licence,
                "licences": licences,
                "non_commercial": any(forbids_commerce(licence) for licence in licences),
                "agreement": belief.agreement,
                "left_out": belief.left_out,
                "software": f"vision_banana_ros {__version__}",
            }
            | (
                {"features": {"model": encoder.name, "licence": encoder.licence, "revision": encoder.revision}}
                if encoder is not None
                else {}
            )
        )


def _npy(array: npt.NDArray[np.float16]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is believed for one instruction, painted; no canvas where it was left out, for `problem`."""

    instruction: Instruction
    canvas: UInt8Array | None = None
    members: tuple[tuple[str, bytes], ...] = ()
    problem: str = ""

    def entry(self, number: int) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "task": self.instruction.task.value,
            "prompt": self.instruction.to_text(),
            "targets": [target.text for target in self.instruction.targets],
            "canvas": None if self.canvas is None else f"canvas_{number:02d}.png",
        }
        return entry | ({"problem": self.problem} if self.problem else {})


def _seen(frame: Frame, teacher: Teacher, instructions: Sequence[Instruction]) -> Perception:
    try:
        return perceive(frame, teacher.generator, instructions, _SETTINGS)
    except GeneratorError as error:
        raise GeneratorError(f"{teacher.name}: {error}") from error


def _mirror(frame: Frame) -> Frame:
    camera = frame.camera
    if camera is not None:
        camera = Camera(camera.fx, camera.fy, camera.width - 1 - camera.cx, camera.cy, camera.width, camera.height)
    return replace(frame, rgb=np.ascontiguousarray(frame.rgb[:, ::-1]), camera=camera)


def _mirrored(seen: Perception) -> Perception:
    """Turned back: columns in their order again, and the x of normals with the other sign."""

    def back(layer: AnyArray | None) -> Any:
        return None if layer is None else np.ascontiguousarray(layer[:, ::-1])

    normals = back(seen.normals)
    if normals is not None:
        normals[..., 0] *= -1
    layers = {name: back(layer) if isinstance(layer, np.ndarray) else layer for name, layer in seen.layers.items()}
    if normals is not None:
        layers["normals"] = normals
    return Perception(stamp_ns=seen.stamp_ns, frame_id=seen.frame_id, hw=seen.hw, layers=layers)


def _dense_answer(instruction: Instruction, picture: Picture, belief: Belief) -> Answer:
    height, width = picture.frame.hw
    layers: dict[Task, tuple[str, AnyArray | None]] = {
        Task.DEPTH: ("depth", belief.depth_m),
        Task.NORMALS: ("normals", belief.normals),
        Task.SEMANTIC: ("classes", belief.mask),
        Task.RAYS: ("rays", None if belief.camera is None else np.zeros(0)),
    }
    name, layer = layers[instruction.task]
    if layer is None:
        return Answer(instruction, problem=belief.left_out.get(name, "no teacher said it"))
    truth = Truth(
        camera=belief.camera or Camera.from_hfov(60.0, width, height),
        depth_m=belief.depth_m,
        normals=belief.normals,
        mask=belief.mask,
        labels=belief.labels,
    )
    return Answer(instruction, encode(instruction, truth, wh=(width, height), image=picture.frame.rgb))


def _instances(instruction: Instruction, told: Sequence[Perception]) -> Answer:
    maps = [seen.instances for seen in told if seen.instances is not None]
    if not maps:
        return Answer(instruction, problem="no teacher said it")
    shares = [matched_share(maps[0], other) for other in maps[1:]]
    if shares and min(shares) < _FEWEST_MATCHES:
        return Answer(instruction, problem=f"teachers find other instances: {min(shares):.0%} match")
    canvas = instances_code.encode(maps[0], background=instruction.background or (0, 0, 0))
    return Answer(instruction, canvas, (("instances", png(maps[0])),))


def _region(instruction: Instruction, told: Sequence[Perception]) -> Answer:
    masks = [seen.referring for seen in told if seen.referring is not None]
    if not masks:
        return Answer(instruction, problem="no teacher said it")
    shares = [overlap(masks[0] == 1, other == 1) for other in masks[1:]]
    if shares and min(shares) < _FEWEST_MATCHES:
        return Answer(instruction, problem=f"teachers mean other places: overlap {min(shares):.0%}")
    region = np.where(masks[0] == 1, 255, 0).astype(np.uint8)
    canvas = Palette.from_instruction(instruction).encode(masks[0])
    return Answer(instruction, canvas, (("region", png(region)),))


def _layers(belief: Belief) -> list[tuple[str, bytes]]:
    members = []
    if belief.depth_m is not None:
        members.append(("depth.png", png(millimetres(belief.depth_m))))
        members.append(("depth_confidence.png", png(belief.depth_confidence)))
    if belief.normals is not None:
        members.append(("normals.png", png(normals_picture(belief.normals))))
        members.append(("normals_confidence.png", png(belief.normals_confidence)))
    if belief.mask is not None:
        members.append(("mask.png", png(belief.mask)))
        members.append(("mask_confidence.png", png(belief.mask_confidence)))
    return members


def normals_picture(normals: FloatArray) -> UInt8Array:
    """n = v / 127 - 1; (255, 255, 255) unknown."""
    with np.errstate(invalid="ignore"):
        code = np.rint((normals + 1) * 127)
    return np.where(np.isfinite(normals).all(axis=-1, keepdims=True), code, 255).astype(np.uint8)
