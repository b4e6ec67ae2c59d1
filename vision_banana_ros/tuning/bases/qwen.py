"""Qwen-Image-Edit(-Plus): flow matching; the picture enters twice: its clean tokens follow the noisy ones, and the
vision-language encoder reads it with the prompt.

The pipeline brings every picture to a megapixel of its own; training uses the size that it would choose.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.tuning.bases.base import Base, Batch, Tensor


class QwenBase(Base):
    lora_targets = (
        r"transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0|add_[qkv]_proj|to_add_out)"
        r"|(img|txt)_mlp\.net\.(0\.proj|2)|(img|txt)_mod\.1)"
    )
    words_see_picture = True
    paints_without_picture = False

    @torch.no_grad()
    def encode(self, rgb: UInt8Array) -> Tensor:
        found: Tensor = self.pipeline._encode_vae_image(self._pixels(rgb).unsqueeze(2), None)[0]
        return found.to(self.dtype)

    def encode_source(self, rgb: UInt8Array) -> Tensor:
        return self.encode(rgb)

    def pixels(self, latents: Tensor) -> Tensor:
        vae = self.pipeline.vae
        z = latents.to(vae.dtype)
        shape = (1, vae.config.z_dim, 1, 1, 1)
        mean, spread = (
            torch.tensor(row).view(shape).to(z) for row in (vae.config.latents_mean, vae.config.latents_std)
        )
        return torch.as_tensor(vae.decode(z * spread + mean, return_dict=False)[0][:, :, 0])

    @torch.no_grad()
    def words(self, prompt: str, picture: UInt8Array | None) -> dict[str, Tensor]:
        embedded, mask = self.pipeline.encode_prompt(prompt=prompt, image=self._seen(picture))
        if mask is None:
            mask = torch.ones(embedded.shape[:2], dtype=torch.long, device=embedded.device)
        return {"embedded": embedded[0].to(self.dtype), "mask": mask[0]}

    def _seen(self, picture: UInt8Array | None) -> Any:
        """What the vision-language encoder is shown: a smaller copy, as the pipeline makes it."""
        if picture is None:
            return None
        from PIL import Image

        module: Any = sys.modules[type(self.pipeline).__module__]
        image = Image.fromarray(picture)
        if not hasattr(module, "CONDITION_IMAGE_SIZE"):  # the first version shows the picture as it is
            return image
        width, height = module.calculate_dimensions(module.CONDITION_IMAGE_SIZE, image.width / image.height)
        return [self.pipeline.image_processor.resize(image, height, width)]

    def predict(self, noisy: Tensor, time: Tensor, batch: Batch) -> Tensor:
        tokens, grid = self._pack(noisy)
        count, grids = tokens.shape[1], [grid]
        if batch.sources is not None:
            more, other = self._pack(batch.sources)
            tokens, grids = torch.cat([tokens, more], dim=1), [grid, other]
        mask = batch.words["mask"]
        said = self.called(
            hidden_states=tokens,
            timestep=time.to(tokens.dtype),
            guidance=None,
            encoder_hidden_states=batch.words["embedded"],
            encoder_hidden_states_mask=None if bool(mask.all()) else mask,
            img_shapes=[grids] * len(noisy),
            return_dict=False,
        )[0][:, :count]
        return self._unpack(torch.as_tensor(said), noisy)

    def _pack(self, latents: Tensor) -> tuple[Tensor, tuple[int, int, int]]:
        count, channels, _, height, width = latents.shape
        tokens: Tensor = self.pipeline._pack_latents(latents, count, channels, height, width)
        return tokens, (1, height // 2, width // 2)

    def _unpack(self, tokens: Tensor, like: Tensor) -> Tensor:
        """2x2 cells of channels back into the latents' shape."""
        count, channels, _, height, width = like.shape
        cells = tokens.view(count, height // 2, width // 2, channels, 2, 2)
        return cells.permute(0, 3, 1, 4, 2, 5).reshape(like.shape)
