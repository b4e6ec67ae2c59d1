"""What tuning asks of a base: clean latents of a picture, words as tensors, and the loss of one guess.

    flow matching   x_u = (1 - u) z + u e,   target v = e - z,   u = sigmoid(n), n normal: the middle more often
    noise           x_t = sqrt(a_t) z + sqrt(1 - a_t) e,   target e (or what the scheduler's prediction_type says)
    at once         the network is shown zeros at the last time and what it says is -z: the velocity of flow matching
                    where e = 0, and v of noise prediction where nothing of z is left (a_T = 0)

Convention
    z     latents of the wanted picture, one without a batch axis; e ~ N(0, 1) of its shape.
    All draws of a lesson come from one CPU generator, so that a run that goes on sees the numbers it would have seen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch.nn import functional

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.generators.editors.families import Family

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batch:
    """Lessons of one shape, stacked. `sources` None: no picture goes in. `once`: learnt in one step without noise;
    `canvas` (B, 3, H, W) uint8: the loss is taken on pixels."""

    targets: Tensor
    sources: Tensor | None
    words: Mapping[str, Tensor]
    seeds: Sequence[int] = field(default_factory=tuple)
    once: bool = False
    canvas: Tensor | None = None


class Base(ABC):
    """A loaded pipeline with what its family wants. `part` names the network that is tuned."""

    part: ClassVar[str] = "transformer"
    #: Which linear layers get an adapter: a pattern that a module's whole name must match.
    lora_targets: ClassVar[str]
    #: Whether the words are encoded together with the picture, so that they are cached per pair.
    words_see_picture: ClassVar[bool] = False
    paints_without_picture: ClassVar[bool] = True

    def __init__(self, pipeline: Any, family: Family) -> None:
        self.pipeline = pipeline
        self.family = family
        #: The network as training calls it, where it is wrapped (several GPUs); the same weights.
        self.wrapped: Any = None

    @property
    def network(self) -> Any:
        return getattr(self.pipeline, self.part)

    @property
    def called(self) -> Any:
        return self.wrapped if self.wrapped is not None else self.network

    @property
    def device(self) -> torch.device:
        found: torch.device = next(self.network.parameters()).device
        return found

    @property
    def dtype(self) -> torch.dtype:
        """What latents and words are kept in: the frozen weights' own."""
        found: torch.dtype = next(self.network.parameters()).dtype
        return found

    def size_wh(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """The size at which this family paints where `wanted` is asked for; training at another would be in vain."""
        return self.family.fit(wanted, None, self.pipeline).model_wh

    # Once per lesson, before training.

    @abstractmethod
    def encode(self, rgb: UInt8Array) -> Tensor:
        """z of a picture that is to be painted."""

    @abstractmethod
    def encode_source(self, rgb: UInt8Array) -> Tensor:
        """A picture that goes in."""

    @abstractmethod
    def pixels(self, latents: Tensor) -> Tensor:
        """(B, 3, H, W) in -1..1 of a batch of z, with gradients where they are wanted."""

    @torch.no_grad()
    def decode(self, latents: Tensor) -> UInt8Array:
        """The picture of z."""
        return to_rgb(self.pixels(latents[None]))

    @abstractmethod
    def words(self, prompt: str, picture: UInt8Array | None) -> dict[str, Tensor]:
        """A prompt, without a batch axis."""

    # Every step.

    @abstractmethod
    def predict(self, noisy: Tensor, time: Tensor, batch: Batch) -> Tensor:
        """What the network says at `time`: the velocity of flow matching, or the noise."""

    def losses(self, batch: Batch) -> Tensor:
        """The loss of each lesson of the batch."""
        if batch.once:
            return self.losses_once(batch)
        noise, time = self.draw(batch)
        return self.losses_at(batch, noise, time)

    def losses_at(self, batch: Batch, noise: Tensor, time: Tensor) -> Tensor:
        shape = (-1, *[1] * (batch.targets.ndim - 1))
        share = time.to(batch.targets.dtype).view(shape)
        noisy = (1 - share) * batch.targets + share * noise
        wanted = noise - batch.targets
        return _each(self.predict(noisy, time, batch), wanted)

    def once(self, batch: Batch) -> Tensor:
        """z in one step: no noise, and the time at its end."""
        return -self.predict(torch.zeros_like(batch.targets), self.last_time(batch), batch)

    def losses_once(self, batch: Batch) -> Tensor:
        """Of latents, or of pixels where the batch brings its canvases."""
        said = self.once(batch)
        if batch.canvas is None:
            return _each(said, batch.targets)
        return _each(self.pixels(said), batch.canvas.float() / 127.5 - 1)

    def last_time(self, batch: Batch) -> Tensor:
        return torch.ones(len(batch.targets), dtype=batch.targets.dtype, device=batch.targets.device)

    def draw(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Noise and time of each lesson, from its seed alone."""
        noise, times = [], []
        for seed in batch.seeds:
            dice = torch.Generator("cpu").manual_seed(seed)
            noise.append(torch.randn(batch.targets.shape[1:], generator=dice))
            times.append(self._draw_time(dice))
        return torch.stack(noise).to(batch.targets), torch.stack(times).to(batch.targets.device)

    def _draw_time(self, dice: torch.Generator) -> Tensor:
        return torch.sigmoid(torch.randn((), generator=dice))

    # The adapter.

    def save_adapter(self, folder: str, layers: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        """As `load_lora_weights` of the same pipeline reads it, rank and alpha with it."""
        self.pipeline.save_lora_weights(
            folder, **{f"{self.part}_lora_layers": layers, f"{self.part}_lora_adapter_metadata": settings}
        )

    def _pixels(self, rgb: UInt8Array) -> Tensor:
        """(1, 3, H, W) in -1..1, as the pipeline's own processor makes them."""
        from PIL import Image

        height, width = rgb.shape[:2]
        vae = self.pipeline.vae
        pixels: Tensor = self.pipeline.image_processor.preprocess(Image.fromarray(rgb), height, width)
        return pixels.to(device=next(vae.parameters()).device, dtype=vae.dtype)


def _each(said: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of each row."""
    return functional.mse_loss(said.float(), wanted.float(), reduction="none").flatten(1).mean(1)


def to_rgb(pixels: Tensor) -> UInt8Array:
    """(1, 3, H, W) in -1..1 -> uint8, as the pipelines round."""
    values = (pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    rgb: UInt8Array = (values * 255).round().astype("uint8")
    return rgb
