"""A model's folder -> the painter around it, from disk alone."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch

from vision_banana_ros.core import GeneratorError, require_package
from vision_banana_ros.generators.editors.folders import OnDisk, locate, not_here, require_accepted
from vision_banana_ros.tuning.instance_painters import MaskedAutoencoderPainter, OneStepPainter, OwnPainter
from vision_banana_ros.tuning.own.network import NetworkConfig, OwnNetwork
from vision_banana_ros.tuning.own.training import SETTINGS, WEIGHTS, load_own

_LATENT = frozenset({"StableDiffusionPipeline", "StableDiffusionInstructPix2PixPipeline"})
_MASKED = "vit_mae"


def side_of(name: str, wanted: int) -> int:
    """A masked autoencoder and the base of our own paint one size each."""
    disk = locate(name)
    if own := _network_of(disk):
        return own.side
    config = disk.read_json("config.json")
    return int(config["image_size"]) if config.get("model_type") == _MASKED else wanted


def open_painter(name: str, *, fresh: bool = False, device: str = "cpu", accept_licence: bool = False) -> Any:
    """`fresh`: the same network without what it was trained to."""
    disk = locate(name)
    require_accepted(disk, accept_licence)
    kind = str(disk.read_json("model_index.json").get("_class_name", ""))
    try:
        if disk.read_json("config.json").get("model_type") == _MASKED:
            painter: Any = _masked(disk, fresh=fresh)
        elif own := _network_of(disk):
            network = OwnNetwork(own) if fresh else load_own(disk.folder / WEIGHTS, own)
            painter = OwnPainter(network.train())
        elif kind in _LATENT:
            painter = _latent(disk, fresh=fresh)
        else:
            raise GeneratorError(
                f"{name} is {f'a {kind}' if kind else 'no model'} that cannot colour instances here: a ViTMAE folder, "
                f"a run of tuning/own, or one of {', '.join(sorted(_LATENT))} can"
            )
    except OSError as error:
        raise not_here(name, "is not whole on this disk") from error
    return painter.to(device)


def _network_of(disk: OnDisk) -> NetworkConfig | None:
    """Of a base of our own (`tuning.own.training`); None where it is none."""
    network = disk.read_json(SETTINGS).get("network")
    return NetworkConfig(**network) if isinstance(network, dict) else None


def _masked(disk: OnDisk, *, fresh: bool) -> MaskedAutoencoderPainter:
    require_package("transformers", extra="teachers", purpose="colouring instances with a masked autoencoder")
    transformers: Any = import_module("transformers")
    model = transformers.ViTMAEForPreTraining.from_pretrained(disk.folder, local_files_only=True)
    return MaskedAutoencoderPainter(model, fresh=fresh)


def _latent(disk: OnDisk, *, fresh: bool) -> OneStepPainter:
    require_package("diffusers", extra="editors", purpose="colouring instances with a latent diffusion model")
    diffusers: Any = import_module("diffusers")
    pipe = diffusers.DiffusionPipeline.from_pretrained(disk.folder, local_files_only=True, use_safetensors=True)
    tokens = pipe.tokenizer(
        "", padding="max_length", max_length=pipe.tokenizer.model_max_length, truncation=True, return_tensors="pt"
    )
    with torch.no_grad():
        words = pipe.text_encoder(tokens.input_ids)[0][0]
    return OneStepPainter(pipe, words, fresh=fresh)
