"""InstructPix2Pix and its kin: a U-Net that predicts noise; the picture's latents are further channels of its input.

The wanted picture's latents are scaled by the VAE's factor, those of the picture that goes in are not. A lesson without
a picture has zeros there, as the base was trained with one time in ten.
"""

from __future__ import annotations

from typing import Any

import torch

from vision_banana_ros.core import GeneratorError, UInt8Array
from vision_banana_ros.tuning.bases.base import Base, Batch, Tensor, _each


class Pix2PixBase(Base):
    part = "unet"
    lora_targets = r".*attn[12]\.(to_q|to_k|to_v|to_out\.0)|.*ff\.net\.(0\.proj|2)"

    @torch.no_grad()
    def encode(self, rgb: UInt8Array) -> Tensor:
        return self.encode_source(rgb) * float(self.pipeline.vae.config.scaling_factor)

    @torch.no_grad()
    def encode_source(self, rgb: UInt8Array) -> Tensor:
        found: Tensor = self.pipeline.vae.encode(self._pixels(rgb)).latent_dist.mode()[0]
        return found.to(self.dtype)

    def pixels(self, latents: Tensor) -> Tensor:
        vae = self.pipeline.vae
        return torch.as_tensor(vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor, return_dict=False)[0])

    @torch.no_grad()
    def words(self, prompt: str, picture: UInt8Array | None) -> dict[str, Tensor]:  # noqa: ARG002
        pipe = self.pipeline
        tokens = pipe.tokenizer(
            prompt, padding="max_length", max_length=pipe.tokenizer.model_max_length, truncation=True,
            return_tensors="pt",
        )  # fmt: skip
        embedded = pipe.text_encoder(tokens.input_ids.to(pipe.text_encoder.device))[0]
        return {"embedded": embedded[0].to(self.dtype)}

    def predict(self, noisy: Tensor, time: Tensor, batch: Batch) -> Tensor:
        beside = torch.zeros_like(noisy) if batch.sources is None else batch.sources
        said = self.called(
            torch.cat([noisy, beside], dim=1), time, encoder_hidden_states=batch.words["embedded"], return_dict=False
        )[0]
        return torch.as_tensor(said)

    def losses_at(self, batch: Batch, noise: Tensor, time: Tensor) -> Tensor:
        schedule = self._schedule()
        z = batch.targets
        kept = schedule.to(z.device)[time].view(-1, 1, 1, 1)
        noisy = kept.sqrt() * z + (1 - kept).sqrt() * noise
        kind = self.pipeline.scheduler.config.prediction_type
        if kind == "epsilon":
            wanted = noise
        elif kind == "v_prediction":
            wanted = kept.sqrt() * noise - (1 - kept).sqrt() * z
        else:
            raise GeneratorError(f"a scheduler that predicts {kind!r} cannot be tuned: epsilon and v_prediction can")
        return _each(self.predict(noisy.to(z.dtype), time, batch), wanted)

    def last_time(self, batch: Batch) -> Tensor:
        return torch.full((len(batch.targets),), len(self._schedule()) - 1, device=batch.targets.device)

    def _draw_time(self, dice: torch.Generator) -> Tensor:
        return torch.randint(0, len(self._schedule()), (), generator=dice)

    def _schedule(self) -> Tensor:
        found: Any = self.pipeline.scheduler.alphas_cumprod
        return torch.as_tensor(found)
