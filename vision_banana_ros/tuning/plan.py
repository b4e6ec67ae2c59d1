"""What a run will take, from the model's own numbers: its configuration is read, its weights are not.

weights      2 bytes each in bfloat16 (all weights tuned: 4), counted on shapes alone
adapter      r (in + out) of every layer that the family's pattern names; 4 bytes each for weight, gradient, mean,
             8 for Adam's two moments
activations  with checkpoints: one input per block, and one block in full (about 34 bytes per token and channel in
             bfloat16: Korthikanti et al. 2022, without the attention's square, which is not kept)
arithmetic   2 x weights x tokens, once forward, once again for the checkpoints, once backward to the inputs (twice
             where all weights learn), and the attention's 4 x tokens^2 x channels a layer
hours        at 40 % of the card's peak, which well-filled training reaches; no loading, no rendering
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from vision_banana_ros.core import DataError, GeneratorError, require_package
from vision_banana_ros.generators.editors.folders import OnDisk, locate
from vision_banana_ros.tuning import published
from vision_banana_ros.tuning.config import DEFAULT_BASE, TuningConfig

_UTILISATION = 0.4
#: Peak bfloat16 TFLOP/s (dense) and GiB of cards, from their makers' data sheets.
CARDS: dict[str, tuple[float, float]] = {
    "H100": (989, 80),
    "H200": (989, 141),
    "A100": (312, 80),
    "L40S": (362, 48),
    "RTX 4090": (165, 24),
    "RTX 5090": (210, 32),
}
_PER_TOKEN_BYTES = 34
#: By these a network on disk is known to be the default base's.
_TELLING = ("_class_name", "num_layers", "num_single_layers", "num_attention_heads", "joint_attention_dim")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Bytes are of one card; `hours` on one of that kind."""

    base: str
    source: str
    numbers: tuple[str, ...]
    size_wh: tuple[int, int]
    card: str
    weights: int
    learning: int
    tokens: int
    weights_bytes: int
    learning_bytes: int
    activation_bytes: int
    preparing_bytes: int
    card_bytes: int
    flops_per_step: float
    hours: float
    words_bytes: int
    latents_bytes: int

    @property
    def training_bytes(self) -> int:
        return self.weights_bytes + self.learning_bytes + self.activation_bytes

    @property
    def fits(self) -> bool:
        return max(self.training_bytes, self.preparing_bytes) < 0.94 * self.card_bytes

    def report(self, config: TuningConfig) -> str:
        gib = float(1 << 30)
        latents, words = self.latents_bytes / 1e6, self.words_bytes / 1e6
        verdict = "fits" if self.fits else "does NOT fit: a smaller --batch or --size, or FSDP over several cards"
        return "\n".join(
            [
                f"{self.base} ({self.source}) at {self.size_wh[0]}x{self.size_wh[1]}, batch {config.batch}, "
                f"{config.steps} steps, {'all weights' if config.full else f'adapter of rank {config.rank}'}",
                f"  numbers        {'; '.join(self.numbers)}",
                f"  network        {self.weights / 1e9:8.2f} G weights, of which learn {self.learning / 1e6:.1f} M",
                f"  tokens         {self.tokens:8} a lesson (canvas, picture, words)",
                f"  preparing      {self.preparing_bytes / gib:8.1f} GiB: all parts at once; lessons are cached first",
                f"  training       {self.training_bytes / gib:8.1f} GiB: weights {self.weights_bytes / gib:.1f}, "
                f"learning {self.learning_bytes / gib:.1f}, activations {self.activation_bytes / gib:.1f}",
                f"  cache          {latents:8.2f} MB of latents and {words:.2f} MB of words a lesson"
                "" + ("" if config.cache_words else " (words are not kept: --no-cache-words)"),
                f"  arithmetic     {self.flops_per_step / 1e12:8.0f} TFLOP a step",
                f"  time           {self.hours:8.1f} h on one {self.card} at {_UTILISATION:.0%} of its peak "
                f"({CARDS[self.card][0]:g} TFLOP/s)",
                f"  one {self.card} of {CARDS[self.card][1]:g} GiB: {verdict}",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "training_bytes": self.training_bytes, "fits": self.fits}


def make_plan(config: TuningConfig, *, card: str = "H100") -> Plan:
    """Reads configurations only."""
    require_package("diffusers", extra="editors", purpose="planning a tuning run")
    if card not in CARDS:
        raise DataError(f"no card is called {card!r} here: choose from {', '.join(CARDS)}")
    parts = _parts(config.base)
    network, lora, square = _counted(parts.config, config)
    width, blocks = _width(parts.config)
    size_wh = _size(parts.config, config)
    canvas = (size_wh[0] // 16) * (size_wh[1] // 16)
    words = 77 if parts.config["_class_name"].startswith("UNet") else 512
    tokens = 2 * canvas + words
    learning = network if config.full else lora
    activations = config.batch * tokens * width * (2 * blocks + _PER_TOKEN_BYTES)
    passes = 4 if config.full else 3
    flops = passes * config.batch * (2 * network * tokens + 4 * tokens**2 * width * blocks) * square
    peak, memory = CARDS[card]
    joint = int(parts.config.get("joint_attention_dim") or parts.config.get("cross_attention_dim") or width)
    channels = int(parts.config["in_channels"])
    return Plan(
        base=config.base,
        source=parts.source,
        numbers=parts.numbers,
        size_wh=size_wh,
        card=card,
        weights=network,
        learning=learning,
        tokens=tokens,
        weights_bytes=network * (4 if config.full else 2),
        learning_bytes=learning * ((4 if not config.full else 0) + 4 + 8 + (4 if config.ema > 0 else 0)),
        activation_bytes=activations,
        preparing_bytes=2 * (network + parts.encoder_weights + parts.vae_weights),
        card_bytes=int(memory * (1 << 30)),
        flops_per_step=float(flops),
        hours=flops * config.steps / (peak * 1e12 * _UTILISATION) / 3600,
        words_bytes=2 * words * joint,
        latents_bytes=2 * 2 * canvas * channels,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What the files, or the published numbers, say; `numbers` tells which of them it was, part by part."""

    config: dict[str, Any]
    encoder_weights: int
    vae_weights: int
    source: str
    numbers: tuple[str, ...]


def _parts(name: str) -> _Parts:
    try:
        disk = locate(name)
    except GeneratorError:
        if name != DEFAULT_BASE:
            raise
        return _Parts(
            config=published.TRANSFORMER,
            encoder_weights=published.encoder_weights(),
            vae_weights=published.autoencoder_weights(),
            source="not on this disk: by its published configuration",
            numbers=tuple(f"{part}: published (tuning/published.py)" for part in ("network", "encoder", "autoencoder")),
        )
    part = next((part for part in ("transformer", "unet") if disk.read_json(f"{part}/config.json")), "")
    if not part:
        raise GeneratorError(f"{name} has no transformer/config.json and no unet/config.json: it is no editor")
    config = disk.read_json(f"{part}/config.json")
    is_default = {k: config.get(k) for k in _TELLING} == {k: published.TRANSFORMER[k] for k in _TELLING}
    numbers = [f"network: {part}/config.json"]
    weights = []
    for folder, words, known in (
        ("text_encoder", "encoder", published.encoder_weights),
        ("vae", "autoencoder", published.autoencoder_weights),
    ):
        stored = _stored(disk, folder)
        if not stored and is_default:
            stored = known()
            numbers.append(f"{words}: published, its weights are not in {folder}/")
        else:
            numbers.append(
                f"{words}: {folder}/*.safetensors" if stored else f"{words}: NOT COUNTED, {folder}/ has none"
            )
        weights.append(stored)
    return _Parts(
        config=config, encoder_weights=weights[0], vae_weights=weights[1], source="by the files on this disk",
        numbers=tuple(numbers),
    )  # fmt: skip


def _counted(config: dict[str, Any], tuning: TuningConfig) -> tuple[int, int, float]:
    """Weights of the network, of an adapter, and how much of a U-Net's arithmetic is at full size; shapes alone."""
    import torch

    from vision_banana_ros.tuning.bases.klein import KleinBase
    from vision_banana_ros.tuning.bases.pix2pix import Pix2PixBase
    from vision_banana_ros.tuning.bases.qwen import QwenBase

    patterns = {
        "Flux2Transformer2DModel": KleinBase.lora_targets,
        "QwenImageTransformer2DModel": QwenBase.lora_targets,
        "UNet2DConditionModel": Pix2PixBase.lora_targets,
    }
    kind = config.get("_class_name", "")
    if kind not in patterns:
        raise GeneratorError(f"a {kind or 'network without a class'} cannot be tuned: {', '.join(patterns)} can")
    diffusers: Any = import_module("diffusers")
    with torch.device("meta"):
        model = getattr(diffusers, kind).from_config({k: v for k, v in config.items() if not k.startswith("_")})
    pattern = re.compile(patterns[kind])
    lora = sum(
        tuning.rank * (module.in_features + module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and pattern.fullmatch(name)
    )
    # Deeper levels of a U-Net have more weights and fewer pixels: about a quarter of the product.
    return sum(p.numel() for p in model.parameters()), lora, 0.25 if kind.startswith("UNet") else 1.0


def _width(config: dict[str, Any]) -> tuple[int, int]:
    """Channels of a token, and blocks."""
    if "num_attention_heads" in config and "attention_head_dim" in config and "num_layers" in config:
        width = int(config["num_attention_heads"]) * int(config["attention_head_dim"])
        return width, int(config["num_layers"]) + int(config.get("num_single_layers", 0))
    levels = config["block_out_channels"]
    return int(levels[0]), 2 * len(levels) * int(config.get("layers_per_block", 2))


def _size(config: dict[str, Any], tuning: TuningConfig) -> tuple[int, int]:
    from vision_banana_ros.generators.editors.families import FAMILIES

    name = {"Flux": "Flux2KleinPipeline", "Qwen": "QwenImageEditPlusPipeline"}
    chosen = next((row for start, row in name.items() if config["_class_name"].startswith(start)), None)
    family = FAMILIES[chosen or "StableDiffusionInstructPix2PixPipeline"]
    return family.fit((tuning.width, tuning.height), None, None).model_wh


def _stored(disk: OnDisk, part: str) -> int:
    """Weights in the files of a part, read from their headers."""
    count = 0
    for path in sorted((disk.folder / part).glob("*.safetensors")):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, entry in header.items():
            if name != "__metadata__":
                size = 1
                for side in entry["shape"]:
                    size *= int(side)
                count += size
    return count
