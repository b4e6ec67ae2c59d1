"""A base's autoencoder alone: a picture to latents and back, for the three classes of the families, and pixels as such.

through = open_autoencoder("black-forest-labs/FLUX.2-klein-base-4B")
through(rgb)                what is left of a canvas when nothing but the autoencoder stands between
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import torch

from vision_banana_ros.core import GeneratorError, UInt8Array, require_package
from vision_banana_ros.generators.editors.folders import locate, not_here
from vision_banana_ros.tuning.bases.base import to_rgb

Tensor = torch.Tensor
#: A base that paints pixels: nothing is lost on the way.
PIXELS = "pixels"
_CLASSES = ("AutoencoderKLFlux2", "AutoencoderKLQwenImage", "AutoencoderKL")


class Through(Protocol):
    """`multiple`: both sides of a picture must be of it."""

    @property
    def name(self) -> str: ...

    @property
    def multiple(self) -> int: ...

    def __call__(self, rgb: UInt8Array) -> UInt8Array: ...


@dataclass(frozen=True, slots=True)
class Pixels:
    """No autoencoder at all."""

    name: str = PIXELS
    multiple: int = 1

    def __call__(self, rgb: UInt8Array) -> UInt8Array:
        return rgb


class Autoencoder:
    """A VAE of diffusers; the mode of its posterior, as tuning and painting take it."""

    def __init__(self, vae: Any, name: str) -> None:
        kind = type(vae).__name__
        if kind not in _CLASSES:
            raise GeneratorError(f"the autoencoder of {name} is a {kind}: only {', '.join(_CLASSES)} are known")
        self.vae, self.name = vae, f"{name} ({kind})"
        self._is_film = kind == "AutoencoderKLQwenImage"  # a picture is a film of one frame
        self.multiple = 16

    @torch.no_grad()
    def __call__(self, rgb: UInt8Array) -> UInt8Array:
        return to_rgb(self.decode(self.encode(rgb)))

    @torch.no_grad()
    def encode(self, rgb: UInt8Array) -> Tensor:
        first = next(self.vae.parameters())
        pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].to(first) / 127.5 - 1
        found: Tensor = self.vae.encode(pixels[:, :, None] if self._is_film else pixels).latent_dist.mode()
        return found

    def decode(self, latents: Tensor) -> Tensor:
        """(1, 3, H, W) in -1..1, with gradients where they are wanted."""
        decoded: Tensor = self.vae.decode(latents, return_dict=False)[0]
        return decoded[:, :, 0] if self._is_film else decoded


def open_autoencoder(name: str, *, device: str = "auto") -> Through:
    """By a base's name, from disk; its other parts are not read. "pixels": nothing between."""
    if name == PIXELS:
        return Pixels()
    for package in ("torch", "diffusers"):
        require_package(package, extra="editors", purpose="measuring an autoencoder")
    disk = locate(name)
    folder = disk.folder / "vae" if (disk.folder / "vae").is_dir() else disk.folder
    config = disk.read_json("vae/config.json") or disk.read_json("config.json")
    kind = str(config.get("_class_name", ""))
    if kind not in _CLASSES:
        raise GeneratorError(
            f"{name} has {f'a {kind}' if kind else 'no autoencoder'} where one of {', '.join(_CLASSES)} is expected: "
            "name a base that can be tuned"
        )
    diffusers: Any = import_module("diffusers")
    try:
        vae = getattr(diffusers, kind).from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except OSError as error:
        raise not_here(name, "is not whole on this disk") from error
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    vae.requires_grad_(False)
    return Autoencoder(vae.eval().to(device), disk.name)
