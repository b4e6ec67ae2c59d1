"""Instruction <-> text."""

from __future__ import annotations

from vision_banana_ros.core import Instruction


def write(instruction: Instruction) -> str:
    raise NotImplementedError


def read(text: str) -> Instruction:
    raise NotImplementedError
