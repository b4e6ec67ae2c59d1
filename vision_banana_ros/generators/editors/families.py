"""What each family of editing pipelines wants: steps, guidance, sizes, batches. One table, one row a family.

Steps and guidance are those of the families' own cards. Sizes are such that the pipeline leaves every pixel where it is
(`fitting`): what it would do otherwise is said per row.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.fitting import Fit, fit_area, fit_grid

_MEGAPIXEL = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row.

    call: fixed arguments of every call, guidance among them; `guidance_name` is the one of them that a user may set.
    takes_size: whether height and width are arguments. takes_area: whether max_area has to be told, too.
    own_area: the pipeline brings every picture to this many pixels, whatever size it is given.
    batches: several prompts about one picture go in one call; `repeats_image`: with the picture once per prompt.
    negative: an argument that guidance needs, once per prompt. most_tokens: longer prompts would be cut off.
    dtype: what the weights are computed in on a GPU.
    """

    name: str
    steps: int | None = None
    call: Mapping[str, Any] = field(default_factory=dict)
    guidance_name: str = "guidance_scale"
    multiple: int = 16
    least_side: int = 64
    most_pixels: int | None = _MEGAPIXEL
    most_aspect: float | None = None
    own_area: int | None = None
    takes_size: bool = True
    takes_area: bool = False
    batches: bool = True
    repeats_image: bool = False
    negative: str | None = None
    most_tokens: int | None = None
    dtype: str = "bfloat16"

    def fit(self, frame_wh: tuple[int, int], size_wh: tuple[int, int] | None, pipeline: Any) -> Fit:
        """Sizes at which this pipeline moves no pixel."""
        if self.own_area is not None:
            return fit_area(frame_wh, area=_own_area(pipeline, self.own_area), multiple=self.multiple, size_wh=size_wh)
        return fit_grid(
            frame_wh,
            multiple=self.multiple,
            least_side=self.least_side,
            most_pixels=self.most_pixels,
            most_aspect=self.most_aspect,
            size_wh=size_wh,
        )


# Cover-crops sides that are no multiples of 16, shrinks above a megapixel, refuses sides below 64 and shapes above 8.
# The text goes through a chat template of some 20 tokens and is padded to 512, so that a prompt's answer does not
# depend on its neighbours in the batch.
_KLEIN = Family(name="FLUX.2-klein", steps=50, call={"guidance_scale": 4.0}, most_aspect=8.0, most_tokens=480)
# Distilled checkpoints say so in their configuration: four steps, no guidance.
_KLEIN_DISTILLED = replace(_KLEIN, steps=4, call={"guidance_scale": 1.0})
# Brings the picture to a megapixel in multiples of 32; guidance only with a negative prompt, even an empty one.
_QWEN = Family(
    name="Qwen-Image-Edit", steps=50, call={"true_cfg_scale": 4.0}, guidance_name="true_cfg_scale", multiple=32,
    own_area=_MEGAPIXEL, batches=False, negative="negative_prompt",
)  # fmt: skip
# Picks one of its trained sizes unless told not to, and rescales height and width to `max_area`.
_KONTEXT = Family(
    name="FLUX.1-Kontext", steps=28, call={"guidance_scale": 3.5, "_auto_resize": False}, takes_area=True,
    most_tokens=510,
)  # fmt: skip
# The size is the picture's own, in multiples of 8; CLIP reads 77 tokens, the start and the end among them.
_PIX2PIX = Family(
    name="InstructPix2Pix", steps=100, call={"guidance_scale": 7.5, "image_guidance_scale": 1.5}, multiple=8,
    most_pixels=768 * 768, takes_size=False, repeats_image=True, most_tokens=77, dtype="float16",
)  # fmt: skip

FAMILIES: Mapping[str, Family] = {
    "Flux2KleinPipeline": _KLEIN,
    "QwenImageEditPipeline": _QWEN,
    "QwenImageEditPlusPipeline": _QWEN,
    "FluxKontextPipeline": _KONTEXT,
    "StableDiffusionInstructPix2PixPipeline": _PIX2PIX,
}


def family_of(pipeline: Any) -> Family:
    """The row for a loaded pipeline; for a class without one, what its signature tells."""
    name = type(pipeline).__name__
    if name == "Flux2KleinPipeline" and pipeline.config.get("is_distilled"):
        return _KLEIN_DISTILLED
    return FAMILIES.get(name) or _from_signature(pipeline)


def _from_signature(pipeline: Any) -> Family:
    """An editor that nobody has listed: its own steps and guidance, sides in multiples of 32, one prompt at a time."""
    takes = inspect.signature(pipeline.__call__).parameters
    missing = {"image", "prompt"} - takes.keys()
    if missing:
        raise GeneratorError(
            f"{type(pipeline).__name__} is no image editor, it takes no {' and no '.join(sorted(missing))}: "
            f"name a pipeline that does, such as {', '.join(sorted(FAMILIES))}"
        )
    return Family(
        name=type(pipeline).__name__, multiple=32, takes_size={"height", "width"} <= takes.keys(), batches=False
    )


def _own_area(pipeline: Any, default: int) -> int:
    """The area that this version of the pipeline works at: a constant of its module, where it has one."""
    return int(getattr(sys.modules.get(type(pipeline).__module__), "VAE_IMAGE_SIZE", default))
