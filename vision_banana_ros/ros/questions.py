"""The prompt in force, and the answers that are owed for it.

A text on the topic `prompt` is answered twice on `prompt/answer`: at once, accepted or refused with the reason; and by
the next frame, with what was found. That frame is asked for even when nobody listens to any image topic.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from std_msgs.msg import Header, String

from vision_banana_ros.core import UNLABELLED, InstructionError, Perception, Task
from vision_banana_ros.geometry.objects import SeenObject, seen_objects
from vision_banana_ros.prompts import Instruction, read_request
from vision_banana_ros.ros.engine import Engine
from vision_banana_ros.ros.labels import object_entry
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.words import require_known_prompt

#: Of a task's answer: the layer of numbers, and the words of number 1 on.
_LAYERS = {Task.REFERRING: "referring", Task.SEMANTIC: "mask", Task.INSTANCE: "instances"}


class Questions:
    """`prompt` is replaced whole by the executor's thread and read by the worker's."""

    def __init__(self, text: str) -> None:
        self.prompt: Instruction | None = read_request(text)
        self._owed: tuple[str, Instruction] | None = None

    def take(self, text: str, engine: Engine | None) -> None:
        """Let it be in force, or raise why not; then the old one stays."""
        prompt = read_request(text)
        if engine is not None:
            require_known_prompt(prompt, engine.generator)
        self.prompt = prompt

    def require_allowed(self, text: str, settings: Settings) -> None:
        """What nothing would ever be answered to is refused."""
        prompt = read_request(text)
        if prompt is not None and prompt.task.value not in settings.tasks:
            raise InstructionError(f"the parameter tasks leaves out {prompt.task.value}")

    def owe(self, text: str) -> None:
        """The next frame answers."""
        self._owed = None if self.prompt is None else (text, self.prompt)

    @property
    def pending(self) -> Instruction | None:
        return None if self._owed is None else self._owed[1]

    @property
    def tasks(self) -> frozenset[Task]:
        """What a frame must be asked for the answer's sake: depth too, for metres."""
        return frozenset() if self._owed is None else frozenset({self._owed[1].task, Task.DEPTH})

    def forget(self) -> None:
        self._owed = None

    def answer(self, perception: Perception, head: Header) -> String | None:
        """What this frame says to the question that is pending, if it was asked that."""
        owed = self._owed
        if owed is None:
            return None
        text, instruction = owed
        refused = next((u.why for u in perception.unanswered if u.instruction == instruction), "")
        if not refused and all(answer.instruction != instruction for answer in perception.answers):
            return None  # it came while this frame was being worked on
        self._owed = None
        return answer_message(
            text, refused=refused, found=None if refused else _found(instruction, perception), head=head
        )

    def failed(self, why: str) -> String | None:
        owed, self._owed = self._owed, None
        return None if owed is None else answer_message(owed[0], refused=why)


def answer_message(
    text: str, *, refused: str = "", found: list[SeenObject] | None = None, head: Header | None = None
) -> String:
    """{"prompt", "accepted", "reason"}, and once a frame was seen {"stamp", "frame_id", "regions": [...]}."""
    told: dict[str, Any] = {"prompt": text, "accepted": not refused, "reason": refused}
    if head is not None:
        told |= {"stamp": {"sec": head.stamp.sec, "nanosec": head.stamp.nanosec}, "frame_id": head.frame_id}
        told["regions"] = [object_entry(seen) for seen in found or ()]
    return String(data=json.dumps(told, ensure_ascii=False))


def _found(instruction: Instruction, perception: Perception) -> list[SeenObject]:
    """Regions of this instruction alone; none for tasks that tell no regions."""
    answer = next(a for a in perception.answers if a.instruction == instruction)
    name = _LAYERS.get(instruction.task, "")
    numbers = answer.layers.get(name)
    if numbers is None:
        return []
    if numbers.dtype == np.uint8:
        numbers = np.where(numbers == UNLABELLED, np.uint8(0), numbers)
    if instruction.task is Task.INSTANCE:
        words = tuple(answer.layers.get("instance_labels", ()))
    else:
        words = tuple(target.text for target in instruction.targets)
    confidence = answer.layers.get(f"{name}_confidence")
    return seen_objects(numbers, words, confidence=confidence, depth_m=perception.depth_m, camera=perception.camera)
