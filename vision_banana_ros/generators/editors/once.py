"""The deterministic form of an editor: zeros for noise, the last time, one step, and what the network says is minus the
canvas's latents. Adapters that were tuned so (`tune --form once`) say it on their card.

    flow matching      v = e - z with e = 0:                   x = 0 - v        the schedule 1 -> 0, not shifted
    noise prediction   v = sqrt(a) e - sqrt(1 - a) z, a = 0:   z = -v           betas rescaled so that a_T is 0

The bases' own schedules cannot do it: Qwen's ends at .02, which one step divides by 0, and those of noise prediction
begin one step at the wrong end of time (leading and linspace) or at an a_T that is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from vision_banana_ros.core import GeneratorError

#: How the latents of a picture enter the pipeline's call.
_GRID = frozenset({"Flux2KleinPipeline"})
_TOKENS = frozenset({"QwenImageEditPipeline", "QwenImageEditPlusPipeline", "FluxKontextPipeline"})
_UNET = frozenset({"StableDiffusionInstructPix2PixPipeline"})


def nothing(pipeline: Any, model_wh: tuple[int, int], count: int) -> Any:
    """Zeros in the place of noise, as `latents=` of this pipeline takes them."""
    import torch

    name = type(pipeline).__name__
    network: Any = pipeline.unet if name in _UNET else getattr(pipeline, "transformer", None)
    width, height = model_wh
    if name in _GRID:
        shape: tuple[int, ...] = (count, network.config.in_channels, height // 16, width // 16)
    elif name in _TOKENS:
        shape = (count, (height // 16) * (width // 16), network.config.in_channels)
    elif name in _UNET:
        cell = pipeline.vae_scale_factor
        shape = (count, pipeline.vae.config.latent_channels, height // cell, width // cell)
    else:
        known = ", ".join(sorted(_GRID | _TOKENS | _UNET))
        raise GeneratorError(f"{name} cannot paint at once without noise: {known} can")
    return torch.zeros(shape, dtype=network.dtype, device=pipeline._execution_device)


@contextmanager
def one_step(pipeline: Any) -> Iterator[None]:
    """The pipeline with the schedule of that step; its own afterwards."""
    diffusers: Any = import_module("diffusers")
    own = pipeline.scheduler
    if hasattr(pipeline, "unet"):
        pipeline.scheduler = diffusers.DDIMScheduler(
            num_train_timesteps=own.config.num_train_timesteps, prediction_type="v_prediction", clip_sample=False,
            rescale_betas_zero_snr=True, timestep_spacing="trailing", set_alpha_to_one=True,
        )  # fmt: skip
    else:
        pipeline.scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    try:
        yield
    finally:
        pipeline.scheduler = own
