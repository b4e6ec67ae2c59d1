"""Where sensors sit on a robot: the tree of static transforms, and the way from one frame to another.

Convention
    A transform (parent, child) holds the pose of the child in the parent: p_parent = R p_child + t. Quaternions are
    (x, y, z, w) as in geometry_msgs. Matrices are 4x4 and act on columns.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(slots=True)
class Transforms:
    links: dict[tuple[str, str], Matrix] = field(default_factory=dict)

    def add(
        self, parent: str, child: str, translation: tuple[float, float, float], rotation: tuple[float, ...]
    ) -> None:
        self.links[(parent.lstrip("/"), child.lstrip("/"))] = pose(translation, rotation)

    def between(self, source: str, target: str) -> Matrix | None:
        """The matrix that takes points in `source` to `target`; None where no way leads there."""
        source, target = source.lstrip("/"), target.lstrip("/")
        neighbours: dict[str, list[tuple[str, Matrix]]] = {}
        for (parent, child), matrix in self.links.items():
            neighbours.setdefault(child, []).append((parent, matrix))
            neighbours.setdefault(parent, []).append((child, np.asarray(np.linalg.inv(matrix), np.float64)))
        found: dict[str, Matrix] = {source: np.eye(4)}
        queue = deque([source])
        while queue and target not in found:
            here = queue.popleft()
            for there, step in neighbours.get(here, ()):
                if there not in found:
                    found[there] = np.asarray(step @ found[here], np.float64)
                    queue.append(there)
        return found.get(target)


def pose(translation: tuple[float, float, float], rotation: tuple[float, ...]) -> Matrix:
    x, y, z, w = np.array(rotation, np.float64) / max(1e-12, float(np.linalg.norm(rotation)))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = translation
    return matrix
