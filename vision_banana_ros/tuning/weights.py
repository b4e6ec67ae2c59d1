"""What is tuned (an adapter, or all weights), its running mean, and how it is kept and given away."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.bases import Base
from vision_banana_ros.tuning.sharding import like, state_like, whole, whole_state

Tensor = torch.Tensor
ADAPTER = "canvas"
CHECKPOINT = "checkpoint.pt"


def make_trainable(base: Base, *, rank: int, alpha: int, full: bool, seed: int) -> dict[str, Tensor]:
    """The parameters that learn, by name, in float32; an adapter starts as nothing: the base is what it was."""
    network = base.network
    if full:
        network.requires_grad_(True)
        network.to(torch.float32)
    else:
        from diffusers.training_utils import cast_training_params
        from peft import LoraConfig

        torch.manual_seed(seed)
        settings = LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=base.lora_targets)
        network.add_adapter(settings, adapter_name=ADAPTER)
        cast_training_params(network, torch.float32)
    return trainable(base)


def trainable(base: Base) -> dict[str, Tensor]:
    """Asked again after the network was sharded: its parameters are others then."""
    return {name: p for name, p in base.network.named_parameters() if p.requires_grad}


class RunningMean:
    """Of the weights; young means forget faster: decay = min(ema, (1 + step) / (10 + step))."""

    def __init__(self, weights: Mapping[str, Tensor], decay: float) -> None:
        self._decay = decay
        self.mean = {name: p.detach().clone() for name, p in weights.items()} if decay > 0 else {}

    def update(self, weights: Mapping[str, Tensor], step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, mean in self.mean.items():
            mean.lerp_(weights[name].detach(), 1 - decay)

    @contextmanager
    def instead(self, weights: Mapping[str, Tensor]) -> Iterator[None]:
        """The mean in place of the weights, for a while."""
        kept = {name: weights[name].detach().clone() for name in self.mean}
        _copy(self.mean, weights)
        try:
            yield
        finally:
            _copy(kept, weights)

    def replace(self, weights: Mapping[str, Tensor]) -> None:
        _copy(self.mean, weights)


def save_checkpoint(
    folder: Path, step: int, weights: Mapping[str, Tensor], mean: RunningMean, optimizer: Any, *, write: bool = True
) -> None:
    """In place of the one before, which stays where this one does not fit on the disk. All processes call it, since
    each may hold a part of the weights; one writes."""
    part = folder / f"{CHECKPOINT}.part"
    state = {
        "step": step,
        "weights": {name: whole(p.detach()).cpu() for name, p in weights.items()},
        "mean": {name: whole(p).cpu() for name, p in mean.mean.items()},
        "optimizer": whole_state(optimizer.state_dict()),
    }
    if not write:
        return
    try:
        torch.save(state, part)
        os.replace(part, folder / CHECKPOINT)
    except (OSError, RuntimeError) as error:  # torch's writer raises either where a disk is full
        part.unlink(missing_ok=True)
        before = "the one before is kept" if (folder / CHECKPOINT).exists() else "there is none before it"
        raise DataError(
            f"the checkpoint of step {step} cannot be written to {folder} ({_first(error)}); {before}: free some space "
            "and run the same command again"
        ) from error


def load_checkpoint(folder: Path, weights: Mapping[str, Tensor], mean: RunningMean, optimizer: Any) -> int:
    """The step that it stands at; 0 where there is none."""
    path = folder / CHECKPOINT
    if not path.is_file():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        _copy(state["weights"], weights)
        _copy(state["mean"], mean.mean)
        optimizer.load_state_dict(state_like(state["optimizer"], optimizer))
        return int(state["step"])
    except Exception as error:  # the library's own classes differ by what is broken
        raise DataError(f"{path} cannot be read ({_first(error)}): delete it to begin anew") from error


def save_result(base: Base, folder: Path, *, full: bool, sharded: bool = False, write: bool = True) -> None:
    """What `diffusers:BASE+FOLDER` loads; all weights of a U-Net are a whole pipeline, `diffusers:FOLDER`. All
    processes call it, one writes."""
    network = base.network
    if not full:
        from peft.utils import get_peft_model_state_dict

        layers = {n: whole(p) for n, p in get_peft_model_state_dict(network, adapter_name=ADAPTER).items()}
        if write:
            base.save_adapter(str(folder), layers, network.peft_config[ADAPTER].to_dict())
        return
    if sharded:
        state = {name: whole(value).cpu() for name, value in network.state_dict().items()}
        if write:
            network = type(network).from_config(network.config)
            network.load_state_dict(state)
            setattr(base.pipeline, base.part, network)
    if not write:
        return
    if base.part == "transformer":
        network.to(base_dtype(base)).save_pretrained(folder / "transformer")
    else:
        base.pipeline.save_pretrained(folder)


def base_dtype(base: Base) -> torch.dtype:
    """Of the parts that were not tuned."""
    found: torch.dtype = next(base.pipeline.vae.parameters()).dtype
    return found


@torch.no_grad()
def _copy(values: Mapping[str, Tensor], into: Mapping[str, Tensor]) -> None:
    for name, value in values.items():
        into[name].copy_(like(value, into[name]))


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
