"""FLUX.2-klein-base: flow matching; the picture's clean tokens follow the noisy ones, with a time of their own (10).

Latents are the VAE's mode, 2x2 cells on the channel axis, whitened by the VAE's own running mean and variance.
Tune the base, never the checkpoint that was distilled to four steps: its losses are not those of flow matching.
"""

from __future__ import annotations

import torch

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.tuning.bases.base import Base, Batch, Tensor


class KleinBase(Base):
    # `to_out` is a list in the double blocks and a layer in the single ones: only the layers are named.
    lora_targets = (
        r"(transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0|add_[qkv]_proj|to_add_out)"
        r"|ff(_context)?\.linear_(in|out))|single_transformer_blocks\.\d+\.attn\.(to_qkv_mlp_proj|to_out))"
    )

    @torch.no_grad()
    def encode(self, rgb: UInt8Array) -> Tensor:
        found: Tensor = self.pipeline._encode_vae_image(self._pixels(rgb), None)[0]
        return found.to(self.dtype)

    def encode_source(self, rgb: UInt8Array) -> Tensor:
        return self.encode(rgb)

    def pixels(self, latents: Tensor) -> Tensor:
        vae = self.pipeline.vae
        z = latents.to(vae.dtype)
        mean = vae.bn.running_mean.view(1, -1, 1, 1).to(z)
        spread = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + vae.config.batch_norm_eps).to(z)
        return torch.as_tensor(vae.decode(self.pipeline._unpatchify_latents(z * spread + mean), return_dict=False)[0])

    @torch.no_grad()
    def words(self, prompt: str, picture: UInt8Array | None) -> dict[str, Tensor]:  # noqa: ARG002
        embedded, ids = self.pipeline.encode_prompt(prompt=prompt)
        return {"embedded": embedded[0].to(self.dtype), "ids": ids[0] if ids.ndim == 3 else ids}

    def predict(self, noisy: Tensor, time: Tensor, batch: Batch) -> Tensor:
        pipe = self.pipeline
        tokens = pipe._pack_latents(noisy)
        ids = pipe._prepare_latent_ids(noisy).to(noisy.device)
        count = tokens.shape[1]
        if batch.sources is not None:
            tokens = torch.cat([tokens, pipe._pack_latents(batch.sources)], dim=1)
            own = pipe._prepare_image_ids([batch.sources[:1]]).to(noisy.device)
            ids = torch.cat([ids, own.expand(len(ids), *own.shape[1:])], dim=1)
        said = self.called(
            hidden_states=tokens,
            timestep=time.to(tokens.dtype),
            guidance=None,
            encoder_hidden_states=batch.words["embedded"],
            txt_ids=batch.words["ids"],
            img_ids=ids,
            return_dict=False,
        )[0][:, :count]
        height, width = noisy.shape[-2:]
        return torch.as_tensor(said).transpose(1, 2).reshape(len(noisy), -1, height, width)
