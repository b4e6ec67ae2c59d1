"""Editing pipelines of the real classes at a few thousand random weights, saved as folders; and made to echo.

Loaded by conftest.py. An echo is a pipeline whose networks are replaced so that it paints the picture that it is given,
exactly: its autoencoder folds 8x8 pixels into 192 channels, and its denoiser steers to the picture's own latents. All
else (resizing, cropping, packing, positions, schedules, guidance) stays the library's, so an echo shows what they move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxKontextPipeline,
    FluxTransformer2DModel,
    MarigoldDepthPipeline,
    MarigoldNormalsPipeline,
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BatchFeature,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2TokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

_CELL = 8
_LATENTS = 3 * _CELL * _CELL  # lossless


def klein(folder: Path, *, distilled: bool = False) -> None:
    torch.manual_seed(0)
    hidden = 16
    encoder = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=300, hidden_size=hidden, intermediate_size=16, num_hidden_layers=28, num_attention_heads=1,
            num_key_value_heads=1, head_dim=8, max_position_embeddings=1024,
        )
    )  # fmt: skip
    transformer = Flux2Transformer2DModel(
        patch_size=1, in_channels=4 * _LATENTS, num_layers=1, num_single_layers=1, attention_head_dim=8,
        num_attention_heads=2, joint_attention_dim=3 * hidden, timestep_guidance_channels=16,
        axes_dims_rope=(2, 2, 2, 2), guidance_embeds=False,
    )  # fmt: skip
    vae = AutoencoderKLFlux2(
        block_out_channels=(8,) * 4, layers_per_block=1, latent_channels=_LATENTS, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=encoder, tokenizer=_chat_tokenizer(),
        transformer=transformer, is_distilled=distilled,
    )  # fmt: skip
    pipeline.save_pretrained(folder)


@contextmanager
def small_qwen(side: int) -> Iterator[None]:
    """Qwen's pipelines bring pictures to a megapixel of their own: here it is `side` squared."""
    import diffusers.pipelines.qwenimage.pipeline_qwenimage_edit as single
    import diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus as plus

    original = single.calculate_dimensions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plus, "CONDITION_IMAGE_SIZE", 64 * 64)
        patch.setattr(plus, "VAE_IMAGE_SIZE", side * side)
        patch.setattr(single, "calculate_dimensions", lambda _area, ratio: original(side * side, ratio))
        patch.setattr(single, "VAE_IMAGE_SIZE", side * side, raising=False)
        yield


def qwen(*, plus: bool = True) -> Any:
    """In memory: the class of its processor is loaded only beside torchvision."""
    torch.manual_seed(0)
    tokenizer = _chat_tokenizer("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    ids = {word: tokenizer.convert_tokens_to_ids(word) for word in tokenizer.get_vocab() if word.startswith("<|")}
    encoder = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config={
                "vocab_size": 300, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
                "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 4096,
                "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2], "rope_type": "default"},
                "bos_token_id": ids["<|im_start|>"], "eos_token_id": ids["<|im_end|>"],
                "pad_token_id": ids["<|endoftext|>"],
            },
            vision_config={
                "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
                "patch_size": 14, "spatial_merge_size": 2, "window_size": 112, "fullatt_block_indexes": [1],
            },
            image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
            vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
        )
    )  # fmt: skip
    vae = AutoencoderKLQwenImage(
        base_dim=4, z_dim=_LATENTS, dim_mult=[1] * 4, num_res_blocks=1, temperal_downsample=[False, True, True],
        latents_mean=[0.0] * _LATENTS, latents_std=[1.0] * _LATENTS,
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=4 * _LATENTS, out_channels=_LATENTS, num_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    kind = QwenImageEditPlusPipeline if plus else QwenImageEditPipeline
    pipeline = kind(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=encoder, tokenizer=tokenizer,
        processor=_QwenProcessor(tokenizer), transformer=transformer,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


class _QwenProcessor:
    """Text and pictures together as Qwen2.5-VL's processor does, without its videos."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.image_processor = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56)

    def __call__(self, text: list[str], images: Any, **_: Any) -> Any:
        seen = self.image_processor(images=images, return_tensors="pt")
        pads = iter(int(grid.prod()) // 4 for grid in seen["image_grid_thw"])
        whole = [re.sub(re.escape("<|image_pad|>"), lambda match: match[0] * next(pads), said) for said in text]
        return BatchFeature({**self.tokenizer(whole, padding=True, return_tensors="pt"), **seen})


def kontext(folder: Path) -> None:
    torch.manual_seed(0)
    letters = [chr(i) for i in range(33, 127)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -1.0), *((c, -2.0) for c in letters)]
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=4 * _LATENTS, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=16, pooled_projection_dim=16, axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )  # fmt: skip
    FluxKontextPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_kl(_LATENTS, shift_factor=0.0),
        text_encoder=_clip(),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=len(pieces), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
        ),
        tokenizer_2=T5Tokenizer(vocab=pieces, extra_ids=0),
        transformer=transformer,
    ).save_pretrained(folder)


def pix2pix(folder: Path) -> None:
    torch.manual_seed(0)
    StableDiffusionInstructPix2PixPipeline(
        **_latent_parts(), scheduler=EulerAncestralDiscreteScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip


def marigold(folder: Path, kind: str) -> None:
    torch.manual_seed(0)
    scheduler = DDIMScheduler(
        prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True, clip_sample=False
    )
    settings: dict[str, Any] = {"default_denoising_steps": 2, "default_processing_resolution": 96}
    if kind == "depth":
        MarigoldDepthPipeline(
            **_latent_parts(), scheduler=scheduler, prediction_type="depth", scale_invariant=True, shift_invariant=True,
            **settings,
        ).save_pretrained(folder)  # fmt: skip
    else:
        MarigoldNormalsPipeline(
            **_latent_parts(), scheduler=scheduler, prediction_type="normals", **settings
        ).save_pretrained(folder)


BUILDERS = {
    "klein": klein,
    "klein-distilled": lambda folder: klein(folder, distilled=True),
    "kontext": kontext,
    "pix2pix": pix2pix,
    "marigold-depth": lambda folder: marigold(folder, "depth"),
    "marigold-normals": lambda folder: marigold(folder, "normals"),
}


def make_echo(pipeline: Any) -> None:
    """From now on `pipeline` paints the picture that it is given."""
    vae = pipeline.vae

    def encode(pixels: Any, return_dict: bool = True) -> Any:  # noqa: ARG001
        flat = pixels[:, :, 0] if pixels.ndim == 5 else pixels
        latents = torch.nn.functional.pixel_unshuffle(flat, _CELL)
        latents = latents[:, :, None] if pixels.ndim == 5 else latents
        dist = SimpleNamespace(mode=lambda: latents, sample=lambda generator=None: latents)  # noqa: ARG005
        return SimpleNamespace(latent_dist=dist)

    def decode(latents: Any, return_dict: bool = True, **_: Any) -> Any:  # noqa: ARG001
        flat = latents[:, :, 0] if latents.ndim == 5 else latents
        pixels = torch.nn.functional.pixel_shuffle(flat, _CELL)
        return (pixels[:, :, None] if latents.ndim == 5 else pixels,)

    vae.encode, vae.decode = encode, decode
    if hasattr(pipeline, "unet"):
        pipeline.unet.forward = _unet_echo(pipeline)
    else:
        pipeline.transformer.forward = _flow_echo


def _flow_echo(hidden_states: Any, timestep: Any, **_: Any) -> Any:
    """v = (x_t - x_0) / t, with the picture's latents, the second half of the tokens, as x_0."""
    noisy, picture = hidden_states.chunk(2, dim=1)
    return (torch.cat([(noisy - picture) / timestep.view(-1, 1, 1), picture], dim=1),)


def _unet_echo(pipeline: Any) -> Any:
    def forward(sample: Any, timestep: Any, **_: Any) -> Any:
        halves = sample.chunk(2, dim=1)
        if isinstance(pipeline.scheduler, DDIMScheduler):  # Marigold: picture first, v prediction
            picture, noisy = halves
            alpha = pipeline.scheduler.alphas_cumprod[timestep]
            return ((alpha.sqrt() * noisy - picture) / (1 - alpha).sqrt(),)
        noisy, picture = halves  # InstructPix2Pix: noise prediction, in thirds for its two guidances
        picture = picture[: len(picture) // 3].repeat(3, 1, 1, 1)
        sigma = pipeline.scheduler.sigmas[pipeline.scheduler.step_index]
        return ((noisy * (sigma**2 + 1).sqrt() - picture) / sigma,)

    return forward


def _latent_parts() -> dict[str, Any]:
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=2 * _LATENTS, out_channels=_LATENTS, block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=16, attention_head_dim=4,
    )  # fmt: skip
    return {"unet": unet, "vae": _kl(_LATENTS), "text_encoder": _clip(), "tokenizer": _clip_tokenizer()}


def _kl(latents: int, **extra: Any) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8,) * 4, layers_per_block=1, latent_channels=latents, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, scaling_factor=1.0,
        **extra,
    )  # fmt: skip


def _clip() -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=54, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            bos_token_id=52, eos_token_id=53, pad_token_id=53, projection_dim=16,
        )
    )  # fmt: skip


def _clip_tokenizer() -> CLIPTokenizer:
    letters = [chr(i) for i in range(97, 123)]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77)


def _chat_tokenizer(*more: str) -> Qwen2TokenizerFast:
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *more]
    words = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *special]
    vocab = {word: i for i, word in enumerate(words)}
    inner = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = Qwen2TokenizerFast(
        tokenizer_object=inner, vocab=vocab, merges=[], pad_token=special[0], eos_token=special[2], unk_token=None
    )
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    return tokenizer
