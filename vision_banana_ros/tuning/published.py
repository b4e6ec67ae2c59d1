"""The default base's sizes where it is not on this disk, with where each number is from; a plan says that it used them.

transformer    scripts/convert_flux2_to_diffusers.py of diffusers, "klein-4b", which writes the checkpoint's
               transformer/config.json; base and distilled checkpoint have the same
text encoder   Qwen3-4B: hidden 2560, 36 layers, 32 heads and 8 for keys of 128, inner 9728, 151936 words;
               embeddings are tied
autoencoder    AutoencoderKLFlux2 as diffusers builds it without arguments: its weights are counted on shapes
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

TRANSFORMER: dict[str, Any] = {
    "_class_name": "Flux2Transformer2DModel", "patch_size": 1, "in_channels": 128, "num_layers": 5,
    "num_single_layers": 20, "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 7680,
    "timestep_guidance_channels": 256, "mlp_ratio": 3.0, "axes_dims_rope": [32, 32, 32, 32], "rope_theta": 2000,
    "eps": 1e-6, "guidance_embeds": False,
}  # fmt: skip
_HIDDEN, _LAYERS, _HEADS, _KEYS, _HEAD, _INNER, _WORDS = 2560, 36, 32, 8, 128, 9728, 151936


def encoder_weights() -> int:
    """Of a layer: queries and output, keys and values, three matrices of the gated network, four norms."""
    attention = _HIDDEN * _HEAD * (2 * _HEADS + 2 * _KEYS)
    layer = attention + 3 * _HIDDEN * _INNER + 2 * _HIDDEN + 2 * _HEAD
    return _WORDS * _HIDDEN + _LAYERS * layer + _HIDDEN


def autoencoder_weights() -> int:
    import torch

    diffusers: Any = import_module("diffusers")
    with torch.device("meta"):
        return sum(p.numel() for p in diffusers.AutoencoderKLFlux2().parameters())
