"""Small teachers that real processes can load by name: told() is the loader of all tests here.

plane            a wall 2 m ahead, seen head-on, whatever the picture; class 1 in the left half
plane:FACTOR     the same, FACTOR times as far
tilted           depth of the wall with normals of a floor
grey             canvases of no code at all
closed           as plane, under a licence that forbids commerce
down             never answers
sleepy:SECONDS   as plane, after a sleep
busy:SECONDS     as plane, after so much work on a CPU
mortal:FILE      as plane; the process that first takes FILE away dies on the spot
counting:FILE    as plane; writes a line into FILE for each picture it is asked about
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import About, Camera, Canvas, Frame, GeneratorError, Task, Truth
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import encode


@dataclass(frozen=True)
class Wall:
    name: str
    argument: str = ""

    @property
    def tasks(self) -> frozenset[Task]:
        return frozenset({Task.DEPTH, Task.NORMALS, Task.SEMANTIC, Task.INSTANCE})

    @property
    def about(self) -> About:
        licence = "CC-BY-NC-4.0" if self.name == "closed" else "Apache-2.0"
        return About(name=f"wall {self.name}", licence=licence, revision="r1", metric=self.name != "relative")

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        self._live()
        height, width = frame.hw
        far = float(self.argument) if self.name in ("plane", "relative") and self.argument else 1.0
        normals = np.zeros((height, width, 3), np.float32)
        normals[...] = (0, -1, 0) if self.name == "tilted" else (0, 0, -1)
        mask = np.ones((height, width), np.uint8)
        truth = Truth(
            camera=Camera.from_hfov(70, width, height),
            depth_m=np.full((height, width), 2.0 * far, np.float32),
            normals=normals,
            mask=mask,
            instances=mask.astype(np.uint16),
            labels=("floor", "wall"),
        )
        if self.name == "corner" and truth.depth_m is not None:
            truth.depth_m[:, width * 3 // 4 :] = 4.0
        if self.name == "grey":
            return [Canvas(np.full((height, width, 3), 128, np.uint8), i) for i in instructions]
        return [Canvas(encode(i, truth, wh=(width, height), image=frame.rgb), i) for i in instructions]

    def _live(self) -> None:
        if self.name == "down":
            raise GeneratorError("no answer")
        if self.name == "sleepy":
            time.sleep(float(self.argument))
        if self.name == "busy":
            end = time.process_time() + float(self.argument)
            while time.process_time() < end:
                sum(range(2000))
        if self.name == "mortal":
            try:
                os.remove(self.argument)
            except FileNotFoundError:
                pass
            else:
                os._exit(7)
        if self.name == "counting":
            with open(self.argument, "a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")


def told(name: str) -> Generator:
    kind, _, argument = name.partition(":")
    return Wall(kind, argument)
