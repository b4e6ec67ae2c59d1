"""An autoencoder's decoder that was tuned on canvases (`tune floor --tune-decoder`), in the place of the base's own
while canvases are painted. The latents are what they were, so the network, adapters and pictures know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.editors.folders import OnDisk


def decoder_folder(extra: OnDisk) -> Path | None:
    """Where a tuned decoder lies in `extra`: beside an adapter in vae/, or a folder that has nothing else."""
    for folder in (extra.folder / "vae", extra.folder):
        inside = OnDisk(name=extra.name, folder=folder, licence="", forbids_commerce=False)
        if str(inside.read_json("config.json").get("_class_name", "")).startswith("Autoencoder"):
            return folder
    return None


def load_decoder(pipeline: Any, folder: Path) -> Any:
    """The decoder of the autoencoder in `folder`, refused where it is of another base."""
    import torch

    own = pipeline.vae
    said = OnDisk(name=str(folder), folder=folder, licence="", forbids_commerce=False).read_json("config.json")
    wanted = type(own).__name__
    if said.get("_class_name") != wanted:
        raise GeneratorError(
            f"{folder} is the decoder of a {said.get('_class_name')}, this base takes that of a {wanted}: "
            "tune it on the base that it is for"
        )
    vae = getattr(import_module("diffusers"), wanted).from_pretrained(
        folder, local_files_only=True, use_safetensors=True
    )
    for (name, mine), theirs in zip(own.encoder.state_dict().items(), vae.encoder.state_dict().values(), strict=True):
        if mine.shape != theirs.shape or not torch.equal(mine.cpu(), theirs.to(mine.dtype)):
            raise GeneratorError(
                f"{folder} belongs to other latents than this base's (its encoder's {name} differs): "
                "tune the decoder of this base"
            )
    return vae.decoder.to(own.dtype).eval()


@contextmanager
def decoding_by(pipeline: Any, decoder: Any) -> Iterator[None]:
    """For a while."""
    own = pipeline.vae.decoder
    pipeline.vae.decoder = decoder
    try:
        yield
    finally:
        pipeline.vae.decoder = own
