"""Labelling on many machines: the same `settle`, in actors of Ray.

The label is written by the actor, into the run's folder. So whoever dies, actor, machine or driver, nothing is lost but
the picture in hand, and nothing is made twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vision_banana_ros.labelling.run import LabellerSpec, settle
from vision_banana_ros.labelling.store import Store
from vision_banana_ros.scaling.actors import RaySettings, spread


@dataclass(frozen=True, slots=True)
class OnRay:
    """The engine of a labelling run."""

    spec: LabellerSpec
    settings: RaySettings = field(default_factory=RaySettings)

    def settle(self, keys: Sequence[str]) -> Iterator[str]:
        return spread(Worker, self.spec, keys, self.settings)


class Worker:
    """One actor of a labelling run."""

    def __init__(self, spec: LabellerSpec) -> None:
        self._store, self._labeller = Store(spec.root), spec.make()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        for key in batch["key"]:
            settle(self._store, self._labeller, str(key))
        return batch
