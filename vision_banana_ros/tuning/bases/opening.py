"""A name -> a base that is ready to be tuned, from disk alone; refused in one line where it should not be."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from vision_banana_ros.core import GeneratorError, require_package
from vision_banana_ros.generators.editors.families import family_of
from vision_banana_ros.generators.editors.folders import OnDisk, locate, not_here, require_accepted
from vision_banana_ros.tuning.bases.base import Base
from vision_banana_ros.tuning.bases.klein import KleinBase
from vision_banana_ros.tuning.bases.pix2pix import Pix2PixBase
from vision_banana_ros.tuning.bases.qwen import QwenBase

DEFAULT_BASE = "black-forest-labs/FLUX.2-klein-base-4B"
_FAMILIES: dict[str, type[Base]] = {
    "Flux2KleinPipeline": KleinBase,
    "QwenImageEditPipeline": QwenBase,
    "QwenImageEditPlusPipeline": QwenBase,
    "StableDiffusionInstructPix2PixPipeline": Pix2PixBase,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A base with what its own files say about it."""

    base: Base
    disk: OnDisk


def family_names() -> tuple[str, ...]:
    return tuple(_FAMILIES)


def wrap(pipeline: Any) -> Base:
    """The base around a loaded pipeline."""
    name = type(pipeline).__name__
    if name not in _FAMILIES:
        raise _not_tunable(name)
    return _FAMILIES[name](pipeline, family_of(pipeline))


def open_base(
    name: str, *, precision: str = "auto", device: str = "auto", accept_licence: bool = False,
    warn: Callable[[str], None] = print,
) -> Opened:  # fmt: skip
    """The base called `name`. `precision` "auto": bfloat16 on a GPU, float32 on a CPU."""
    for package in ("torch", "diffusers", "transformers", "peft", "accelerate"):
        require_package(package, extra="editors", purpose="tuning an image editor")
    from vision_banana_ros.generators.editors.loading import EditorOptions, _pipeline

    disk = check_base(name, accept_licence=accept_licence, warn=warn)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "bf16" if device.startswith("cuda") else "fp32"
    pipeline = _pipeline(disk, EditorOptions(device=device, precision=precision), None)
    base = wrap(pipeline)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False)
            part.eval()
            part.to(device)
    return Opened(base, disk)


def check_base(name: str, *, accept_licence: bool, warn: Callable[[str], None]) -> OnDisk:
    """What can be said of a base by its files alone, before gigabytes are read."""
    disk = locate(name)
    accepted = accept_licence or os.environ.get("VISION_BANANA_ACCEPT_LICENCE", "") == "1"
    require_accepted(disk, accepted)
    index = disk.read_json("model_index.json")
    if not index:
        raise not_here(name, "has no model_index.json, so it is no pipeline of diffusers or only half of one")
    if index.get("_class_name") not in _FAMILIES:
        raise _not_tunable(str(index.get("_class_name")))
    if index.get("is_distilled"):
        warn(
            f"{name} is distilled to a few steps and learns badly: tune {DEFAULT_BASE}, then load the adapter on {name}"
        )
    return disk


def _not_tunable(found: str) -> GeneratorError:
    return GeneratorError(
        f"a {found} cannot be tuned here: choose a pipeline that takes a picture and a prompt, {', '.join(_FAMILIES)}"
    )
