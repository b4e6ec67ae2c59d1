"""What one step of training sees: pictures, their questions, and the answers, all on the device.

B images with K questions each. Which rows (image, question) ask for a task is known on the CPU, so no loss has to wait
for the device to say so. Batches are made in collate.py; what the answers of a task are, its file in tasks/ says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.core import Task
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable

Rows = tuple[Tensor, Tensor]


@dataclass(slots=True)
class Words:
    """The texts that were met so far, as rows of a matrix on the device; row 0 is no text."""

    text: TextTable
    device: torch.device
    rows: dict[str, int]
    matrix: Tensor

    @classmethod
    def of(cls, text: TextTable, device: torch.device) -> Words:
        return cls(text, device, {"": 0}, torch.zeros((4096, EMBEDDING_SIZE), device=device))

    def row(self, words: str) -> int:
        found = self.rows.get(words)
        if found is None:
            found = self.rows[words] = len(self.rows)
            if found >= len(self.matrix):
                self.matrix = torch.cat([self.matrix, torch.zeros_like(self.matrix)])
            self.matrix[found] = torch.from_numpy(self.text.embed(words)).to(self.device)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    image: Tensor  # (B, 3, H, W) 0..255
    boxes: Boxes  # (B, K, ...)
    rows: dict[Task, Rows]  # images and questions of each task that is asked for
    depth: Tensor  # (B, H, W) metres along z; 0 unknown, inf beyond range
    normals: Tensor  # (B, 3, H, W) optical frame; 0 unknown
    lens: Tensor  # (B,) log(width / f)
    log_focal: Tensor  # (B,) log(f / FOCAL_PX): from canonical depth to metres
    usual: Tensor  # (B,) bool: such a lens is one to expect
    paints: dict[Task, Tensor]  # (rows, H, W) int64: which paint belongs where; OPEN
    numbers: dict[Task, Tensor]  # (rows, H, W) int64: instances that are to be told apart, 0 none
    colors: dict[Task, Tensor]  # (rows, 3, H, W) 0..1: answers that are plain pictures
    classes: Tensor  # (B, H/8, W/8) int64: numbers of the vocabulary in the middles of the squares; OPEN
    features: Tensor | None = None  # (B, C, H/8, W/8) of another encoder there; 0 unknown. None: not learnt from

    def place(self, *, canonical: bool, at: Any = ...) -> Tensor:
        """(B, H, W) of depth along the walk, 0..1; -1 unknown or beyond range. `at`: some of the pixels."""
        depth = self.depth[at]
        known = (depth > 0) & torch.isfinite(depth)
        depth = torch.where(known, depth, 1.0)
        if canonical:
            depth = depth * torch.exp(-self.log_focal)[:, None, None]
        return torch.where(known, curve(depth), -1.0)
